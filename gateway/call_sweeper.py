"""Ends rings nobody answered and gives forgotten second tries to the planner."""

import time
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.parts import Parts
from gateway.usecases.screen_visits import sweep
from kernel.errors import DomainError

log = structlog.get_logger(__name__)

EVERY_S = 0.5


class CallSweeper:
    """One thread per serving process; several do no harm, every step is taken once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stop = Event()
        self._thread = Thread(target=self._run, name="call-sweeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                for room in sweep(self._parts, time.time()):
                    self._parts.video.told(room)
            except (SQLAlchemyError, DomainError) as err:
                log.warning("call_sweep_failed", error=type(err).__name__)
