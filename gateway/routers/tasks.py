"""What a planner has to deal with: unanswered screen visits, follow-ups, call-backs, lost tablets."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.views.tasks import task_json
from scheduling import tasks
from scheduling.shifts import days_now

router = Router(prefix="/api/v1/tasks", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


class Settlement(BaseModel):
    """What the planner did about it, in a few words."""

    how: str = Field(min_length=1, max_length=160)


@router.get("")
def open_tasks(who: Planner, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Open tasks of one's units of today, and of yesterday while a night shift goes on; the oldest first."""
    rows = tasks.open_tasks(read, who.unit_ids, days_now(read, parts.clock.now(), who.unit_ids))
    return {"tasks": [task_json(read, row, who.language) for row in rows]}


@router.post("/{task_id}/settlement")
def settle(task_id: str, who: Planner, work: WorkDep, body: Settlement) -> dict[str, Any]:
    """The planner dealt with it. Telling it twice changes nothing."""
    if not who.sees(tasks.task_of(work.session, task_id).unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    row = tasks.settle_task(work, task_id, body.how)
    work.session.flush()
    return {"task": task_json(work.session, row, who.language)}
