"""*Rapporter*: a month of every case by centre, with the owner's comment, as page, CSV, workbook and paper."""

import re
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS, EdgeError
from gateway.kept_overviews import report_of
from gateway.pages import manager_facts as facts
from gateway.pages.manager_choice import Choice, Chosen, Manager, needed, technology_of
from gateway.pages.report_facts import MonthReport, default_month, months_to_report
from gateway.pages.report_files import report_csv, report_workbook
from gateway.pages.report_paper import month_paper
from gateway.routing import Router
from gateway.web.render import language_of, render
from kernel.errors import DomainError
from kernel.localtime import local_day
from metrics.reports.comments import MAXIMUM_LETTERS, MINIMUM_LETTERS, write_comment
from metrics.technologies import TECHNOLOGIES, name_of

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")

router = Router(include_in_schema=False)
Owner = Annotated[Who, Depends(require(Role.MANAGER))]
Month = Annotated[str, Query(alias="maaned", max_length=7)]


@router.get("/leder/rapport")
def report_page(
    request: Request, _who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen, month: Month = ""
) -> HTMLResponse:
    """The report of a month; the last whole one where none is named."""
    if choice is None:
        return render(request, "manager/not_adopted.html")
    now = parts.clock.now()
    report = report_of(parts, read, choice, _known(choice, month, parts), now)
    return _page(request, parts, choice, report)


@router.post("/leder/rapport")
def comment(
    request: Request,
    _who: Owner,
    parts: PartsDep,
    choice: Chosen,
    month: Annotated[str, Form(alias="maaned", max_length=7)],
    technology: Annotated[str, Form(alias="teknologi", max_length=32)],
    text: Annotated[str, Form(alias="tekst", max_length=4 * MAXIMUM_LETTERS)],
    unit_id: Annotated[str, Form(alias="center", max_length=64)] = "",
) -> Response:
    """Keep the owner's comment on a case of a month; what cannot be kept comes back with what was written."""
    chosen = needed(choice)
    wanted = technology_of(chosen, technology)
    known = _known(chosen, month, parts)
    if unit_id not in {unit.unit_id for unit in chosen.seen(wanted)} and not (not unit_id and chosen.sees_sum(wanted)):
        raise EdgeError(403, "other_unit", "Det center kan du ikke se.", "You cannot see that centre.")
    try:
        with parts.units.begin() as work:
            write_comment(work, wanted, unit_id, known, text, "benefit_owner")
    except DomainError as err:
        said = {"technology": wanted, "unit_id": unit_id, "text": text, "problem": err.text(language_of(request))}
        with parts.database.reading() as read:
            report = report_of(parts, read, chosen, known, parts.clock.now())
        return _page(request, parts, chosen, report, said=said, status=STATUS[err.kind])
    # The fragment is the row of the case: the reader comes back to where she wrote.
    return RedirectResponse(f"/leder/rapport?{chosen.query(maaned=known, periode=None)}#{wanted}", status_code=303)


@router.get("/leder/rapport.csv")
def report_as_csv(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen, month: Month = "") -> Response:
    """The report as CSV."""
    report = _report(parts, read, choice, month)
    # The byte order mark makes Danish spreadsheets read the file as UTF-8.
    return _file("\ufeff" + report_csv(report), "text/csv; charset=utf-8", f"gevinster-{report.month}.csv")


@router.get("/leder/rapport.xlsx")
def report_as_workbook(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen, month: Month = "") -> Response:
    """The report as a workbook, with a sheet of the weeks of screen visits."""
    report = _report(parts, read, choice, month)
    return _file(report_workbook(report), _XLSX, f"gevinster-{report.month}.xlsx")


@router.get("/leder/rapport.pdf")
def report_as_paper(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen, month: Month = "") -> Response:
    """The report as a paper."""
    report = _report(parts, read, choice, month)
    return _file(month_paper(report, parts.clock.now()), "application/pdf", f"gevinster-{report.month}.pdf")


def _report(parts: PartsDep, read: ReadDep, choice: Choice | None, month: str) -> MonthReport:
    chosen = needed(choice)
    return report_of(parts, read, chosen, _known(chosen, month, parts), parts.clock.now())


def _known(choice: Choice, month: str, parts: PartsDep) -> str:
    """The month asked for, or the last whole one that there is. Raises ``EdgeError`` 404 for one without report."""
    today = local_day(parts.clock.now())
    months = months_to_report(choice, today)
    if not month and months:
        return default_month(choice, today) or months[0]
    if month not in months or not _MONTH.fullmatch(month):
        raise EdgeError(
            404,
            "no_such_month",
            "Der er ingen rapport for den måned. Vælg en af månederne siden ibrugtagning.",
            "There is no report for that month. Choose one of the months since the first use.",
        )
    return month


def _page(
    request: Request,
    parts: PartsDep,
    choice: Choice,
    report: MonthReport,
    *,
    said: dict[str, Any] | None = None,
    status: int = 200,
) -> HTMLResponse:
    language = language_of(request)
    rows = [line.row for line in report.lines]
    hours = facts.hours_of(rows, single_day=False)
    return render(
        request,
        "manager/report.html",
        status_code=status,
        **facts.age_of(report.computed_at, parts.clock.now()),
        choice=choice,
        choices=choice.mine,
        report=report,
        technologies=[t for t in TECHNOLOGIES if any(row.technology == t for row in rows)],
        months=months_to_report(choice, local_day(parts.clock.now())),
        names={technology: name_of(technology, language) for technology in TECHNOLOGIES},
        verdict_of=facts.verdict_of,
        hours=hours,
        time_text=facts.time_text,
        compared_of=facts.compared_of(hours=hours, language=language),
        occasions_of=facts.span_text,
        qualities={quality.technology: quality for quality in report.qualities},
        said=said,
        minimum=MINIMUM_LETTERS,
        maximum=MAXIMUM_LETTERS,
    )


def _file(body: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
