"""A month's benefit report as CSV and as a workbook."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gateway.pages.report_facts import MonthReport, ReportLine
from metrics.report_formats import COLUMNS, csv_cell, harmless, row_values

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

EXTRA = ("realised_dkk", "budget_dkk", "comment")
SCREEN_COLUMNS = (
    "unit_id",
    "unit_name",
    "week",
    "calls_answered",
    "calls_unanswered",
    "mean_call_min",
    "active_citizens",
    "anvendelsesgrad",
    "omlaegningsgrad",
    "maaltal",
    "planned_visits",
    "planned_hours",
    "planned_screen_visits",
    "planned_screen_hours",
    "status",
)
_WIDE, _NARROW = 60, 16


def report_csv(report: MonthReport) -> str:
    """A line per technology and centre with comment and kroner: ``;`` and decimal comma."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow([*COLUMNS, *EXTRA])
    for line in report.lines:
        writer.writerow([csv_cell(value) for value in _values(line)])
    return out.getvalue()


def report_workbook(report: MonthReport) -> bytes:
    """Two sheets: the benefits with comments, and the weeks of screen visits."""
    from openpyxl import Workbook  # noqa: PLC0415 - heavy: imported where it is used
    from openpyxl.worksheet.worksheet import Worksheet  # noqa: PLC0415 - heavy: imported where it is used

    book = Workbook()
    benefits = book.active
    if not isinstance(benefits, Worksheet):
        raise RuntimeError("Expected a new workbook to have a sheet, got none.")
    benefits.title = "Gevinster"
    _fill(benefits, [*COLUMNS, *EXTRA], [_values(line) for line in report.lines])
    _fill(book.create_sheet("Skærmbesøg"), SCREEN_COLUMNS, screen_values(report))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def screen_values(report: MonthReport) -> list[list[Any]]:
    """The cells of :data:`SCREEN_COLUMNS`, a line per centre and week."""
    found: list[list[Any]] = []
    for week in report.weeks:
        year, number, _weekday = week.monday_on.isocalendar()
        found.append(
            [
                week.unit_id or "all",
                report.unit_names.get(week.unit_id, "Alle"),
                f"{year}-W{number:02d}",
                week.answered,
                week.unanswered,
                None if week.mean_talk_s is None else round(week.mean_talk_s / 60, 1),
                week.active_citizens,
                _rounded(week.use_ratio),
                _rounded(week.conversion_ratio),
                _rounded(week.target_figure),
                week.planned_visits,
                _rounded(week.planned_h, 1),
                week.planned_screen_visits,
                _rounded(week.planned_screen_h, 1),
                "withheld" if week.withheld else "ok",
            ]
        )
    return found


def _values(line: ReportLine) -> list[Any]:
    kroner = [None if ore is None else ore / 100 for ore in (line.realised_ore, line.budget_ore)]
    return [*row_values(line.row), *kroner, line.comment or None]


def _fill(sheet: "Worksheet", columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415 - heavy: imported where it is used
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - heavy: imported where it is used

    sheet.append(list(columns))
    for values in rows:
        sheet.append([harmless(value) for value in values])
    for number, name in enumerate(columns, start=1):
        sheet.cell(1, number).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(number)].width = _WIDE if name == "comment" else _NARROW
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            cell.alignment = Alignment(vertical="top", wrap_text=cell.column == len(columns))
    sheet.freeze_panes = "C2"


def _rounded(value: float | None, decimals: int = 4) -> float | None:
    return None if value is None else round(value, decimals)
