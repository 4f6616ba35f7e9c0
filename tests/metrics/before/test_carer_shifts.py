"""Baselines of keys and routing from the log: only shifts that were worked as before."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlmodel import select

from kernel.localtime import at_local
from metrics.before.measuring import freeze_from_log
from metrics.errors import TimeStudyError
from metrics.tables import BaselineRow, BaselineSampleRow
from metrics.time_study import MeasuredTechnology
from scheduling.events import DayPlanned
from tests.metrics.care import enrolled
from tests.metrics.world import Shift, Stop, World, shift_events

FIRST_ON, LAST_ON = date(2026, 9, 14), date(2026, 9, 18)
DAYS = [FIRST_ON + timedelta(days=n) for n in range(5)]
CARERS = [f"c{n}" for n in range(5)]
#: 18 minutes before the first visit, ways of 6 and 4 minutes, 12 minutes after the last one
BEFORE = (Stop(18, 60), Stop(66, 120), Stop(124, 408))


def before(carers: Sequence[str] = CARERS, days: Sequence[date] = DAYS) -> Iterator[Shift]:
    return (Shift(carer, day, BEFORE) for carer in carers for day in days)


def freeze(world: World, technology: MeasuredTechnology, to_on: date = LAST_ON) -> list[BaselineRow]:
    with world.units.begin() as work:
        frozen = freeze_from_log(work, "nord", FIRST_ON, to_on, world.pseudonyms, technology)
        for row in frozen:
            work.session.refresh(row)
            work.session.expunge(row)
    world.sequencer.run_until_empty()
    return frozen


def measured_subjects(world: World) -> set[str]:
    with world.database.reading() as session:
        return set(session.exec(select(BaselineSampleRow.subject)).all())


def test_shifts_with_keys_to_fetch_become_a_baseline_of_keys_and_their_legs_one_of_routing(world: World) -> None:
    world.live(*before())
    (keys,) = freeze(world, "keys")
    assert (keys.unit_id, keys.kind, keys.mean_s, keys.occasion_count, keys.subject_count) == (
        "nord",
        "day",
        30 * 60,
        25,
        5,
    )
    assert (keys.first_on, keys.last_on, keys.valid_until_on) == (FIRST_ON, LAST_ON, date(2027, 9, 18))
    (routing,) = freeze(world, "routing")
    assert (routing.kind, routing.mean_s, routing.measured_count) == ("leg", 5 * 60, 50)
    world.live(*before(["late"], DAYS[:1]))
    with pytest.raises(TimeStudyError, match="was not measured on"):
        freeze(world, "keys")


def test_shifts_that_do_not_say_how_it_was_before_are_left_out(world: World) -> None:
    world.live(
        *before(),
        Shift("lock", DAYS[0], (*BEFORE[:2], Stop(124, 408, locked=True))),
        Shift("no-key", DAYS[0], tuple(Stop(s.begun_min, s.ended_min, formerly_key=False) for s in BEFORE)),
        Shift("late-end", DAYS[0], BEFORE, length_min=480),
        Shift("open", DAYS[0], (Stop(18, None), *BEFORE[1:])),
        Shift("amager", DAYS[0], BEFORE, unit_id="amager"),
    )
    # A route that was never published, and a shift nobody ended.
    for carer, told in (("no-route", slice(1, None)), ("no-end", slice(0, -1))):
        world.append(*shift_events(Shift(carer, DAYS[0], BEFORE))[told])
    (keys,) = freeze(world, "keys")
    assert measured_subjects(world) == {world.pseudonyms.subject(carer) for carer in CARERS}
    assert keys.mean_s == 30 * 60


def test_each_kind_of_shift_has_its_own_baseline_and_one_few_worked_has_none(world: World) -> None:
    evenings = [Shift(f"e{n}", day, (Stop(25, 400),), kind="evening") for n in range(5) for day in DAYS]
    nights = [Shift(f"n{n}", day, (Stop(40, 400),), kind="night") for n in range(4) for day in DAYS]
    world.live(*before(), *evenings, *nights)
    assert [(row.kind, row.mean_s) for row in freeze(world, "keys")] == [("day", 30 * 60), ("evening", 45 * 60)]


def test_a_night_shift_is_measured_once_with_the_day_it_begins_on(world: World) -> None:
    # The first begins the evening before the period, the last ends the morning after it.
    nights = [FIRST_ON + timedelta(days=n) for n in range(-1, 5)]
    stops = (Stop(20, 60), Stop(90, 120), Stop(400, 500))
    world.live(
        *(
            Shift(carer, day, stops, kind="night", length_min=510, starts=time(22, 45))
            for carer in CARERS
            for day in nights
        )
    )

    (keys,) = freeze(world, "keys")

    assert (keys.kind, keys.occasion_count, keys.mean_s) == ("night", 25, 30 * 60)


def test_days_that_were_planned_here_and_legs_to_screen_citizens_are_no_baseline_of_routing(world: World) -> None:
    world.append(enrolled("seen", at=at_local(FIRST_ON, time(6))))
    world.fold()
    planned = DayPlanned(
        at=at_local(FIRST_ON, time(5)), unit_id="nord", day=DAYS[1].isoformat(), visit_count=3, unallocated_count=0
    )
    seen = (BEFORE[0], Stop(80, 120, citizen_id="seen"), BEFORE[2])
    world.append(planned)
    world.live(*before(days=DAYS[:2]), *(Shift(carer, DAYS[2], seen) for carer in CARERS))
    (routing,) = freeze(world, "routing")
    # Two legs of the first day, none of the planned one, and of the third the leg to the other citizen.
    assert (routing.occasion_count, routing.measured_count, routing.mean_s) == (10, 15, (2 * 5 + 4) * 60 // 3)


def test_few_carers_or_a_period_that_is_not_over_are_refused_in_danish_too(world: World) -> None:
    world.live(*before(CARERS[:4]))
    with pytest.raises(TimeStudyError, match="at least 5 carers") as few:
        freeze(world, "keys")
    assert "mindst 5 medarbejdere" in few.value.text("da")
    with pytest.raises(TimeStudyError, match="days in order"):
        freeze(world, "routing", to_on=datetime(2026, 9, 29, tzinfo=UTC).date())
    with world.database.reading() as session:
        assert session.exec(select(BaselineRow)).all() == []


def test_a_shift_with_electronic_keys_is_measured_against_what_the_log_told_before(world: World) -> None:
    world.live(*before())
    freeze(world, "keys")
    day = date(2026, 10, 5)
    world.live(Shift("c0", day, (Stop(5, 200, locked=True), Stop(210, 415, locked=True))))
    world.fold()
    (entry,) = [entry for entry in world.entries() if entry.day_on == day]
    assert (entry.baseline_s, entry.net_s) == (30 * 60, 20 * 60)
