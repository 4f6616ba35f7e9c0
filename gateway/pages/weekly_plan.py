"""The page "Grundplan": a unit's weekly patterns, changed from a day on, and days made of them. No script is needed."""

from datetime import date, time, timedelta
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS
from gateway.routers.route_lists import units_with_routes
from gateway.routers.visits_in import SavePattern, own_unit, save
from gateway.routing import Router
from gateway.usecases.doors import tell_locks
from gateway.usecases.visits_in import generate_day
from gateway.views.services import NAMES, service_name
from gateway.views.visits_in import patterns_json
from gateway.web.render import language_of, render
from kernel.errors import DomainError
from kernel.localtime import local_day
from scheduling.model import VisitMode
from scheduling.patterns import store

router = Router(include_in_schema=False)
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
PATH = "/planlaegger/grundplan"


@router.get(PATH)
def weekly_plan_page(
    request: Request,
    who: Planner,
    parts: PartsDep,
    read: ReadDep,
    unit: Annotated[str | None, Query(alias="enhed", max_length=64)] = None,
    series: Annotated[str | None, Query(alias="serie", max_length=64)] = None,
    done: Annotated[str | None, Query(alias="lavet", max_length=40)] = None,
) -> HTMLResponse:
    """The weekly plan of a unit; with a series chosen, its form is filled in."""
    return _page(request, who, read, local_day(parts.clock.now()), unit or "", series or "", done=done or "")


@router.post(PATH)
def save_pattern(
    request: Request,
    who: Planner,
    parts: PartsDep,
    unit: Annotated[str, Form(max_length=64)],
    citizen_number: Annotated[int, Form(ge=1, le=999_999_999)],
    service: Annotated[str, Form(min_length=1, max_length=64)],
    window_open: Annotated[time, Form()],
    window_close: Annotated[time, Form()],
    duration_min: Annotated[int, Form()],
    valid_from_on: Annotated[date, Form()],
    weekdays: Annotated[list[str] | None, Form(max_length=7)] = None,
    valid_to_on: Annotated[str, Form(max_length=10)] = "",
    every_weeks: Annotated[int, Form(ge=1, le=12)] = 1,
    carers: Annotated[int, Form()] = 1,
    mode: Annotated[VisitMode, Form()] = VisitMode.PHYSICAL,
    priority: Annotated[int, Form()] = 3,
    series: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """A new pattern, or what one says from a day on."""
    last_on = _day(valid_to_on)
    body = SavePattern(
        unit_id=unit,
        citizen_number=citizen_number,
        service=service,
        weekdays="".join(weekdays or [])[:7],
        window_open=window_open,
        window_close=window_close,
        duration_min=duration_min,
        valid_from_on=valid_from_on,
        valid_to_on=last_on,
        every_weeks=every_weeks,
        carers=carers,
        mode=mode,
        priority=priority,
    )
    try:
        with parts.units.begin() as work:
            save(work, who, body, series)
    except DomainError as err:
        typed = body.model_dump(mode="json") | {"series_id": series}
        return _refused(request, who, parts, unit, err, typed)
    return RedirectResponse(f"{PATH}?enhed={unit}", status_code=303)


@router.post(f"{PATH}/stop")
def stop_pattern(
    request: Request,
    who: Planner,
    parts: PartsDep,
    unit: Annotated[str, Form(max_length=64)],
    series: Annotated[str, Form(max_length=64)],
    last_on: Annotated[date, Form()],
) -> Response:
    """The last day of a pattern."""
    own_unit(who, unit)
    try:
        with parts.units.begin() as work:
            store.end_pattern(work, series, who.unit_ids, last_on, who.role.value)
    except DomainError as err:
        return _refused(request, who, parts, unit, err)
    return RedirectResponse(f"{PATH}?enhed={unit}", status_code=303)


@router.post(f"{PATH}/dag")
def make_day(
    request: Request,
    who: Planner,
    parts: PartsDep,
    unit: Annotated[str, Form(max_length=64)],
    day: Annotated[date, Form()],
) -> Response:
    """Make a unit's visits of a day out of the plan."""
    own_unit(who, unit)
    try:
        with parts.units.begin() as work:
            done, locks = generate_day(work, unit, day)
    except DomainError as err:
        return _refused(request, who, parts, unit, err)
    tell_locks(parts, locks)
    told = f"{day.isoformat()}.{done.made}.{done.changed}.{done.cancelled}"
    return RedirectResponse(f"{PATH}?enhed={unit}&lavet={told}", status_code=303)


def _refused(
    request: Request, who: Who, parts: PartsDep, unit: str, err: DomainError, typed: dict[str, Any] | None = None
) -> HTMLResponse:
    with parts.database.reading() as read:
        today = local_day(parts.clock.now())
        said = err.text(language_of(request))
        return _page(request, who, read, today, unit, "", said=said, typed=typed, status=STATUS[err.kind])


def _page(
    request: Request,
    who: Who,
    read: Session,
    today: date,
    unit: str,
    series: str,
    *,
    said: str = "",
    done: str = "",
    typed: dict[str, Any] | None = None,
    status: int = 200,
) -> HTMLResponse:
    language, units = language_of(request), units_with_routes(read, who)
    chosen = unit if unit in {u.id for u in units} else units[0].id if units else ""
    patterns = patterns_json(read, store.patterns_of_unit(read, chosen, today), language)
    filled = typed or next((p for p in reversed(patterns) if p["series_id"] == series), None)
    return render(
        request,
        "visits_in/weekly_plan.html",
        status_code=status,
        path=PATH,
        units=units,
        chosen=chosen,
        patterns=patterns,
        filled=dict.fromkeys((*SavePattern.model_fields, "series_id")) | (filled or {}),
        services=[(code, service_name(code, language)) for code in NAMES],
        said=said,
        done=_done(done),
        today=today,
        tomorrow=today + timedelta(days=1),
        on=date.fromisoformat,
    )


def _done(text: str) -> tuple[date, int, int, int] | None:
    """What the redirect after making a day says; anything else is nothing."""
    day, *counts = text.split(".")
    if len(counts) != 3 or not all(c.isascii() and c.isdigit() for c in counts):
        return None
    found = _day(day)
    return None if found is None else (found, int(counts[0]), int(counts[1]), int(counts[2]))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
