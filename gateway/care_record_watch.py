"""Takes in what the care record hands over: each delivery in one act, settled after its commit."""

from collections.abc import Callable
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.usecases.visits_in import all_units, bring_in
from kernel.errors import KernelError
from kernel.work import UnitsOfWork
from scheduling.exchange.care_record import CareRecord

log = structlog.get_logger(__name__)

EVERY_S = 5.0
ROLE = "operations"


class CareRecordWatch:
    """One thread per working process. A crash between commit and settling takes a file in again, which changes nothing.

    Parameters
    ----------
    tell
        Called after a commit with the locks that need a new revocation list.
    """

    def __init__(self, units: UnitsOfWork, record: CareRecord, tell: Callable[[frozenset[str]], None]) -> None:
        self._units = units
        self._record = record
        self._tell = tell
        self._wrong = ""
        self._stop = Event()
        self._thread = Thread(target=self._run, name="care-record", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def check(self) -> str:
        """What is wrong, for the page Drift; empty where everything that was handed over is settled."""
        return self._wrong

    def take_in(self) -> int:
        """Everything that waits. Returns how many deliveries took effect."""
        applied = 0
        for delivery in self._record.waiting():
            with self._units.begin() as work:
                done, locks = bring_in(work, delivery.content, all_units(work), ROLE)
            self._tell(locks)
            self._record.settle(delivery, done.problems)
            applied += done.applied
            log.info("delivery_settled", import_id=done.import_id, rows=done.row_count, problems=len(done.problems))
        return applied

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.take_in()
                self._wrong = ""
            except (SQLAlchemyError, KernelError, OSError) as err:
                self._wrong = type(err).__name__
                log.warning("care_record_not_read", error=type(err).__name__)
