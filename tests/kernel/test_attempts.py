"""A unit of work that a database ended in favour of another is begun again, three times at most."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kernel.attempts import ChosenVictimError, again, attempt
from kernel.database import Database
from tests.kernel.facts import noted, units_on


def test_what_was_ended_twice_is_done_the_third_time() -> None:
    left = [ChosenVictimError(), ChosenVictimError()]

    def act() -> str:
        if left:
            raise left.pop()
        return "done"

    assert again(act) == "done"


def test_three_times_is_enough_and_then_the_error_says_busy() -> None:
    tries: list[int] = []

    def act() -> None:
        tries.append(1)
        raise ChosenVictimError

    with pytest.raises(ChosenVictimError) as caught:
        again(act)
    assert (len(tries), caught.value.code) == (3, "database_busy")


def test_an_attempt_knows_whether_something_of_it_was_committed(database: Database) -> None:
    units = units_on(database)

    def fails() -> None:
        with units.begin() as work:
            work.record(noted("never"))
            work.session.execute(text("SELECT 1 FROM no_such_table"))

    with attempt() as failed, pytest.raises(SQLAlchemyError):
        fails()
    with attempt() as kept, units.begin() as work:
        work.record(noted("kept"))

    assert (failed.has_kept, kept.has_kept) == (False, True)
