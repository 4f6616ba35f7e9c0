"""Distances on the earth. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise

from devices.driving.model import Position

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth (IUGG, R1)."""


def great_circle_m(a: Position, b: Position) -> float:
    """Metres between two positions.

    Notes
    -----
    Haversine form: R. W. Sinnott, "Virtues of the Haversine", Sky & Telescope 68(2), 1984.
    """
    lat_a, lat_b = math.radians(a.lat_deg), math.radians(b.lat_deg)
    half = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lon_deg - a.lon_deg) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def track_m(track: Sequence[Position]) -> float:
    """Length of a track in driving order, metres; 0 for fewer than two positions."""
    return sum(great_circle_m(a, b) for a, b in pairwise(track))
