"""Keeps the figures of the manager's first page up to date, in a thread where jobs run."""

from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.parts import Parts
from kernel.errors import KernelError

log = structlog.get_logger(__name__)

EVERY_S = 60.0
"""Between two looks; what is kept and young enough costs one query each."""


class FiguresRound:
    """One thread; several processes do no harm, each looks whether another one was faster."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stop = Event()
        self._thread = Thread(target=self._run, name="figures", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def look(self) -> int:
        """Compute what is due. Returns how many pages were."""
        from gateway.kept_overviews import renew  # noqa: PLC0415 - heavy: imported where it is used

        return renew(self._parts)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.look()
            except (SQLAlchemyError, KernelError, ValueError) as err:
                # The page computes for itself meanwhile.
                log.warning("figures_failed", error=type(err).__name__)
