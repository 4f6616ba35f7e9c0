"""The files a baseline is measured by, one format per technology, read by :mod:`metrics.study_csv`.

========== =========================================================================
keys       ``unit;date;shift_kind;carer;base_minutes;base_leg_minutes``
screen     ``unit;week;citizen;visit_minutes;travel_minutes``
transfers  ``unit;date;resident;second_carer_minutes;technology``
routing    ``unit;date;carer;legs;travel_minutes``
========== =========================================================================

Of screen visits a file with a column ``visit_type`` measures visits instead of weeks, by shift and visit type:
``unit;date;shift_kind;visit_type;citizen;visits;visit_minutes;travel_minutes``. A column ``clock`` may say the clock of
the minutes; it has to be the technology's own.

Pure: text in, measurements out; every problem is named with its row and column.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Literal

from metrics import routing_shifts, screen_weeks, transfer_days
from metrics.study_csv import Measured, RowReader, checked, header_of, read_table
from metrics.technologies import CLOCKS
from metrics.visit_types import means

MeasuredTechnology = Literal["keys", "screen", "transfers", "routing"]
COLUMNS: Mapping[MeasuredTechnology, tuple[str, ...]] = {
    "keys": ("unit", "date", "shift_kind", "carer", "base_minutes", "base_leg_minutes"),
    "screen": ("unit", "week", "citizen", "visit_minutes", "travel_minutes"),
    "transfers": ("unit", "date", "resident", "second_carer_minutes", "technology"),
    "routing": ("unit", "date", "carer", "legs", "travel_minutes"),
}
#: Of screen visits by visit type: a citizen's visits of a day, shift and type together.
VISIT_COLUMNS = ("unit", "date", "shift_kind", "visit_type", "citizen", "visits", "visit_minutes", "travel_minutes")
SHIFT_KINDS = ("day", "evening", "night")
TRANSFER_DEVICES = ("lift", "turning", "both")
#: Nobody spends longer than a shift on one of these in a day; a larger figure is a typing error.
MAXIMUM_MINUTES = 480.0
MAXIMUM_WEEK_MINUTES = 7 * MAXIMUM_MINUTES
MAXIMUM_LEGS = 60
MAXIMUM_VISITS = 24
LONGEST_VISIT_TYPE = 64
_SUBJECTS: Mapping[MeasuredTechnology, str] = {
    "keys": "carers",
    "screen": "citizens",
    "transfers": "residents",
    "routing": "carers",
}
_RowOf = Callable[[RowReader, Collection[str], date], Measured | None]


def read_time_study(
    content: bytes, *, known_units: Collection[str], today_on: date, technology: MeasuredTechnology = "keys"
) -> list[Measured]:
    """Parse and check a whole file of measurements.

    Parameters
    ----------
    content
        UTF-8 with or without byte order mark; :data:`COLUMNS` (or :data:`VISIT_COLUMNS`) in any order, separated by
        ``;`` (then a decimal comma is understood) or ``,``. Further columns are ignored.
    known_units
        Ids the rows may name.
    today_on
        A measurement cannot lie after this day.

    Raises
    ------
    TimeStudyError
        With all problems found; nothing is returned half.
    """
    by_visit = technology == "screen" and "visit_type" in header_of(content)
    table = read_table(content, VISIT_COLUMNS if by_visit else COLUMNS[technology])
    row_of = _visits if by_visit else _ROWS[technology]
    problems = list(table.problems)
    measured: list[tuple[str, Measured]] = []
    for path, row in table.rows:
        reader = RowReader(path, row, table.decimal_comma, problems)
        reader.clock(CLOCKS[technology])
        one = row_of(reader, known_units, today_on)
        if one is not None:
            measured.append((path, one))
    return checked(measured, problems, _SUBJECTS[technology])


def _keys(row: RowReader, known_units: Collection[str], today_on: date) -> Measured | None:
    unit_id, kind = row.unit(known_units), row.choice("shift_kind", SHIFT_KINDS)
    carer, on = row.text("carer", "a carer code"), row.day(today_on)
    base_s, leg_s = (row.seconds(column, MAXIMUM_MINUTES) for column in ("base_minutes", "base_leg_minutes"))
    if not row.sound or on is None:
        return None
    return Measured(unit_id, kind, carer, on, measured_s=base_s + leg_s, travel_s=leg_s)


def _screen(row: RowReader, known_units: Collection[str], today_on: date) -> Measured | None:
    unit_id, citizen = row.unit(known_units), row.text("citizen", "a citizen code")
    last_on = row.week(today_on)
    visit_s, travel_s = (row.seconds(column, MAXIMUM_WEEK_MINUTES) for column in ("visit_minutes", "travel_minutes"))
    if not row.sound or last_on is None:
        return None
    kind = screen_weeks.BASELINE_KIND
    return Measured(unit_id, kind, citizen, last_on, measured_s=visit_s + travel_s, travel_s=travel_s)


def _visits(row: RowReader, known_units: Collection[str], today_on: date) -> Measured | None:
    unit_id, shift_kind = row.unit(known_units), row.choice("shift_kind", SHIFT_KINDS)
    visit_type = row.text("visit_type", "a visit type", LONGEST_VISIT_TYPE)
    citizen, on, count = row.text("citizen", "a citizen code"), row.day(today_on), row.count("visits", MAXIMUM_VISITS)
    visit_s, travel_s = (row.seconds(column, MAXIMUM_MINUTES) for column in ("visit_minutes", "travel_minutes"))
    if not row.sound or on is None:
        return None
    kind = means.BASELINE_KIND
    return Measured(
        unit_id, kind, citizen, on, visit_s + travel_s, travel_s, count, shift_kind=shift_kind, visit_type=visit_type
    )


def _transfers(row: RowReader, known_units: Collection[str], today_on: date) -> Measured | None:
    unit_id, resident = row.unit(known_units), row.text("resident", "a resident code")
    on, second_s = row.day(today_on), row.seconds("second_carer_minutes", MAXIMUM_MINUTES)
    component = row.choice("technology", TRANSFER_DEVICES)
    if not row.sound or on is None:
        return None
    return Measured(unit_id, transfer_days.BASELINE_KIND, resident, on, measured_s=second_s, component=component)


def _routing(row: RowReader, known_units: Collection[str], today_on: date) -> Measured | None:
    unit_id, carer, on = row.unit(known_units), row.text("carer", "a carer code"), row.day(today_on)
    legs, travel_s = row.count("legs", MAXIMUM_LEGS), row.seconds("travel_minutes", MAXIMUM_MINUTES)
    if not row.sound or on is None:
        return None
    kind = routing_shifts.BASELINE_KIND
    return Measured(unit_id, kind, carer, on, measured_s=travel_s, travel_s=travel_s, count=legs)


_ROWS: Mapping[MeasuredTechnology, _RowOf] = {
    "keys": _keys,
    "screen": _screen,
    "transfers": _transfers,
    "routing": _routing,
}
