"""Taking in a time study: everything or nothing, and frozen from then on."""

from datetime import date

import pytest
from sqlmodel import select

from kernel.log import read_after
from metrics.baselines import import_time_study, known_baselines, months_later
from metrics.errors import BenefitError, TimeStudyError
from metrics.ledger import baseline_for
from metrics.tables import BaselineRow, BaselineSampleRow, TimeStudyRow
from metrics.time_study import read_time_study
from tests.metrics.care import screen_csv
from tests.metrics.world import UNITS, World, study_csv

TODAY_ON = date(2026, 9, 29)
SOUND = [("nord", date(2026, 9, 1), "day", f"c{n}", 10 + n, 15) for n in range(6)]


def problems_of(content: bytes) -> dict[str, tuple[str, str]]:
    with pytest.raises(TimeStudyError) as caught:
        read_time_study(content, known_units=UNITS, today_on=TODAY_ON)
    return {p.path: (p.expected, p.found) for p in caught.value.problems}


def changed(row: int, column: int, value: object) -> bytes:
    rows = [list(r) for r in SOUND]
    rows[row][column] = value
    return study_csv([tuple(r) for r in rows])  # type: ignore[misc]


def test_a_sound_study_is_read_in_seconds() -> None:
    shifts = read_time_study(study_csv(SOUND), known_units=UNITS, today_on=TODAY_ON)
    assert [(s.measured_s, s.travel_s) for s in shifts][:2] == [(1_500, 900), (1_560, 900)]


def test_comma_separated_and_semicolon_with_decimal_comma_say_the_same() -> None:
    with_point = study_csv([(*r[:4], 10.5, 15) for r in SOUND], ",")
    with_comma = study_csv([(*r[:4], 10.5, 15) for r in SOUND]).replace(b"10.5", b"10,5")
    assert read_time_study(with_point, known_units=UNITS, today_on=TODAY_ON) == read_time_study(
        b"\xef\xbb\xbf" + with_comma, known_units=UNITS, today_on=TODAY_ON
    )


@pytest.mark.parametrize(
    ("row", "column", "value", "path", "expected", "found"),
    [
        (0, 0, "syd", "row 2, unit", "a known unit", "syd"),
        (1, 1, "31-09-2026", "row 3, date", "a date like 2026-09-01", "31-09-2026"),
        (2, 1, "2026-12-01", "row 4, date", "a day not after 2026-09-29", "2026-12-01"),
        (3, 2, "lunch", "row 5, shift_kind", "day or evening or night", "lunch"),
        (4, 3, "", "row 6, carer", "a carer code", "nothing"),
        (5, 4, "-1", "row 7, base_minutes", "minutes from 0 to 480", "-1"),
        (5, 5, "nan", "row 7, base_leg_minutes", "minutes from 0 to 480", "nan"),
        (5, 5, "ten", "row 7, base_leg_minutes", "minutes from 0 to 480", "ten"),
    ],
)
def test_a_wrong_cell_is_named_with_what_was_expected_and_found(
    row: int, column: int, value: str, path: str, expected: str, found: str
) -> None:
    assert problems_of(changed(row, column, value)) == {path: (expected, found)}


def test_every_problem_is_named_not_only_the_first() -> None:
    content = study_csv([("syd", date(2026, 9, 1), "lunch", "a", 1, 1), ("nord", TODAY_ON, "day", "", 1, 1)])
    assert set(problems_of(content)) == {"row 2, unit", "row 2, shift_kind", "row 3, carer"}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", "row 1"),
        (b"unit;date\nnord;2026-09-01\n", "row 1"),
        ("unit;æ".encode("latin-1"), "byte 5"),
        (study_csv([]), "row 2"),
        (study_csv(SOUND) + b"nord;2026-09-01\n", "row 8"),
        (study_csv(SOUND) + b'nord;"2026', "row 8"),
        (study_csv([*SOUND, SOUND[0]]), "row 8"),
        (study_csv(SOUND[:4]), "unit nord, day"),
    ],
    ids=["empty", "columns", "encoding", "no rows", "short row", "open quote", "twice", "too few carers"],
)
def test_a_broken_file_is_refused_with_the_place(content: bytes, path: str) -> None:
    assert set(problems_of(content)) == {path}


def test_the_error_says_in_danish_what_to_correct_first() -> None:
    with pytest.raises(TimeStudyError) as caught:
        read_time_study(changed(0, 0, "syd"), known_units=UNITS, today_on=TODAY_ON)
    assert caught.value.code == "time_study_invalid"
    assert "row 2, unit" in caught.value.text("da")


def test_a_broken_study_leaves_nothing_behind(world: World) -> None:
    with pytest.raises(TimeStudyError), world.units.begin() as work:
        import_time_study(work, changed(3, 4, "x"), known_units=UNITS, pseudonyms=world.pseudonyms)
    with world.database.reading() as session:
        assert session.exec(select(TimeStudyRow)).all() == []
        assert read_after(session, 0, 10) == []


def test_a_baseline_is_frozen_per_unit_with_dates_n_and_spread(world: World) -> None:
    baselines = world.measure(carers=6, minutes=25)
    assert [b.unit_id for b in baselines] == ["amager", "midtbyen", "nord"]
    nord = baselines[2]
    assert (nord.version, nord.occasion_count, nord.subject_count) == (1, 30, 6)
    assert (nord.first_on, nord.last_on) == (date(2026, 9, 1), date(2026, 9, 5))
    assert nord.valid_until_on == date(2027, 9, 5)
    assert nord.mean_s == 24 * 60 + 40
    assert nord.spread_s > 0


def test_the_sample_is_kept_without_the_carer_codes(world: World) -> None:
    world.measure(carers=6)
    with world.database.reading() as session:
        subjects = {row.subject for row in session.exec(select(BaselineSampleRow))}
    assert len(subjects) == 18
    assert world.pseudonyms.subject("nord-0") in subjects
    assert not any("nord" in subject for subject in subjects)


def test_freezing_a_baseline_is_an_event(world: World) -> None:
    world.measure(carers=6, unit_ids=["nord"])
    with world.database.reading() as session:
        (event,) = read_after(session, 0, 10)
    assert event.event_type == "benefit.baseline_frozen"
    assert event.unit_id == "nord"
    assert event.data["occasion_count"] == 30


def test_the_same_file_is_refused_the_second_time(world: World) -> None:
    world.measure(carers=6)
    with pytest.raises(BenefitError) as caught:
        world.measure(carers=6)
    assert caught.value.code == "time_study_already_imported"
    with world.database.reading() as session:
        assert len(session.exec(select(BaselineRow)).all()) == 3


def test_a_later_study_is_the_next_version(world: World) -> None:
    world.measure(carers=6, unit_ids=["nord"])
    (second,) = world.measure(carers=7, unit_ids=["nord"], first_day=6)
    assert second.version == 2


def test_a_study_of_days_that_are_in_a_baseline_already_is_refused_whole(world: World) -> None:
    world.measure(carers=6, unit_ids=["nord"])
    with pytest.raises(TimeStudyError) as caught:
        world.measure(carers=7, first_day=5)
    (problem,) = caught.value.problems
    assert (problem.path, problem.found) == ("unit nord, day", "2026-09-05 to 2026-09-09")
    assert problem.expected == "days version 1 of nord was not measured on (2026-09-01 to 2026-09-05)"
    with world.database.reading() as session:
        # Neither nord's second version nor the sound part of the file, amager and midtbyen.
        assert [(row.unit_id, row.version) for row in session.exec(select(BaselineRow))] == [("nord", 1)]


def test_citizens_of_a_unit_may_be_measured_one_after_the_other_but_nobody_twice(world: World) -> None:
    first, later = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(5)]
    weeks = [(140.0, 50.0), (160.0, 50.0)]
    world.import_measurements("screen", screen_csv(first, weeks))
    world.import_measurements("screen", screen_csv(later, weeks, first_week=31))
    with pytest.raises(TimeStudyError, match="version 1 of nord"):
        world.import_measurements("screen", screen_csv([*later[1:], "a0"], weeks, "midtbyen", first_week=31))


def test_a_baseline_holds_after_its_last_day_for_twelve_months_and_once_known(world: World) -> None:
    world.measure(carers=6, unit_ids=["nord"])
    world.fold()
    with world.database.reading() as session:
        known = known_baselines(session)

    def holds(day: date, unit_id: str = "nord", position: int = 1) -> bool:
        return baseline_for(known, "keys", unit_id, "day", day, position) is not None

    assert not holds(date(2026, 9, 5))
    assert holds(date(2026, 9, 6))
    assert holds(date(2027, 9, 5))
    assert not holds(date(2027, 9, 6))
    assert not holds(date(2026, 11, 1), unit_id="amager")
    assert not holds(date(2026, 11, 1), position=0)


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2026, 2, 28), date(2027, 2, 28)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2026, 12, 31), date(2027, 12, 31)),
    ],
)
def test_twelve_months_later_is_the_same_day_of_the_next_year(day: date, later: date) -> None:
    assert months_later(day, 12) == later
