"""Mileage claims over HTTP: the carer's own, and the unit's for planner, manager and auditor."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from devices.driving import mileage
from devices.driving.errors import DrivingError
from devices.driving.rates import OwnVehicle, rates
from gateway.auth import Role, Who, require
from gateway.deps import FactKey, PartsDep, ReadDep, WorkDep, once, own_carer
from gateway.routers.driving import units_seen
from gateway.routing import Router
from gateway.views.mileage import claim_json, claims_csv, claims_paper, claims_view, month_days, my_claims
from kernel.localtime import local_day
from scheduling.register.tables import CarerRow

router = Router(prefix="/api/v1", tags=["mileage"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
Office = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
Reader = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER, Role.AUDITOR))]
Month = Annotated[str | None, Field(description="For example 2026-11; the present one where absent.")]


class ClaimMileage(BaseModel):
    """A trip on business in one's own vehicle."""

    day: date
    vehicle: OwnVehicle
    reg_no: str | None = Field(default=None, max_length=16, description="Of a car or motorcycle.")
    purpose: str = Field(max_length=200)
    start_address: str = Field(max_length=120)
    end_address: str = Field(max_length=120)
    stops: list[Annotated[str, Field(max_length=120)]] = Field(default_factory=list, max_length=mileage.MAX_STOPS)
    distance_km: float = Field(gt=0, le=1000)


class SettleMileage(BaseModel):
    """The employer's word on a claim."""

    approved: bool
    reason: str = Field(default="", max_length=300, description="Why it is rejected.")


@router.get("/me/mileage")
def my_mileage(who: Carer, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """One's own claims of this year, each with its calculation."""
    return my_claims(read, own_carer(who.carer_id), local_day(parts.clock.now()))


@router.post("/me/mileage", status_code=201)
def claim_mileage(who: Carer, work: WorkDep, body: ClaimMileage, key: FactKey = None) -> Any:
    """Claim a trip. Neither CPR number nor home address is asked for: the paper has a line for them."""
    carer_id = own_carer(who.carer_id)

    def act() -> dict[str, Any]:
        new = mileage.NewClaim(
            body.day,
            body.vehicle,
            body.reg_no,
            body.purpose,
            body.start_address,
            body.end_address,
            tuple(body.stops),
            round(body.distance_km * 1000),
        )
        row = mileage.claim(work, carer_id, _unit_of(work.session, carer_id), new, local_day(work.now))
        return {"claim": claim_json(work.session, row)}

    return once(work, key, carer_id, f"mileage {body.model_dump_json()}", act, status=201)


@router.get("/mileage-claims")
def claims(who: Reader, parts: PartsDep, read: ReadDep, month: Month = None, unit: str | None = None) -> dict[str, Any]:
    """A month of claims of one's units, or of one of them, with the day's planned kilometres beside each."""
    return claims_view(read, units_seen(who, unit), *month_days(month, local_day(parts.clock.now())))


@router.get("/mileage-claims.csv")
def claims_as_csv(
    who: Reader, parts: PartsDep, read: ReadDep, month: Month = None, unit: str | None = None
) -> Response:
    """The same month for payroll."""
    first_on, last_on = month_days(month, local_day(parts.clock.now()))
    content = "\ufeff" + claims_csv(read, units_seen(who, unit), first_on, last_on)
    return _file(content.encode(), "text/csv; charset=utf-8", f"koerselsbilag-{first_on:%Y-%m}.csv")


@router.get("/mileage-claims.pdf")
def claims_as_pdf(
    who: Reader, parts: PartsDep, read: ReadDep, month: Month = None, unit: str | None = None
) -> Response:
    """The same month as papers to sign, a sheet a carer."""
    now = parts.clock.now()
    first_on, last_on = month_days(month, local_day(now))
    content = claims_paper(read, units_seen(who, unit), first_on, last_on, now)
    return _file(content, "application/pdf", f"koerselsbilag-{first_on:%Y-%m}.pdf")


@router.post("/mileage-claims/{claim_id}/decision")
def settle(who: Office, work: WorkDep, claim_id: str, body: SettleMileage) -> dict[str, Any]:
    """Approve a claim, which fixes its rates, or reject it with a reason."""
    because = None if body.approved else body.reason
    row = mileage.settle(work, claim_id, who.unit_ids, rates(), who.identity_id, who.carer_id, who.role.value, because)
    return {"claim": claim_json(work.session, row)}


def _unit_of(session: Session, carer_id: str) -> str:
    carer = session.get(CarerRow, carer_id)
    if carer is None:
        raise DrivingError("carer_unknown")
    return carer.unit_id


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
