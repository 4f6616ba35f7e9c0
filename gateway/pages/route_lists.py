"""The page "Nødliste": every route of a unit on paper, to print or to fetch as PDF. No script is needed."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.routers.route_lists import opened, units_with_routes
from gateway.routing import Router
from gateway.usecases.route_lists import editions
from gateway.views.route_list import way_in
from gateway.web.render import language_of, render
from kernel.localtime import local_day
from scheduling.shifts import day_of_boards

router = Router(include_in_schema=False)


@router.get("/planlaegger/noedliste")
def route_list_page(
    request: Request,
    who: Annotated[Who, Depends(require(Role.PLANNER))],
    parts: PartsDep,
    read: ReadDep,
    day: Annotated[date | None, Query(alias="dag")] = None,
    unit: Annotated[str | None, Query(alias="enhed", max_length=64)] = None,
) -> HTMLResponse:
    """Which lists there are, and with a unit chosen its list, which is then noted as opened.

    Of a night that is under way, until somebody of the new date is due.
    """
    today = local_day(parts.clock.now())
    shown, night = day_of_boards(read, parts.clock.now(), who.unit_ids)
    on, units = day or shown, units_with_routes(read, who)
    newest = editions(read, who.unit_ids, on)
    content, edition = (None, None) if not unit else opened(parts, read, who, unit, on, "page")
    return render(
        request,
        "visits_in/route_list.html",
        path=request.url.path,
        day=on,
        night=night,
        today=today,
        tomorrow=today + timedelta(days=1),
        units=units,
        newest=newest,
        chosen=unit or "",
        content=content,
        edition=edition,
        duty_phone=parts.settings.duty_phone,
        folder=parts.settings.route_lists.directory,
        how_in=lambda code: way_in(code, language_of(request)),
    )
