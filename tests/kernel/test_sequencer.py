"""Positions: gap-free, in order, each once, however many write and however many sequence."""

from threading import Barrier, Thread

from sqlmodel import select

from kernel.database import Database
from kernel.log import latest_at, latest_position, read_after, read_at
from kernel.sequencer import Sequencer
from kernel.tables import EventRow
from tests.kernel.facts import AT, noted, texts_after, units_on

WRITERS, EACH = 6, 15


def test_many_writers_and_two_sequencers_make_one_line_without_gaps(database: Database) -> None:
    units = units_on(database)
    together = Barrier(WRITERS + 2)
    still_writing = [True]

    def write(writer: int) -> None:
        together.wait(10)
        for number in range(EACH):
            with units.begin() as work:
                work.record(noted(f"{writer}.{number}"))

    def sequence() -> None:
        sequencer = Sequencer(database, batch=7)
        together.wait(10)
        while still_writing[0]:
            sequencer.run_once()

    writers = [Thread(target=write, args=(w,)) for w in range(WRITERS)]
    sequencers = [Thread(target=sequence) for _ in range(2)]
    for thread in (*writers, *sequencers):
        thread.start()
    for thread in writers:
        thread.join(60)
    still_writing[0] = False
    for thread in sequencers:
        thread.join(60)
    Sequencer(database).run_until_empty()

    found = texts_after(database, 0)
    assert [p for p, _ in found] == list(range(1, WRITERS * EACH + 1))
    assert len({text for _, text in found}) == WRITERS * EACH
    for writer in range(WRITERS):
        mine = [text for _, text in found if text.startswith(f"{writer}.")]
        assert mine == [f"{writer}.{n}" for n in range(EACH)], "one writer's events stay in its order"


def test_a_position_once_given_never_changes(database: Database) -> None:
    units, sequencer = units_on(database), Sequencer(database)
    for text in ("a", "b"):
        with units.begin() as work:
            work.record(noted(text))
        sequencer.run_until_empty()
    before = texts_after(database, 0)
    with units.begin() as work:
        work.record(noted("c"))
    sequencer.run_until_empty()

    assert texts_after(database, 0)[:2] == before == [(1, "a"), (2, "b")]


def test_nothing_to_do_takes_no_write_lock(database: Database) -> None:
    """An idle sequencer beside a long writer neither waits nor fails."""
    with database.writing() as session:
        session.exec(select(EventRow)).all()
        assert Sequencer(database).run_once() == 0


def test_a_batch_is_as_large_as_it_is_told_to_be(database: Database) -> None:
    with units_on(database).begin() as work:
        work.record(*(noted(str(n)) for n in range(5)))
    sequencer = Sequencer(database, batch=2)

    assert [sequencer.run_once() for _ in range(4)] == [2, 2, 1, 0]


def test_the_log_is_read_by_position_type_and_place(database: Database) -> None:
    with database.reading() as session:
        assert (latest_position(session), latest_at(session)) == (0, None)
    with units_on(database).begin() as work:
        work.record(*(noted(str(n)) for n in range(5)))
    Sequencer(database).run_until_empty()

    with database.reading() as session:
        assert [e.position for e in read_after(session, 2, 2)] == [3, 4]
        assert read_after(session, 0, 10, {"nothing.like.it"}) == []
        assert len(read_after(session, 0, 10, {"test.noted"})) == 5
        assert [e.position for e in read_at(session, [5, 1, 1, 99])] == [1, 5]
        assert (latest_position(session), latest_at(session)) == (5, AT)
