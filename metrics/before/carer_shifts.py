"""Baselines of keys and of routing from the log: shifts that were worked as before.

Keys, with the driving log: from the start of a shift to its first physical visit and from the end of its last one to
the end of the shift, as ``keys-1`` counts them since. Left out, so that no guess comes in:

- shifts whose route had no key to fetch, or none that was published, and shifts with a stop behind an electronic lock:
  there the new way had begun;
- shifts with a head or tail of more than an hour: a meeting, or an end that was tapped late;
- shifts that have not ended, or with a visit that has not.

The log does not part the time at the base from the way there, so none of it is called travel.

Routing: the legs between the visits of a day shift, as ``routing-1`` counts them, on days whose plan was not made here
(``day.planned``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlmodel import Session

from devices.events import OpeningSettled
from kernel.events import Event
from metrics import routing_shifts
from metrics.before.told import told
from metrics.enrolment_store import load_enrolments
from metrics.enrolments import Enrolment
from metrics.keys_entries import head_and_tail_s
from metrics.ledger import ShiftProgress, epoch_ms, fold_shift, route_key
from metrics.pseudonyms import Pseudonyms
from metrics.study_csv import Measured
from scheduling.events import DayPlanned, RoutePublished, ShiftEnded, ShiftStarted, VisitBegun, VisitEnded

#: A longer head or tail holds something else than fetching keys.
LONGEST_END_S = 60 * 60
#: Routes are published at most so long before their day.
_AHEAD = timedelta(days=31)
_SHIFT_EVENTS: tuple[type[Event], ...] = (ShiftStarted, ShiftEnded, VisitBegun, VisitEnded, OpeningSettled)


@dataclass(frozen=True, slots=True)
class _Route:
    """One version of a route: stops a key had to be fetched for, and stops behind an electronic lock."""

    version: int
    keys: int
    locks: int


@dataclass(slots=True)
class _Period:
    """The shifts of a unit, their newest routes and the days that were planned here."""

    shifts: dict[str, ShiftProgress] = field(default_factory=dict)
    routes: dict[str, _Route] = field(default_factory=dict)
    planned_days: set[str] = field(default_factory=set)

    def ended(self, from_on: date, to_on: date) -> Iterator[ShiftProgress]:
        """Shifts of these days that have ended, in an order of their own figures."""
        days = (from_on.isoformat(), to_on.isoformat())
        found = [s for s in self.shifts.values() if s.closed and days[0] <= s.day <= days[1]]
        return iter(sorted(found, key=lambda s: (s.day, s.subject, s.started_ms or 0)))


def measured_keys(session: Session, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms) -> list[Measured]:
    """Every shift that had a key to fetch and no electronic lock, with its time at both ends."""
    period = _read(session, unit_id, from_on, to_on, pseudonyms)
    found: list[Measured] = []
    for shift in period.ended(from_on, to_on):
        route = period.routes.get(shift.route_key)
        if route is None or not route.keys or route.locks:
            continue
        ends = head_and_tail_s(shift)
        if isinstance(ends, str) or max(ends) > LONGEST_END_S or _open_visit(shift):
            continue
        found.append(Measured(unit_id, shift.kind, shift.subject, date.fromisoformat(shift.day), sum(ends)))
    return _once_a_day(found)


def measured_routing(
    session: Session, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms
) -> list[Measured]:
    """Every day shift of a day that was not planned here, with its legs."""
    period = _read(session, unit_id, from_on, to_on, pseudonyms)
    found: list[Measured] = []
    for shift in period.ended(from_on, to_on):
        if shift.kind != routing_shifts.SHIFT_KIND or shift.day in period.planned_days:
            continue
        judged = routing_shifts.judge(shift, None)
        if judged.eligible:
            count, travel_s = judged.inputs["legs"], judged.inputs["travel_s"]
            on, kind = date.fromisoformat(shift.day), routing_shifts.BASELINE_KIND
            found.append(Measured(unit_id, kind, shift.subject, on, travel_s, travel_s, count))
    return _once_a_day(found)


def _read(session: Session, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms) -> _Period:
    period = _Period()
    on_screen = load_enrolments(session, "screen")
    for _position, event in told(session, (RoutePublished, DayPlanned), from_on, to_on, unit_id=unit_id, ahead=_AHEAD):
        if isinstance(event, DayPlanned):
            period.planned_days.add(event.day)
        elif isinstance(event, RoutePublished):
            _take_route(period, event, pseudonyms)
    for position, event in told(session, _SHIFT_EVENTS, from_on, to_on, unit_id=unit_id):
        shift_id = getattr(event, "shift_id", None)
        if shift_id is None:
            continue
        subject = "" if event.carer_id is None else pseudonyms.subject(event.carer_id)
        seen = isinstance(event, VisitBegun) and _uses_screen(
            on_screen.get(pseudonyms.subject(event.citizen_id)), event
        )
        shift = period.shifts.setdefault(shift_id, ShiftProgress(shift_id))
        fold_shift(shift, position, event, subject, screen_citizen=seen)
    return period


def _take_route(period: _Period, event: RoutePublished, pseudonyms: Pseudonyms) -> None:
    key = route_key(pseudonyms.subject(event.carer_id), event.day)
    known = period.routes.get(key)
    if known is not None and known.version >= event.route_version:
        return
    physical = [stop for stop in event.stops if stop.mode == "physical"]
    locks = sum(stop.door_id is not None for stop in physical)
    period.routes[key] = _Route(event.route_version, sum(stop.formerly_key for stop in physical), locks)


def _uses_screen(enrolment: Enrolment | None, event: VisitBegun) -> bool:
    at_ms = epoch_ms(event.at)
    return enrolment is not None and enrolment.covers(at_ms, at_ms)


def _open_visit(shift: ShiftProgress) -> bool:
    return any(v.physical and v.begun_ms is not None and v.ended_ms is None for v in shift.visits.values())


def _once_a_day(found: list[Measured]) -> list[Measured]:
    """A carer's first shift of a kind and day: a baseline has one measurement of a subject and day."""
    once: dict[tuple[str, str, date], Measured] = {}
    for one in found:
        once.setdefault((one.kind, one.subject, one.on), one)
    return list(once.values())
