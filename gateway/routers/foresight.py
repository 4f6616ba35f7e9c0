"""The rest of the day as it looks now."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.usecases.foresight import ahead
from gateway.views.foresight import foresight_json
from kernel.localtime import local_day

router = APIRouter(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


@router.get("/foresight")
def foresight(who: Planner, parts: PartsDep, read: ReadDep, day: date | None = None) -> dict[str, Any]:
    """Visits that will miss their window, fragile ones, and how many of 200 such days each route stays on time."""
    now = parts.clock.now()
    return foresight_json(read, ahead(read, day or local_day(now), who.unit_ids, now))
