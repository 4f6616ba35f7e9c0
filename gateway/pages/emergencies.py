"""The page of emergency openings to review: what nobody has looked at yet first. No script is needed."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from devices.events import EmergencyOutcome
from devices.keys import emergency as keys
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS
from gateway.pages.alarms import open_alarms
from gateway.routers.emergency import require_own
from gateway.routing import Router
from gateway.views.emergency import emergencies_json
from gateway.web.render import language_of, render
from kernel.errors import DomainError

router = Router(include_in_schema=False)
Reviewer = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
#: where each of them has the page: a surface has a session of its own
PATHS = ("/leder/noedaabninger", "/planlaegger/noedaabninger")
REVIEWED = 20


@router.get(PATHS[0])
@router.get(PATHS[1])
def emergency_page(request: Request, who: Reviewer, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """Emergency openings of one's units: what waits, oldest first, then what was looked at last."""
    return _page(request, who, read, parts.clock.now())


@router.post(PATHS[0])
@router.post(PATHS[1])
def review(
    request: Request,
    who: Reviewer,
    parts: PartsDep,
    emergency_id: Annotated[str, Form(max_length=64)],
    outcome: Annotated[EmergencyOutcome, Form()],
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Say whether it was in order."""
    try:
        with parts.units.begin() as work:
            require_own(who, keys.find_emergency(work.session, emergency_id).unit_id)
            keys.review(work, emergency_id, outcome, note, who.role.value)
    except DomainError as err:
        with parts.database.reading() as read:
            said = {"emergency_id": emergency_id, "text": err.text(language_of(request)), "note": note}
            return _page(request, who, read, parts.clock.now(), said=said, status=STATUS[err.kind])
    return RedirectResponse(request.url.path, status_code=303)


def age_of(at: str, now: datetime) -> tuple[Literal["minutes", "hours", "days"], int]:
    """How long ago an instant was, in the largest unit that fills at least one."""
    minutes = max(0, int((now - datetime.fromisoformat(at)).total_seconds() // 60))
    if minutes < 60:
        return "minutes", minutes
    return ("hours", minutes // 60) if minutes < 24 * 60 else ("days", minutes // (24 * 60))


def _page(
    request: Request, who: Who, read: Session, now: datetime, *, said: dict[str, Any] | None = None, status: int = 200
) -> HTMLResponse:
    language = language_of(request)
    waiting = keys.emergencies(read, who.unit_ids, reviewed=False)
    reviewed = keys.emergencies(read, who.unit_ids, reviewed=True, limit=REVIEWED)
    path = request.url.path
    return render(
        request,
        "manager/emergencies.html",
        status_code=status,
        frame="manager/frame.html" if path == PATHS[0] else "aids/office.html",
        path=path,
        open_alarms=open_alarms(read, who),
        who=who,
        now=now,
        waiting=emergencies_json(read, waiting, language),
        reviewed=emergencies_json(read, reviewed, language),
        said=said,
        age_of=age_of,
        at=datetime.fromisoformat,
    )
