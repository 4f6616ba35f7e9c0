"""Rows of shifts take effect: who is on duty when, as the shift planning system says."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from kernel.localtime import at_local, local_day
from kernel.work import Work
from scheduling import day_rows
from scheduling.exchange.people import People
from scheduling.exchange.reader import CellProblem, Sheet
from scheduling.exchange.sheets import SheetLine
from scheduling.patterns.days import ensure_frame
from scheduling.patterns.nights import follow_shifts
from scheduling.tables import AbsenceRow, ShiftRow

MOST_HOURS = 16


def apply(work: Work, sheet: Sheet, people: People) -> tuple[list[CellProblem], dict[str, int], list[date]]:
    """Rows become shifts from and to the unit's base. A shift that has begun is left alone; who is absent has none.

    A shift is of the day it begins on. Visits after midnight that wait for a carer go to the night that can make them.
    """
    problems = list(_problems(sheet, people, local_day(work.now)))
    if problems:
        return problems, {}, []
    days = sorted({line.day("day") for line in sheet.lines})
    known, absent = _shifts(work.session, days), _absent(work.session, days)
    counts = dict.fromkeys(("made", "changed", "cancelled", "unchanged", "away", "held"), 0)
    rows: list[dict[str, Any]] = []
    for line in sheet.lines:
        _one(work, line, people, known, absent, rows, counts)
    if rows:
        work.session.execute(insert(ShiftRow), rows)
    for day in days:
        ensure_frame(work.session, day)
    follow_shifts(work.session, days, {people.carers[line.text("carer")].unit_id for line in sheet.lines})
    return [], counts, days


def _problems(sheet: Sheet, people: People, today: date) -> Iterator[CellProblem]:
    seen: dict[tuple[str, date], int] = {}
    for line in sheet.lines:
        day = line.day("day")
        key = (people.carers[line.text("carer")].id, day)
        if key in seen:
            yield CellProblem(line.row, sheet.headings["carer"], f"én vagt om dagen (række {seen[key]})", "to")
        seen.setdefault(key, line.row)
        if day < today:
            yield CellProblem(line.row, sheet.headings["day"], "i dag eller senere", f"{day:%d-%m-%Y}")
        start, end = _span(line)
        if end - start > timedelta(hours=MOST_HOURS):
            found = f"{line.clock('starts'):%H:%M} til {line.clock('ends'):%H:%M}"
            yield CellProblem(line.row, sheet.headings["ends"], f"en vagt på højst {MOST_HOURS} timer", found)


def _one(
    work: Work,
    line: SheetLine,
    people: People,
    known: dict[tuple[str, date], ShiftRow],
    absent: set[tuple[str, date]],
    rows: list[dict[str, Any]],
    counts: dict[str, int],
) -> None:
    carer, day = people.carers[line.text("carer")], line.day("day")
    start, end = _span(line)
    row = known.get((carer.id, day))
    if row is None:
        away = (carer.id, day) in absent
        counts["made"] += 1
        counts["away"] += away
        rows.append(_row(carer.id, carer.unit_id, day, start, end, people.units[carer.unit_id].base, away=away))
    elif (row.planned_start_at, row.planned_end_at) == (start, end):
        counts["unchanged"] += 1
    elif row.state == "planned":
        row.planned_start_at, row.planned_end_at, row.kind = start, end, day_rows.shift_kind(start)
        work.session.add(row)
        counts["changed"] += 1
    else:
        counts["held"] += 1


def _row(
    carer_id: str, unit_id: str, day: date, start: datetime, end: datetime, base: dict[str, Any], *, away: bool
) -> dict[str, Any]:
    return {
        "id": f"{day.isoformat()}.{carer_id}",
        "carer_id": carer_id,
        "unit_id": unit_id,
        "day": day,
        "kind": day_rows.shift_kind(start),
        "planned_start_at": start,
        "planned_end_at": end,
        "starts_from": "base",
        "ends_at_place": "base",
        "start_place": base,
        "end_place": base,
        "state": "cancelled" if away else "planned",
    }


def _span(line: SheetLine) -> tuple[datetime, datetime]:
    day, starts, ends = line.day("day"), line.clock("starts"), line.clock("ends")
    return at_local(day, starts), at_local(day if ends > starts else day + timedelta(days=1), ends)


def _shifts(session: Session, days: list[date]) -> dict[tuple[str, date], ShiftRow]:
    rows = session.exec(select(ShiftRow).where(col(ShiftRow.day).in_(days)).with_for_update()).all()
    return {(row.carer_id, row.day): row for row in rows}


def _absent(session: Session, days: list[date]) -> set[tuple[str, date]]:
    rows = session.exec(select(AbsenceRow).where(col(AbsenceRow.day).in_(days))).all()
    return {(row.carer_id, row.day) for row in rows}
