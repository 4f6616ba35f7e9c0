"""Files of measurements for screen visits, lifts and turning systems, and routing: all of it or nothing."""

from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

from metrics.errors import TimeStudyError
from metrics.store import baselines_in_use
from metrics.study_csv import Measured
from metrics.tables import BaselineRow, BaselineSampleRow
from metrics.time_study import COLUMNS, MeasuredTechnology, read_time_study
from tests.metrics.care import routing_csv, screen_csv, transfers_csv
from tests.metrics.world import UNITS, World

TODAY_ON = date(2026, 9, 29)
ROWS: dict[MeasuredTechnology, str] = {
    "screen": "nord;2026-W35;{subject};150,5;49,5",
    "transfers": "nord;2026-09-01;{subject};35;lift",
    "routing": "nord;2026-09-01;{subject};12;84,5",
}
SUBJECTS = {"screen": "citizen", "transfers": "resident", "routing": "carer"}


def file_of(technology: MeasuredTechnology, changes: dict[str, str] | None = None, subjects: int = 5) -> bytes:
    """Sound rows, with some cells of the first one changed."""
    columns = COLUMNS[technology]
    rows = [ROWS[technology].format(subject=f"s{n}").split(";") for n in range(subjects)]
    for column, value in (changes or {}).items():
        rows[0][columns.index(column)] = value
    return "\n".join(";".join(row) for row in [list(columns), *rows]).encode()


def read(technology: MeasuredTechnology, content: bytes) -> list[Measured]:
    return read_time_study(content, known_units=UNITS, today_on=TODAY_ON, technology=technology)


@pytest.mark.parametrize(
    ("technology", "expected"),
    [
        ("screen", Measured("nord", "week", "s0", date(2026, 8, 30), 12_000, 2_970)),
        ("transfers", Measured("nord", "day", "s0", date(2026, 9, 1), 2_100, component="lift")),
        ("routing", Measured("nord", "leg", "s0", date(2026, 9, 1), 5_070, 5_070, count=12)),
    ],
)
def test_a_sound_file_is_read_in_seconds(technology: MeasuredTechnology, expected: Measured) -> None:
    assert read(technology, file_of(technology))[0] == expected


@pytest.mark.parametrize(
    ("technology", "column", "value", "expected"),
    [
        ("screen", "unit", "syd", "a known unit"),
        ("screen", "week", "2026-09-01", "a week like 2026-W36"),
        ("screen", "week", "2026-W54", "a week like 2026-W36"),
        ("screen", "week", "2026-W40", "a week that ended by 2026-09-29"),
        ("screen", "citizen", " ", "a citizen code"),
        ("screen", "visit_minutes", "4000", "minutes from 0 to 3360"),
        ("transfers", "date", "2026-12-01", "a day not after 2026-09-29"),
        ("transfers", "technology", "hoist", "lift or turning or both"),
        ("transfers", "second_carer_minutes", "-1", "minutes from 0 to 480"),
        ("transfers", "resident", "", "a resident code"),
        ("routing", "legs", "0", "a whole number from 1 to 60"),
        ("routing", "legs", "2.5", "a whole number from 1 to 60"),
        ("routing", "travel_minutes", "x", "minutes from 0 to 480"),
        ("routing", "carer", "", "a carer code"),
    ],
)
def test_a_wrong_cell_is_named_with_what_was_expected_and_found(
    technology: MeasuredTechnology, column: str, value: str, expected: str
) -> None:
    with pytest.raises(TimeStudyError) as caught:
        read(technology, file_of(technology, {column: value}))
    (problem,) = caught.value.problems
    assert (problem.path, problem.expected) == (f"row 2, {column}", expected)
    assert problem.found == (value.strip() or "nothing")


@pytest.mark.parametrize("technology", list(ROWS))
def test_a_subject_measured_twice_at_once_or_too_few_subjects_are_refused(technology: MeasuredTechnology) -> None:
    twice = file_of(technology) + b"\n" + ROWS[technology].format(subject="s0").encode()
    with pytest.raises(TimeStudyError) as caught:
        read(technology, twice)
    assert caught.value.problems[0].expected == f"one row per {SUBJECTS[technology]} and date"
    with pytest.raises(TimeStudyError) as few:
        read(technology, file_of(technology, subjects=4))
    assert few.value.problems[0].expected == f"at least 5 {SUBJECTS[technology]}s"


def test_the_file_of_another_technology_is_refused_by_its_columns() -> None:
    with pytest.raises(TimeStudyError) as caught:
        read("screen", file_of("routing"))
    assert caught.value.problems[0].found == "without week, citizen, visit_minutes"


def test_a_broken_file_leaves_nothing_behind(world: World) -> None:
    with pytest.raises(TimeStudyError):
        world.import_measurements("screen", file_of("screen", {"week": "soon"}))
    with world.database.reading() as session:
        assert session.exec(select(BaselineRow)).all() == []


def test_each_technology_freezes_a_baseline_per_unit_with_its_own_versions(world: World) -> None:
    names = [f"s{n}" for n in range(5)]
    (screen,) = world.import_measurements("screen", screen_csv(names, [(140, 50), (160, 50)]))
    (transfers,) = world.import_measurements("transfers", transfers_csv(names, [30, 40]))
    (routing,) = world.import_measurements("routing", routing_csv(10, 70))
    (again,) = world.import_measurements("routing", routing_csv(20, 100, day=8))
    assert (screen.mean_s, screen.mean_travel_s, screen.occasion_count, screen.subject_count) == (12_000, 3_000, 10, 5)
    assert (transfers.mean_s, transfers.kind) == (2_100, "day")
    assert (routing.mean_s, routing.measured_count, routing.occasion_count) == (420, 50, 5)
    assert (routing.version, again.version, again.mean_s) == (1, 2, 300)
    with world.database.reading() as session:
        assert baselines_in_use(session, "routing")["nord"].version == 2
        subjects = {row.subject for row in session.exec(select(BaselineSampleRow))}
    assert world.pseudonyms.subject("s0") in subjects
    assert not subjects & set(names)


def test_the_formats_of_the_page_are_the_formats_that_are_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "benefits.md").read_text(encoding="utf-8")
    for columns in COLUMNS.values():
        assert ";".join(columns) in page
