"""Simulated days on the road, as the tests of driving tell them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from devices.driving.model import Fix, Mode, Position
from devices.simulator.vehicle import DriveLeg, fixes_of

SEVEN = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
"""Seven in the morning in Copenhagen."""

BASE = Position(55.7080, 12.5360)
ODOMETER_M = 48_211_400
_M_PER_DEG = 111_195.0


def north_of(place: Position, metres: float) -> Position:
    """A place so far to the north."""
    return Position(place.lat_deg + metres / _M_PER_DEG, place.lon_deg)


def legs(
    hops_m: Sequence[float],
    stops_min: Sequence[float] | float = 8.0,
    *,
    start_at: datetime = SEVEN,
    drive_min: float = 3.0,
    modes: Sequence[Mode] = (),
) -> list[DriveLeg]:
    """A day of hops to the north, straight-line metres each, with a stop after each."""
    found, place, at = [], BASE, start_at
    for number, hop_m in enumerate(hops_m):
        target = north_of(place, hop_m)
        arrives_at = at + timedelta(minutes=drive_min)
        found.append(DriveLeg(place, target, at, arrives_at, modes[number] if modes else Mode.BUSINESS))
        stop_min = stops_min if isinstance(stops_min, float) else stops_min[number]
        place, at = target, arrives_at + timedelta(minutes=stop_min)
    return found


def driven(planned: Sequence[DriveLeg], **options: object) -> list[Fix]:
    """The fixes of these legs, from seed 1."""
    return fixes_of(planned, **({"odometer_m": ODOMETER_M, "seed": 1} | options))  # type: ignore[arg-type]
