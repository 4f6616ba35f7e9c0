"""The page "Fravær": carers' holidays and courses planned ahead, citizens who are not at home. No script is needed."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, get_args

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session, col, select

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS
from gateway.parts import Parts
from gateway.routers.absence_register import AbsentDays, PlanAbsence, cancel_absence, plan_absence
from gateway.routers.visits_in import own_unit
from gateway.routing import Router
from gateway.usecases.citizen_absences import come_home, go_away
from gateway.views.absence_register import register_json
from gateway.web.render import language_of, render
from kernel.errors import DomainError, KernelError
from kernel.localtime import at_local, local_day
from scheduling.events import AbsenceKind, CitizenAbsenceKind
from scheduling.patterns.errors import PatternError
from scheduling.register.tables import CarerRow, CitizenRow

router = Router(include_in_schema=False)
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
PATH = "/planlaegger/fravaer"


@router.get(PATH)
def absences_page(request: Request, who: Planner, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """Who is away today or will be."""
    return _page(request, who, read, parts)


@router.post(PATH)
def plan(
    request: Request,
    who: Planner,
    parts: PartsDep,
    carer_id: Annotated[str, Form(max_length=64)],
    kind: Annotated[AbsenceKind, Form()],
    from_on: Annotated[date, Form()],
    to_on: Annotated[date, Form()],
) -> Response:
    """Plan a carer's absence."""
    try:
        plan_absence(parts, who, carer_id, PlanAbsence(kind=kind, from_on=from_on, to_on=to_on))
    except DomainError as err:
        return _refused(request, who, parts, err)
    return RedirectResponse(PATH, status_code=303)


@router.post(f"{PATH}/slet")
def cancel(
    request: Request,
    who: Planner,
    parts: PartsDep,
    carer_id: Annotated[str, Form(max_length=64)],
    from_on: Annotated[date, Form()],
    to_on: Annotated[date, Form()],
) -> Response:
    """Take planned days back, those that are still ahead."""
    first_on = max(from_on, local_day(parts.clock.now()) + timedelta(days=1))
    try:
        cancel_absence(parts, who, carer_id, AbsentDays(from_on=first_on, to_on=to_on))
    except DomainError as err:
        return _refused(request, who, parts, err)
    return RedirectResponse(PATH, status_code=303)


@router.post(f"{PATH}/borger")
def citizen_away(
    request: Request,
    who: Planner,
    parts: PartsDep,
    citizen_number: Annotated[int, Form(ge=1, le=999_999_999)],
    kind: Annotated[CitizenAbsenceKind, Form()],
    from_on: Annotated[date, Form()],
    until_on: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """A citizen is away from a day on, and back on another, where that is known. From today means from now."""
    now = parts.clock.now()
    try:
        until_at = at_local(date.fromisoformat(until_on), time()) if until_on else None
    except ValueError:
        until_at = None
    try:
        with parts.database.reading() as read:
            citizen_id = _citizen(read, who, citizen_number)
        go_away(parts, citizen_id, kind, max(now, at_local(from_on, time())), until_at)
    except DomainError as err:
        return _refused(request, who, parts, err)
    return RedirectResponse(PATH, status_code=303)


@router.post(f"{PATH}/hjemme")
def citizen_home(
    request: Request, who: Planner, parts: PartsDep, citizen_id: Annotated[str, Form(max_length=64)]
) -> Response:
    """She is home, or will not go."""
    try:
        with parts.database.reading() as read:
            row = read.get(CitizenRow, citizen_id)
            if row is None:
                raise KernelError("not_found", what="Borgeren")
            own_unit(who, row.unit_id)
        come_home(parts, citizen_id)
    except DomainError as err:
        return _refused(request, who, parts, err)
    return RedirectResponse(PATH, status_code=303)


def _citizen(read: Session, who: Who, number: int) -> str:
    query = select(CitizenRow).where(CitizenRow.short == number, col(CitizenRow.unit_id).in_(who.unit_ids))
    row = read.exec(query).first()
    if row is None:
        raise PatternError("pattern_citizen_unknown", found=number)
    return row.id


def _refused(request: Request, who: Who, parts: Parts, err: DomainError) -> HTMLResponse:
    with parts.database.reading() as read:
        return _page(request, who, read, parts, err.text(language_of(request)), STATUS[err.kind])


def _page(request: Request, who: Who, read: Session, parts: Parts, said: str = "", status: int = 200) -> HTMLResponse:
    now = parts.clock.now()
    carers = select(CarerRow).where(col(CarerRow.unit_id).in_(who.unit_ids)).order_by(col(CarerRow.name))
    return render(
        request,
        "visits_in/absences.html",
        status_code=status,
        path=PATH,
        register=register_json(read, who.unit_ids, now),
        carers=[(row.id, row.name) for row in read.exec(carers)],
        kinds=[k for k in get_args(AbsenceKind) if k not in ("sick", "child_sick")] + ["sick"],
        citizen_kinds=get_args(CitizenAbsenceKind),
        said=said,
        today=local_day(now),
        tomorrow=local_day(now) + timedelta(days=1),
        on=date.fromisoformat,
        at=datetime.fromisoformat,
    )
