"""What a tracker tells, what a trip is, and the facts of a carer's day that a driving log is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

FixKey: TypeAlias = tuple[int, int]
"""``(boot, seq)``: what a fix of one tracker is known by."""


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84 degrees."""

    lat_deg: float
    lon_deg: float


class Mode(StrEnum):
    """Whose errand it is, by the switch in the car."""

    BUSINESS = "business"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Fix:
    """One report of a tracker. A private one keeps its odometer and nothing of where it was."""

    boot: int
    seq: int
    ts_at: datetime
    position: Position | None
    odometer_m: int
    ignition: bool
    speed_kmh: float | None = None
    mode: Mode = Mode.BUSINESS

    @property
    def key(self) -> FixKey:
        """What the fix is known by."""
        return (self.boot, self.seq)


class Doubt(StrEnum):
    """Why a fix was set aside, or what is odd about a trip. Closed: pages and the CSV have words for each."""

    JUMP = "jump"
    ODOMETER_BACKWARDS = "odometer_backwards"


class TripState(StrEnum):
    """``missing`` is a stretch of the odometer that nobody recorded; ``withdrawn`` was a trip until late data came."""

    OPEN = "open"
    CLOSED = "closed"
    MISSING = "missing"
    WITHDRAWN = "withdrawn"


class Purpose(StrEnum):
    """What a trip was for, by the route of whoever drove."""

    BUSINESS = "business"
    PRIVATE = "private"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trip:
    """From stop to stop. Positions are absent for a private or missing trip."""

    started_at: datetime
    ended_at: datetime
    start_odometer_m: int
    end_odometer_m: int
    #: odometer difference; great-circle sum of the track where the odometer stood still
    distance_m: int
    #: great-circle length of the track, to hold against the odometer
    track_m: int
    mode: Mode
    state: TripState
    start: Position | None = None
    end: Position | None = None
    doubts: frozenset[Doubt] = frozenset()


@dataclass(frozen=True, slots=True)
class Driven:
    """What a stretch of fixes says: trips in order of time, and the fixes that are not believed."""

    trips: tuple[Trip, ...]
    set_aside: Mapping[FixKey, Doubt] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StopFacts:
    """One stop of a carer's route: where and when it was planned, and when it was."""

    visit_id: str
    #: absent on an invented plane and for a screen visit, which nobody drives to
    position: Position | None
    screen: bool
    planned_start_at: datetime
    planned_end_at: datetime
    planned_travel_s: int
    planned_m: int
    begun_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CarerDay:
    """What scheduling knows of one carer on one day, frozen by the gateway for the rules here."""

    carer_id: str
    unit_id: str
    day: date
    #: bike, e_bike or car
    transport: str
    route_version: int
    started_at: datetime | None
    ended_at: datetime | None
    #: home, base or citizen
    start_place: str | None
    end_place: str | None
    base: Position | None
    stops: tuple[StopFacts, ...] = ()
    #: planned distance from the last stop to the base; absent where the shift did not end there
    back_m: int | None = None
    #: when the shift ended, or is over at the latest where nobody has ended it
    over_at: datetime | None = None

    def holds(self, instant_at: datetime) -> bool:
        """Whether the shift was going on at an instant."""
        if self.started_at is None or self.over_at is None:
            return False
        return self.started_at <= instant_at < self.over_at


@dataclass(frozen=True, slots=True)
class RecordedTrip:
    """A stored trip as readers see it."""

    trip_id: str
    vehicle_id: str
    unit_id: str
    carer_id: str | None
    day: date
    revision: int
    purpose: Purpose
    visit_id: str | None
    #: late data changed its times or kilometres after it was first recorded
    corrected: bool
    trip: Trip


class LegPurpose(StrEnum):
    """What a leg of the log was for. ``missing``: the odometer moved and nobody recorded it."""

    VISIT = "visit"
    BASE = "base"
    HOME = "home"
    OTHER = "other"
    PRIVATE = "private"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a driving log. Places are ``home``, ``base``, ``citizen`` or a visit's id, never an address.

    ``planned_m`` is absent for what nobody planned, ``driven_m`` without a tracker.
    """

    purpose: LegPurpose
    from_place: str | None
    to_place: str | None
    visit_id: str | None
    planned_departure_at: datetime | None
    planned_arrival_at: datetime | None
    departed_at: datetime | None
    arrived_at: datetime | None
    planned_m: int | None
    driven_m: int | None
    trip_id: str | None = None

    @property
    def private(self) -> bool:
        """Whether only its kilometres are kept."""
        return self.purpose is LegPurpose.PRIVATE
