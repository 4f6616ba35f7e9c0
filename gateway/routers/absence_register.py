"""The absence register: who is away when, planned ahead; carers here, citizens beside them."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.parts import Parts
from gateway.routers.visits_in import own_unit
from gateway.routing import Router
from gateway.usecases.doors import tell_locks
from gateway.usecases.visits_in import RoutesLeft
from gateway.views.absence_register import register_json
from kernel.errors import KernelError
from scheduling.absence_register import service
from scheduling.events import AbsenceKind
from scheduling.register.tables import CarerRow

router = Router(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


class AbsentDays(BaseModel):
    """From a day to a day, both included."""

    from_on: date
    to_on: date


class PlanAbsence(AbsentDays):
    """An absence known ahead. The kind is no more than a kind."""

    kind: AbsenceKind = "holiday"


@router.get("/absences")
def absences(who: Planner, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Who of one's units is away today or will be."""
    return register_json(read, who.unit_ids, parts.clock.now())


@router.post("/carers/{carer_id}/absences", status_code=201)
def plan(carer_id: str, who: Planner, parts: PartsDep, body: PlanAbsence) -> dict[str, Any]:
    """Plan an absence: shifts of those days are cancelled, visits wait for somebody else, doors are closed to her."""
    days, visits = plan_absence(parts, who, carer_id, body)
    return {"carer_id": carer_id, "days": days, "visits_left": visits}


@router.post("/carers/{carer_id}/absences/cancellation")
def cancel(carer_id: str, who: Planner, parts: PartsDep, body: AbsentDays) -> dict[str, Any]:
    """Take planned days back. Her shifts are there again; who does the visits is planned anew."""
    return {"carer_id": carer_id, "days": cancel_absence(parts, who, carer_id, body)}


def plan_absence(parts: Parts, who: Who, carer_id: str, body: PlanAbsence) -> tuple[int, int]:
    """Days that are new, and visits that wait for somebody else, in one act with routes and doors."""
    with parts.units.begin() as work:
        carer = _own(work.session, who, carer_id)
        left = RoutesLeft(work)
        days = service.plan_absence(work, carer, body.kind, body.from_on, body.to_on)
        visits = service.visits_of(work.session, carer_id, body.from_on, body.to_on)
        count = len(visits)
        left(visits, "carer_absent")
    tell_locks(parts, left.locks)
    return days, count


def cancel_absence(parts: Parts, who: Who, carer_id: str, body: AbsentDays) -> int:
    """How many days were taken back."""
    with parts.units.begin() as work:
        return service.cancel_absence(work, _own(work.session, who, carer_id), body.from_on, body.to_on)


def _own(session: Session, who: Who, carer_id: str) -> CarerRow:
    carer = session.get(CarerRow, carer_id)
    if carer is None:
        raise KernelError("not_found", what="Medarbejderen")
    own_unit(who, carer.unit_id)
    return carer
