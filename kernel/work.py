"""Unit of work: state and the events that tell of it, in one transaction."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session

from kernel.attempts import note_kept
from kernel.clock import WorldClock
from kernel.database import Database
from kernel.events import Event
from kernel.statements import Prepared, table_of
from kernel.tables import EventRow

#: inline: nobody asks for the ids, readers go by position
_TELL = Prepared(insert(table_of(EventRow)).inline())


class Work:
    """What a service gets to work with: a session, the world's time, and a place to record events.

    Nobody below the gateway commits; the one who opened the work does, before any answer leaves.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self._events: list[Event] = []

    def record(self, *events: Event) -> None:
        """Add facts to the log, in this order, with this transaction."""
        self._events.extend(events)

    @property
    def recorded(self) -> Sequence[Event]:
        """What has been recorded so far in this work."""
        return tuple(self._events)

    def write_events(self) -> int:
        """Insert the recorded events; called once, just before commit. Returns how many."""
        if not self._events:
            return 0
        rows = [
            {
                "event_type": e.event_type,
                "version": e.event_version,
                "at": e.at,
                "unit_id": e.unit_id,
                "carer_id": e.carer_id,
                "data": e.model_dump(mode="json"),
            }
            for e in self._events
        ]
        _TELL.run(self.session, *rows)
        self._events.clear()
        return len(rows)


class UnitsOfWork:
    """Opens units of work on a database and rings a bell after each commit that wrote events.

    Parameters
    ----------
    committed
        Called after such a commit.
    committed_calmly
        Called instead where nobody has to be woken at once; the same where absent.
    """

    def __init__(
        self,
        database: Database,
        clock: WorldClock,
        committed: Callable[[], None] = lambda: None,
        committed_calmly: Callable[[], None] | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self._committed = committed
        self._committed_calmly = committed_calmly or committed

    @contextmanager
    def begin(self, *, calmly: bool = False) -> Iterator[Work]:
        """A writing unit of work: commits on a clean exit, leaves nothing behind on an error.

        Parameters
        ----------
        calmly
            Whoever reads the log need not be woken for it at once: more follows in a moment, or nobody looks.
        """
        with self.database.writing() as session:
            work = Work(session, self.clock.now())
            yield work
            wrote = work.write_events()
        note_kept()
        if wrote:
            (self._committed_calmly if calmly else self._committed)()
