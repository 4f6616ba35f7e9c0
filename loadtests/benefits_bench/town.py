"""A database with the municipality in it: tables, baselines, and as many days of the log as are asked for."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from sqlalchemy import insert, text
from sqlmodel import Session

from gateway.migrations import migrate
from kernel.clock import SimulatedWorldClock
from kernel.consumers import Consumer
from kernel.database import Database
from kernel.log import latest_position
from kernel.sequencer import Sequencer
from kernel.tables import EventRow
from kernel.work import UnitsOfWork
from loadtests.benefits_bench.municipality import (
    BEFORE_ON,
    CARERS,
    RESIDENCE,
    RESIDENTS,
    SCREEN_CITIZENS,
    TEMPLATE_ON,
    UNITS,
    LogRow,
    day_rows,
    enrolments,
)
from metrics.adoption import AdoptedUnit, Adoption
from metrics.baselines import import_time_study
from metrics.business_case import load_cases
from metrics.pseudonyms import Pseudonyms
from metrics.screen_weeks_ledger import ScreenLedger
from metrics.service import KeysLedger
from metrics.time_study import MeasuredTechnology
from metrics.transfer_days_ledger import TransferLedger

PSEUDONYM_KEY = b"benefits bench: nobody is behind these"
_ROWS_AT_ONCE = 20_000
_COLUMNS = ("position", "event_type", "version", "at", "unit_id", "carer_id", "data")
_STUDY_ON = (date(2025, 12, 1), date(2025, 12, 2), date(2025, 12, 3))


@dataclass(frozen=True, slots=True)
class Town:
    """A municipality's database."""

    database: Database
    units: UnitsOfWork

    def ledgers(self) -> list[Consumer]:
        """Every technology's ledger."""
        pseudonyms = Pseudonyms(PSEUDONYM_KEY)
        return [ScreenLedger(pseudonyms), TransferLedger(pseudonyms), KeysLedger(pseudonyms)]

    def live(self, from_on: date, days: int) -> int:
        """Write days into the log, in batches, each event with its position. Returns how many events."""
        rows = (row for n in range(days) for row in day_rows(from_on + timedelta(days=n)))
        return write_log(self.database, rows)


def open_town(url: str, now: datetime) -> Town:
    """An empty database with every table."""
    database = Database(url)
    migrate(database)
    return Town(database, UnitsOfWork(database, SimulatedWorldClock(now)))


def begin(town: Town) -> None:
    """Enrol everybody and freeze a baseline of every technology."""
    write_log(town.database, enrolments())
    pseudonyms = Pseudonyms(PSEUDONYM_KEY)
    # Before the first day, as the ledgers will read it: an event of the last day would make all others late.
    before = UnitsOfWork(town.database, SimulatedWorldClock(noon(BEFORE_ON)))
    for technology, lines in _studies():
        with before.begin() as work:
            import_time_study(
                work,
                "\n".join(lines).encode(),
                known_units=[*UNITS, RESIDENCE],
                pseudonyms=pseudonyms,
                technology=technology,
            )
    Sequencer(town.database).run_until_empty()


def adoptions() -> dict[str, Adoption]:
    """Keys and screen in three equal centres, transfers in the residence, all since the first day."""
    documents = ("Center Nord", "Center Midtbyen", "Center Amager")
    centres = tuple(
        AdoptedUnit(unit_id=u, name=u.title(), document_unit=d, go_live_on=TEMPLATE_ON, share=1 / len(UNITS))
        for u, d in zip(UNITS, documents, strict=True)
    )
    residence = AdoptedUnit(
        unit_id=RESIDENCE, name="Bakken", document_unit="Borgercenter Handicap", go_live_on=TEMPLATE_ON, share=1
    )
    found: dict[str, Adoption] = {}
    for case in load_cases().values():
        if case.technology in ("keys", "screen", "transfers"):
            parts = (residence,) if case.technology == "transfers" else centres
            found[case.id] = Adoption(case_id=case.id, units=parts)
    return found


def write_log(database: Database, rows: Iterable[LogRow]) -> int:
    """Append events with their positions, as fast as the database takes them."""
    with database.reading() as session:
        position = latest_position(session)
    remaining = iter(rows)
    written = 0
    while chunk := list(islice(remaining, _ROWS_AT_ONCE)):
        values = [
            (position + written + n, r.event_type, r.version, r.at, r.unit_id, r.carer_id, r.data)
            for n, r in enumerate(chunk, start=1)
        ]
        _write(database, values)
        written += len(chunk)
    return written


def _write(database: Database, values: list[tuple[int, str, int, datetime, str | None, str | None, str]]) -> None:
    """The data is JSON text already: it goes past the types that would write it anew."""
    with database.engine.begin() as connection:
        if database.engine.dialect.name == "postgresql":
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY event ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            return
        process = EventRow.__table__.c.at.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)  # type: ignore[attr-defined]
        marks = ", ".join("?" for _ in _COLUMNS)
        raw = connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            raise TypeError(f"Expected SQLite or PostgreSQL, got {type(raw).__name__}.")
        raw.executemany(
            f"INSERT INTO event ({', '.join(_COLUMNS)}) VALUES ({marks})",
            [(*row[:3], process(row[3]) if process else row[3], *row[4:]) for row in values],
        )


def analyse(database: Database) -> None:
    """Let the database know how large its tables are, as it would by itself in a day."""
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def copy_rows(session: Session, table: type, rows: Iterator[dict[str, object]]) -> None:
    """Insert rows of one table in batches."""
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        session.execute(insert(table), chunk)


def _studies() -> Iterator[tuple[MeasuredTechnology, list[str]]]:
    carers = [(unit, f"{unit}-{n}", n) for unit in UNITS for n in range(CARERS)]
    yield (
        "keys",
        ["unit;date;shift_kind;carer;base_minutes;base_leg_minutes"]
        + [f"{u};{on};day;{c};{10 + n % 5};{14 + on.day}" for u, c, n in carers for on in _STUDY_ON],
    )
    yield (
        "routing",
        ["unit;date;carer;legs;travel_minutes"]
        + [f"{u};{on};{c};13;{120 + n % 7 + on.day}" for u, c, n in carers for on in _STUDY_ON],
    )
    yield (
        "screen",
        ["unit;week;citizen;visit_minutes;travel_minutes"]
        + [
            f"{UNITS[n % len(UNITS)]};2025-W{week};screen-{n};{70 + n % 9 + week % 3};{20 + n % 3}"
            for n in range(SCREEN_CITIZENS)
            for week in range(44, 50)
        ],
    )
    yield (
        "transfers",
        ["unit;date;resident;second_carer_minutes;technology"]
        + [
            f"{RESIDENCE};2025-12-{day:02d};resident-{n};{30 + n % 4 + day % 3};{'lift' if n % 2 else 'turning'}"
            for n in range(RESIDENTS)
            for day in range(1, 11)
        ],
    )


def noon(on: date) -> datetime:
    """Twelve o'clock UTC of a day."""
    return datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
