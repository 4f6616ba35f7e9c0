"""Seals the event log every second, and exports a signed root of every day that is over (docs/audit.md)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import Session, col, select

from devices.keys.cose import SigningKey
from kernel.errors import KernelError
from kernel.localtime import local_day
from kernel.merkle import root_of
from kernel.seals import SealHead, heads_after, seal_next
from kernel.seals_daily import DailyRoot, sign_root
from kernel.tables import DailyRootRow
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

EVERY_S = 1.0
SETTLED = timedelta(minutes=1)
"""A day is exported this long after it is over: a seal begun before midnight is committed by then."""

_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class DayOfSeals:
    """The seals of one day, in order."""

    day: date
    seals: Sequence[SealHead]


class Sealer:
    """One thread per ingesting process; of several the first to a seal makes it.

    Parameters
    ----------
    folder
        Where the texts of daily roots go.
    at_least
        Events that have to wait before they are sealed. A simulated day seals by full seals only: by position and
        not by the machine's clock.
    """

    def __init__(self, units: UnitsOfWork, key: SigningKey, folder: Path, at_least: int = 1) -> None:
        self._units = units
        self._key = key
        self._folder = folder
        self._at_least = at_least
        self._exported_before: date | None = None
        #: whether every exported day has its file
        self._complete = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sealer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Seal what is left and end; returns when the thread has ended."""
        self._stop.set()
        if self._thread.ident is None:
            return  # it never began
        self._thread.join(timeout=10)
        self._try(1)

    def seal_all(self, at_least: int = 1) -> int:
        """Seal what has a position, and export the days that are over. Returns how many events were sealed."""
        total = 0
        while count := seal_next(self._units, at_least):
            total += count
        self.export_days()
        return total

    def export_days(self) -> list[date]:
        """Sign and export every day that is over and was not exported. Returns the days."""
        today = local_day(self._units.clock.now() - SETTLED)
        exported: list[date] = []
        if today == self._exported_before:
            return exported
        while (day := self._export_next(today)) is not None:
            exported.append(day)
        self._exported_before = today
        return exported

    def _export_next(self, today: date) -> date | None:
        with self._units.database.reading() as session:
            found = next_day_of_seals(session, today)
        if found is None:
            return None
        day, text = found.day, self._text(found)
        try:
            with self._units.begin() as work:
                row = DailyRootRow(day=day, last_seal=found.seals[-1].number, text=text, exported_at=work.now)
                work.session.add(row)
        except IntegrityError:
            return day  # another process exported it between our look and our commit
        # After the commit: a file of a root that the database does not know would look like a cut.
        self._write(day, text)
        log.info("daily_root_exported", day=day.isoformat(), seals=len(found.seals))
        return day

    def _text(self, found: DayOfSeals) -> str:
        private = Ed25519PrivateKey.from_private_bytes(self._key.private_bytes())
        seals = found.seals
        root = DailyRoot(
            day=found.day,
            first_seal=seals[0].number,
            last_seal=seals[-1].number,
            first_position=seals[0].from_position,
            last_position=seals[-1].to_position,
            root=root_of([seal.hash for seal in seals]),
            chain=seals[-1].hash,
        )
        return sign_root(root, self._key.public_bytes, private.sign).text()

    def write_missing(self) -> None:
        """Write the files of exported days that a crash between commit and file left out."""
        with self._units.database.reading() as session:
            rows = session.exec(select(DailyRootRow)).all()
        for row in rows:
            if not self._path(row.day).exists():
                self._write(row.day, row.text)

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}.txt"

    def _write(self, day: date, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f".{day.isoformat()}.{os.getpid()}"
        with fresh.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path(day))

    def _run(self) -> None:
        while True:
            self._try(self._at_least)
            if self._stop.wait(EVERY_S):
                return

    def _try(self, at_least: int) -> None:
        try:
            if not self._complete:
                self.write_missing()
                self._complete = True
            self.seal_all(at_least)
        except (SQLAlchemyError, KernelError, OSError) as err:
            # Nothing is lost: what has no seal yet gets one when the database or the disk is back.
            log.warning("sealing_failed", error=type(err).__name__)


def next_day_of_seals(session: Session, today: date) -> DayOfSeals | None:
    """The oldest day with seals that were not exported; ``None`` if there is none before ``today``."""
    last = session.exec(select(DailyRootRow).order_by(col(DailyRootRow.day).desc()).limit(1)).first()
    day: date | None = None
    seals: list[SealHead] = []
    number = 0 if last is None else last.last_seal
    while found := heads_after(session, number, _BATCH):
        for seal in found:
            # A seal committed after its day was exported belongs to the day after.
            made_on = local_day(seal.sealed_at)
            made_on = made_on if last is None else max(made_on, last.day + timedelta(days=1))
            if made_on >= today or made_on != (day or made_on):
                return None if day is None else DayOfSeals(day, seals)
            day = made_on
            seals.append(seal)
        number = found[-1].number
    return None if day is None else DayOfSeals(day, seals)
