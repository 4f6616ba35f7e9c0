"""A closed month stays as it was; what changes afterwards stands beside it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from kernel.database import Database
from kernel.localtime import at_local
from kernel.log import latest_position, read_at
from metrics.errors import BenefitError
from metrics.months import close_month, month_bounds, month_lines
from scheduling.events import VisitEnded
from tests.databases import until_it_waits
from tests.metrics.care import screen_visit, visit
from tests.metrics.town import live_a_week
from tests.metrics.world import Shift, Stop, World, plain_shift

DAY = date(2026, 10, 12)


def open_shift(n: int) -> Shift:
    return Shift(f"nord-{n}", DAY, (Stop(6, 36), Stop(376, None)))


def end_late(world: World, shifts: list[Shift]) -> None:
    start_at = at_local(DAY, time(7))
    world.append(
        *(
            VisitEnded(
                at=datetime(2026, 11, 12, 9, tzinfo=UTC) if n % 2 else start_at + timedelta(minutes=415),
                visit_id=f"{s.id}-1",
                citizen_id="c",
                carer_id=s.carer_id,
                unit_id=s.unit_id,
                shift_id=s.id,
                mode="physical",
                outcome="done",
                begun_at=start_at,
            )
            for n, s in enumerate(shifts, start=1)
        )
    )
    world.fold()


def close_october(world: World) -> None:
    world.clock.advance_to(datetime(2026, 11, 2, 8, tzinfo=UTC))
    with world.units.begin() as work:
        close_month(work, "2026-10", "benefit_owner")
    world.sequencer.run_until_empty()


def test_closing_stores_the_figures_of_every_unit_and_tells_the_log(world: World) -> None:
    world.measure()
    world.live(*(plain_shift(f"nord-{n}", DAY) for n in range(6)))
    world.fold()
    close_october(world)
    with world.database.reading() as session:
        (line,) = month_lines(session, "2026-10", "keys")
        keys, routing = read_at(session, [latest_position(session) - 1, latest_position(session)])
    assert (line.kind, line.unit_id, line.net_s, line.occasion_count) == ("closed", "nord", 6 * 900, 6)
    assert (keys.event_type, keys.data["closed_by_role"]) == ("benefit.month_closed", "benefit_owner")
    assert (keys.data["technology"], routing.data["technology"]) == ("keys", "routing")


def test_a_later_correction_is_a_line_of_its_own_and_the_closed_figure_stands(world: World) -> None:
    world.measure()
    waiting = [open_shift(n) for n in range(12)]
    world.live(*(plain_shift(f"x-{n}", DAY) for n in range(6)), *waiting)
    world.fold()
    close_october(world)
    end_late(world, waiting)
    with world.database.reading() as session:
        closed, *corrections = month_lines(session, "2026-10", "keys")
    assert closed.net_s == 6 * 900
    in_time_s = 6 * (1500 - 360 - 300)
    assert [(c.kind, c.on, c.occasion_count) for c in corrections] == [
        ("correction", DAY, 6),
        ("correction", date(2026, 11, 12), 6),
    ]
    assert [c.net_s for c in corrections] == [in_time_s, 6 * (1500 - 360)]


def test_a_correction_of_few_carers_does_not_show_its_minutes(world: World) -> None:
    world.measure()
    world.live(*(plain_shift(f"x-{n}", DAY) for n in range(6)), open_shift(1))
    world.fold()
    close_october(world)
    end_late(world, [open_shift(1)])
    with world.database.reading() as session:
        _closed, correction = month_lines(session, "2026-10", "keys")
    assert (correction.occasion_count, correction.net_s) == (1, None)


def test_a_month_is_closed_once_and_only_when_it_is_over(world: World) -> None:
    world.measure()
    world.live(plain_shift("nord-1", DAY))
    world.fold()
    with pytest.raises(BenefitError) as early, world.units.begin() as work:
        close_month(work, "2026-10", "benefit_owner")
    assert early.value.code == "month_not_over"
    close_october(world)
    with pytest.raises(BenefitError) as again:
        close_october(world)
    assert again.value.code == "month_already_closed"


def test_every_technology_is_closed_and_a_week_belongs_to_the_month_its_last_day_is_in(world: World) -> None:
    live_a_week(world)
    # The week of 26 October ends on 1 November.
    last_week_on = date(2026, 10, 27)
    citizens = [f"nord-citizen-{n}" for n in range(6)]
    world.append(*(event for citizen in citizens for event in screen_visit(citizen, last_week_on)))
    world.append(*visit("somebody-else", date(2026, 11, 3)))
    world.fold()
    close_october(world)
    with world.database.reading() as session:
        lines = {line.technology: line for line in month_lines(session, "2026-10")}
    assert list(lines) == ["screen", "transfers", "keys", "routing"]
    assert (lines["screen"].net_s, lines["screen"].occasion_count) == (6 * 9_420, 6)
    assert (lines["transfers"].net_s, lines["transfers"].occasion_count) == (42 * 2_040, 42)


def test_a_month_is_written_as_year_and_month() -> None:
    assert month_bounds("2026-12") == (date(2026, 12, 1), date(2026, 12, 31))
    with pytest.raises(ValueError, match="2026-10"):
        month_bounds("October")


def test_of_two_who_close_a_month_at_once_one_closes_it_and_the_other_is_told_so(
    database: Database, tmp_path: Path
) -> None:
    world = World(tmp_path, database=database)
    world.measure()
    world.live(*(plain_shift(f"nord-{n}", DAY) for n in range(6)))
    world.fold()
    with ThreadPoolExecutor(1) as pool:
        world.clock.advance_to(datetime(2026, 11, 2, 8, tzinfo=UTC))
        with world.units.begin() as work:
            close_month(work, "2026-10", "benefit_owner")
            work.session.flush()
            other = pool.submit(close_october, world)
            until_it_waits(database, other)
        with pytest.raises(BenefitError) as caught:
            other.result(timeout=20)
    assert caught.value.code == "month_already_closed"
    with database.reading() as session:
        assert len(month_lines(session, "2026-10", "keys")) == 1
