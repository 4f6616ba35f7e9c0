"""The evaluation data set as CSV and as a workbook: one line per figure, so that it can be analysed elsewhere."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from metrics.evaluation.answers import COLUMNS as ANSWER_COLUMNS
from metrics.evaluation.answers import blank_file
from metrics.evaluation.figures import Answered, Measurement
from metrics.evaluation.questionnaire import Questionnaire
from metrics.report_formats import csv_cell, harmless

WHERE = ("technology", "unit_id", "unit_name", "measurement", "from_on", "to_on", "state")
COUNT_COLUMNS = (*WHERE, "figure", "value", "status")
QUESTION_COLUMNS = (*WHERE, "questionnaire", "version", "audience", "question", "answer", "count", "status")


def count_rows(measurements: Sequence[Measurement]) -> Iterator[list[Any]]:
    """What was counted, a line per figure: minutes with one decimal, subjects; ``status`` says why one is missing."""
    for one in measurements:
        row = one.row
        if row is None:
            continue
        figures = (
            ("realised_min", row.realised_s),
            ("p10_min", row.p10_s),
            ("p50_min", row.p50_s),
            ("p90_min", row.p90_s),
            ("target_min", row.target_s if row.has_target else None),
        )
        for name, seconds in figures:
            status = "ok" if seconds is not None else "no_target" if name == "target_min" else row.reason or row.status
            yield [*_where(one), name, None if seconds is None else round(seconds / 60, 1), status]
        for step in one.steps:
            yield [*_where(one), step.key, step.count, "ok" if step.count is not None else "withheld"]


def question_rows(measurements: Sequence[Measurement]) -> Iterator[list[Any]]:
    """What was answered, a line per answer; a count that few persons stand behind is left out and says so."""
    for one in measurements:
        for answered in one.answered:
            for values in _answers(answered):
                yield [*_where(one), answered.form.id, answered.version, answered.form.audience, *values]


def evaluation_csv(measurements: Sequence[Measurement]) -> str:
    """Counts and answers one under the other, each under its header line: ``;`` and decimal comma."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(COUNT_COLUMNS)
    writer.writerows([csv_cell(value) for value in row] for row in count_rows(measurements))
    writer.writerow([])
    writer.writerow(QUESTION_COLUMNS)
    writer.writerows([csv_cell(value) for value in row] for row in question_rows(measurements))
    return out.getvalue()


def evaluation_workbook(measurements: Sequence[Measurement]) -> bytes:
    """Two sheets: what was counted, and what was answered."""
    from openpyxl import Workbook  # noqa: PLC0415 - heavy: imported where it is used
    from openpyxl.styles import Font  # noqa: PLC0415 - heavy: imported where it is used

    book = Workbook(write_only=False)
    book.remove(book.worksheets[0])
    sheets = (
        ("Optælling", COUNT_COLUMNS, count_rows(measurements)),
        ("Spørgeskemaer", QUESTION_COLUMNS, question_rows(measurements)),
    )
    for title, columns, rows in sheets:
        sheet = book.create_sheet(title)
        sheet.append(list(columns))
        for row in rows:
            sheet.append([harmless(value) for value in row])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def blank_csv(form: Questionnaire, unit_id: str, point: str) -> str:
    """The file a municipality fills in: every question with every answer, ``count`` empty."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(ANSWER_COLUMNS)
    writer.writerows(blank_file(form, unit_id, point))
    return out.getvalue()


def _where(one: Measurement) -> list[Any]:
    point = one.point
    days = [point.from_on.isoformat(), point.to_on.isoformat()]
    return [one.technology, one.unit.unit_id, one.unit.name, point.key, *days, point.state]


def _answers(answered: Answered) -> Iterator[list[Any]]:
    for shown in answered.questions:
        for answer, count in shown.counts.items():
            yield [shown.question, answer, count, "ok" if count is not None else "withheld"]
