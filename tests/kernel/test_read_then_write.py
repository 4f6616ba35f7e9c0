"""Two units of work that read first and write later both succeed, and neither update is lost (design §6)."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from kernel.database import Database
from kernel.errors import KernelError
from tests.kernel.facts import set_tally, tallies, tally, units_on


def _at_once(acts: list[Callable[[], None]]) -> list[BaseException]:
    """Run acts in threads that start together; what they raised."""
    together, raised = Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[], None]) -> None:
        together.wait(10)
        try:
            act()
        except BaseException as err:  # noqa: BLE001 - handed to the test below
            raised.append(err)

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_two_that_read_first_and_write_later_both_count(database: Database) -> None:
    units = units_on(database)

    def count_one() -> None:
        for _ in range(10):
            with units.begin() as work:
                set_tally(work.session, tally(work.session, lock=True) + 1)

    with tallies(database):
        assert _at_once([count_one, count_one]) == []
        with database.reading() as session:
            assert tally(session) == 20


def test_ten_writers_all_get_their_turn(database: Database) -> None:
    units = units_on(database)

    def count_one() -> None:
        with units.begin() as work:
            set_tally(work.session, tally(work.session, lock=True) + 1)

    with tallies(database):
        assert _at_once([count_one] * 10) == []
        with database.reading() as session:
            assert tally(session) == 10


def test_without_an_immediate_beginning_sqlite_would_fail_at_once(database: Database) -> None:
    """The trap itself, so that nobody takes the IMMEDIATE away thinking a time-out would do."""
    if not database.is_sqlite:
        return
    with tallies(database), database.reading() as careless:
        before = tally(careless)
        with database.writing() as other:
            set_tally(other, 7)
        with pytest.raises(OperationalError, match="locked"):
            set_tally(careless, before + 1)


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_its_work(database: Database) -> None:
    units = units_on(database)
    with tallies(database):
        with units.begin() as work:
            set_tally(work.session, 5)
            with database.reading() as session:
                assert tally(session) == 0
        with database.reading() as session:
            assert tally(session) == 5


def test_a_database_held_too_long_says_busy_and_not_something_else(database: Database) -> None:
    if not database.is_sqlite:
        return
    impatient = Database(str(database.url))
    event.listen(impatient.engine, "connect", lambda link, _: link.execute("PRAGMA busy_timeout=20"))

    with tallies(database), database.writing() as holder:
        set_tally(holder, 1)
        with pytest.raises(KernelError) as caught, impatient.writing() as session:
            tally(session)
    assert caught.value.code == "database_busy"
    impatient.dispose()
