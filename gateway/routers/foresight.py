"""The rest of the day as it looks now."""

import hashlib
import json
from datetime import date
from typing import Annotated

from fastapi import Depends, Request, Response

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.routers.board import packed
from gateway.routing import Router
from gateway.usecases.kept_ahead import AHEADS
from gateway.views.foresight import foresight_json
from kernel.localtime import local_day

router = Router(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


@router.get("/foresight")
def foresight(request: Request, who: Planner, parts: PartsDep, read: ReadDep, day: date | None = None) -> Response:
    """Visits that will miss their window, fragile ones, and how many of 200 such days each route stays on time."""
    now = parts.clock.now()
    body = foresight_json(read, AHEADS.of(read, day or local_day(now), who.unit_ids, now))
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return packed(text, request, '"' + hashlib.sha256(text).hexdigest()[:32] + '"')
