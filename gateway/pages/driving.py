"""The driving logs of a week: a page for planner, manager and auditor. Approving goes through the JSON API."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse

from devices.driving.logs import week_text
from gateway.auth import SURFACES, Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.routers.driving import first_day, units_seen
from gateway.routing import Router
from gateway.views.driving import units_json, vehicles_json, week_view
from gateway.views.driving_said import carers_json
from gateway.views.mileage import claims_view, month_days
from gateway.web.render import language_of, messages_for_scripts, render
from kernel.localtime import clock_text, local_day

WEEKS_BACK = 12
MONTHS_BACK = 12

router = Router(include_in_schema=False)


@router.get("/koerebog")
def driving_page(
    request: Request,
    who: Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER, Role.AUDITOR))],
    parts: PartsDep,
    read: ReadDep,
    week: Annotated[str | None, Query(alias="uge", max_length=16)] = None,
    unit: Annotated[str | None, Query(alias="enhed", max_length=64)] = None,
) -> HTMLResponse:
    """A week of driving logs, the present one where none is named; every unit one sees, or one of them."""
    now = parts.clock.now()
    chosen = unit or None
    first_on = first_day(week or None, local_day(now))
    view = week_view(read, units_seen(who, chosen), first_on, now, language_of(request))
    surface = request.query_params.get("surface", "")
    return render(
        request,
        "driving/page.html",
        now=now,
        view=view,
        first_on=first_on,
        last_on=first_on + timedelta(days=6),
        weeks=_weeks(local_day(now), first_on),
        units=units_json(read, who.unit_ids),
        chosen=chosen,
        may_approve=who.role in (Role.PLANNER, Role.MANAGER),
        may_unlock=who.role is Role.MANAGER,
        carers=carers_json(read, units_seen(who, chosen)),
        cars=vehicles_json(read, units_seen(who, chosen), now) if who.role is Role.PLANNER else None,
        surface=surface if surface in SURFACES else "planner",
        home="/leder" if who.role in (Role.MANAGER, Role.AUDITOR) else "/planlaegger",
        at=lambda instant: clock_text(datetime.fromisoformat(instant)),
        on=date.fromisoformat,
        messages=messages_for_scripts("driving.", "common.", languages=(language_of(request),)),
    )


@router.get("/koerselsbilag")
def claims_page(
    request: Request,
    who: Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER, Role.AUDITOR))],
    parts: PartsDep,
    read: ReadDep,
    month: Annotated[str | None, Query(alias="maaned", max_length=7)] = None,
    unit: Annotated[str | None, Query(alias="enhed", max_length=64)] = None,
) -> HTMLResponse:
    """A month of mileage claims, the present one where none is named."""
    now = parts.clock.now()
    chosen = unit or None
    first_on, last_on = month_days(month or None, local_day(now))
    surface = request.query_params.get("surface", "")
    return render(
        request,
        "driving/claims.html",
        now=now,
        view=claims_view(read, units_seen(who, chosen), first_on, last_on),
        first_on=first_on,
        months=_months(local_day(now), first_on),
        units=units_json(read, who.unit_ids),
        chosen=chosen,
        may_settle=who.role in (Role.PLANNER, Role.MANAGER),
        surface=surface if surface in SURFACES else "planner",
        home="/leder" if who.role in (Role.MANAGER, Role.AUDITOR) else "/planlaegger",
        on=date.fromisoformat,
        messages=messages_for_scripts("claims.", "common.", languages=(language_of(request),)),
    )


def _months(today: date, shown: date) -> list[date]:
    """Months to choose from, latest first: twelve, and the one that is shown."""
    first = today.replace(day=1)
    found = {shown}
    for _ in range(MONTHS_BACK):
        found.add(first)
        first = (first - timedelta(days=1)).replace(day=1)
    return sorted(found, reverse=True)


def _weeks(today: date, shown: date) -> list[tuple[str, date]]:
    """Weeks to choose from, latest first: the present one, those before it, and the one that is shown."""
    monday = today - timedelta(days=today.weekday())
    mondays = {monday - timedelta(weeks=back) for back in range(WEEKS_BACK)} | {shown}
    return [(week_text(day), day) for day in sorted(mondays, reverse=True)]
