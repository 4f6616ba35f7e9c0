"""Driving logs over HTTP: the carer's own, and the unit's for planner, manager and auditor."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from devices.driving import vehicles
from devices.driving.logs import monday_of
from gateway.auth import Role, Who, require
from gateway.deps import FactKey, PartsDep, ReadDep, WorkDep, once, own_carer
from gateway.errors import EdgeError
from gateway.usecases import driving
from gateway.views.driving import my_log, vehicles_json, week_view
from gateway.views.driving_csv import week_csv
from kernel.localtime import local_day

router = APIRouter(prefix="/api/v1", tags=["driving"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Office = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
Reader = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER, Role.AUDITOR))]
Week = Annotated[str | None, Field(description="ISO week, for example 2026-W48; the present one where absent.")]


class ChooseVehicle(BaseModel):
    """The car a carer takes, and what its odometer shows."""

    vehicle_id: str = Field(max_length=64)
    odometer_km: float = Field(ge=0, le=2_000_000, description="As read from the instrument.")
    confirmed: bool = Field(default=False, description="The figure is right although it is far above the last.")


class ApproveWeek(BaseModel):
    """A unit's week."""

    week: str = Field(max_length=16)
    unit: str = Field(max_length=64)


@router.get("/me/driving-log")
def my_driving_log(who: Carer, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Today's log as it stands, the carer's car, and the cars of her unit."""
    return my_log(read, own_carer(who.carer_id), who.unit_ids, parts.clock.now(), who.language)


@router.post("/me/vehicle")
def choose_vehicle(who: Carer, work: WorkDep, body: ChooseVehicle, key: FactKey = None) -> Any:
    """Take a car. Its trips from now on are in this carer's log until the shift ends."""
    carer_id = own_carer(who.carer_id)

    def act() -> dict[str, Any]:
        odometer_m = round(body.odometer_km * 1000)
        row = vehicles.choose_vehicle(
            work, carer_id, who.unit_ids, body.vehicle_id, odometer_m, confirmed=body.confirmed
        )
        return {"vehicle": {"id": row.device_id, "reg_no": row.reg_no}}

    return once(work, key, carer_id, f"vehicle {body.model_dump_json()}", act)


@router.get("/vehicles")
def list_vehicles(who: Planner, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Cars of the planner's units: odometer, contact, and whether somebody has them. No positions."""
    return {"vehicles": vehicles_json(read, who.unit_ids, local_day(parts.clock.now()))}


@router.get("/driving-logs")
def driving_logs(
    who: Reader, parts: PartsDep, read: ReadDep, week: Week = None, unit: str | None = None
) -> dict[str, Any]:
    """A week of driving logs of one's units, or of one of them."""
    now = parts.clock.now()
    return week_view(read, units_seen(who, unit), first_day(week, local_day(now)), now, who.language)


@router.get("/driving-logs.csv")
def driving_logs_csv(
    who: Reader, parts: PartsDep, read: ReadDep, week: Week = None, unit: str | None = None
) -> Response:
    """The same week as the tax authority wants to read it."""
    first_on = first_day(week, local_day(parts.clock.now()))
    # The byte order mark makes Danish spreadsheets read the file as UTF-8.
    content = "\ufeff" + week_csv(read, units_seen(who, unit), first_on)
    name = f"koerebog-{driving.week_text(first_on)}.csv"
    return Response(
        content.encode(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post("/driving-logs/approval")
def approve(who: Office, work: WorkDep, body: ApproveWeek) -> dict[str, Any]:
    """Approve a unit's week; refused while a log of it is open, with the days that are."""
    units_seen(who, body.unit)
    approved = driving.approve_week(work, body.unit, body.week, who.identity_id, who.role.value)
    return {"week": body.week, "unit": body.unit, "approved": approved}


def units_seen(who: Who, unit: str | None) -> list[str]:
    """The units a request is about: all of one's own, or the one that is named."""
    if unit is not None and not who.sees(unit):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    return [unit] if unit else list(who.unit_ids)


def first_day(week: str | None, today: date) -> date:
    """Monday of a week, of the present one where none is named."""
    return monday_of(week) if week else today - timedelta(days=today.weekday())
