"""Rows of employee numbers take effect: what other systems call a carer, so that their files are understood."""

from collections.abc import Iterator
from datetime import date

from kernel.work import Work
from scheduling.exchange.people import People, bare_number
from scheduling.exchange.reader import CellProblem, Sheet, shown


def apply(work: Work, sheet: Sheet, people: People) -> tuple[list[CellProblem], dict[str, int], list[date]]:
    """Each row gives a carer the number she has elsewhere; a number two would have is refused."""
    problems = list(_problems(sheet, people))
    if problems:
        return problems, {}, []
    counts = dict.fromkeys(("made", "changed", "unchanged"), 0)
    for line in sheet.lines:
        carer, number = people.carers[line.text("carer")], line.text("employee_no")
        kept = "unchanged" if carer.employee_no == number else "made" if carer.employee_no is None else "changed"
        counts[kept] += 1
        carer.employee_no = number
        work.session.add(carer)
    return [], counts, []


def _problems(sheet: Sheet, people: People) -> Iterator[CellProblem]:
    rows_of_carer: dict[str, int] = {}
    rows_of_number: dict[str, int] = {}
    named = {people.carers[line.text("carer")].id for line in sheet.lines}
    others = {bare_number(c.employee_no) for c in people.staff if c.employee_no is not None and c.id not in named}
    for line in sheet.lines:
        carer_id, number = people.carers[line.text("carer")].id, bare_number(line.text("employee_no"))
        if carer_id in rows_of_carer:
            expected = f"en anden medarbejder end række {rows_of_carer[carer_id]}"
            yield CellProblem(line.row, sheet.headings["carer"], expected, "den samme")
        if number in rows_of_number or number in others:
            where = f"række {rows_of_number[number]}" if number in rows_of_number else "en medarbejder i dine enheder"
            found = f"{shown(line.text('employee_no'))}, som {where} har"
            yield CellProblem(line.row, sheet.headings["employee_no"], "et nummer, kun én har", found)
        rows_of_carer.setdefault(carer_id, line.row)
        rows_of_number.setdefault(number, line.row)
