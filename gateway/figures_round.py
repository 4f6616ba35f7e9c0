"""Keeps the figures of the manager's pages up to date, in a thread where jobs run."""

from threading import Event, Thread
from time import monotonic

import structlog

from gateway.parts import Parts

log = structlog.get_logger(__name__)

EVERY_S = 60.0
"""Between two looks; what is kept and young enough costs one query each."""
READY_AFTER_S = 30.0
"""A process is ready then at the latest: with the first figures of many leaders to compute, others need it more."""


class FiguresRound:
    """One thread; several processes do no harm, each looks whether another one was faster.

    Parameters
    ----------
    goes_on
        A process that only serves pages looks once, at its start: what nobody kept is there before it is ready, and
        all it takes to read and show figures is loaded.
    """

    def __init__(self, parts: Parts, *, goes_on: bool = True) -> None:
        self._parts = parts
        self._goes_on = goes_on
        self._looked = Event()
        self._ready_by_s = 0.0
        self._stop = Event()
        self._thread = Thread(target=self._run, name="figures", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._ready_by_s = monotonic() + READY_AFTER_S
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

    def check(self) -> str:
        """What ``/readyz`` says: the first page of whoever signs in here is there, or its time has come."""
        waits = not self._looked.is_set() and monotonic() < self._ready_by_s
        return "the first figures are being computed" if waits else ""

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            try:
                self.look()
            except Exception as err:  # noqa: BLE001 - looked at again in a minute; the page computes for itself meanwhile
                log.warning("figures_failed", error=type(err).__name__)
            self._looked.set()
            if not self._goes_on:
                return
            wait_s = EVERY_S
