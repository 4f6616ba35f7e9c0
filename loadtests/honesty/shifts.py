"""Carers' day shifts: before, they began and ended at the base and fetched keys; routes were longer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from devices.events import OpeningSettled
from kernel.events import Event
from loadtests.honesty.calendar import LIVED_WEEKS, MEASURED_WEEKS, instant, lived_on, measured_on
from loadtests.honesty.kinds import Kind
from loadtests.honesty.town import Lived, Person, arrivals, people, use_in
from scheduling.events import (
    RouteDelivered,
    RoutePublished,
    RouteStop,
    ShiftEnded,
    ShiftStarted,
    VisitBegun,
    VisitEnded,
)

#: What a shift saves at the base and what a leg saves on the road where the target is met exactly.
NOMINAL_BASE_S = 15 * 60
NOMINAL_LEG_S = 180
_BASE_MIN = 27.0
_LEG_MIN = 9.0
_VISITS = 3
_VISIT_MIN = 25.0
_START_MIN = 7 * 60.0
#: One shift of each carer a week: far enough apart to be of their own, few enough to be quick.
_LIVED_DAYS = (2,)
_MEASURED_DAYS = (1,)
_STUCK_DOOR_RATIO = 0.04
_STUCK_MIN = 3.0


@dataclass(slots=True)
class _Sums:
    """What the days truly saved so far, in seconds."""

    base_s: int = 0
    legs_s: int = 0


def live(rng: np.random.Generator, kind: Kind) -> Lived:
    """Carers with keys and routes; the truth is the same shifts' time at the base and on the road as before, less
    the time they took."""
    carers, measured = people(rng, kind, "carer", 0.2)
    shifts = kind.subjects * LIVED_WEEKS * len(_LIVED_DAYS)
    lived = Lived(nominal_s={"keys": NOMINAL_BASE_S * shifts, "routing": NOMINAL_LEG_S * shifts * (_VISITS - 1)})
    if kind.others_measured:
        measured = people(rng, kind, "other", 0.2)[1]
    keys, routing = _studies(rng, kind, measured)
    lived.studies["keys"] = ["unit;date;shift_kind;carer;base_minutes;base_leg_minutes", *keys]
    lived.studies["routing"] = ["unit;date;carer;legs;travel_minutes", *routing]
    events: list[Event] = []
    sums = _Sums()
    for carer in carers:
        for week in range(LIVED_WEEKS):
            for weekday in _LIVED_DAYS if carer.in_week(week) else ():
                events += _shift(rng, kind, carer, week, lived_on(week, weekday), sums)
    for carer in (c for c in measured if c.waits):
        for week in range(LIVED_WEEKS):
            for weekday in _LIVED_DAYS:
                # What nobody has begun with saves nothing: the sums are of the others.
                events += _shift(rng, kind, carer, week, lived_on(week, weekday), _Sums())
    lived.truth_s = {"keys": sums.base_s, "routing": sums.legs_s}
    lived.events = arrivals(rng, kind, events)
    return lived


def _base_min(rng: np.random.Generator, carer: Person, level: float) -> float:
    """Minutes of one shift at the base and to and from it, as it was before."""
    return _BASE_MIN * carer.need * level * float(np.exp(rng.normal(0, 0.25)))


def _leg_min(rng: np.random.Generator, carer: Person, level: float) -> float:
    """Minutes between two visits, as it was before."""
    return _LEG_MIN * carer.need * level * float(np.exp(rng.normal(0, 0.3)))


def _studies(rng: np.random.Generator, kind: Kind, measured: list[Person]) -> tuple[list[str], list[str]]:
    keys: list[str] = []
    routing: list[str] = []
    for carer in measured:
        for week in range(MEASURED_WEEKS):
            for weekday in _MEASURED_DAYS:
                level, day = float(carer.measured[week]), measured_on(week, weekday)
                unit, base_min = carer.measured_unit(kind), _base_min(rng, carer, level)
                travel_min = sum(_leg_min(rng, carer, level) for _leg in range(_VISITS - 1))
                keys.append(f"{unit};{day};day;{carer.name};{base_min * 0.6:.2f};{base_min * 0.4:.2f}")
                routing.append(f"{unit};{day};{carer.name};{_VISITS - 1};{travel_min:.2f}")
    return keys, routing


def _shift(rng: np.random.Generator, kind: Kind, carer: Person, week: int, day: date, sums: _Sums) -> list[Event]:
    """One shift as it was lived, and what it saved against the same shift as it would have been before."""
    level = float(carer.lived[week])
    used = rng.random() < use_in(kind, week) and not carer.waits
    late_route = rng.random() < kind.late_ratio
    before_min = _base_min(rng, carer, level)
    # Who has no route in time goes to the base as before.
    base_min = before_min
    if used and not late_route:
        usual_min = _BASE_MIN * carer.need * level
        base_min = max(2.0, (usual_min - kind.saving_ratio * NOMINAL_BASE_S / 60) * float(np.exp(rng.normal(0, 0.2))))
        sums.base_s += round(before_min * 60) - round(base_min * 60)
    route = _Route(carer, kind, week, day)
    clock = _START_MIN + base_min / 2
    delivered_min = clock + 30 if late_route else _START_MIN
    told: list[Event] = []
    for visit in range(_VISITS):
        if visit:
            leg_before_min = _leg_min(rng, carer, level)
            faster_min = kind.saving_ratio * NOMINAL_LEG_S / 60 * float(rng.uniform(0.5, 1.5))
            leg_min = max(0.2, leg_before_min - (0.0 if carer.waits else faster_min))
            sums.legs_s += round(leg_before_min * 60) - round(leg_min * 60)
            clock += round(leg_min * 60) / 60
            if rng.random() < _STUCK_DOOR_RATIO and used and not late_route:
                told.append(route.stuck(visit, clock))
                clock += _STUCK_MIN
                sums.base_s -= round(_STUCK_MIN * 60)
        stays_min = _VISIT_MIN * float(np.exp(rng.normal(0, 0.2)))
        told += route.visit(visit, clock, round(stays_min * 60) / 60)
        clock += round(stays_min * 60) / 60
    return [*route.begins(used, delivered_min), *told, *route.ends(clock + base_min / 2)]


@dataclass(frozen=True, slots=True)
class _Route:
    """Writes the events of one carer's shift."""

    carer: Person
    kind: Kind
    week: int
    day: date

    @property
    def _who(self) -> dict[str, Any]:
        return {"carer_id": self.carer.name, "unit_id": self.carer.unit_in(self.week, self.kind)}

    @property
    def _shift_id(self) -> str:
        return f"{self.carer.name}-{self.day}"

    def begins(self, used: bool, delivered_min: float) -> Iterator[Event]:
        """The route and the start of the shift; without use no stop needs a key any more than before."""
        route = {"route_id": f"route-{self._shift_id}", "day": self.day.isoformat(), "route_version": 1, **self._who}
        stops = tuple(
            RouteStop(
                visit_id=f"{self._shift_id}-{n}",
                citizen_id=f"citizen-{n}",
                start_at=instant(self.day, _START_MIN + 40 * n),
                end_at=instant(self.day, _START_MIN + 40 * n + _VISIT_MIN),
                mode="physical",
                formerly_key=True,
            )
            for n in range(_VISITS)
        )
        yield RoutePublished(at=instant(self.day, 60), reason="planned", stops=stops, **route)
        yield ShiftStarted(
            at=instant(self.day, _START_MIN),
            shift_id=self._shift_id,
            kind="day",
            place="citizen",
            day=self.day.isoformat(),
            planned_start_at=instant(self.day, _START_MIN),
            planned_end_at=instant(self.day, _START_MIN + 240),
            **self._who,
        )
        if used:
            at = instant(self.day, delivered_min)
            yield RouteDelivered(at=at, stop_count=_VISITS, key_stop_count=_VISITS, **route)

    def stuck(self, visit: int, minute: float) -> Event:
        """The door refused first."""
        return OpeningSettled(
            at=instant(self.day, minute + 0.1),
            opening_id=f"{self._shift_id}-{visit}",
            door_id=f"door-{visit}",
            visit_id=f"{self._shift_id}-{visit}",
            shift_id=self._shift_id,
            state="refused",
            elapsed_ms=6_000,
            **self._who,
        )

    def visit(self, number: int, minute: float, stays_min: float) -> Iterator[Event]:
        """One visit begun and ended."""
        begun_at, ended_at = instant(self.day, minute), instant(self.day, minute + stays_min)
        visit: dict[str, Any] = {
            "visit_id": f"{self._shift_id}-{number}",
            "citizen_id": f"citizen-{number}",
            "shift_id": self._shift_id,
            "mode": "physical",
            **self._who,
        }
        yield VisitBegun(at=begun_at, source="manual", planned_start_at=begun_at, **visit)
        yield VisitEnded(at=ended_at, outcome="done", begun_at=begun_at, **visit)

    def ends(self, minute: float) -> Iterator[Event]:
        """The shift ends."""
        at = instant(self.day, minute)
        yield ShiftEnded(at=at, shift_id=self._shift_id, place="citizen", **self._who)
