"""The planner's board: the page and its words. Lanes, moves and jobs come from the JSON API."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.pages.alarms import open_alarms
from gateway.routing import Router
from gateway.web.render import language_of, messages_for_scripts, render
from kernel.localtime import local_day
from scheduling.shifts import day_of_boards

#: Why a visit is moved; the carer's tablet shows the word.
MOVE_REASONS = ("illness", "delay", "door", "wish", "competence", "other")

#: What the first paint says; the words of all that comes later are fetched with it (``static/planner/later.js``).
FIRST_WORDS = (
    *("common.", "planner.state.", "planner.attention", "planner.aside", "planner.away", "planner.emergenc"),
    *("planner.shift.", "planner.transport.", "planner.lane.", "planner.visit.", "planner.unallocated", "planner.unit"),
    *("planner.task", "planner.foresight", "planner.live", "planner.error", "planner.window", "planner.changes"),
    *("planner.print.",),
)

router = Router(include_in_schema=False)


@router.get("/planlaegger/ord")
def later_words(request: Request, _: Annotated[Who, Depends(require(Role.PLANNER))]) -> dict[str, dict[str, str]]:
    """The words of the parts that come after the page: panel, dialogs, map, lists of a phone."""
    return messages_for_scripts("planner.", languages=(language_of(request),))


@router.get("/planlaegger")
def planner_page(
    request: Request,
    parts: PartsDep,
    read: ReadDep,
    who: Annotated[Who, Depends(require(Role.PLANNER))],
    day: Annotated[date | None, Query(alias="dag")] = None,
) -> HTMLResponse:
    """The board of a day; where none is named, of today in world time, or of the night until today begins."""
    now = parts.clock.now()
    today = local_day(now)
    shown, night = day_of_boards(read, now, who.unit_ids)
    return render(
        request,
        "planner/board.html",
        open_alarms=open_alarms(read, who),
        now=now,
        day=day or shown,
        night=night,
        today=today,
        tomorrow=today + timedelta(days=1),
        reasons=MOVE_REASONS,
        messages=messages_for_scripts(*FIRST_WORDS, languages=(language_of(request),)),
    )
