"""Says which visits will miss their window before they do."""

import time
from datetime import date
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from gateway.usecases.foresight import announce, to_announce
from kernel.errors import DomainError
from kernel.work import UnitsOfWork
from scheduling.shifts import days_now
from scheduling.tables import RouteRow

log = structlog.get_logger(__name__)

EVERY_S = 30.0
"""Between two looks; a look over a centre's day takes a tenth of a second."""


class Outlooks:
    """One thread where jobs run; several do no harm, a visit has one such task ever."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units
        self._stop = Event()
        self._thread = Thread(target=self._run, name="outlooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def look(self) -> int:
        """Look at every unit with routes that are driven now, one at a time; how many visits were announced."""
        days: dict[str, list[date]] = {}
        with self._units.database.reading() as session:
            lived = days_now(session, self._units.clock.now())
            query = select(col(RouteRow.unit_id), col(RouteRow.day)).where(col(RouteRow.day).in_(lived)).distinct()
            for unit_id, day in sorted(session.exec(query).all()):
                days.setdefault(unit_id, []).append(day)
        announced = 0
        for unit_id, of_unit in days.items():
            with self._units.database.reading() as session:
                expected = to_announce(session, of_unit, [unit_id], self._units.clock.now())
            with self._units.begin() as work:
                announced += announce(work, [unit_id], expected)
        return announced

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            began_s = time.monotonic()
            try:
                self.look()
            except (SQLAlchemyError, DomainError, ValueError) as err:
                log.warning("outlook_failed", error=type(err).__name__, took_s=round(time.monotonic() - began_s, 1))
