"""Goes round once in a while: doors left unlocked, and once a day of world time batteries and inspections."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.settings import AlarmSettings
from gateway.usecases.alarms import find_unlocked, look_after_batteries, raise_unlocked
from gateway.usecases.inspections import look_after_inspections
from kernel.errors import KernelError
from kernel.localtime import local_day
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

EVERY_S = 5.0
#: Done once a day of world time: returns whether it was done, or has to be tried again on the next round.
Daily = Callable[[datetime], bool]


class Rounds:
    """One thread per working process; several do no harm, an open alarm is known by its subject."""

    def __init__(self, units: UnitsOfWork, settings: AlarmSettings, *, daily: Sequence[Daily] = ()) -> None:
        self._units = units
        self._daily = daily
        self._due: list[Daily] = []
        self._not_locked_after = timedelta(minutes=settings.not_locked_after_min)
        self._stop = Event()
        self._looked_on: date | None = None
        self._thread = Thread(target=self._run, name="rounds", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def go_round(self, now: datetime) -> None:
        """Everything that is due at an instant of world time."""
        with self._units.database.reading() as session:
            unlocked = find_unlocked(session, now, self._not_locked_after)
        if unlocked:
            with self._units.begin() as work:
                raise_unlocked(work, unlocked)
        if self._looked_on != local_day(now):
            look_after_batteries(self._units, now)
            look_after_inspections(self._units, now)
            self._looked_on = local_day(now)
            self._due = list(self._daily)
        self._due = [job for job in self._due if not job(now)]

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.go_round(self._units.clock.now())
            except (SQLAlchemyError, KernelError) as err:
                log.warning("round_failed", error=type(err).__name__)
