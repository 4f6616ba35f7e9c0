"""The manager's pages: every technology realised against target, and each of them by centre and week."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from gateway.deps import PartsDep, ReadDep
from gateway.kept_overviews import overview_of, technology_of_choice
from gateway.pages import manager_facts as facts
from gateway.pages.manager_choice import (
    PERIODS,
    Choice,
    Chosen,
    Manager,
    chosen_rows,
    needed,
    technology_of,
    top_rows,
)
from gateway.pages.overview_figures import Spark, worst_row
from gateway.parts import Parts
from gateway.routing import Router
from gateway.web.render import language_of, render
from kernel.localtime import local_day
from metrics.adoption_funnel import STEPS
from metrics.business_case import BusinessCase
from metrics.report import BenefitRow
from metrics.report_formats import to_csv, to_xlsx
from metrics.report_words import USED_NOTE, threats_text
from metrics.targets import READINGS
from metrics.technologies import TARGET_ONLY, TECHNOLOGIES, Technology, name_of
from metrics.threats import SEEN

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = Router(include_in_schema=False)


@router.get("/leder")
def overview(request: Request, _who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> HTMLResponse:
    """Realised against target: one row per technology, the worst first in one sentence."""
    if choice is None:
        return render(request, "manager/not_adopted.html")
    now = parts.clock.now()
    figures = overview_of(parts, read, choice, now)
    rows = chosen_rows(figures.seen, choice)
    shown = top_rows(rows)
    worst = worst_row(shown, choice)
    return render(
        request,
        "manager/overview.html",
        **_common(request, parts, choice, rows, figures.latest_at),
        **_table(choice, figures.sparks, shown, language_of(request)),
        **facts.age_of(figures.computed_at, now),
        funnels=figures.funnels,
        steps=STEPS,
        picture=figures.picture,
        split=figures.split,
        qualities=figures.qualities,
        check=figures.check,
        worst=worst,
        worst_verdict="none" if worst is None else facts.verdict_of(worst),
        any_judged=any(facts.verdict_of(row) != "none" for row in shown),
        cause="" if worst is None else facts.main_cause(figures.uncounted, worst, language_of(request)),
        corrections=figures.corrections,
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
    wanted, now = technology_of(chosen, technology), parts.clock.now()
    figures = technology_of_choice(parts, read, chosen, wanted, now)
    rows = chosen_rows((row for row in figures.seen if row.technology == wanted), chosen)
    matrix = figures.matrix
    return render(
        request,
        "manager/technology.html",
        **_common(request, parts, chosen, chosen_rows(figures.seen, chosen), figures.latest_at),
        **_table(chosen, figures.sparks, rows, language_of(request)),
        **facts.age_of(figures.computed_at, now),
        technology=wanted,
        units=chosen.shown(wanted),
        summed=chosen.unit_id is None and len(chosen.seen(wanted)) > 1,
        matrix=matrix,
        by_day=all(span.from_on == span.to_on for span in matrix.spans),
        measured=wanted not in TARGET_ONLY,
        case=chosen.subjects[wanted].case,
        funnel=figures.funnel,
        steps=STEPS,
        uncounted=figures.uncounted,
        qualities=figures.qualities,
        months=figures.months,
        unit_names={unit.unit_id: unit.name for unit in chosen.mine},
    )


def _extract(session: Session, parts: Parts, choice: Choice | None) -> list[BenefitRow]:
    chosen = needed(choice)
    return chosen_rows(overview_of(parts, session, chosen, parts.clock.now()).seen, chosen)


def _table(choice: Choice, sparks: Iterable[Spark], shown: Sequence[BenefitRow], language: str) -> dict[str, Any]:
    """What the table of figures needs: the rows, a verdict and the weeks of each, and the cases they are held to."""
    return {
        "rows": shown,
        "verdicts": [facts.verdict_of(row) for row in shown],
        "sparks": {spark.technology: spark.matrix for spark in sparks},
        # What is seen in a figure's own measurements is said in its row.
        "not_ruled_out": threats_text({t for row in shown for t in row.threats} - set(SEEN), language),
        "cases": _cases(choice),
    }


def _cases(choice: Choice) -> dict[Technology, BusinessCase]:
    return {t: subject.case for t, subject in choice.subjects.items() if subject.case is not None}


def _common(
    request: Request, parts: Parts, choice: Choice, rows: Sequence[BenefitRow], latest_at: datetime | None
) -> dict[str, Any]:
    language = language_of(request)
    hours = facts.hours_of(rows, single_day=choice.period.single_day)
    return {
        "choice": choice,
        "today": local_day(parts.clock.now()),
        "latest_at": latest_at,
        "hours": hours,
        "time_text": facts.time_text,
        "compared_of": facts.compared_of(hours=hours, language=language),
        "rules": sorted({row.rule_version for row in rows if row.rule_version}),
        "names": {technology: name_of(technology, language) for technology in TECHNOLOGIES},
        "used_note": USED_NOTE[0 if language == "da" else 1],
        "occasions_of": facts.span_text,
    }


def _file(body: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
