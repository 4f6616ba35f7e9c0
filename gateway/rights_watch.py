"""Looks after what somebody must not forget: locks that did not confirm a revocation, emergencies nobody reviewed."""

import time
from collections.abc import Callable
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.keys import revocations, store
from gateway.usecases.emergency import escalate
from kernel.errors import DomainError
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

EVERY_S = 0.5


class RightsWatch:
    """One thread per serving process; several do no harm, every step is taken once.

    Parameters
    ----------
    tell
        Called after a commit with the locks that need a new revocation list.
    """

    def __init__(self, units: UnitsOfWork, tell: Callable[[frozenset[str]], None]) -> None:
        self._units = units
        self._tell = tell
        self._stop = Event()
        self._thread = Thread(target=self._run, name="rights-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def look(self, wall_s: float) -> frozenset[str]:
        """Do what is due at this link time. Returns the locks whose epoch was raised."""
        escalate(self._units)
        with self._units.database.reading() as session:
            if not store.any_list_due(session, wall_s):
                return frozenset()
        with self._units.begin() as work:
            raised = revocations.raise_unconfirmed(work, wall_s)
        if raised:
            log.warning("epochs_raised", lock_count=len(raised))
        self._tell(raised)
        return raised

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.look(time.time())
            except (SQLAlchemyError, DomainError) as err:
                log.warning("rights_watch_failed", error=type(err).__name__)
