"""A baseline of screen visits from the log: only weeks that say how it was before."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from kernel.events import Event
from metrics.before.measuring import freeze_from_log
from metrics.errors import BenefitError, TimeStudyError
from metrics.tables import BaselineRow, BaselineSampleRow
from tests.metrics.care import MONDAY, enrolled, screen_visit, visit
from tests.metrics.world import World

#: four whole weeks before the world's today
FIRST_ON = date(2026, 8, 31)
LAST_ON = FIRST_ON + timedelta(days=27)


def weeks(citizen: str, count: int = 4, unit_id: str = "nord", minutes: float = 30) -> list[Event]:
    return [
        event
        for week in range(count)
        for event in visit(citizen, FIRST_ON + timedelta(days=7 * week), minutes=minutes, unit_id=unit_id)
    ]


def freeze(world: World, from_on: date = FIRST_ON, to_on: date = LAST_ON) -> list[BaselineRow]:
    with world.units.begin() as work:
        frozen = freeze_from_log(work, "nord", from_on, to_on, world.pseudonyms)
        for row in frozen:
            work.session.refresh(row)
            work.session.expunge(row)
    world.sequencer.run_until_empty()
    return frozen


def live(world: World, *events: Event) -> None:
    world.append(*sorted(events, key=lambda event: event.at))
    world.fold()


def five(world: World) -> None:
    live(world, *(event for n in range(5) for event in weeks(f"c{n}")))


def test_weeks_before_the_screen_become_a_frozen_dated_baseline(world: World) -> None:
    five(world)
    (row,) = freeze(world)
    # half an hour and five minutes of travel, once a week
    assert (row.unit_id, row.kind, row.mean_s, row.mean_travel_s) == ("nord", "week", 2_100, 300)
    assert (row.occasion_count, row.subject_count, row.version) == (20, 5, 1)
    assert (row.last_on, row.valid_until_on) == (LAST_ON, date(2027, 9, 27))
    with pytest.raises(BenefitError) as again:
        freeze(world)
    assert again.value.code == "time_study_already_imported"
    live(world, *weeks("c9"))
    with pytest.raises(TimeStudyError, match="was not measured on"):
        freeze(world)


def test_weeks_that_do_not_say_how_it_was_before_are_left_out(world: World) -> None:
    monday = FIRST_ON
    live(
        world,
        *(event for n in range(5) for event in weeks(f"c{n}")),
        # too few weeks; an unended visit; a call; a visit of another unit; enrolled in the third week
        *weeks("few", 3),
        *weeks("open"),
        *visit("open", monday + timedelta(days=1), minutes=None),
        *weeks("called"),
        *screen_visit("called", monday + timedelta(days=8)),
        *weeks("moved"),
        *visit("moved", monday + timedelta(days=2), unit_id="amager"),
        *weeks("soon"),
        enrolled("soon", at=visit("soon", monday + timedelta(days=16))[0].at),
    )
    (row,) = freeze(world)
    with world.database.reading() as session:
        measured = set(session.exec(select(BaselineSampleRow.subject)).all())
    assert measured == {world.pseudonyms.subject(f"c{n}") for n in range(5)}
    assert row.mean_s == 2_100


def test_four_citizens_are_too_few_and_a_period_that_is_not_over_is_refused(world: World) -> None:
    live(world, *(event for n in range(4) for event in weeks(f"c{n}")))
    with pytest.raises(TimeStudyError, match="at least 5 citizens"):
        freeze(world)
    with pytest.raises(TimeStudyError, match="days in order"):
        freeze(world, to_on=MONDAY + timedelta(days=400))
    with world.database.reading() as session:
        assert session.exec(select(BaselineRow)).all() == []


def test_a_week_on_the_screen_is_measured_against_it(world: World) -> None:
    five(world)
    freeze(world)
    live(world, enrolled("c0"))
    live(world, *screen_visit("c0", MONDAY, minutes=10))
    live(world, *visit("other", MONDAY + timedelta(days=8)))
    world.fold()
    entry = next(one for one in world.entries("screen") if one.outcome == "counted")
    assert (entry.baseline_s, entry.net_s) == (2_100, 1_500)
