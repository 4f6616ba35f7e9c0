"""Reading what belongs together as it was at one instant, while others write."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from kernel.database import Database
from metrics.sums.once import read_once


@contextmanager
def one_instant(database: Database) -> Iterator[Session]:
    """A session for reading in which every statement sees the same: a sum and what it is made of fit together.

    On PostgreSQL a reading sees with each statement what was committed by then; a subject that gets another
    pseudonym between two of them would have saved something and never been measured. SQLite reads like this always.
    """
    with database.reading_long() as session:
        if not database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        read_once(session)
        yield session
