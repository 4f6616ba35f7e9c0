"""Two clocks that never mix, and instants that never lose their zone."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from kernel.clock import ManualLinkClock, SimulatedWorldClock, SystemLinkClock, SystemWorldClock
from kernel.database import Database
from kernel.localtime import at_local, clock_text, day_text, local_day, number_text
from kernel.tables import EventRow
from tests.kernel.facts import AT


def test_the_simulated_world_goes_forward_only() -> None:
    clock = SimulatedWorldClock(AT)
    clock.advance_to(AT + timedelta(minutes=5))
    clock.advance_to(AT + timedelta(minutes=5))

    with pytest.raises(ValueError, match="not before"):
        clock.advance_to(AT)
    assert clock.now() == AT + timedelta(minutes=5)


def test_a_world_without_a_time_zone_is_refused() -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        SimulatedWorldClock(naive)
    with pytest.raises(ValueError, match="aware"):
        SimulatedWorldClock(AT).advance_to(naive)


def test_the_simulated_world_tells_utc_whatever_zone_it_was_set_in() -> None:
    clock = SimulatedWorldClock(AT.astimezone(timezone(timedelta(hours=5))))

    assert clock.now().tzinfo is UTC
    assert clock.now() == AT


def test_the_link_clock_stands_until_moved_and_never_goes_back() -> None:
    clock = ManualLinkClock(10.0)
    clock.advance(2.5)

    assert clock.monotonic_s() == 12.5
    with pytest.raises(ValueError, match="step >= 0"):
        clock.advance(-1)
    before, after = SystemLinkClock().monotonic_s(), SystemLinkClock().monotonic_s()
    assert after >= before
    assert SystemWorldClock().now().tzinfo is UTC


def test_an_instant_comes_back_from_the_database_as_it_went_in(database: Database) -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-7)))
    with database.writing() as session:
        session.add(EventRow(event_type="test.noted", version=1, at=elsewhere, data={}))
    with database.reading() as session:
        found = session.exec(select(EventRow.at)).one()
        asked = session.exec(select(EventRow).where(EventRow.at <= elsewhere)).all()

    assert found == AT
    assert found.utcoffset() == timedelta(0)
    assert len(asked) == 1


def test_a_naive_instant_does_not_get_into_the_database(database: Database) -> None:
    with pytest.raises(Exception, match="aware instant"), database.writing() as session:
        session.add(EventRow(event_type="test.noted", version=1, at=AT.replace(tzinfo=None), data={}))


@given(st.dates(date(2000, 1, 1), date(2040, 12, 31)), st.integers(4, 23), st.integers(0, 59))
def test_danish_wall_clock_and_instant_are_each_others_inverse(day: date, hour: int, minute: int) -> None:
    instant = at_local(day, time(hour, minute))

    assert (local_day(instant), clock_text(instant)) == (day, f"{hour:02}:{minute:02}")


def test_the_days_the_clock_changes_have_23_and_25_hours() -> None:
    spring = at_local(date(2026, 3, 30), time(0)) - at_local(date(2026, 3, 29), time(0))
    autumn = at_local(date(2026, 10, 26), time(0)) - at_local(date(2026, 10, 25), time(0))

    assert (spring, autumn) == (timedelta(hours=23), timedelta(hours=25))


def test_days_and_numbers_are_written_the_way_danes_write_them() -> None:
    assert day_text(date(2026, 11, 25)) == "ons. 25. nov."
    assert day_text(date(2026, 11, 25), "en") == "Wed 25 Nov"
    assert number_text(1234567.891, 1) == "1.234.567,9"
    assert clock_text(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "00:30"
