"""Reading a file of measurements: strict, whole, every problem named with its row and column.

Pure: bytes in, rows out. Everything is checked before anything is handed on.
"""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from metrics.errors import Problem, TimeStudyError

#: A baseline of fewer subjects would say something about persons (design §7.11).
MINIMUM_SUBJECTS = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """One measured occasion. ``subject`` is the code of the file, not yet a pseudonym.

    ``count`` is how many units were measured at once: legs of a carer-day, visits of a citizen's day, otherwise 1.
    ``travel_s`` is part of ``measured_s``. ``on`` is the day, for a week its last. Visits alone have ``shift_kind`` and
    ``visit_type``.
    """

    unit_id: str
    kind: str
    subject: str
    on: date
    measured_s: int
    travel_s: int = 0
    count: int = 1
    component: str | None = None
    shift_kind: str | None = None
    visit_type: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file with their places, and whether numbers may have a decimal comma."""

    rows: tuple[tuple[str, dict[str, str]], ...]
    decimal_comma: bool
    problems: tuple[Problem, ...]


def read_table(content: bytes, columns: Sequence[str]) -> Table:
    """The rows of a CSV in UTF-8 with or without byte order mark, separated by ``;`` or ``,``.

    Columns may come in any order, further ones are ignored.

    Raises
    ------
    TimeStudyError
        If it is no such file or a column is missing; rows of another length are problems of the table.
    """
    reader, separator = _reader(content, columns)
    rows: list[tuple[str, dict[str, str]]] = []
    problems: list[Problem] = []
    for path, row in _rows(reader):
        if None in row or None in row.values():
            problems.append(Problem(path, f"{len(reader.fieldnames or ())} columns", "another number"))
        else:
            rows.append((path, row))
    return Table(tuple(rows), separator == ";", tuple(problems))


def checked(measured: Sequence[tuple[str, Measured]], problems: Sequence[Problem], subjects: str) -> list[Measured]:
    """The measurements if nothing is wrong with any of them.

    Parameters
    ----------
    measured
        Each with its place in the file.
    subjects
        What the subjects are called in a problem, for example ``carers``.

    Raises
    ------
    TimeStudyError
        With every problem; nothing is returned half.
    """
    found = list(problems)
    seen: dict[tuple[object, ...], str] = {}
    for path, one in measured:
        key = (one.subject, one.on, one.kind, one.shift_kind, one.visit_type)
        if key in seen:
            once = " and date" if one.visit_type is None else ", date, shift and visit type"
            found.append(Problem(path, f"one row per {subjects[:-1]}{once}", f"as {seen[key]}"))
        seen.setdefault(key, path)
    rows = [one for _path, one in measured]
    found += _cell_problems(rows, subjects) if not found else []
    if found:
        raise TimeStudyError(found)
    return rows


def header_of(content: bytes) -> frozenset[str]:
    """The names of a file's columns as far as they can be read; what is wrong with them is said by the reading."""
    first = content.decode("utf-8-sig", "replace").split("\n", 1)[0]
    return frozenset(name.strip() for name in first.split(";" if ";" in first else ","))


class RowReader:
    """Reads the cells of one row and notes what is wrong with each. ``sound`` tells whether all were right."""

    def __init__(self, path: str, row: Mapping[str, str], decimal_comma: bool, problems: list[Problem]) -> None:
        self._path = path
        self._row = row
        self._decimal_comma = decimal_comma
        self._problems = problems
        self.sound = True

    def text(self, column: str, expected: str, longest: int = 200) -> str:
        """A cell that may not be empty."""
        found = self._row[column].strip()
        if not found:
            self._wrong(column, expected, found)
        elif len(found) > longest:
            self._wrong(column, f"{expected} of at most {longest} characters", f"{len(found)} characters")
        return found

    def clock(self, clock: str) -> None:
        """The clock of the minutes, where the file says it: another one's minutes are none of these."""
        found = self._row.get("clock")
        if found is not None and found.strip().lower() != clock:
            self._wrong("clock", clock, found.strip())

    def unit(self, known_units: Collection[str]) -> str:
        """A unit that exists."""
        found = self._row["unit"].strip()
        if found not in known_units:
            self._wrong("unit", "a known unit", found)
        return found

    def choice(self, column: str, choices: Sequence[str]) -> str:
        """One of a few words."""
        found = self._row[column].strip().lower()
        if found not in choices:
            self._wrong(column, " or ".join(choices), found)
        return found

    def day(self, today_on: date) -> date | None:
        """A day that is not to come."""
        found = self._row["date"].strip()
        try:
            day = date.fromisoformat(found)
        except ValueError:
            self._wrong("date", "a date like 2026-09-01", found)
            return None
        if day > today_on:
            self._wrong("date", f"a day not after {today_on}", found)
        return day

    def week(self, today_on: date) -> date | None:
        """The last day of an ISO week that is over."""
        found = self._row["week"].strip()
        year, _, week = found.partition("-W")
        try:
            last_on = date.fromisocalendar(int(year), int(week), 7)
        except ValueError:
            self._wrong("week", "a week like 2026-W36", found)
            return None
        if last_on > today_on:
            self._wrong("week", f"a week that ended by {today_on}", found)
        return last_on

    def seconds(self, column: str, maximum_min: float) -> int:
        """Minutes, as seconds."""
        found = self._row[column].strip()
        try:
            minutes = float(found.replace(",", ".") if self._decimal_comma else found)
        except ValueError:
            minutes = math.nan
        if not 0 <= minutes <= maximum_min:
            self._wrong(column, f"minutes from 0 to {maximum_min:g}", found)
            return 0
        return round(minutes * 60)

    def count(self, column: str, maximum: int) -> int:
        """A whole number from 1 on."""
        found = self._row[column].strip()
        number = int(found) if found.isascii() and found.isdigit() else 0
        if not 1 <= number <= maximum:
            self._wrong(column, f"a whole number from 1 to {maximum}", found)
        return number

    def _wrong(self, column: str, expected: str, found: str) -> None:
        self.sound = False
        self._problems.append(Problem(f"{self._path}, {column}", expected, found or "nothing"))


def _reader(content: bytes, columns: Sequence[str]) -> tuple["csv.DictReader[str]", str]:
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
    missing = [name for name in columns if name not in names]
    if missing:
        _refuse("row 1", f"the columns {', '.join(columns)}", f"without {', '.join(missing)}")
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


def _cell_problems(measured: Sequence[Measured], subjects: str) -> list[Problem]:
    if not measured:
        return [Problem("row 2", "at least one measured occasion", "nothing")]
    cells: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in measured:
        cells[one.unit_id, one.kind].add(one.subject)
    return [
        Problem(f"unit {unit}, {kind}", f"at least {MINIMUM_SUBJECTS} {subjects}", f"{len(found)}")
        for (unit, kind), found in sorted(cells.items())
        if len(found) < MINIMUM_SUBJECTS
    ]
