"""Gives each committed event its place in line.

Row ids are handed out before commit, so a reader that remembers "the last id I saw" silently loses the rows
of a transaction that took its ids early and committed late. Positions are given here, after commit, in one
transaction at a time, without gaps; readers go by position and lose nothing (design §3).
"""

from sqlalchemy import text
from sqlmodel import Session

from kernel.database import Database

#: Any constant will do; it only has to be the same for every sequencer of one database.
_ADVISORY_LOCK_KEY = 0x0A50_5F5E

_ASSIGN = text(
    """
    UPDATE event SET position = ranked.place
    FROM (
        SELECT id, :base + row_number() OVER (ORDER BY id) AS place
        FROM event WHERE position IS NULL ORDER BY id LIMIT :batch
    ) AS ranked
    WHERE event.id = ranked.id
    """
)


class Sequencer:
    """Assigns positions to events that have none. Any number may run; one at a time gets the lock."""

    def __init__(self, database: Database, batch: int = 5_000) -> None:
        self._database = database
        self._batch = batch

    def run_once(self) -> int:
        """Give positions to at most one batch of committed events. Returns how many got one."""
        if not self.pending():
            return 0
        with self._database.writing() as session:
            if not self._is_leader(session):
                return 0
            base = session.execute(text("SELECT coalesce(max(position), 0) FROM event")).scalar_one()
            done = session.execute(_ASSIGN, {"base": base, "batch": self._batch})
            return int(getattr(done, "rowcount", 0))

    def run_until_empty(self) -> int:
        """Give positions until no committed event is without. Returns how many got one."""
        total = 0
        while True:
            count = self.run_once()
            total += count
            if count < self._batch:
                return total

    def pending(self) -> bool:
        """Whether a committed event waits for its position."""
        with self._database.reading() as session:
            found = session.execute(text("SELECT 1 FROM event WHERE position IS NULL LIMIT 1")).first()
        return found is not None

    def _is_leader(self, session: Session) -> bool:
        if self._database.is_sqlite:
            return True  # BEGIN IMMEDIATE already admits one writer only.
        locked = session.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK_KEY})
        return bool(locked.scalar_one())
