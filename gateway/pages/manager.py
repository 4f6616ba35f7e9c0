"""The manager's pages: every technology realised against target, and each of them by centre and week."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from gateway.deps import PartsDep, ReadDep
from gateway.kept_overviews import overview_of
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
    spans_of,
    withheld_of,
)
from gateway.pages.manager_quality import Uncounted, qualities_of, uncounted_of
from gateway.pages.overview_figures import Spark, funnel_of, month_figures, sparks_of, worst_row
from gateway.parts import Parts
from gateway.web.render import language_of, render
from kernel import log
from kernel.localtime import local_day
from metrics.adoption_funnel import STEPS
from metrics.business_case import BusinessCase
from metrics.covered_days import Days
from metrics.report import BenefitRow
from metrics.report_formats import to_csv, to_xlsx
from metrics.report_words import USED_NOTE, threats_text
from metrics.targets import READINGS
from metrics.technologies import TARGET_ONLY, TECHNOLOGIES, Technology, name_of

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = APIRouter(include_in_schema=False)


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
        computed_at=figures.computed_at,
        age_min=int((now - figures.computed_at).total_seconds() // 60),
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
        **_common(request, parts, chosen, chosen_rows(seen, chosen), log.latest_at(read)),
        **_table(chosen, sparks_of(read, seen_of_it, rows), rows, language_of(request)),
        technology=wanted,
        units=chosen.shown(wanted),
        summed=chosen.unit_id is None and len(chosen.seen(wanted)) > 1,
        matrix=matrix,
        by_day=all(span.from_on == span.to_on for span in matrix.spans),
        measured=wanted not in TARGET_ONLY,
        case=chosen.subjects[wanted].case,
        funnel=funnel_of(read, chosen, wanted),
        steps=STEPS,
        uncounted=_uncounted(read, wanted, rows),
        qualities=qualities_of(read, top_rows(rows), _covered(rows)),
        months=month_figures(read, chosen, wanted, rows),
        unit_names={unit.unit_id: unit.name for unit in chosen.mine},
    )


def _extract(session: Session, parts: Parts, choice: Choice | None) -> list[BenefitRow]:
    chosen = needed(choice)
    return chosen_rows(seen_rows(session, chosen, parts.clock.now()), chosen)


def _covered(rows: Sequence[BenefitRow]) -> dict[Technology, dict[str, Days]]:
    return {t: covered_of([row for row in rows if row.technology == t]) for t in TECHNOLOGIES}


def _uncounted(session: Session, technology: Technology, rows: Sequence[BenefitRow]) -> list[Uncounted]:
    # Of a unit whose figures are not shown no part is shown either.
    withheld, covered = withheld_of(rows), covered_of(rows)
    return uncounted_of(session, technology, {u: days for u, days in covered.items() if u not in withheld})


def _table(choice: Choice, sparks: Iterable[Spark], shown: Sequence[BenefitRow], language: str) -> dict[str, Any]:
    """What the table of figures needs: the rows, a verdict and the weeks of each, and the cases they are held to."""
    return {
        "rows": shown,
        "verdicts": [facts.verdict_of(row) for row in shown],
        "sparks": {spark.technology: spark.matrix for spark in sparks},
        # A baseline that moved is said in its own row.
        "not_ruled_out": threats_text({t for row in shown for t in row.threats} - {"baseline_trend"}, language),
        "cases": _cases(choice),
    }


def _cases(choice: Choice) -> dict[Technology, BusinessCase]:
    return {t: subject.case for t, subject in choice.subjects.items() if subject.case is not None}


def _common(
    request: Request, parts: Parts, choice: Choice, rows: Sequence[BenefitRow], latest_at: datetime | None
) -> dict[str, Any]:
    language = language_of(request)
    return {
        "choice": choice,
        "today": local_day(parts.clock.now()),
        "latest_at": latest_at,
        "hours": facts.hours_of(rows, single_day=choice.period.single_day),
        "time_text": facts.time_text,
        "rules": sorted({row.rule_version for row in rows if row.rule_version}),
        "names": {technology: name_of(technology, language) for technology in TECHNOLOGIES},
        "used_note": USED_NOTE[0 if language == "da" else 1],
        "occasions_of": facts.span_text,
    }


def _file(body: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
