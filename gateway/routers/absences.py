"""A carer is ill: proposals for the whole route, and one act that carries one of them out."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, Field
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError
from gateway.routers.board import route_versions
from gateway.usecases import absences
from gateway.usecases.doors import tell_locks
from gateway.views import board as view
from gateway.views.covers import cover_json
from kernel.localtime import local_day
from scheduling import day_store
from scheduling.events import AbsenceKind
from scheduling.register.tables import CarerRow

router = APIRouter(prefix="/api/v1/carers", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


class ReportAbsence(BaseModel):
    """Which proposal to carry out. The kind is no more than a kind: no diagnosis is stored."""

    kind: AbsenceKind = "sick"
    choice: str = Field(max_length=96)
    day: date | None = None


@router.get("/{carer_id}/cover")
def cover(carer_id: str, who: Planner, parts: PartsDep, read: ReadDep, day: date | None = None) -> dict[str, Any]:
    """Whole solutions for the rest of a carer's route, best first."""
    on = day or local_day(parts.clock.now())
    _own(read, who, carer_id, on)
    found = absences.cover(read, carer_id, on, parts.clock.now())
    return {"carer_id": carer_id, "name": _name(read, carer_id), **cover_json(read, found, who.language)}


@router.post("/{carer_id}/absence")
def absence(
    carer_id: str,
    who: Planner,
    parts: PartsDep,
    body: ReportAbsence,
    if_match: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """Report a carer absent and give the route away as one of the proposals says, all or nothing."""
    on = body.day or local_day(parts.clock.now())
    with parts.units.begin() as work:
        _own(work.session, who, carer_id, on)
        name = _name(work.session, carer_id)
        touched, locks = absences.report_absence(work, carer_id, on, body.kind, body.choice, route_versions(if_match))
    tell_locks(parts, locks)
    with parts.database.reading() as session:
        now = parts.clock.now()
        visits = day_store.visits_of(session, on, who.unit_ids)
        numbers = view.shorts(session, visits)
        said = f"{name} er meldt syg, og ruten er givet videre" if who.language == "da" else f"{name} is reported ill"
        return {
            "lanes": view.lanes(session, on, who.unit_ids, now, carer_ids=touched, visits=visits, short=numbers),
            "unallocated": view.unallocated(visits, numbers, who.language),
            "gone": carer_id,
            "text": said,
        }


def _own(session: Session, who: Who, carer_id: str, on: date) -> None:
    unit = day_store.shift_unit(session, on, carer_id)
    if unit is not None and not who.sees(unit):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")


def _name(session: Session, carer_id: str) -> str:
    row = session.get(CarerRow, carer_id)
    return row.name if row is not None else "?"
