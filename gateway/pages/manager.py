"""The manager's pages: every technology realised against target, and each of them by centre and week."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from gateway.deps import PartsDep, ReadDep
from gateway.pages import manager_facts as facts
from gateway.pages.manager_choice import (
    PERIODS,
    Choice,
    Chosen,
    Manager,
    chosen_rows,
    needed,
    seen_rows,
    technology_of,
    top_rows,
)
from gateway.pages.manager_matrix import (
    covered_of,
    matrix_of,
    months_of,
    spans_of,
    spark_spans,
    withheld_of,
)
from gateway.pages.manager_quality import Uncounted, qualities_of, uncounted_of
from gateway.pages.manager_top_down import top_down
from gateway.pages.manager_waterfall import picture_of
from gateway.parts import Parts
from gateway.web.render import language_of, render
from kernel import log
from kernel.localtime import local_day
from metrics import months
from metrics.adoption_funnel import STEPS, AdoptionStep, adoption_funnels
from metrics.business_case import BusinessCase
from metrics.covered_days import Days
from metrics.report import BenefitRow
from metrics.report_formats import to_csv, to_xlsx
from metrics.report_words import USED_NOTE
from metrics.targets import READINGS
from metrics.technologies import TARGET_ONLY, TECHNOLOGIES, WATERFALL, Technology, name_of

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class MonthFigure:
    """A closed month of one technology and unit, and what was corrected since."""

    month: str
    closed: months.MonthLine
    corrections: tuple[months.MonthLine, ...]


@router.get("/leder")
def overview(request: Request, _who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> HTMLResponse:
    """Realised against target: one row per technology, the worst first in one sentence."""
    if choice is None:
        return render(request, "manager/not_adopted.html")
    now = parts.clock.now()
    seen = seen_rows(read, choice, now)
    rows = chosen_rows(seen, choice)
    shown, covered = top_rows(rows), _covered(rows)
    # A day has no interval, and most of it is not settled yet: nothing can be said of a target.
    worst = None if choice.period.single_day else facts.worst_of(shown)
    uncounted = uncounted_of(read, worst.technology, _of_row(covered, worst)) if worst else []
    return render(
        request,
        "manager/overview.html",
        **_common(request, parts, read, choice, rows),
        **_table(read, choice, seen, shown),
        funnels={t: _funnel(read, choice, t) for t in WATERFALL if choice.shown(t)},
        steps=STEPS,
        picture=picture_of(read, choice, covered, now),
        qualities=qualities_of(read, shown, covered),
        check=top_down(read, choice, local_day(now)),
        worst=worst,
        worst_verdict="none" if worst is None else facts.verdict_of(worst),
        any_judged=any(facts.verdict_of(row) != "none" for row in shown),
        cause="" if worst is None else facts.main_cause(uncounted, worst, language_of(request)),
        corrections=[
            (t, month) for t in choice.subjects for month in _months(read, choice, t, rows) if month.corrections
        ],
        choices=choice.mine,
        periods=PERIODS,
        readings=READINGS,
    )


@router.get("/leder/udtraek.csv")
def extract_csv(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> Response:
    """Every technology by centre as CSV."""
    rows = _extract(read, parts, choice)
    # The byte order mark makes Danish spreadsheets read the file as UTF-8.
    return _file("\ufeff" + to_csv(rows), "text/csv; charset=utf-8", "gevinster.csv")


@router.get("/leder/udtraek.xlsx")
def extract_xlsx(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> Response:
    """The same rows as a workbook."""
    return _file(to_xlsx(_extract(read, parts, choice)), _XLSX, "gevinster.xlsx")


@router.get("/leder/{technology}")
def technology_page(
    request: Request, technology: str, _who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen
) -> HTMLResponse:
    """One technology by centre and week, or by day for a short period; its use, its losses, its case."""
    chosen = needed(choice)
    wanted = technology_of(chosen, technology)
    seen = seen_rows(read, chosen, parts.clock.now())
    seen_of_it = [row for row in seen if row.technology == wanted]
    rows = chosen_rows(seen_of_it, chosen)
    covered = covered_of(seen_of_it)
    # Over all units the person sees, whichever was chosen: or one centre's cells would tell of the others.
    matrix = matrix_of(read, wanted, covered, spans_of(wanted, covered), withheld_of(seen_of_it))
    return render(
        request,
        "manager/technology.html",
        **_common(request, parts, read, chosen, chosen_rows(seen, chosen)),
        **_table(read, chosen, seen_of_it, rows),
        technology=wanted,
        units=chosen.shown(wanted),
        summed=chosen.unit_id is None and len(chosen.seen(wanted)) > 1,
        matrix=matrix,
        by_day=all(span.from_on == span.to_on for span in matrix.spans),
        measured=wanted not in TARGET_ONLY,
        case=chosen.subjects[wanted].case,
        funnel=_funnel(read, chosen, wanted),
        steps=STEPS,
        uncounted=_uncounted(read, wanted, rows),
        qualities=qualities_of(read, top_rows(rows), _covered(rows)),
        months=_months(read, chosen, wanted, rows),
        unit_names={unit.unit_id: unit.name for unit in chosen.mine},
    )


def _extract(session: Session, parts: Parts, choice: Choice | None) -> list[BenefitRow]:
    chosen = needed(choice)
    return chosen_rows(seen_rows(session, chosen, parts.clock.now()), chosen)


def _covered(rows: Sequence[BenefitRow]) -> dict[Technology, dict[str, Days]]:
    return {t: covered_of([row for row in rows if row.technology == t]) for t in TECHNOLOGIES}


def _of_row(covered: dict[Technology, dict[str, Days]], row: BenefitRow) -> dict[str, Days]:
    return {unit: days for unit, days in covered[row.technology].items() if row.unit_id in (None, unit)}


def _uncounted(session: Session, technology: Technology, rows: Sequence[BenefitRow]) -> list[Uncounted]:
    # Of a unit whose figures are not shown no part is shown either.
    withheld, covered = withheld_of(rows), covered_of(rows)
    return uncounted_of(session, technology, {u: days for u, days in covered.items() if u not in withheld})


def _table(session: Session, choice: Choice, seen: Sequence[BenefitRow], shown: Sequence[BenefitRow]) -> dict[str, Any]:
    """What the table of figures needs: the rows, a verdict and the weeks of each, and the cases they are held to."""
    sparks = {}
    for technology in dict.fromkeys(row.technology for row in shown):
        of_it = [row for row in seen if row.technology == technology]
        covered = covered_of(of_it)
        if covered:
            sparks[technology] = matrix_of(session, technology, covered, spark_spans(covered), withheld_of(of_it))
    return {
        "rows": shown,
        "verdicts": [facts.verdict_of(row) for row in shown],
        "sparks": sparks,
        "cases": _cases(choice),
    }


def _cases(choice: Choice) -> dict[Technology, BusinessCase]:
    return {t: subject.case for t, subject in choice.subjects.items() if subject.case is not None}


def _common(
    request: Request, parts: Parts, session: Session, choice: Choice, rows: Sequence[BenefitRow]
) -> dict[str, Any]:
    language = language_of(request)
    return {
        "choice": choice,
        "today": local_day(parts.clock.now()),
        "latest_at": log.latest_at(session),
        "hours": facts.hours_of(rows, single_day=choice.period.single_day),
        "time_text": facts.time_text,
        "rules": sorted({row.rule_version for row in rows if row.rule_version}),
        "names": {technology: name_of(technology, language) for technology in TECHNOLOGIES},
        "used_note": USED_NOTE[0 if language == "da" else 1],
        "occasions_of": facts.span_text,
    }


def _funnel(session: Session, choice: Choice, technology: Technology) -> list[AdoptionStep] | None:
    """How far a technology is in use on the page's units; ``None`` where no single funnel is about them."""
    seen = [unit.unit_id for unit in choice.seen(technology)]
    if technology in TARGET_ONLY or (choice.unit_id is not None and choice.unit_id not in seen):
        return None
    first_on = max(choice.period.from_on, choice.subjects[technology].adoption.first_on)
    return adoption_funnels(session, technology, seen, first_on, choice.period.to_on)[choice.unit_id]


def _months(session: Session, choice: Choice, technology: Technology, rows: Sequence[BenefitRow]) -> list[MonthFigure]:
    """The closed months of the units whose figures are shown."""
    of_it = [row for row in rows if row.technology == technology]
    shown = {unit.unit_id for unit in choice.shown(technology)} - withheld_of(of_it)
    found: dict[tuple[str, str], list[months.MonthLine]] = {}
    for month in months_of(choice.period):
        for line in months.month_lines(session, month, technology):
            if line.unit_id in shown:
                found.setdefault((month, line.unit_id), []).append(line)
    return [MonthFigure(month, lines[0], tuple(lines[1:])) for (month, _unit), lines in found.items()]


def _file(body: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
