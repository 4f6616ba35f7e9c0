"""The page "Alarmer" of technician and planner: take, acknowledge, clear. No script is needed."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from devices.alarms import service, store
from devices.alarms.service import Actor
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS
from gateway.routers.alarms import PAGE, require_own_alarm
from gateway.routing import Router
from gateway.views.alarms import alarms_json, sees_all
from gateway.web.render import language_of, render
from kernel.errors import DomainError

router = Router(include_in_schema=False)
Watcher = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.PLANNER, Role.OPERATIONS))]
#: where each of them has the page: a surface has a session of its own
PATHS = ("/tekniker/alarmer", "/planlaegger/alarmer")


@router.get(PATHS[0])
@router.get(PATHS[1])
def alarm_page(
    request: Request,
    who: Watcher,
    read: ReadDep,
    cursor: Annotated[int | None, Query(alias="fra", ge=0, le=2**63 - 1)] = None,
    cleared: Annotated[bool, Query(alias="afsluttede")] = False,
) -> HTMLResponse:
    """Open alarms of one's units, the newest first."""
    return _page(request, who, read, cursor, cleared=cleared)


@router.post(PATHS[0])
@router.post(PATHS[1])
def deal_with(
    request: Request,
    who: Watcher,
    parts: PartsDep,
    alarm_id: Annotated[str, Form(max_length=64)],
    act: Annotated[str, Form(max_length=16)],
    note: Annotated[str, Form(max_length=160)] = "",
) -> Response:
    """Acknowledge, take, take over or clear one."""
    actor = Actor(who.identity_id, who.role.value)
    try:
        with parts.units.begin() as work:
            require_own_alarm(work, who, alarm_id)
            if act == "clear":
                service.clear(work, alarm_id, actor, note)
            elif act in ("take", "take_over"):
                service.take(work, alarm_id, actor, over=act == "take_over")
            else:
                service.acknowledge(work, alarm_id, actor)
    except DomainError as err:
        with parts.database.reading() as read:
            said = {"alarm_id": alarm_id, "text": err.text(language_of(request)), "code": err.code}
            return _page(request, who, read, None, cleared=False, said=said, status=STATUS[err.kind])
    return RedirectResponse(request.url.path, status_code=303)


def open_alarms(read: Session, who: Who) -> int:
    """How many alarms of one's units are open, to stand in the head of a page."""
    return sum(store.open_counts(read, who.unit_ids, also_without_unit=sees_all(who)).values())


def _page(
    request: Request,
    who: Who,
    read: Session,
    cursor: int | None,
    *,
    cleared: bool,
    said: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    page = store.alarms(read, who.unit_ids, PAGE, cursor, only_open=not cleared, also_without_unit=sees_all(who))
    counts = store.open_counts(read, who.unit_ids, also_without_unit=sees_all(who))
    path = request.url.path
    return render(
        request,
        "aids/alarms.html",
        status_code=status,
        frame="technician/frame.html" if path == PATHS[0] else "aids/office.html",
        path=path,
        devices_path="/tekniker/enhed/" if path == PATHS[0] else "",
        who=who,
        alarms=alarms_json(read, who, page.alarms),
        next=page.next_cursor,
        cleared=cleared,
        counts=counts,
        open_alarms=sum(counts.values()),
        said=said,
        at=datetime.fromisoformat,
    )
