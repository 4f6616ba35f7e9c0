"""Settles openings nobody answered, and asks silent locks how they stand."""

import time
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.keys import opening_steps, opening_store, openings
from devices.keys.opening import OpeningState
from devices.keys.vendors.model import NATIVE
from gateway.parts import OpeningDesk
from kernel.errors import KernelError
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

EVERY_S = 0.5
ASK_EVERY_S = 5.0
ASK_FOR_S = 60.0


class Sweeper:
    """One thread per serving process; several do no harm, every step is idempotent."""

    def __init__(self, units: UnitsOfWork, desk: OpeningDesk) -> None:
        self._units = units
        self._desk = desk
        self._stop = Event()
        self._asked_s: dict[str, float] = {}
        self._thread = Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def sweep(self, wall_s: float) -> None:
        """Settle what is due at this link time and ask the locks of unknown openings."""
        with self._units.database.reading() as session:
            states = set(OpeningState) - {OpeningState.UNLOCKED, OpeningState.REFUSED, OpeningState.JAMMED}
            waiting = opening_store.openings_awaiting(session, states - {OpeningState.EXPIRED}, wall_s)
            recent = [row for row in waiting if row.tapped_wall_s > wall_s - ASK_FOR_S]
            # A vendor's lock cannot be asked: its log is read every few seconds anyway (gateway.vendor_desk).
            unknown = [r for r in recent if r.state == OpeningState.UNKNOWN and r.vendor == NATIVE]
            due = any(r.state != OpeningState.UNKNOWN for r in waiting)
        if due:
            with self._units.begin() as work:
                opening_steps.expire_due(work, wall_s)
        for opening in unknown:
            if wall_s - self._asked_s.get(opening.opening_id, 0.0) >= ASK_EVERY_S:
                self._asked_s[opening.opening_id] = wall_s
                self._desk.send([openings.ask_again(opening)])
        self._asked_s = {k: v for k, v in self._asked_s.items() if v > wall_s - ASK_FOR_S}

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.sweep(time.time())
            except (SQLAlchemyError, KernelError) as err:
                log.warning("sweep_failed", error=type(err).__name__)
