"""Writes the emergency lists where they can be read when every server is down: before the day, and after each change.

Below the folder: ``2026-11-25/enhed-<unit>/noedliste.pdf``, the newest; ``rute-<carer>.pdf`` of each carer; and
``tidligere/udgave-0003.pdf``, every edition there was. A file is written beside its place and put there in one step:
whoever opens it has the old one or the new one, never half of one.
"""

import os
import re
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread
from urllib.parse import quote

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from gateway.settings import RouteListSettings
from gateway.tables import RouteListRow
from gateway.usecases.route_lists import UnitDay, edition_of, fingerprints, new_edition
from gateway.views.route_list import UnitList, unit_list
from gateway.views.route_list_paper import Edition, carer_paper, unit_paper
from kernel.errors import KernelError
from kernel.localtime import local_day
from kernel.work import UnitsOfWork
from scheduling.shifts import days_now

log = structlog.get_logger(__name__)

EVERY_S = 5.0
WHOLE, EARLIER = "noedliste.pdf", "tidligere"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class RouteListFiles:
    """One thread per working process. Several may share a folder: each writes what is newest."""

    def __init__(self, units: UnitsOfWork, settings: RouteListSettings, duty_phone: str) -> None:
        if settings.directory is None:
            raise ValueError("Expected a directory for the emergency lists, got none.")
        self._units = units
        self._folder: Path = settings.directory
        self._days_ahead = settings.days_ahead
        self._duty_phone = duty_phone
        self._written: dict[UnitDay, tuple[object, ...]] = {}
        self._marks: dict[UnitDay, dict[str, str]] = {}
        self._wrong = ""
        self._from_at: datetime | None = None
        # Who asks for the lists at once and the thread write one after the other.
        self._writing = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="route-lists", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def hold_until(self, from_at: datetime) -> None:
        """Let the thread write nothing before this instant: weeks are lived before a day anybody looks at."""
        self._from_at = from_at

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def check(self) -> str:
        """What is wrong, for the page Drift; empty where the newest lists are written."""
        return self._wrong

    def write_due(self, now: datetime) -> int:
        """Write the lists that have changed, of a night under way, today and days ahead. Returns how many units'.

        Raises
        ------
        OSError
            If the folder cannot be written; what was there stays.
        """
        with self._writing:
            with self._units.database.reading() as session:
                first_on = min(days_now(session, now))
            return self._write_due(first_on, local_day(now) + timedelta(days=self._days_ahead))

    def _write_due(self, first_on: date, last_on: date) -> int:
        days = [first_on + timedelta(days=n) for n in range((last_on - first_on).days + 1)]
        with self._units.database.reading() as session:
            found = fingerprints(session, days)
        due = [unit_day for unit_day, seen in sorted(found.items()) if self._written.get(unit_day) != seen]
        for day, unit_id in due:
            if self._stop.is_set():
                return 0
            with self._units.database.reading() as session:
                content = unit_list(session, unit_id, day)
            with self._units.begin() as work:
                edition = edition_of(new_edition(work, content))
            self._write(content, edition)
            self._written[day, unit_id] = found[day, unit_id]
        for gone in [unit_day for unit_day in self._written if unit_day[0] < first_on]:
            self._written.pop(gone)
            self._marks.pop(gone, None)
        return len(due)

    def sweep(self) -> int:
        """Delete files whose edition was erased (docs/audit.md), and nothing that is not ours. Returns how many."""
        if not self._folder.is_dir():
            return 0
        count = 0
        for day_folder in sorted(p for p in self._folder.iterdir() if p.is_dir() and _DAY.fullmatch(p.name)):
            with self._units.database.reading() as session:
                kept = _kept(session, date.fromisoformat(day_folder.name))
            for unit_folder in sorted(p for p in day_folder.glob("enhed-*") if p.is_dir()):
                count += _sweep_unit(unit_folder, kept.get(unit_folder.name, frozenset()))
            if not any(day_folder.iterdir()):
                day_folder.rmdir()
        return count

    def _write(self, content: UnitList, edition: Edition) -> None:
        folder = self._folder / content.day.isoformat() / folder_name(content.unit_id)
        (folder / EARLIER).mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = folder / EARLIER / edition_name(edition.number)
        if not kept.exists():
            _put(kept, unit_paper(content, edition, self._duty_phone))
        # Another worker that read a moment earlier may have put an older edition there since.
        if _content(folder / WHOLE) != (newest := kept.read_bytes()):
            _put(folder / WHOLE, newest)
        known, marks = self._marks.get((content.day, content.unit_id), {}), content.marks_by_carer()
        for carer_id, mark in marks.items():
            path = folder / f"rute-{quote(carer_id, safe='')}.pdf"
            if known.get(carer_id) != mark or not path.exists():
                _put(path, carer_paper(content, carer_id, edition, self._duty_phone))
        ours = {f"rute-{quote(carer_id, safe='')}.pdf" for carer_id in marks}
        for path in folder.glob("rute-*.pdf"):
            if path.name not in ours:
                path.unlink(missing_ok=True)
        self._marks[content.day, content.unit_id] = marks
        log.info("route_list_written", unit_id=content.unit_id, edition=edition.number, routes=len(content.routes))

    def _run(self) -> None:
        swept_on: date | None = None
        while True:
            try:
                now = self._units.clock.now()
                if self._from_at is None or now >= self._from_at:
                    self.write_due(now)
                    if swept_on != local_day(now):
                        self.sweep()
                        swept_on = local_day(now)
                    self._wrong = ""
            except (SQLAlchemyError, KernelError, OSError) as err:
                self._wrong = type(err).__name__
                log.error("route_list_not_written", error=type(err).__name__)
            if self._stop.wait(EVERY_S):
                return


def folder_name(unit_id: str) -> str:
    """The folder of a unit: whatever its id is, it stays within the day's folder."""
    return f"enhed-{quote(unit_id, safe='')}"


def edition_name(number: int) -> str:
    """``udgave-0003.pdf``."""
    return f"udgave-{number:04}.pdf"


def _kept(session: Session, day: date) -> dict[str, frozenset[str]]:
    rows = session.exec(select(RouteListRow.unit_id, RouteListRow.edition).where(RouteListRow.day == day)).all()
    found: dict[str, frozenset[str]] = {}
    for unit_id, edition in rows:
        folder = folder_name(unit_id)
        found[folder] = found.get(folder, frozenset()) | {edition_name(edition)}
    return found


def _sweep_unit(folder: Path, kept: frozenset[str]) -> int:
    if not kept:
        count = sum(1 for path in folder.rglob("*.pdf"))
        shutil.rmtree(folder, ignore_errors=True)
        return count
    gone = [path for path in (folder / EARLIER).glob("udgave-*.pdf") if path.name not in kept]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _put(path: Path, content: bytes) -> None:
    """Write a file beside its place for its owner alone, make it durable, and put it there in one step."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
