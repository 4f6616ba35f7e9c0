"""State and the events that tell of it: together or not at all."""

import pytest
from sqlalchemy import event
from sqlmodel import select

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import UnitsOfWork, Work
from tests.kernel.facts import AT, noted, set_tally, tallies, tally, units_on


def _events(database: Database) -> list[str]:
    with database.reading() as session:
        return [row.data["text"] for row in session.exec(select(EventRow).order_by(EventRow.id))]  # type: ignore[arg-type]


def _halfway(work: Work) -> None:
    set_tally(work.session, 1)
    work.record(noted("never"))
    raise ZeroDivisionError


def test_an_error_leaves_neither_state_nor_event_behind(database: Database) -> None:
    rung: list[None] = []
    units = UnitsOfWork(database, SimulatedWorldClock(AT), lambda: rung.append(None))
    with tallies(database):
        with pytest.raises(ZeroDivisionError), units.begin() as work:
            _halfway(work)
        with database.reading() as session:
            assert tally(session) == 0
    assert _events(database) == []
    assert rung == []


def test_state_and_events_appear_together_in_the_order_they_were_recorded(database: Database) -> None:
    units = units_on(database)
    with tallies(database):
        with units.begin() as work:
            set_tally(work.session, 3)
            work.record(noted("a"), noted("b"))
            work.record(noted("c"))
            assert [e.at for e in work.recorded] == [AT] * 3
            assert _events(database) == [], "nobody may see an event before its state is committed"
        with database.reading() as session:
            assert tally(session) == 3
    assert _events(database) == ["a", "b", "c"]


def test_the_bell_rings_after_the_commit_and_only_where_something_was_told(database: Database) -> None:
    seen: list[list[str]] = []
    units = UnitsOfWork(database, SimulatedWorldClock(AT), lambda: seen.append(_events(database)))

    with units.begin():
        pass
    with units.begin() as work:
        work.record(noted("told"))

    assert seen == [["told"]]


def test_a_commit_that_fails_raises_rings_no_bell_and_leaves_nothing(database: Database) -> None:
    """The database itself refuses at the last moment, as a deferred constraint or a full disk does."""
    rung: list[None] = []
    units = UnitsOfWork(database, SimulatedWorldClock(AT), lambda: rung.append(None))

    def refuse(_connection: object) -> None:
        raise OSError("no space left on device")

    event.listen(database.engine, "commit", refuse)
    with pytest.raises(OSError, match="no space"), units.begin() as work:
        work.record(noted("never"))
    event.remove(database.engine, "commit", refuse)

    assert _events(database) == []
    assert rung == []
    with units.begin() as work:
        work.record(noted("afterwards it works again"))
    assert _events(database) == ["afterwards it works again"]
