"""Consumers: each event once, whatever dies in the middle, and everybody at a pace of their own."""

from collections.abc import Collection, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.consumers import advance, advance_together, catch_up, catch_up_together, position_of
from kernel.database import Database
from kernel.events import StoredEvent
from kernel.sequencer import Sequencer
from kernel.work import Work
from tests.kernel.facts import noted, set_tally, tallies, tally, units_on


class Adder:
    """Adds one to the tally for each event, and may die after some of a batch."""

    def __init__(self, name: str = "adder", event_types: Collection[str] | None = None) -> None:
        self.name = name
        self.event_types = event_types
        self.dies_after: int | None = None

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:
        """Count, one by one."""
        for done, _ in enumerate(events):
            if self.dies_after is not None and done >= self.dies_after:
                raise ConnectionError("killed")
            set_tally(work.session, tally(work.session, lock=True) + 1)


def _log(database: Database, count: int) -> None:
    with units_on(database).begin() as work:
        work.record(*(noted(str(n)) for n in range(count)))
    Sequencer(database).run_until_empty()


def test_a_crash_in_the_middle_repeats_the_batch_and_counts_nothing_twice(database: Database) -> None:
    units, adder = units_on(database), Adder()
    _log(database, 10)
    with tallies(database):
        assert advance(units, adder, batch=4) == 4
        adder.dies_after = 2
        with pytest.raises(ConnectionError):
            advance(units, adder, batch=4)
        with database.reading() as session:
            assert (tally(session), position_of(session, "adder")) == (4, 4)
        adder.dies_after = None
        assert catch_up(units, adder, batch=4) == 6
        with database.reading() as session:
            assert (tally(session), position_of(session, "adder")) == (10, 10)
        assert catch_up(units, adder) == 0


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=6), st.integers(min_value=1, max_value=5))
def test_however_often_and_wherever_it_dies_the_sum_is_right(database: Database, deaths: list[int], batch: int) -> None:
    units, adder = units_on(database), Adder(f"adder-{len(deaths)}-{batch}-{sum(deaths)}")
    with database.reading() as session:
        start = position_of(session, adder.name)
    _log(database, 7)
    with tallies(database):
        for dies_after in deaths:
            adder.dies_after = dies_after
            try:
                advance(units, adder, batch)
            except ConnectionError:
                continue
        adder.dies_after = None
        catch_up(units, adder, batch)
        with database.reading() as session:
            assert tally(session) == position_of(session, adder.name) - start


def test_a_consumer_of_other_types_still_comes_to_the_end(database: Database) -> None:
    """Otherwise it would look at the same events again for ever and be called behind."""
    units, idle = units_on(database), Adder("idle", {"something.else"})
    _log(database, 5)

    assert catch_up(units, idle) == 0
    with database.reading() as session:
        assert position_of(session, "idle") == 5


def test_read_together_each_gets_what_it_wants_and_all_come_to_the_end(database: Database) -> None:
    units = units_on(database)
    quick, slow, idle = Adder("quick"), Adder("slow"), Adder("idle", {"something.else"})
    _log(database, 6)
    with tallies(database):
        assert catch_up(units, quick, batch=3) == 6
        assert advance(units, slow, batch=2) == 2
        catch_up_together(units, [slow, idle, quick], batch=3)
        with database.reading() as session:
            assert [position_of(session, one.name) for one in (quick, slow, idle)] == [6, 6, 6]
            assert tally(session) == 6 + 6
        assert advance_together(units, [quick, slow, idle]) == 0


def test_a_crash_of_one_that_reads_together_repeats_the_batch_for_all_and_counts_nothing_twice(
    database: Database,
) -> None:
    units, whole, mortal = units_on(database), Adder("a-whole"), Adder("b-mortal")
    _log(database, 10)
    with tallies(database):
        assert advance_together(units, [mortal, whole], batch=4) == 4
        mortal.dies_after = 2
        with pytest.raises(ConnectionError):
            advance_together(units, [mortal, whole], batch=4)
        with database.reading() as session:
            assert [position_of(session, one.name) for one in (whole, mortal)] == [4, 4]
            assert tally(session) == 2 * 4
        mortal.dies_after = None
        catch_up_together(units, [mortal, whole], batch=4)
        with database.reading() as session:
            assert (tally(session), position_of(session, mortal.name)) == (2 * 10, 10)


def test_each_consumer_has_a_position_of_its_own(database: Database) -> None:
    units, quick, slow = units_on(database), Adder("quick"), Adder("slow")
    _log(database, 6)
    with tallies(database):
        catch_up(units, quick)
        advance(units, slow, batch=2)
        with database.reading() as session:
            assert (position_of(session, "quick"), position_of(session, "slow")) == (6, 2)
