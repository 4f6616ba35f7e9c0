"""The benefit report as text, JSON, CSV and XLSX. Rendering only; every figure comes from the rows."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from kernel.localtime import number_text
from metrics.report import BenefitRow
from metrics.technologies import TECHNOLOGIES, name_of

_TEXTS: dict[str, tuple[str, str]] = {
    "technology": ("teknologi", "technology"),
    "unit": ("enhed", "unit"),
    "target": ("måltal min", "target min"),
    "realised": ("realiseret min P10–P50–P90", "realised min P10–P50–P90"),
    "chance": ("chance for måltal", "chance of target"),
    "grade": ("evidens", "evidence grade"),
    "events": ("hændelser bag", "events behind it"),
    "all": ("Alle", "All"),
    "too_little_data": ("for lidt data", "too little data"),
    "withheld": ("vises ikke", "not shown"),
    "stated": ("måltal som skrevet", "target as stated"),
    "implied": ("måltal efter egne datoer", "target by its own dates"),
    "covered": ("tal og måltal gælder {first} – {last}.", "figure and target are about {first} – {last}."),
}
COLUMNS = (
    "technology",
    "unit_id",
    "unit_name",
    "from_on",
    "to_on",
    "reading",
    "target_min",
    "realised_min",
    "p10_min",
    "p50_min",
    "p90_min",
    "target_probability_ratio",
    "grade",
    "selection_not_ruled_out",
    "subject_count",
    "occasion_count",
    "ineligible_count",
    "event_count",
    "status",
    "reason",
    "rule_version",
    "used_min",
    "component",
    "clock",
    "owner",
    "covered_from_on",
    "covered_to_on",
    "not_ruled_out",
    "compared_with",
    "compared_subject_count",
    "compared_min",
    "compared_p10_min",
    "compared_p50_min",
    "compared_p90_min",
)


def table_text(rows: Sequence[BenefitRow], language: str = "da") -> str:
    """The report as aligned plain text; the same rows give the same bytes.

    A title line (period, reading, rule versions), the seven columns, and what has to be said below them: why a
    figure is missing, and which days a technology is about where they are not all of the period.
    """
    if not rows:
        return ""
    heads = ("technology", "unit", "target", "realised", "chance", "grade", "events")
    table = [[_text(head, language) for head in heads]]
    table += [_cells(row, language) for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(heads))]
    lines = [_title(rows, language), ""]
    lines += [_aligned(line, widths) for line in table]
    lines.insert(3, "  ".join("─" * width for width in widths))
    notes = [*_covered_notes(rows, language), *_reason_notes(rows, language)]
    notes += _threat_notes(rows, language)
    notes += [
        f"{technology_name(row.technology, language)}, {_unit(row, language)}: {row.compared_text(language)}"
        for row in rows
        if row.compared is not None
    ]
    return "\n".join([*lines, *([""] if notes else []), *notes, ""])


def to_json(rows: Sequence[BenefitRow]) -> str:
    """The report as a JSON array, seconds throughout."""
    return json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=2) + "\n"


def to_csv(rows: Sequence[BenefitRow]) -> str:
    """The report as CSV with ``;``, one header line, minutes with a decimal comma."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([csv_cell(value) for value in row_values(row)])
    return out.getvalue()


def to_xlsx(rows: Sequence[BenefitRow]) -> bytes:
    """The report as a workbook with one sheet and the headings of the CSV."""
    from openpyxl import Workbook  # noqa: PLC0415 - heavy: imported where it is used
    from openpyxl.styles import Font  # noqa: PLC0415 - heavy: imported where it is used

    book = Workbook()
    sheet = book.active
    if sheet is None:
        raise RuntimeError("Expected a new workbook to have a sheet, got none.")
    sheet.title = "Gevinster"
    sheet.append(list(COLUMNS))
    for row in rows:
        sheet.append([harmless(value) for value in row_values(row)])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def technology_name(technology: str, language: str = "da") -> str:
    """A technology as people call it; what is not known by name is called as it is."""
    for known in TECHNOLOGIES:
        if known == technology:
            return name_of(known, language)
    return technology


def whole_minutes(seconds: int) -> int:
    """Seconds as minutes, half a minute rounded away from zero."""
    minutes = (abs(seconds) + 30) // 60
    return minutes if seconds >= 0 else -minutes


def _text(key: str, language: str) -> str:
    return _TEXTS[key][0 if language == "da" else 1]


def _title(rows: Sequence[BenefitRow], language: str) -> str:
    row = rows[0]
    period = row.from_on.isoformat()
    if row.to_on != row.from_on:
        period += f" – {row.to_on.isoformat()}"
    versions = ", ".join(dict.fromkeys(r.rule_version for r in rows if r.rule_version))
    return " · ".join(part for part in (period, _text(row.reading, language), versions) if part)


def _covered_notes(rows: Sequence[BenefitRow], language: str) -> list[str]:
    """One line per technology whose figures are not about the whole period."""
    notes: dict[str, str] = {}
    for row in rows:
        if row.covered_from_on is None or row.covered_to_on is None or row.unit_id is not None:
            continue
        if row.covered_to_on != row.to_on or (row.technology == "screen" and row.covered_from_on != row.from_on):
            said = _text("covered", language).format(first=row.covered_from_on, last=row.covered_to_on)
            notes[row.technology] = f"{technology_name(row.technology, language)}: {said}"
    return list(notes.values())


def _reason_notes(rows: Sequence[BenefitRow], language: str) -> list[str]:
    """Each reason once per technology, with the units it is about unless it is about all."""
    notes: list[str] = []
    for technology in dict.fromkeys(row.technology for row in rows):
        mine = [row for row in rows if row.technology == technology]
        for reason in dict.fromkeys(row.reason for row in mine if row.reason is not None):
            said = [row for row in mine if row.reason == reason]
            name = technology_name(technology, language)
            where = [name] if len(said) == len(mine) else [name, *(_unit(row, language) for row in said)]
            notes.append(f"{', '.join(where)}: {said[0].reason_text(language)}")
    return notes


def _threat_notes(rows: Sequence[BenefitRow], language: str) -> list[str]:
    """Each warning once: after the technologies it is about, unless it is about every figure shown."""
    shown = [row for row in rows if row.status == "ok" and row.threats]
    notes: list[str] = []
    for text in dict.fromkeys(row.threats_text(language) for row in shown):
        names = dict.fromkeys(
            technology_name(r.technology, language) for r in shown if r.threats_text(language) == text
        )
        everywhere = all(row.threats_text(language) == text for row in shown)
        notes.append(text if everywhere else f"{', '.join(names)}: {text}")
    return notes


def _unit(row: BenefitRow, language: str) -> str:
    return _text("all", language) if row.unit_id is None else row.unit_name


def _cells(row: BenefitRow, language: str) -> list[str]:
    chance = row.target_probability_ratio
    return [
        technology_name(row.technology, language),
        _unit(row, language),
        _minutes(row.target_s, language) if row.has_target else "–",
        interval_text(row, language),
        "–" if chance is None else f"{percent_text(chance)} %",
        row.grade or "–",
        "–" if row.event_count is None else _number(row.event_count, language),
    ]


def interval_text(row: BenefitRow, language: str) -> str:
    """Realised minutes as P10–P50–P90, the one figure of a single day, or why there is none."""
    if row.status != "ok" or row.realised_s is None:
        return _text(row.status, language)
    if row.p10_s is None or row.p50_s is None or row.p90_s is None:
        return _minutes(row.realised_s, language)
    return "–".join(_minutes(s, language) for s in (row.p10_s, row.p50_s, row.p90_s))


def percent_text(ratio: float) -> str:
    """A probability in whole per cent, without the sign."""
    # A redraw never proves certainty, so neither 0 nor 100 is ever printed.
    if ratio < 0.005:
        return "<1"
    if ratio >= 0.995:
        return ">99"
    return f"{ratio * 100:.0f}"


def _minutes(seconds: int, language: str) -> str:
    return _number(whole_minutes(seconds), language)


def _number(value: int, language: str) -> str:
    text = number_text(value) if language == "da" else f"{value:,}"
    # A hyphen would be lost among the dashes of the interval.
    return text.replace("-", "\N{MINUS SIGN}")


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    names = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
    figures = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
    return "  ".join([*names, *figures]).rstrip()


def row_values(row: BenefitRow) -> list[Any]:
    """A row's cells in the order of :data:`COLUMNS`; minutes with two decimals, ``None`` where there is nothing."""
    return [
        row.technology,
        row.unit_id or "all",
        row.unit_name or "Alle",
        row.from_on.isoformat(),
        row.to_on.isoformat(),
        row.reading,
        *(_exact_minutes(s) for s in (row.target_s, row.realised_s, row.p10_s, row.p50_s, row.p90_s)),
        row.target_probability_ratio,
        row.grade,
        row.selection_not_ruled_out,
        row.subject_count,
        row.occasion_count,
        row.ineligible_count,
        row.event_count,
        row.status,
        row.reason,
        row.rule_version,
        _exact_minutes(row.used_s),
        row.component,
        row.clock,
        row.owner,
        None if row.covered_from_on is None else row.covered_from_on.isoformat(),
        None if row.covered_to_on is None else row.covered_to_on.isoformat(),
        ", ".join(row.threats) or None,
        *_compared(row),
    ]


def _compared(row: BenefitRow) -> list[Any]:
    found = row.compared
    if found is None:
        return [None] * 6
    seconds = (found.realised_s, found.p10_s, found.p50_s, found.p90_s)
    return [found.where, found.subject_count, *(_exact_minutes(s) for s in seconds)]


def _exact_minutes(seconds: int | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 2)


def csv_cell(value: Any) -> str:
    """A cell of a CSV: decimal comma, nothing for ``None``, no formula."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".").replace(".", ",")
    return str(harmless(value))


def harmless(value: Any) -> Any:
    """A unit's name must not be run as a formula by the spreadsheet that opens the file."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"}:
        return f"'{value}"
    return value
