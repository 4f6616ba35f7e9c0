"""Lifts and turning systems: the residence on the tablet, the question "one or two?", the planner's counts."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import col, select

from gateway.auth import Role, Who, require
from gateway.deps import FactKey, PartsDep, ReadDep, WorkDep, once, own_carer
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases.transfers import answer_transfer, register_presence
from gateway.views.transfers import my_residence, transfer_json, unit_transfers
from gateway.wire import iso, world
from kernel.localtime import local_day
from scheduling.register.tables import UnitRow

router = Router(prefix="/api/v1", tags=["transfers"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
Office = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]


class AtDevice(BaseModel):
    """The device the tablet is at, and since when, if the tablet was offline."""

    device_id: str = Field(max_length=64)
    at: AwareDatetime | None = None


class HowMany(BaseModel):
    """One or two, and when that was said, if the tablet was offline."""

    carers: Literal[1, 2]
    at: AwareDatetime | None = None


@router.get("/me/residence")
def residence(who: Carer, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """The carer's residence: residents, devices, open questions, today's transfers. No colleague is named."""
    now = parts.clock.now()
    return my_residence(read, own_carer(who.carer_id), local_day(now), now) | {"world": world(parts)}


@router.post("/me/transfers/presence")
def at_device(who: Carer, work: WorkDep, body: AtDevice, key: FactKey = None) -> Any:
    """The tablet is at a device. It counts as being there for a quarter of an hour, or until it is elsewhere."""
    carer_id = own_carer(who.carer_id)

    def act() -> dict[str, Any]:
        stay = register_presence(work, carer_id, body.device_id, body.at or work.now)
        return {"device_id": body.device_id, "since_at": iso(stay.from_at), "until_at": iso(stay.until_at)}

    return once(work, key, carer_id, f"presence {body.model_dump_json()}", act)


@router.post("/me/transfers/{transfer_id}/carers")
def how_many(who: Carer, work: WorkDep, transfer_id: str, body: HowMany, key: FactKey = None) -> Any:
    """Answer "one or two?". The first answer of those who are asked stands."""
    carer_id = own_carer(who.carer_id)

    def act() -> dict[str, Any]:
        return transfer_json(answer_transfer(work, carer_id, transfer_id, body.carers, body.at or work.now))

    return once(work, key, carer_id, f"carers {transfer_id} {body.model_dump_json()}", act)


@router.get("/transfers")
def transfers(
    who: Office, parts: PartsDep, read: ReadDep, unit: str | None = None, day: date | None = None
) -> dict[str, Any]:
    """A day's transfers by unit and kind of device, home-care use too. Counts only; no carer is shown."""
    if unit is not None and not who.sees(unit):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    on = day or local_day(parts.clock.now())
    wanted = who.unit_ids if unit is None else (unit,)
    units = read.exec(select(UnitRow).where(col(UnitRow.id).in_(sorted(wanted))).order_by(col(UnitRow.id))).all()
    return {"day": on.isoformat(), "units": [unit_transfers(read, row, on) for row in units]}
