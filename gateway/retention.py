"""Deletes what has been kept long enough, once a day of world time, in small transactions with receipts."""

import time as machine
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.driving.retention import forget_positions
from gateway.settings import RetentionSettings
from gateway.usecases.retention import erase_due
from gateway.usecases.retention_rules import RULES
from kernel.errors import KernelError
from kernel.localtime import at_local, local_day
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

EVERY_S = 30.0


class Retention:
    """One thread per ingesting process; several do no harm, the receipt says what is done."""

    def __init__(
        self, units: UnitsOfWork, settings: RetentionSettings, wall_s: Callable[[], float] = machine.time
    ) -> None:
        self._units = units
        self._settings = settings
        self._wall_s = wall_s
        self._erased_on: date | None = None
        self._stop = Event()
        self._done_before: datetime | None = None
        self._thread = Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def forget(self, now: datetime) -> int:
        """Delete what is due on this day, in small transactions. Returns how many positions went."""
        oldest_on = local_day(now) - timedelta(days=self._settings.raw_position_days)
        before = at_local(oldest_on, time())
        if self._done_before is not None and before <= self._done_before:
            return 0
        count, done = 0, False
        while not done and not self._stop.is_set():
            with self._units.begin() as work:
                step = forget_positions(work, before)
            count, done = count + step.count, step.done
        if done:
            self._done_before = before
        if count:
            log.info("positions_forgotten", count=count, before_on=oldest_on.isoformat())
        return count

    def erase(self) -> dict[str, int]:
        """Apply every rule of this day that has not been applied yet. Returns how many rows went, by data type.

        A day is done when every rule came to its end: one that was stopped in the middle goes on after a restart
        with what is still there.
        """
        today = local_day(self._units.clock.now())
        gone: dict[str, int] = {}
        if self._erased_on == today:
            return gone
        for rule in RULES:
            days = int(getattr(self._settings, rule.setting))
            while not self._stop.is_set():
                count = erase_due(self._units, rule, days, self._wall_s())
                if count == 0:
                    break
                gone[rule.data_type] = gone.get(rule.data_type, 0) + count
        if not self._stop.is_set():
            self._erased_on = today
        for data_type, count in gone.items():
            log.info("data_erased", data_type=data_type, count=count)
        return gone

    def _run(self) -> None:
        while True:
            try:
                self.forget(self._units.clock.now())
                self.erase()
            except (SQLAlchemyError, KernelError) as err:
                log.warning("retention_failed", error=type(err).__name__)
            if self._stop.wait(EVERY_S):
                return
