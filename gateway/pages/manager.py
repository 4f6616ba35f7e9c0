"""The manager's pages: realised against target, and the walk from a figure to the events behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep
from gateway.errors import EdgeError
from gateway.pages import manager_facts as facts
from gateway.parts import Parts
from gateway.web.render import language_of, render
from kernel import log
from kernel.localtime import local_day
from metrics import months, walk
from metrics.business_case import BusinessCase
from metrics.errors import BenefitError
from metrics.pseudonyms import Pseudonyms
from metrics.report import BenefitRow, benefit_report
from metrics.report_formats import technology_name, to_csv, to_xlsx
from metrics.tables import EntryRow
from metrics.targets import READINGS, AdoptedUnit, Adoption, Reading

ROLES = {Role.MANAGER: "benefit_owner", Role.AUDITOR: "auditor"}
PURPOSE_COOKIE = "purpose"
ENTRIES_A_PAGE = 100
_HOURS_FROM_S = 100 * 3600
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = APIRouter(include_in_schema=False)
Manager = Annotated[Who, Depends(require(Role.MANAGER, Role.AUDITOR))]


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the benefit a page shows."""

    adoption: Adoption
    case: BusinessCase
    units: list[AdoptedUnit]
    period: facts.Period
    reading: Reading
    unit_id: str | None
    sees_all: bool

    def query(self, **changes: object) -> str:
        """The choice as a query string, with some of it changed; ``None`` leaves a part out."""
        named: dict[str, object | None] = {"maaltal": self.reading, "enhed": self.unit_id}
        if self.period.key is None:
            named |= {"fra": self.period.from_on, "til": self.period.to_on}
        else:
            named |= {"periode": self.period.key}
        return urlencode({k: v for k, v in (named | changes).items() if v is not None})


def choice_of(
    parts: PartsDep,
    who: Manager,
    key: Annotated[str | None, Query(alias="periode", max_length=16)] = None,
    from_on: Annotated[date | None, Query(alias="fra")] = None,
    to_on: Annotated[date | None, Query(alias="til")] = None,
    reading: Annotated[Reading, Query(alias="maaltal")] = "stated",
    unit_id: Annotated[str | None, Query(alias="enhed", max_length=64)] = None,
) -> Choice | None:
    """The choice of a request, bounded to the units this person sees; ``None`` before a case is in use."""
    if parts.benefits is None:
        return None
    adoption = parts.benefits.adoption
    chosen = unit_id or None
    units = facts.seen_units(adoption, who.unit_ids, chosen)
    if not units:
        raise EdgeError(403, "other_unit", "Det center kan du ikke se.", "You cannot see that centre.")
    period = facts.period_of(key, from_on, to_on, parts.clock.now(), adoption)
    sees_all = all(who.sees(unit.unit_id) for unit in adoption.units)
    return Choice(adoption, parts.benefits.cases[adoption.case_id], units, period, reading, chosen, sees_all)


Chosen = Annotated[Choice | None, Depends(choice_of)]


@router.get("/leder")
def overview(request: Request, who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> HTMLResponse:
    """Realised against target: one row per centre and one for all, worst first in one sentence."""
    if choice is None:
        return _not_adopted(request)
    rows = _rows(read, parts, choice)
    technology = choice.case.technology
    first_on = max(choice.period.from_on, choice.period.to_on - timedelta(weeks=facts.SPARK_WEEKS) + timedelta(days=1))
    matrix = facts.matrix_of(read, technology, choice.units, facts.weeks_of(first_on, choice.period.to_on))
    funnel = facts.funnel_of(read, technology, choice.units, choice.period)
    worst = facts.worst_of(rows)
    return render(
        request,
        "manager/overview.html",
        **_common(request, parts, read, choice, rows),
        rows=rows,
        verdicts=[facts.verdict_of(row) for row in rows],
        matrix=matrix,
        funnel=funnel,
        losses=facts.losses_of(read, technology, choice.units, choice.period),
        worst=worst,
        worst_verdict="none" if worst is None else facts.verdict_of(worst),
        cause=facts.main_cause(funnel, worst) if worst is not None else None,
        corrections=_month_lines(read, choice),
        unit_names={unit.unit_id: unit.name for unit in choice.adoption.units},
        choices=[unit for unit in choice.adoption.units if unit.unit_id in who.unit_ids],
        periods=facts.PERIODS,
        readings=READINGS,
    )


@router.get("/leder/udtraek.csv")
def extract_csv(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> Response:
    """The rows of the page as CSV."""
    rows = _rows(read, parts, _needed(choice))
    # The byte order mark makes Danish spreadsheets read the file as UTF-8.
    return _file("\ufeff" + to_csv(rows), "text/csv; charset=utf-8", "gevinster.csv")


@router.get("/leder/udtraek.xlsx")
def extract_xlsx(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> Response:
    """The rows of the page as a workbook."""
    return _file(to_xlsx(_rows(read, parts, _needed(choice))), _XLSX, "gevinster.xlsx")


@router.post("/leder/formaal")
def state_purpose(
    _who: Manager,
    parts: PartsDep,
    purpose: Annotated[str, Form(alias="formaal", max_length=300)],
    to: Annotated[str, Form(alias="til", max_length=400)] = "/leder",
) -> RedirectResponse:
    """Keep the stated purpose for this visit; every step of the walk records it."""
    target = to if to.startswith("/leder") else "/leder"
    answer = RedirectResponse(target, status_code=303)
    answer.set_cookie(
        PURPOSE_COOKIE,
        quote(purpose.strip()),
        path="/leder",
        httponly=True,
        samesite="strict",
        secure=parts.settings.http.secure_cookies,
    )
    return answer


@router.get("/leder/post/{entry_id}")
def entry_page(request: Request, entry_id: int, who: Manager, parts: PartsDep, work: WorkDep) -> HTMLResponse:
    """One ledger entry: its figures, baseline and the events behind it, by position."""
    purpose = _purpose(request)
    if purpose is None:
        return _ask(request)
    row = work.session.get(EntryRow, entry_id)
    if row is not None and not who.sees(row.unit_id):
        raise EdgeError(403, "other_unit", "Det center kan du ikke se.", "You cannot see that centre.")
    found = walk.walk_entry(
        work, entry_id, purpose=purpose, role=ROLES[who.role], pseudonyms=Pseudonyms(parts.pseudonym_key)
    )
    names = {} if parts.benefits is None else {u.unit_id: u.name for u in parts.benefits.adoption.units}
    return render(
        request,
        "manager/entry.html",
        walked=found,
        unit_name=names.get(found.entry.unit_id, found.entry.unit_id),
        technology_text=technology_name(found.entry.technology, language_of(request)),
        time_text=facts.time_text,
        purpose=purpose,
    )


@router.get("/leder/{technology}/poster")
def entries_page(
    request: Request,
    technology: str,
    who: Manager,
    parts: PartsDep,
    work: WorkDep,
    choice: Chosen,
    offset: Annotated[int, Query(alias="spring", ge=0)] = 0,
) -> HTMLResponse:
    """The entries behind one cell, in the order they were written. The purpose is asked for once."""
    chosen = _needed(choice, technology)
    if chosen.unit_id is None:
        raise EdgeError(422, "unit_needed", "Vælg et center først.", "Choose a centre first.")
    matrix = facts.matrix_of(
        work.session,
        technology,
        [u for u in chosen.adoption.units if u.unit_id in who.unit_ids],
        [facts.Span(chosen.period.from_on, chosen.period.to_on)],
    )
    context = _common(request, parts, work.session, chosen, [])
    cell = matrix.cells[0, chosen.unit_id]
    if cell.status == "withheld":
        return render(request, "manager/withheld.html", **context)
    purpose = _purpose(request)
    if purpose is None:
        return _ask(request)
    found = walk.walk_figure(
        work,
        technology=technology,
        unit_id=chosen.unit_id,
        from_on=chosen.period.from_on,
        to_on=chosen.period.to_on,
        purpose=purpose,
        role=ROLES[who.role],
        offset=offset,
        limit=ENTRIES_A_PAGE,
    )
    return render(
        request,
        "manager/entries.html",
        **context,
        found=found,
        offset=offset,
        page=ENTRIES_A_PAGE,
        purpose=purpose,
    )


@router.get("/leder/{technology}")
def technology_page(
    request: Request, technology: str, _who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen
) -> HTMLResponse:
    """One technology by centre and week, or by day for a short period."""
    chosen = _needed(choice, technology)
    rows = _rows(read, parts, chosen)
    matrix = facts.matrix_of(read, technology, chosen.units, facts.spans_of(chosen.period))
    return render(
        request,
        "manager/technology.html",
        **_common(request, parts, read, chosen, rows),
        rows=rows,
        matrix=matrix,
        by_day=all(span.from_on == span.to_on for span in matrix.spans),
    )


def _rows(session: Session, parts: Parts, choice: Choice) -> list[BenefitRow]:
    rows = benefit_report(
        session,
        from_on=choice.period.from_on,
        to_on=choice.period.to_on,
        cases={choice.case.id: choice.case},
        adoption=choice.adoption,
        reading=choice.reading,
        now=parts.clock.now(),
    )
    mine = {unit.unit_id for unit in choice.units}
    shown = [row for row in rows if row.unit_id in mine]
    # The sum of all centres is shown only to somebody who sees them all.
    if choice.sees_all and choice.unit_id is None:
        shown = [row for row in rows if row.unit_id is None] + shown
    return shown


def _common(request: Request, parts: Parts, session: Session, choice: Choice, rows: list[BenefitRow]) -> dict[str, Any]:
    longest_s = max((row.target_s for row in rows), default=_HOURS_FROM_S)
    return {
        "choice": choice,
        "case": choice.case,
        "today": local_day(parts.clock.now()),
        "latest_at": log.latest_at(session),
        "hours": longest_s >= _HOURS_FROM_S and not choice.period.single_day,
        "time_text": facts.time_text,
        "technology_text": technology_name(choice.case.technology, language_of(request)),
    }


def _month_lines(session: Session, choice: Choice) -> list[tuple[str, months.MonthLine]]:
    wanted: Mapping[str, None] = dict.fromkeys(
        f"{span.from_on:%Y-%m}" for span in facts.weeks_of(choice.period.from_on, choice.period.to_on)
    )
    mine, technology = {unit.unit_id for unit in choice.units}, choice.case.technology
    return [(m, line) for m in wanted for line in months.month_lines(session, m, technology) if line.unit_id in mine]


def _needed(choice: Choice | None, technology: str | None = None) -> Choice:
    if choice is None or technology not in (None, choice.case.technology):
        raise EdgeError(404, "no_such_page", "Siden findes ikke.", "There is no such page.")
    return choice


def _purpose(request: Request) -> str | None:
    said = unquote(request.cookies.get(PURPOSE_COOKIE, "")).strip()
    return said if len(said) >= walk.MINIMUM_PURPOSE_CHARACTERS else None


def _ask(request: Request) -> HTMLResponse:
    error = BenefitError("walk_purpose_missing", minimum=walk.MINIMUM_PURPOSE_CHARACTERS)
    said = PURPOSE_COOKIE in request.cookies
    return render(
        request,
        "manager/purpose.html",
        minimum=walk.MINIMUM_PURPOSE_CHARACTERS,
        problem=error.text(language_of(request)) if said else None,
    )


def _not_adopted(request: Request) -> HTMLResponse:
    return render(request, "manager/not_adopted.html")


def _file(body: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
