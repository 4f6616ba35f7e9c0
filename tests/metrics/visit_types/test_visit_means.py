"""What a visit of a shift and type took before, and which shift a visit belongs to."""

from datetime import date, datetime

import pytest

from metrics.errors import TimeStudyError
from metrics.study_csv import Measured
from metrics.time_study import VISIT_COLUMNS, read_time_study
from metrics.visit_types.means import Cell, MeasuredVisits, VisitMeans, cells_of, means_for
from metrics.visit_types.shifts import shift_of
from tests.metrics.world import UNITS

ROW = "nord;2026-09-01;day;medicine;c{n};2;16;9,5"


def measured(subjects: int, visit_type: str, seconds: int, shift: str = "day") -> list[MeasuredVisits]:
    return [MeasuredVisits(f"{visit_type}{n}", shift, visit_type, 2, 2 * seconds) for n in range(subjects)]


def means(last_on: date = date(2026, 9, 1), position: int = 1) -> VisitMeans:
    cells = cells_of([*measured(6, "medicine", 600), *measured(4, "bath", 3_000), *measured(4, "talk", 900, "night")])
    return VisitMeans(f"b{position}", "nord", last_on, date(2027, 9, 1), position, cells)


def test_a_type_five_citizens_were_measured_with_has_its_own_mean_and_others_that_of_the_shift() -> None:
    found = means()
    medicine = found.cell_of("day", "medicine")
    assert medicine is not None
    assert (medicine.name, found.seconds_of({medicine: 3})) == ("day/medicine", 1_800)
    # Four bathed: their mean would speak of them. All ten citizens of the day: (12 x 600 + 8 x 3,000) / 20 visits.
    for too_few in ("bath", "never-measured", None):
        fallen_back = found.cell_of("day", too_few)
        assert fallen_back is not None
        assert (fallen_back.name, found.seconds_of({fallen_back: 1})) == ("day", 1_560)
    assert found.cell_of("night", "talk") is None
    assert Cell.named("day/medicine") == medicine


def test_the_newest_baseline_of_the_unit_that_holds_and_is_known_is_taken() -> None:
    older, newer = means(date(2026, 8, 1), 1), means(date(2026, 9, 1), 5)
    day = date(2026, 10, 1)
    assert means_for([older, newer], "nord", day, 9) == newer
    assert means_for([older, newer], "nord", day, 4) == older
    assert means_for([older, newer], "nord", date(2026, 9, 1), 9) == older
    assert means_for([older, newer], "nord", date(2027, 9, 2), 9) is None
    assert means_for([older, newer], "amager", day, 9) is None


@pytest.mark.parametrize(
    ("begun", "shift"),
    [
        ("2026-10-05T07:00+02:00", "day"),
        ("2026-10-05T14:59+02:00", "day"),
        ("2026-10-05T15:00+02:00", "evening"),
        ("2026-10-05T22:59+02:00", "evening"),
        ("2026-10-05T23:00+02:00", "night"),
        ("2026-01-05T05:30+00:00", "night"),
    ],
)
def test_a_visit_belongs_to_the_shift_of_its_local_hour(begun: str, shift: str) -> None:
    assert shift_of(datetime.fromisoformat(begun)) == shift


def file_of(rows: list[str], columns: tuple[str, ...] = VISIT_COLUMNS) -> bytes:
    return "\n".join([";".join(columns), *rows]).encode()


def read(content: bytes) -> list[Measured]:
    return read_time_study(content, known_units=UNITS, today_on=date(2026, 9, 29), technology="screen")


def test_a_file_with_visit_types_is_read_in_seconds_with_shift_and_type() -> None:
    first, *_others = read(file_of([ROW.format(n=n) for n in range(5)]))
    assert first == Measured(
        "nord", "visit", "c0", date(2026, 9, 1), 1_530, 570, 2, shift_kind="day", visit_type="medicine"
    )


@pytest.mark.parametrize(
    ("column", "value", "expected", "found"),
    [
        ("shift_kind", "lunch", "day or evening or night", "lunch"),
        ("visit_type", "", "a visit type", "nothing"),
        ("visit_type", "x" * 65, "a visit type of at most 64 characters", "65 characters"),
        ("visits", "25", "a whole number from 1 to 24", "25"),
        ("visit_minutes", "-16", "minutes from 0 to 480", "-16"),
        ("clock", "visiteret_tid", "vejtid_leveret", "visiteret_tid"),
    ],
)
def test_a_wrong_cell_wrong_sign_or_wrong_clock_is_named(column: str, value: str, expected: str, found: str) -> None:
    columns = (*VISIT_COLUMNS, "clock")
    cells = [*ROW.format(n=0).split(";"), "vejtid_leveret"]
    cells[columns.index(column)] = value
    rows = [";".join(cells), *(f"{ROW.format(n=n)};vejtid_leveret" for n in range(1, 6))]
    with pytest.raises(TimeStudyError) as caught:
        read(file_of(rows, columns))
    assert [(p.path, p.expected, p.found) for p in caught.value.problems] == [(f"row 2, {column}", expected, found)]


def test_visits_of_one_citizen_day_shift_and_type_stand_in_one_row() -> None:
    rows = [ROW.format(n=n) for n in range(5)]
    read(file_of([*rows, ROW.format(n=0).replace("day", "evening"), ROW.format(n=0).replace("medicine", "talk")]))
    with pytest.raises(TimeStudyError) as caught:
        read(file_of([*rows, rows[0]]))
    (problem,) = caught.value.problems
    assert (problem.path, problem.expected) == ("row 7", "one row per citizen, date, shift and visit type")
