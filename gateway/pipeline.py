"""The thread behind the log: gives positions, then lets every consumer read on.

Any number of processes may run one; the sequencer lets one through at a time, consumers lock their own row.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from kernel.consumers import Consumer, catch_up_together
from kernel.errors import KernelError
from kernel.sequencer import Sequencer
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

#: What is committed within so long of the first ring gets its positions together. A door that opens takes about as
#: long, and its own steps would otherwise compete with the sequencer for the same cores.
GATHER_S = 0.025
#: What it was only told of in advance is waited for so long: what it belongs to comes in a moment, and rings.
COMING_S = 0.25
#: Ledgers and watches that run in a process of their own read what came meanwhile in one go.
READ_EVERY_S = 0.5
_BATCH = 2_000


class Pipeline:
    """Sequencer and consumers, woken by the bell, polling besides.

    Parameters
    ----------
    sequenced
        Called after events got their positions: tailers can read them from then on.
    sequencing
        Whether this process gives positions too. One that only reads on waits for those who do.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        consumers: Sequence[Consumer],
        poll_s: float = 0.5,
        sequenced: Callable[[], None] = lambda: None,
        sequencing: bool = True,
    ) -> None:
        self._units = units
        self._sequencer = Sequencer(units.database) if sequencing else None
        self._consumers = tuple(consumers)
        self._poll_s = poll_s
        self._gather_s = GATHER_S if sequencing else READ_EVERY_S
        self._sequenced = sequenced
        self._changed = Condition()
        self._rung = 0
        self._handled = 0
        self._awaited = 0
        self._hurried = False
        self._stop = False
        self._paused = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._run, name="pipeline", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=30)

    @property
    def is_sequencing(self) -> bool:
        """Whether positions are given here."""
        return self._sequencer is not None

    def wake(self) -> None:
        """There is something new: look now instead of at the next poll."""
        with self._changed:
            self._rung += 1
            self._hurried = True
            self._changed.notify_all()

    def expect(self) -> None:
        """There is something new that nobody waits for, and more will come with it."""
        with self._changed:
            self._rung += 1
            self._changed.notify_all()

    def idle(self) -> bool:
        """Whether everything this process was woken for has its position and has been read by every consumer."""
        with self._changed:
            return self._handled >= self._rung

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until :meth:`idle`; for whoever waits, nothing is gathered first. Returns whether that was reached."""
        with self._changed:
            self._awaited += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._handled >= self._rung, timeout_s)
            finally:
                self._awaited -= 1

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the log alone for a while: two who write in turns are slower than one after the other."""
        with self._changed:
            self._paused = True
        try:
            yield
        finally:
            with self._changed:
                self._paused = False
                self._changed.notify_all()

    def run_until_empty(self, batch: int = _BATCH) -> None:
        """Give positions and let consumers read until nothing is left, so many events in one transaction."""
        while True:
            if self._sequencer is not None and self._sequencer.run_until_empty():
                self._sequenced()
            catch_up_together(self._units, self._consumers, batch)
            # A consumer may have told the log something itself.
            if not self._consumers or self._sequencer is None or not self._sequencer.pending():
                return

    def _run(self) -> None:
        while True:
            with self._changed:
                rang = self._changed.wait_for(lambda: self._stop or self._handled < self._rung, self._poll_s)
                if rang:
                    self._changed.wait_for(lambda: self._stop or self._awaited > 0 or self._hurried, COMING_S)
                    self._changed.wait_for(lambda: self._stop or self._awaited > 0, self._gather_s)
                if self._stop:
                    return
                if self._paused:
                    self._changed.wait(self._poll_s)
                    continue
                rung, self._hurried = self._rung, False
            try:
                self.run_until_empty()
            except (SQLAlchemyError, KernelError) as err:
                # Nothing is lost: positions and consumers go on from where the database says they are.
                log.warning("pipeline_stumbled", error=type(err).__name__)
                time.sleep(1.0)
                continue
            with self._changed:
                self._handled = max(self._handled, rung)
                self._changed.notify_all()
