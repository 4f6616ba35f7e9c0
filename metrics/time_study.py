"""Reading a time study: a CSV with one row per carer-shift measured before the keys.

Pure: text in, rows out. Everything is checked before anything is handed on, and every problem is named with
its row and column.
"""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from metrics.errors import Problem, TimeStudyError

COLUMNS = ("unit", "date", "shift_kind", "carer", "base_minutes", "base_leg_minutes")
SHIFT_KINDS = ("day", "evening", "night")
#: A baseline of fewer carers would say something about persons (design §7.11).
MINIMUM_SUBJECTS = 5
#: Nobody spends longer than a shift on keys; a larger figure is a typing error.
MAXIMUM_MINUTES = 480.0


@dataclass(frozen=True, slots=True)
class MeasuredShift:
    """One measured shift. ``carer`` is the code of the file, not yet a pseudonym."""

    unit_id: str
    on: date
    shift_kind: str
    carer: str
    base_s: int
    leg_s: int


def read_time_study(content: bytes, *, known_units: Collection[str], today_on: date) -> list[MeasuredShift]:
    """Parse and check a whole time study.

    Parameters
    ----------
    content
        UTF-8 with or without byte order mark; columns :data:`COLUMNS` in any order, separated by ``;`` (then
        a decimal comma is understood) or ``,``. Further columns are ignored.
    known_units
        Ids the rows may name.
    today_on
        A measurement cannot lie after this day.

    Raises
    ------
    TimeStudyError
        With all problems found; nothing is returned half.
    """
    reader, separator = _reader(content)
    problems: list[Problem] = []
    shifts: list[MeasuredShift] = []
    seen: dict[tuple[str, date, str], str] = {}
    for path, row in _rows(reader):
        if None in row or None in row.values():
            problems.append(Problem(path, f"{len(reader.fieldnames or ())} columns", "another number"))
            continue
        parsed = _RowReader(path, row, separator == ";", problems)
        shift = parsed.shift(known_units, today_on)
        if shift is None:
            continue
        key = (shift.carer, shift.on, shift.shift_kind)
        if key in seen:
            problems.append(Problem(path, "one row per carer, date and shift kind", f"as {seen[key]}"))
        seen.setdefault(key, path)
        shifts.append(shift)
    problems += _cell_problems(shifts) if not problems else []
    if problems:
        raise TimeStudyError(problems)
    return shifts


def _reader(content: bytes) -> tuple["csv.DictReader[str]", str]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise TimeStudyError([Problem(f"byte {err.start}", "UTF-8", "another encoding")]) from err
    header = text.split("\n", 1)[0]
    separator = ";" if ";" in header else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as err:
        _refuse("row 1", "a header line", str(err))
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        _refuse("row 1", f"the columns {', '.join(COLUMNS)}", f"without {', '.join(missing)}")
    if len(set(names)) != len(names):
        _refuse("row 1", "every column once", ", ".join(names))
    reader.fieldnames = names
    return reader, separator


def _rows(reader: "csv.DictReader[str]") -> Iterator[tuple[str, dict[str, str]]]:
    try:
        for row in reader:
            yield f"row {reader.line_num}", row
    except csv.Error as err:
        _refuse(f"row {reader.reader.line_num}", "a well-formed CSV row", str(err))


def _refuse(path: str, expected: str, found: str) -> NoReturn:
    raise TimeStudyError([Problem(path, expected, found)])


class _RowReader:
    """Reads the cells of one row and notes what is wrong with each."""

    def __init__(self, path: str, row: Mapping[str, str], decimal_comma: bool, problems: list[Problem]) -> None:
        self._path = path
        self._row = row
        self._decimal_comma = decimal_comma
        self._problems = problems
        self._sound = True

    def shift(self, known_units: Collection[str], today_on: date) -> MeasuredShift | None:
        """The row as a measured shift, or nothing if a cell is wrong."""
        unit_id = self._cell("unit")
        if unit_id not in known_units:
            self._wrong("unit", "a known unit", unit_id)
        kind = self._cell("shift_kind").lower()
        if kind not in SHIFT_KINDS:
            self._wrong("shift_kind", " or ".join(SHIFT_KINDS), kind)
        carer = self._cell("carer")
        if not carer:
            self._wrong("carer", "a carer code", carer)
        on = self._day(today_on)
        base_s, leg_s = self._seconds("base_minutes"), self._seconds("base_leg_minutes")
        if not self._sound or on is None:
            return None
        return MeasuredShift(unit_id=unit_id, on=on, shift_kind=kind, carer=carer, base_s=base_s, leg_s=leg_s)

    def _cell(self, column: str) -> str:
        return self._row[column].strip()

    def _wrong(self, column: str, expected: str, found: str) -> None:
        self._sound = False
        self._problems.append(Problem(f"{self._path}, {column}", expected, found or "nothing"))

    def _day(self, today_on: date) -> date | None:
        text = self._cell("date")
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self._wrong("date", "a date like 2026-09-01", text)
            return None
        if day > today_on:
            self._wrong("date", f"a day not after {today_on}", text)
        return day

    def _seconds(self, column: str) -> int:
        text = self._cell(column)
        try:
            minutes = float(text.replace(",", ".") if self._decimal_comma else text)
        except ValueError:
            minutes = math.nan
        if not 0 <= minutes <= MAXIMUM_MINUTES:
            self._wrong(column, f"minutes from 0 to {MAXIMUM_MINUTES:g}", text)
            return 0
        return round(minutes * 60)


def _cell_problems(shifts: list[MeasuredShift]) -> list[Problem]:
    if not shifts:
        return [Problem("row 2", "at least one measured shift", "nothing")]
    carers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for shift in shifts:
        carers[shift.unit_id, shift.shift_kind].add(shift.carer)
    return [
        Problem(f"unit {unit}, shift kind {kind}", f"at least {MINIMUM_SUBJECTS} carers", f"{len(found)}")
        for (unit, kind), found in sorted(carers.items())
        if len(found) < MINIMUM_SUBJECTS
    ]
