"""The pure fold: what the ledger remembers of shifts and routes as it reads the log, event by event.

No session, no clock: events and their positions go in, progress comes out. Instants are kept as whole
milliseconds since the epoch, so that the state is small and survives JSON unchanged. An event that was folded
before (its position is not beyond the last one) changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from devices.events import DoorOpened, OpeningSettled
from kernel.events import Event
from kernel.localtime import local_day
from scheduling.events import (
    RouteDelivered,
    RoutePublished,
    ShiftEnded,
    ShiftStarted,
    VisitBegun,
    VisitEnded,
)

#: An opening that ended like this kept the carer outside.
FAILED_OPENINGS = frozenset({"refused", "jammed", "unknown", "expired"})
#: An opening on its way (requested, challenged, sent) says nothing yet.
_SETTLED_OPENINGS = FAILED_OPENINGS | {"unlocked"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def epoch_ms(instant_at: datetime) -> int:
    """Whole milliseconds since 1970, exact for every instant the log can hold."""
    return (instant_at - _EPOCH) // _MILLISECOND


def day_of_ms(instant_ms: int) -> date:
    """The Danish calendar day of an instant given in milliseconds since 1970."""
    return local_day(_EPOCH + instant_ms * _MILLISECOND)


def route_key(subject: str, day: str) -> str:
    """Names the route of a pseudonymous carer on a day."""
    return f"{subject}:{day}"


@dataclass(slots=True)
class VisitProgress:
    """One visit of a shift."""

    physical: bool = True
    by_door: bool = False
    #: the citizen uses screen visits: the travel to this visit is counted there
    screen_citizen: bool = False
    begun_ms: int | None = None
    begun_position: int | None = None
    ended_ms: int | None = None
    ended_position: int | None = None
    #: when the carer first tapped for an opening that failed
    failed_tap_ms: int | None = None
    #: when the last opening of the visit settled
    settled_ms: int | None = None
    door_positions: list[int] = field(default_factory=list)

    def as_json(self) -> list[Any]:
        """The visit as a JSON list, in the order of the fields."""
        return [
            self.physical,
            self.by_door,
            self.screen_citizen,
            self.begun_ms,
            self.begun_position,
            self.ended_ms,
            self.ended_position,
            self.failed_tap_ms,
            self.settled_ms,
            self.door_positions,
        ]


@dataclass(slots=True)
class ShiftProgress:
    """What is known of a shift. ``kind`` is empty until its beginning was read."""

    shift_id: str
    subject: str = ""
    unit_id: str = ""
    day: str = ""
    kind: str = ""
    start_place: str = ""
    end_place: str = ""
    started_ms: int | None = None
    started_position: int | None = None
    ended_ms: int | None = None
    ended_position: int | None = None
    last_position: int = 0
    visits: dict[str, VisitProgress] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Whether both ends of the shift are known, so that it can be judged."""
        return self.started_ms is not None and self.ended_ms is not None

    @property
    def route_key(self) -> str:
        """The route this shift worked by."""
        return route_key(self.subject, self.day)

    def visit(self, visit_id: str) -> VisitProgress:
        """The progress of one visit, begun empty at its first mention."""
        found = self.visits.get(visit_id)
        if found is None:
            found = self.visits[visit_id] = VisitProgress()
        return found

    def as_json(self) -> dict[str, Any]:
        """What has no column of its own."""
        return {
            "kind": self.kind,
            "places": [self.start_place, self.end_place],
            "started": [self.started_ms, self.started_position],
            "ended": [self.ended_ms, self.ended_position],
            "visits": {visit_id: visit.as_json() for visit_id, visit in self.visits.items()},
        }

    @classmethod
    def from_json(
        cls, shift_id: str, subject: str, unit_id: str, day: str, last_position: int, state: dict[str, Any]
    ) -> "ShiftProgress":
        """The progress as it was stored."""
        return cls(
            shift_id=shift_id,
            subject=subject,
            unit_id=unit_id,
            day=day,
            kind=state["kind"],
            start_place=state["places"][0],
            end_place=state["places"][1],
            started_ms=state["started"][0],
            started_position=state["started"][1],
            ended_ms=state["ended"][0],
            ended_position=state["ended"][1],
            last_position=last_position,
            visits={visit_id: VisitProgress(*fields) for visit_id, fields in state["visits"].items()},
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """A route version that reached the tablet."""

    at_ms: int
    position: int
    version: int
    key_stop_count: int


@dataclass(slots=True)
class RouteProgress:
    """What is known of a carer's route of a day: versions, deliveries, doors, and the shifts that used it."""

    route_key: str
    last_position: int = 0
    #: version -> physical stops that formerly needed a fetched key
    key_stops: dict[int, int] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    door_visits: set[str] = field(default_factory=set)
    shift_ids: set[str] = field(default_factory=set)

    def delivered_by(self, instant_ms: int) -> Delivery | None:
        """The newest version that had reached the tablet at an instant."""
        in_time = [d for d in self.deliveries if d.at_ms <= instant_ms]
        return max(in_time, key=lambda d: (d.version, d.position), default=None)

    def key_stop_count(self, delivery: Delivery) -> int:
        """Stops of a delivered version that formerly needed a fetched key; screen visits never count."""
        published = self.key_stops.get(delivery.version)
        return delivery.key_stop_count if published is None else min(published, delivery.key_stop_count)

    def as_json(self) -> dict[str, Any]:
        """What has no column of its own."""
        return {
            "key_stops": sorted(self.key_stops.items()),
            "deliveries": [[d.at_ms, d.position, d.version, d.key_stop_count] for d in self.deliveries],
            "door_visits": sorted(self.door_visits),
            "shift_ids": sorted(self.shift_ids),
        }

    @classmethod
    def from_json(cls, key: str, last_position: int, state: dict[str, Any]) -> "RouteProgress":
        """The progress as it was stored."""
        return cls(
            route_key=key,
            last_position=last_position,
            key_stops={version: count for version, count in state["key_stops"]},  # noqa: C416 (typed pairs)
            deliveries=[Delivery(*fields) for fields in state["deliveries"]],
            door_visits=set(state["door_visits"]),
            shift_ids=set(state["shift_ids"]),
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the ledger needs of a frozen baseline. ``known_position`` is its place in the log."""

    baseline_id: str
    technology: str
    unit_id: str
    kind: str
    version: int
    last_on: date
    valid_until_on: date
    total_s: int
    measured_count: int
    known_position: int

    @property
    def mean_s(self) -> int:
        """Seconds of one measured shift, leg, week or day, rounded."""
        return self.seconds_of(1)

    def seconds_of(self, count: int) -> int:
        """Seconds ``count`` measured units would have taken, rounded once."""
        return round(Fraction(self.total_s * count, self.measured_count))

    def holds_on(self, day: date) -> bool:
        """Whether an occasion of that day may be measured against it."""
        return self.last_on < day <= self.valid_until_on


def baseline_for(
    baselines: Iterable[Baseline], technology: str, unit_id: str, kind: str, day: date, position: int
) -> Baseline | None:
    """The newest baseline of a unit that holds on a day and was known at a position of the log."""
    fitting = [
        b
        for b in baselines
        if (b.technology, b.unit_id, b.kind) == (technology, unit_id, kind)
        and b.known_position <= position
        and b.holds_on(day)
    ]
    return max(fitting, key=lambda b: b.version, default=None)


def fold_shift(
    shift: ShiftProgress, position: int, event: Event, subject: str, *, screen_citizen: bool = False
) -> bool:
    """Take an event into the shift it belongs to. Returns whether it was new.

    Parameters
    ----------
    subject
        Pseudonym of the carer of the event; used when the event is the beginning of the shift.
    screen_citizen
        Whether the citizen of a visit that begins uses screen visits.
    """
    if position <= shift.last_position:
        return False
    shift.last_position = position
    match event:
        case ShiftStarted():
            shift.subject, shift.unit_id = subject, event.unit_id
            shift.day, shift.kind, shift.start_place = event.day, event.kind, event.place
            shift.started_ms, shift.started_position = epoch_ms(event.at), position
        case ShiftEnded():
            shift.end_place = event.place
            shift.ended_ms, shift.ended_position = epoch_ms(event.at), position
        case VisitBegun():
            _visit_begun(shift.visit(event.visit_id), position, event)
            shift.visit(event.visit_id).screen_citizen = screen_citizen
        case VisitEnded():
            visit = shift.visit(event.visit_id)
            visit.physical = event.mode == "physical"
            visit.ended_ms, visit.ended_position = epoch_ms(event.at), position
            if visit.begun_ms is None:
                # Its beginning is not told, or not yet: the end knows when it was.
                visit.begun_ms = epoch_ms(event.begun_at)
        case OpeningSettled():
            _opening_settled(shift.visit(event.visit_id), position, event)
        case DoorOpened() if event.visit_id is not None:
            shift.visit(event.visit_id).door_positions.append(position)
    return True


def fold_route(route: RouteProgress, position: int, event: RoutePublished | RouteDelivered) -> bool:
    """Take a route event in. Returns whether it was new."""
    if position <= route.last_position:
        return False
    route.last_position = position
    if isinstance(event, RoutePublished):
        physical = [stop for stop in event.stops if stop.mode == "physical"]
        route.key_stops[event.route_version] = sum(stop.formerly_key for stop in physical)
        route.door_visits.update(stop.visit_id for stop in physical if stop.door_id is not None)
    else:
        route.deliveries.append(Delivery(epoch_ms(event.at), position, event.route_version, event.key_stop_count))
    return True


def _visit_begun(visit: VisitProgress, position: int, event: VisitBegun) -> None:
    visit.physical = event.mode == "physical"
    begun_ms = epoch_ms(event.at)
    by_end_only = visit.begun_position is None
    # A screen visit nobody answered begins again: the time between the tries is not spent on it. A physical visit
    # began when it was first said to have begun.
    later = visit.begun_ms is not None and begun_ms > visit.begun_ms
    if visit.begun_ms is None or by_end_only or (later if event.mode == "screen" else begun_ms < visit.begun_ms):
        visit.begun_ms, visit.begun_position = begun_ms, position
        visit.by_door = event.source == "device"


def _opening_settled(visit: VisitProgress, position: int, event: OpeningSettled) -> None:
    if event.state not in _SETTLED_OPENINGS:
        return
    settled_ms = epoch_ms(event.at)
    visit.door_positions.append(position)
    visit.settled_ms = max(settled_ms, visit.settled_ms or settled_ms)
    if event.state in FAILED_OPENINGS:
        tap_ms = settled_ms - event.elapsed_ms
        visit.failed_tap_ms = min(tap_ms, visit.failed_tap_ms or tap_ms)
