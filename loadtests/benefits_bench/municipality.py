"""A municipality's year as rows of the log: one day built from real events, moved to every other day as text.

Three centres with 80 carers each on weekdays and 32 on rest days, fourteen visits a shift, every second behind a lock;
115 citizens of the screen; 55 residents with lifts. About 3.3 million events a year.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from devices.events import DoorOpened, OpeningSettled, TransferRecorded
from kernel.events import Event
from scheduling.events import (
    CitizenEnrolled,
    RouteDelivered,
    RoutePublished,
    RouteStop,
    ShiftEnded,
    ShiftStarted,
    VisitBegun,
    VisitEnded,
)
from video.events import ScreenVisitEnded

UNITS = ("nord", "midtbyen", "amager")
RESIDENCE = "bakken"
CARERS, REST_DAY_CARERS, VISITS = 80, 32, 14
SCREEN_CITIZENS, RESIDENTS = 115, 55
#: A Monday: the day the others are copies of.
TEMPLATE_ON = date(2026, 1, 5)
BEFORE_ON = TEMPLATE_ON - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LogRow:
    """One event as the log stores it, its data as JSON text."""

    event_type: str
    version: int
    at: datetime
    unit_id: str | None
    carer_id: str | None
    data: str


def enrolments() -> list[LogRow]:
    """Everybody begins the day before."""
    at = datetime.combine(BEFORE_ON, time(5), UTC)
    citizens = [(f"screen-{n}", "screen", UNITS[n % len(UNITS)]) for n in range(SCREEN_CITIZENS)]
    citizens += [(f"resident-{n}", "transfers", RESIDENCE) for n in range(RESIDENTS)]
    return [
        _row(CitizenEnrolled(at=at, citizen_id=citizen, unit_id=unit, technology=technology))
        for citizen, technology, unit in citizens
    ]


def day_rows(on: date) -> Iterator[LogRow]:
    """Everything the log says of a day, in the order of time within each carer's shift."""
    moved, written, away = on - TEMPLATE_ON, TEMPLATE_ON.isoformat(), BEFORE_ON.isoformat()
    for row in _template(on.weekday()):
        data = row.data.replace(written, on.isoformat()).replace(away, (on - timedelta(days=1)).isoformat())
        yield LogRow(row.event_type, row.version, row.at + moved, row.unit_id, row.carer_id, data)


@cache
def _template(weekday: int) -> tuple[LogRow, ...]:
    carers = REST_DAY_CARERS if weekday >= 5 else CARERS
    events: list[Event] = [
        event for unit in UNITS for number in range(carers) for event in _shift(unit, f"{unit}-{number}", number)
    ]
    events += [event for n in range(SCREEN_CITIZENS) if (n + weekday) % 7 in (0, 2, 4) for event in _screen(n, weekday)]
    events += [event for n in range(RESIDENTS) for event in _transfers(n)]
    return tuple(_row(event) for event in sorted(events, key=lambda event: event.at))


def _row(event: Event) -> LogRow:
    data = json.dumps(event.model_dump(mode="json"), separators=(",", ":"))
    return LogRow(event.event_type, event.event_version, event.at, event.unit_id, event.carer_id, data)


def _at(minute: float) -> datetime:
    """Minutes after six in the morning UTC, which is the same Danish day in summer and winter."""
    return datetime.combine(TEMPLATE_ON, time(6), UTC) + timedelta(minutes=minute)


def _shift(unit: str, carer: str, number: int) -> Iterator[Event]:
    day, shift_id = TEMPLATE_ON.isoformat(), f"{carer}-{TEMPLATE_ON}"
    who = {"unit_id": unit, "carer_id": carer}
    begins = [4 + number % 7 + 28 * visit for visit in range(VISITS)]
    end_min = begins[-1] + 24
    stops = tuple(
        RouteStop(
            visit_id=f"{shift_id}-{visit}",
            citizen_id=f"{unit}-{number}-{visit}",
            start_at=_at(begun),
            end_at=_at(begun + 20),
            mode="physical",
            door_id=f"door-{unit}-{number}-{visit}" if visit % 2 == 0 else None,
            formerly_key=visit % 2 == 0,
        )
        for visit, begun in enumerate(begins)
    )
    route = {"route_id": f"r-{shift_id}", "day": day, "route_version": 1}
    yield RoutePublished(at=_at(-900), reason="planned", stops=stops, **route, **who)
    yield ShiftStarted(
        at=_at(0),
        shift_id=shift_id,
        kind="day",
        place="citizen",
        day=day,
        planned_start_at=_at(0),
        planned_end_at=_at(end_min),
        **who,
    )
    yield RouteDelivered(at=_at(0), stop_count=VISITS, key_stop_count=VISITS // 2, **route, **who)
    for visit, begun in enumerate(begins):
        yield from _visit(who, shift_id, visit, _at(begun))
    yield ShiftEnded(at=_at(end_min), shift_id=shift_id, place="citizen", **who)


def _visit(who: dict[str, str], shift_id: str, visit: int, begun_at: datetime) -> Iterator[Event]:
    visit_id, door_id = f"{shift_id}-{visit}", f"door-{who['carer_id']}-{visit}"
    citizen_id = f"{who['carer_id']}-{visit}"
    if visit % 2 == 0:
        yield OpeningSettled(
            at=begun_at - timedelta(seconds=1),
            opening_id=f"o-{visit_id}",
            door_id=door_id,
            visit_id=visit_id,
            shift_id=shift_id,
            state="unlocked",
            elapsed_ms=1_500,
            **who,
        )
        yield DoorOpened(
            at=begun_at,
            unit_id=who["unit_id"],
            lock_id=f"lock-{who['carer_id']}-{visit}",
            door_id=door_id,
            boot=1,
            seq=visit,
            visit_id=visit_id,
            shift_id=shift_id,
        )
    told = {"visit_id": visit_id, "citizen_id": citizen_id, "shift_id": shift_id, "mode": "physical"}
    source = "device" if visit % 2 == 0 else "manual"
    yield VisitBegun(at=begun_at, source=source, planned_start_at=begun_at, **told, **who)
    ended_at = begun_at + timedelta(minutes=20)
    yield VisitEnded(at=ended_at, outcome="done", begun_at=begun_at, travel_s=420, **told, **who)


def _screen(number: int, weekday: int) -> Iterator[Event]:
    unit = UNITS[number % len(UNITS)]
    physical = (number + weekday) % 7 == 0
    begun_at = _at(120 + number)
    visit_id = f"screen-{number}-{TEMPLATE_ON}"
    who = {"visit_id": visit_id, "citizen_id": f"screen-{number}", "carer_id": f"{unit}-screen", "unit_id": unit}
    ended_at = begun_at + timedelta(minutes=25 if physical else 11)
    yield VisitEnded(
        at=ended_at,
        shift_id=None,
        mode="physical" if physical else "screen",
        outcome="done",
        begun_at=begun_at,
        travel_s=480 if physical else 0,
        service="talk",
        **who,
    )
    if not physical:
        yield ScreenVisitEnded(
            at=ended_at, room_id=visit_id, outcome="completed", attempts=1, begun_at=begun_at, talk_s=600, **who
        )


def _transfers(number: int) -> Iterator[Event]:
    for cycle in range(4):
        started_at = _at(30 + 120 * cycle + number % 20)
        second_s = 180 if (cycle + number) % 3 == 0 else 0
        yield TransferRecorded(
            at=started_at + timedelta(minutes=6),
            transfer_id=f"{number}-{TEMPLATE_ON}-{cycle}",
            device_id=f"lift-{number}",
            device_kind="lift" if number % 2 else "turning",
            unit_id=RESIDENCE,
            citizen_id=f"resident-{number}",
            in_residence=True,
            day=TEMPLATE_ON.isoformat(),
            started_at=started_at,
            ended_at=started_at + timedelta(minutes=6),
            duration_s=360,
            setup_s=30,
            carers=2 if second_s else 1,
            second_carer_s=second_s,
            evidence="badge",
        )
