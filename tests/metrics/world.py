"""A small municipality for the benefit tests: real database, real log, shifts written as events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from devices.events import DoorOpened, OpeningSettled, OpeningState
from kernel.clock import SimulatedWorldClock
from kernel.consumers import Consumer, catch_up
from kernel.database import Database
from kernel.events import Event
from kernel.localtime import at_local
from kernel.sequencer import Sequencer
from kernel.work import UnitsOfWork
from metrics import store
from metrics.baselines import import_time_study
from metrics.business_case import load_cases
from metrics.pseudonyms import Pseudonyms
from metrics.report import BenefitRow, benefit_report
from metrics.screen_weeks_ledger import ScreenLedger
from metrics.service import KeysLedger
from metrics.tables import BaselineRow, EntryRow
from metrics.targets import AdoptedUnit, Adoption, Comparison, Reading
from metrics.time_study import MeasuredTechnology
from metrics.transfer_days_ledger import TransferLedger
from scheduling.events import (
    Mode,
    RouteDelivered,
    RoutePublished,
    RouteStop,
    ShiftEnded,
    ShiftKind,
    ShiftStarted,
    Source,
    VisitBegun,
    VisitEnded,
)
from tests.databases import sqlite_database

CASE_ID = "copenhagen-sof-keys"
GO_LIVE_ON = date(2026, 9, 30)
UNITS = {"nord": "Center Nord", "midtbyen": "Center Midtbyen", "amager": "Center Amager"}
PSEUDONYM_KEY = b"a key of the tests only"


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit of a test shift; offsets in minutes from the start of the shift."""

    begun_min: float
    ended_min: float | None
    mode: Mode = "physical"
    source: Source = "manual"
    locked: bool = False
    formerly_key: bool = True
    #: whose visit it is, where it matters
    citizen_id: str | None = None
    travel_s: int | None = None
    #: openings before the visit began: state, minute it settled, milliseconds since the tap
    openings: tuple[tuple[OpeningState, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """A test shift, its route delivered when it starts unless said otherwise."""

    carer_id: str
    day: date
    stops: Sequence[Stop]
    unit_id: str = "nord"
    kind: ShiftKind = "day"
    length_min: float = 420
    delivered_min: float | None = 0
    shift_id: str = ""
    starts: time = time(7)

    @property
    def id(self) -> str:
        """The shift's id."""
        return self.shift_id or f"{self.carer_id}-{self.day}"


def plain_shift(carer_id: str, day: date, unit_id: str = "nord", head_min: float = 6, tail_min: float = 4) -> Shift:
    """Two locked stops: ``head_min`` before the first begins, ``tail_min`` after the last has ended."""
    stops = (
        Stop(head_min, head_min + 30, source="device", locked=True),
        Stop(200, 230),
        Stop(380 - tail_min, 420 - tail_min, source="device", locked=True),
    )
    return Shift(carer_id, day, stops, unit_id)


def shift_events(shift: Shift) -> list[Event]:
    """Everything the log says of a shift, in the order of time."""
    start_at = at_local(shift.day, shift.starts)
    day, route_id = shift.day.isoformat(), f"route-{shift.id}"

    def at(minute: float) -> datetime:
        return start_at + timedelta(minutes=minute)

    who = {"carer_id": shift.carer_id, "unit_id": shift.unit_id}
    route_stops = tuple(
        RouteStop(
            visit_id=f"{shift.id}-{n}",
            citizen_id=stop.citizen_id or f"citizen-{n}",
            start_at=at(stop.begun_min),
            end_at=at(stop.ended_min or stop.begun_min),
            mode=stop.mode,
            door_id=f"door-{n}" if stop.locked else None,
            formerly_key=stop.formerly_key,
        )
        for n, stop in enumerate(shift.stops)
    )
    published = RoutePublished(
        at=at(-600), route_id=route_id, day=day, route_version=1, reason="planned", stops=route_stops, **who
    )
    started = ShiftStarted(
        at=at(0),
        shift_id=shift.id,
        kind=shift.kind,
        place="citizen",
        day=day,
        planned_start_at=at(0),
        planned_end_at=at(shift.length_min),
        **who,
    )
    timed: list[Event] = []
    if shift.delivered_min is not None:
        timed.append(
            RouteDelivered(
                at=at(shift.delivered_min),
                route_id=route_id,
                day=day,
                route_version=1,
                stop_count=len(shift.stops),
                key_stop_count=sum(stop.formerly_key for stop in shift.stops),
                **who,
            )
        )
    for n, stop in enumerate(shift.stops):
        timed += _stop_events(shift, n, stop, at(0))
    timed.sort(key=lambda event: event.at)
    ended = ShiftEnded(at=at(shift.length_min), shift_id=shift.id, place="citizen", **who)
    return [published, started, *timed, ended]


def _stop_events(shift: Shift, number: int, stop: Stop, start_at: datetime) -> list[Event]:
    visit_id = f"{shift.id}-{number}"
    who = {"carer_id": shift.carer_id, "unit_id": shift.unit_id}
    begun_at = start_at + timedelta(minutes=stop.begun_min)
    events: list[Event] = []
    openings = list(stop.openings)
    if stop.source == "device":
        openings.append(("unlocked", stop.begun_min, 2_000))
        events.append(
            DoorOpened(
                at=begun_at,
                unit_id=shift.unit_id,
                lock_id=f"lock-{number}",
                door_id=f"door-{number}",
                boot=1,
                seq=number,
                visit_id=visit_id,
                shift_id=shift.id,
            )
        )
    for state, settled_min, elapsed_ms in openings:
        events.append(
            OpeningSettled(
                at=start_at + timedelta(minutes=settled_min),
                opening_id=f"{visit_id}-{state}",
                door_id=f"door-{number}",
                visit_id=visit_id,
                shift_id=shift.id,
                state=state,
                elapsed_ms=elapsed_ms,
                **who,
            )
        )
    visit: dict[str, Any] = {
        "visit_id": visit_id,
        "citizen_id": stop.citizen_id or f"citizen-{number}",
        "shift_id": shift.id,
        "mode": stop.mode,
    }
    events.append(VisitBegun(at=begun_at, source=stop.source, planned_start_at=begun_at, **visit, **who))
    if stop.ended_min is not None:
        ended_at = start_at + timedelta(minutes=stop.ended_min)
        told = {"outcome": "done", "begun_at": begun_at, "travel_s": stop.travel_s}
        events.append(VisitEnded(at=ended_at, **told, **visit, **who))
    return events


def adoption(comparison: Comparison | None = None, units: Sequence[str] = tuple(UNITS)) -> Adoption:
    """The three centres in equal shares, all live since the same day."""
    return Adoption(
        case_id=CASE_ID,
        units=tuple(
            AdoptedUnit(
                unit_id=unit_id,
                name=UNITS[unit_id],
                document_unit=UNITS[unit_id],
                go_live_on=GO_LIVE_ON,
                share=1 / len(units),
            )
            for unit_id in units
        ),
        comparison=comparison,
    )


def study_csv(rows: Sequence[tuple[str, date, str, str, float, float]], separator: str = ";") -> bytes:
    """A time study as a file: unit, date, shift kind, carer, minutes at the base, minutes to and from it."""
    lines = [separator.join(("unit", "date", "shift_kind", "carer", "base_minutes", "base_leg_minutes"))]
    lines += [separator.join(str(cell) for cell in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


class World:
    """Database, clock, log and ledger of one test."""

    def __init__(self, folder: Path, name: str = "world", database: Database | None = None) -> None:
        self.url = f"sqlite:///{folder / name}.db"
        self.database = database or sqlite_database(folder / f"{name}.db")
        self.clock = SimulatedWorldClock(datetime(2026, 9, 29, 12, tzinfo=UTC))
        self.units = UnitsOfWork(self.database, self.clock)
        self.pseudonyms = Pseudonyms(PSEUDONYM_KEY)
        self.sequencer = Sequencer(self.database)

    def append(self, *events: Event) -> None:
        """Commit events and give them their positions."""
        with self.units.begin() as work:
            work.record(*events)
        self.sequencer.run_until_empty()

    def live(self, *shifts: Shift) -> None:
        """Write shifts into the log, one after the other."""
        self.append(*(event for shift in shifts for event in shift_events(shift)))

    def measure(
        self, carers: int = 20, minutes: float = 25, unit_ids: Sequence[str] = tuple(UNITS), first_day: int = 1
    ) -> list[BaselineRow]:
        """Import a time study of September with a spread between carers and days whose mean is ``minutes``."""
        rows = [
            (unit_id, date(2026, 9, first_day + day), "day", f"{unit_id}-{n}", minutes - 15 + n % 5 - 2 + day - 2, 15)
            for unit_id in unit_ids
            for n in range(carers)
            for day in range(5)
        ]
        with self.units.begin() as work:
            baselines = import_time_study(work, study_csv(rows), known_units=UNITS, pseudonyms=self.pseudonyms)
        self.sequencer.run_until_empty()
        return baselines

    def import_measurements(self, technology: MeasuredTechnology, content: bytes) -> list[BaselineRow]:
        """Freeze the baselines of a file."""
        with self.units.begin() as work:
            baselines = import_time_study(
                work, content, known_units=UNITS, pseudonyms=self.pseudonyms, technology=technology
            )
        self.sequencer.run_until_empty()
        return baselines

    def ledgers(self) -> list[Consumer]:
        """The consumers of every technology."""
        return [KeysLedger(self.pseudonyms), ScreenLedger(self.pseudonyms), TransferLedger(self.pseudonyms)]

    def fold(self, batch: int = 2_000) -> int:
        """Let every ledger read everything."""
        return sum(catch_up(self.units, ledger, batch) for ledger in self.ledgers())

    def entries(self, technology: str = "keys") -> list[EntryRow]:
        """The current entries of a technology, by day and order of writing."""
        with self.database.reading() as session:
            return store.entries_of(session, technology, None, date(2000, 1, 1), date(2100, 1, 1))

    def all_entries(self, technology: str | None = None) -> list[dict[str, Any]]:
        """Every entry ever written, in the order of writing; ids of baselines are random and left out."""
        with self.database.reading() as session:
            rows = session.exec(select(EntryRow).order_by(col(EntryRow.technology), col(EntryRow.id))).all()
            wanted = [row for row in rows if technology in (None, row.technology)]
            return [row.model_dump(exclude={"id", "replaces_id", "baseline_id"}) for row in wanted]

    def report(
        self, from_on: date, to_on: date, reading: Reading = "stated", adopted: Adoption | None = None
    ) -> list[BenefitRow]:
        """The benefit report of a period, as seen from its last evening."""
        with self.database.reading() as session:
            return benefit_report(
                session,
                from_on=from_on,
                to_on=to_on,
                cases=load_cases(),
                adoption=adopted or adoption(),
                reading=reading,
                now=at_local(to_on, time(23)),
            )

    def close(self) -> None:
        """Let go of the database."""
        self.database.dispose()
