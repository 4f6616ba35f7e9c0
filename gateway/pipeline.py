"""The thread behind the log: gives positions, then lets every consumer read on.

Any number of processes may run one; the sequencer lets one through at a time, consumers lock their own row.
"""

from collections.abc import Sequence
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from kernel.consumers import Consumer, advance, position_of
from kernel.errors import KernelError
from kernel.log import latest_position
from kernel.sequencer import Sequencer
from kernel.tailer import Tailer
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)


class Pipeline:
    """Sequencer and consumers, woken by the bell, polling besides."""

    def __init__(
        self,
        units: UnitsOfWork,
        consumers: Sequence[Consumer],
        tailer: Tailer | None = None,
        poll_s: float = 0.5,
    ) -> None:
        self._units = units
        self._sequencer = Sequencer(units.database)
        self._consumers = tuple(consumers)
        self._tailer = tailer
        self._poll_s = poll_s
        self._wake = Event()
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._run, name="pipeline", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def wake(self) -> None:
        """Look now instead of at the next poll."""
        self._wake.set()

    def run_until_empty(self) -> None:
        """Give positions and let consumers read until nothing is left. Used by batches and tests."""
        while True:
            moved = self._sequencer.run_until_empty()
            if self._tailer is not None and moved:
                self._tailer.wake()
            for consumer in self._consumers:
                while self._behind(consumer):
                    advance(self._units, consumer)
            if not self._sequencer.pending():
                return

    def idle(self) -> bool:
        """Whether every committed event has its position and every consumer has read it."""
        return not self._sequencer.pending() and not any(self._behind(c) for c in self._consumers)

    def _behind(self, consumer: Consumer) -> bool:
        with self._units.database.reading() as session:
            return position_of(session, consumer.name) < latest_position(session)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._poll_s)
            self._wake.clear()
            try:
                self.run_until_empty()
            except (SQLAlchemyError, KernelError) as err:
                # Nothing is lost: positions and consumers go on from where the database says they are.
                log.warning("pipeline_stumbled", error=type(err).__name__)
                self._stop.wait(1.0)
