"""Why a visit is where it is: for the planner with rules and cost, for the carer in plain words about her own."""

from typing import Annotated, Any

from fastapi import Depends, Query

from gateway.auth import Role, Who, require
from gateway.deps import ReadDep, own_carer
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases.why import why
from gateway.views.why import my_why_json, why_json
from scheduling import day_store
from scheduling.errors import SchedulingError
from scheduling.tables import VisitRow

router = Router(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Carer = Annotated[Who, Depends(require(Role.CARER))]


@router.get("/visits/{visit_id}/why")
def visit_why(
    visit_id: str, who: Planner, read: ReadDep, carer_id: Annotated[str | None, Query(max_length=64)] = None
) -> dict[str, Any]:
    """Why this carer; with ``carer_id`` also why not that one: the rule, or the cost term by term."""
    row = read.get(VisitRow, visit_id)
    if row is not None:
        units = {row.unit_id, day_store.shift_unit(read, row.day, carer_id) if carer_id else None} - {None}
        if not all(who.sees(unit) for unit in units):
            raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    return why_json(read, why(read, visit_id, carer_id), who.language)


@router.get("/me/visits/{visit_id}/why")
def my_visit_why(visit_id: str, who: Carer, read: ReadDep) -> dict[str, Any]:
    """Hvorfor har jeg fået dette besøg? Facts about the visit, the way and the time; nothing about the carer."""
    row = read.get(VisitRow, visit_id)
    if row is None or row.carer_id != own_carer(who.carer_id):
        raise SchedulingError("not_your_visit")
    return my_why_json(why(read, visit_id), who.language)
