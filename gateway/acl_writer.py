"""Keeps the broker's access file what the register says: written anew after every enrolment and retirement."""

from pathlib import Path
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.acl import acl_text, speakers, write_acl
from devices.alarms.model import NewAlarm
from devices.alarms.service import clear_for, raise_alarm
from kernel.errors import KernelError
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

EVERY_S = 1.0


class AclWriter:
    """One thread per ingesting process; several do no harm, each writes the same.

    The broker reads the file when it is told to (``SIGHUP``): ``deploy/systemd/omsorgstid-acl.path`` does that.
    While the file cannot be written the alarm ``acl_stale`` is open: new devices are kept out, retired ones are not.
    """

    def __init__(self, units: UnitsOfWork, path: Path) -> None:
        self._units = units
        self._path = path
        self._is_stale = True
        self._stop = Event()
        self._thread = Thread(target=self._run, name="acl-writer", daemon=True)

    def start(self) -> None:
        """Begin; the file is there when this returns, if it can be."""
        self.write()
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def write(self) -> bool:
        """Write the file if it says something else. Returns whether it changed."""
        with self._units.database.reading() as session:
            text = acl_text(speakers(session))
        try:
            changed = write_acl(self._path, text)
        except OSError as error:
            self._stale(type(error).__name__)
            return False
        if changed:
            log.info("acl_written", lines=text.count("\n"))
        self._fresh()
        return changed

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.write()
            except (SQLAlchemyError, KernelError) as error:
                log.warning("acl_not_compared", error=type(error).__name__)

    def _stale(self, error: str) -> None:
        if not self._is_stale:
            log.error("acl_not_written", error=error)
        with self._units.begin() as work:
            raise_alarm(work, NewAlarm("acl_stale", None, severity="critical", facts={"error": error}))
        self._is_stale = True

    def _fresh(self) -> None:
        if self._is_stale:
            with self._units.begin() as work:
                clear_for(work, "acl_stale", None)
            self._is_stale = False
