"""Facts and a table of their own for tests of the kernel: no domain is needed to prove it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import Column, Integer, MetaData, String, Table, select, update
from sqlmodel import Session

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.events import Event
from kernel.log import read_after
from kernel.work import UnitsOfWork

AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
"""07:00 in Copenhagen."""


class Noted(Event):
    """Something was noted; ``text`` says what."""

    event_type: ClassVar[str] = "test.noted"

    text: str


#: a table that is not part of the product: a counter to read first and write later
TALLIES = Table(
    "tally",
    MetaData(),
    Column("name", String(16), primary_key=True),
    Column("count", Integer, nullable=False),
)


def noted(text: str) -> Noted:
    """A fact with this text."""
    return Noted(at=AT, text=text)


def units_on(database: Database) -> UnitsOfWork:
    """Units of work in a world that stands still at seven."""
    return UnitsOfWork(database, SimulatedWorldClock(AT))


@contextmanager
def tallies(database: Database) -> Iterator[None]:
    """The table of tallies with one row, ``visits`` = 0."""
    TALLIES.create(database.engine)
    with database.writing() as session:
        session.execute(TALLIES.insert().values(name="visits", count=0))
    yield
    TALLIES.drop(database.engine)


def tally(session: Session, lock: bool = False) -> int:
    """What the tally says; held until the end of the transaction where ``lock`` is set."""
    query = select(TALLIES.c.count).where(TALLIES.c.name == "visits")
    return int(session.execute(query.with_for_update() if lock else query).scalar_one())


def set_tally(session: Session, count: int) -> None:
    """Write the tally."""
    session.execute(update(TALLIES).where(TALLIES.c.name == "visits").values(count=count))


def texts_after(database: Database, position: int) -> list[tuple[int, str]]:
    """Positions and texts of everything after a position."""
    with database.reading() as session:
        return [(e.position, str(e.data["text"])) for e in read_after(session, position, 10_000)]
