"""Where a shift begins, how it travels, when it rests: the terms of a shift besides its hours. Frozen facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Transport(StrEnum):
    """How a carer gets from stop to stop."""

    BIKE = "bike"
    E_BIKE = "e_bike"
    CAR = "car"


class ShiftEnd(StrEnum):
    """Where a shift begins or ends. ``CITIZEN`` means at the first (last) citizen: no travel is counted."""

    HOME = "home"
    BASE = "base"
    CITIZEN = "citizen"


@dataclass(frozen=True, slots=True)
class Place:
    """A point on earth (WGS 84 degrees), on a plane (instance units), and/or a row of the travel matrix."""

    lat_deg: float | None = None
    lon_deg: float | None = None
    x: float | None = None
    y: float | None = None
    matrix_row: int | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A break of a shift: it begins from ``earliest_at`` to ``latest_at`` and is taken wherever the carer is."""

    earliest_at: datetime
    latest_at: datetime
    duration_s: float


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle that is fetched before the first visit and brought back after the last.

    ``reached_by`` is how the carer gets from where her shift starts to the vehicle, and from it to where her
    shift ends. A shift from (to) ``CITIZEN`` begins (ends) at the vehicle.
    """

    place: Place
    reached_by: Transport = Transport.BIKE
