"""Closing a month of the ledger: a person does it, once, and what changes afterwards stands beside it."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep
from gateway.errors import STATUS, EdgeError
from gateway.pages import manager_facts as facts
from gateway.pages.manager_choice import Choice, Chosen, Manager, needed
from gateway.routing import Router
from gateway.web.render import language_of, render
from kernel.errors import DomainError
from kernel.localtime import local_day
from metrics import months
from metrics.technologies import TECHNOLOGIES, name_of

Owner = Annotated[Who, Depends(require(Role.MANAGER))]
_MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"

router = Router(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class MonthState:
    """A month that is over, and its lines if somebody has closed it."""

    month: str
    lines: tuple[months.MonthLine, ...]


@router.get("/leder/maaneder")
def months_page(request: Request, _who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> HTMLResponse:
    """Every month since the first use that is over: closed, with its corrections, or waiting."""
    chosen = needed(choice)
    return _page(request, read, chosen, local_day(parts.clock.now()))


@router.post("/leder/maaneder")
def close_month(
    request: Request,
    _who: Owner,
    parts: PartsDep,
    work: WorkDep,
    choice: Chosen,
    month: Annotated[str, Form(alias="maaned", pattern=_MONTH)],
) -> Response:
    """Close a month for every technology and centre at once; only who sees all of them may."""
    chosen = needed(choice)
    if not chosen.sees_all:
        raise EdgeError(
            403,
            "month_of_others",
            "En måned lukkes for alle centre på én gang. Bed en leder, der ser dem alle.",
            "A month is closed for every centre at once. Ask a manager who sees them all.",
        )
    try:
        months.close_month(work, month, "benefit_owner")
    except DomainError as err:
        with parts.database.reading() as read:
            today = local_day(parts.clock.now())
            return _page(request, read, chosen, today, err.text(language_of(request)), STATUS[err.kind])
    return RedirectResponse(f"/leder/maaneder#m{month}", status_code=303)


def _page(
    request: Request, session: Session, choice: Choice, today: date, problem: str = "", status: int = 200
) -> HTMLResponse:
    language = language_of(request)
    first_on = min(unit.go_live_on for subject in choice.subjects.values() for unit in subject.adoption.units)
    return render(
        request,
        "manager/months.html",
        status_code=status,
        months=[_state(session, choice, month) for month in _over(first_on, today)],
        may_close=choice.sees_all,
        problem=problem,
        names={technology: name_of(technology, language) for technology in TECHNOLOGIES},
        unit_names={unit.unit_id: unit.name for unit in choice.mine},
        time_text=facts.time_text,
    )


def _over(first_on: date, today: date) -> list[str]:
    """Months from the first use on that are over, the latest first."""
    found: list[str] = []
    on = first_on.replace(day=1)
    while months.month_bounds(f"{on:%Y-%m}")[1] < today:
        found.append(f"{on:%Y-%m}")
        on = date(on.year + on.month // 12, on.month % 12 + 1, 1)
    return found[::-1]


def _state(session: Session, choice: Choice, month: str) -> MonthState:
    mine: Any = {unit.unit_id for unit in choice.mine}
    return MonthState(month, tuple(line for line in months.month_lines(session, month) if line.unit_id in mine))
