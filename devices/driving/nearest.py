"""Who can be at an address first: by a car's fresh position, else by the last event, else by the plan. Pure.

The list is ordered by arrival. It says how the place is known and never where somebody is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from devices.driving.distance import great_circle_m
from devices.driving.model import Position

#: a position older than this says where a car was
FRESH = timedelta(minutes=10)


class Basis(StrEnum):
    """How it is known where somebody is."""

    POSITION = "position"
    VISIT = "visit"
    EVENT = "event"
    BASE = "base"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast somebody gets through the town: km/h from door to door, detour of the streets, minutes to park."""

    speed_km_h: float
    detour_ratio: float
    stop_min: float


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where somebody on duty is, how it is known and since when, and when she is free to leave."""

    carer_id: str
    transport: str
    place: Position
    basis: Basis
    known_at: datetime
    free_at: datetime
    pace: Pace


@dataclass(frozen=True, slots=True)
class Arrival:
    """When somebody could be there. No place."""

    carer_id: str
    transport: str
    basis: Basis
    known_at: datetime
    free_at: datetime
    arrives_at: datetime


def arrivals(target: Position, whereabouts: Iterable[Whereabouts], now: datetime) -> list[Arrival]:
    """Who could be at a place when, first first."""
    found = []
    for one in whereabouts:
        leaves_at = max(now, one.free_at)
        away_km = great_circle_m(one.place, target) * one.pace.detour_ratio / 1000
        way_min = away_km / one.pace.speed_km_h * 60 + one.pace.stop_min
        arrives_at = leaves_at + timedelta(minutes=way_min)
        found.append(Arrival(one.carer_id, one.transport, one.basis, one.known_at, leaves_at, arrives_at))
    return sorted(found, key=lambda arrival: (arrival.arrives_at, arrival.carer_id))
