"""Nothing is lost to a transaction that took its ids early and committed late (design §3)."""

from collections.abc import Collection, Sequence
from threading import Event as Signal
from threading import Thread

from sqlalchemy import text
from sqlmodel import col, select

from kernel.consumers import advance, catch_up, position_of
from kernel.database import Database
from kernel.events import StoredEvent
from kernel.sequencer import Sequencer
from kernel.tables import EventRow
from kernel.work import Work
from tests.kernel.facts import noted, texts_after, units_on


class Reader:
    """A consumer that remembers what it was given."""

    name = "reader"
    event_types: Collection[str] | None = None

    def __init__(self) -> None:
        self.seen: list[str] = []

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:  # noqa: ARG002
        """Keep the texts."""
        self.seen += [str(e.data["text"]) for e in events]


def test_a_reader_by_position_gets_what_committed_late(database: Database) -> None:
    units, reader, sequencer = units_on(database), Reader(), Sequencer(database)
    has_ids, may_commit = Signal(), Signal()

    def first_in_last_out() -> None:
        with units.begin() as work:
            work.record(noted("early-1"), noted("early-2"))
            work.write_events()
            has_ids.set()
            if not database.is_sqlite:
                assert may_commit.wait(10)

    slow = Thread(target=first_in_last_out)
    slow.start()
    assert has_ids.wait(10)
    if database.is_sqlite:
        # One writer at a time: the second transaction can only begin when the first has ended.
        slow.join(10)
    with units.begin() as work:
        work.record(noted("late"))
    sequencer.run_until_empty()
    catch_up(units, reader)
    seen_before = list(reader.seen)
    may_commit.set()
    slow.join(10)
    sequencer.run_until_empty()
    catch_up(units, reader)

    assert sorted(reader.seen) == ["early-1", "early-2", "late"]
    positions = texts_after(database, 0)
    assert [p for p, _ in positions] == [1, 2, 3]
    if not database.is_sqlite:
        assert seen_before == ["late"], "the overlap has to have happened for this test to say anything"
        assert positions == [(1, "late"), (2, "early-1"), (3, "early-2")]


def test_a_reader_by_id_would_have_lost_it_which_is_why_positions_exist(database: Database) -> None:
    if database.is_sqlite:
        # Writers never overlap there: ids and commits come in the same order.
        with database.writing() as session:
            locked = session.execute(text("SELECT count(*) FROM event")).scalar_one()
        assert locked == 0
        return
    units = units_on(database)
    with units.begin() as slow:
        slow.record(noted("early"))
        slow.write_events()
        with units.begin() as quick:
            quick.record(noted("late"))
        with database.reading() as session:
            last_id = max(session.exec(select(EventRow.id)).all(), key=lambda i: i or 0)
    with database.reading() as session:
        missed = session.exec(select(EventRow).where(col(EventRow.id) > last_id)).all()
        early = session.exec(select(EventRow).order_by(col(EventRow.id))).first()

    assert missed == []
    assert early is not None
    assert early.data["text"] == "early"


def test_a_consumer_stands_where_the_sequencer_stood_and_never_ahead_of_it(database: Database) -> None:
    units, reader = units_on(database), Reader()
    with units.begin() as work:
        work.record(noted("committed, not yet in line"))

    assert advance(units, reader) == 0
    with database.reading() as session:
        assert position_of(session, reader.name) == 0

    Sequencer(database).run_until_empty()
    assert catch_up(units, reader) == 1
    assert reader.seen == ["committed, not yet in line"]
