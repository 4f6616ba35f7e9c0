"""How long it takes from place to place: a given matrix, or coordinates with speed and detour.

Minutes from coordinates are rounded to 0.001 min, so that the last bit of a sine never decides a plan.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np

from scheduling.model import Day, ModeSpeed, Place, Transport, TravelBySpeed, TravelMatrix

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth (IUGG, R1)."""

UNREACHABLE_MIN = 100_000.0
"""Minutes of a way a matrix does not know (a hole or a negative number): more than any day has."""

STANDARD_SPEEDS: tuple[ModeSpeed, ...] = (
    ModeSpeed(
        transport=Transport.BIKE,
        speed_km_h=16.8,
        detour_ratio=1.3,
        stop_min=0.0,
        valid_from_on=date(2026, 11, 1),
        source="speed: TØI, cyclists in Oslo; detour: assumption until a road graph is loaded",
    ),
    ModeSpeed(
        transport=Transport.E_BIKE,
        speed_km_h=18.0,
        detour_ratio=1.3,
        stop_min=0.0,
        valid_from_on=date(2026, 11, 1),
        source="speed: TØI, cyclists in Oslo; detour: assumption until a road graph is loaded",
    ),
    ModeSpeed(
        transport=Transport.CAR,
        speed_km_h=20.0,
        detour_ratio=1.4,
        stop_min=2.0,
        valid_from_on=date(2026, 11, 1),
        source="assumption for Copenhagen: 18 to 22 km/h door to door and 2 min to park",
    ),
)


class Legs(Protocol):
    """Travel minutes from one place to the others, by index."""

    def __getitem__(self, index: int, /) -> float: ...


class TravelTimes(Protocol):
    """Travel minutes between places; every implementation returns finite numbers >= 0."""

    def leg_min(self, transport: Transport, origin: Place, target: Place) -> float:
        """Minutes of one leg."""
        ...

    def index_of(self, places: Sequence[Place]) -> tuple[list[Place], list[int]]:
        """The distinct places a table of legs needs, and for each given place its row in that table."""
        ...

    def table(self, transport: Transport, places: Sequence[Place], *, dense: bool) -> Sequence[Legs]:
        """Legs among the places of ``index_of``; ``dense`` stores all, else each is computed when asked."""
        ...


class MatrixTravel:
    """Travel times as the day file gives them, the same for every transport.

    A way the matrix does not know takes ``UNREACHABLE_MIN``, so that no plan goes it.
    """

    def __init__(self, matrix: TravelMatrix) -> None:
        self._rows = tuple(row if _is_whole(row) else _without_holes(row) for row in matrix.minutes)

    def leg_min(self, transport: Transport, origin: Place, target: Place) -> float:  # noqa: ARG002
        """Minutes of one leg. ValueError if a place has no row."""
        return self._rows[_row_of(origin)][_row_of(target)]

    def index_of(self, places: Sequence[Place]) -> tuple[list[Place], list[int]]:
        """The matrix itself is the table, so a place's row is its own."""
        return [], [_row_of(place) for place in places]

    def table(self, transport: Transport, places: Sequence[Place], *, dense: bool) -> Sequence[Legs]:  # noqa: ARG002
        """The matrix; only rows with holes are copies."""
        return self._rows


class CoordinateTravel:
    """Great-circle distance x detour / speed, plus minutes per stop; zero from a place to itself.

    Notes
    -----
    Haversine form: R. W. Sinnott, "Virtues of the Haversine", Sky & Telescope 68(2), 1984.
    """

    def __init__(self, speeds: TravelBySpeed) -> None:
        self._modes = {mode.transport: mode for mode in speeds.modes}

    def leg_min(self, transport: Transport, origin: Place, target: Place) -> float:
        """Minutes of one leg. ValueError if a place lacks coordinates or the transport has no speed."""
        mode = self._mode(transport)
        return _leg_min(_radians(origin), _radians(target), mode)

    def index_of(self, places: Sequence[Place]) -> tuple[list[Place], list[int]]:
        """Places at equal coordinates share a row."""
        row_by_place: dict[Place, int] = {}
        rows = [row_by_place.setdefault(place, len(row_by_place)) for place in places]
        return list(row_by_place), rows

    def table(self, transport: Transport, places: Sequence[Place], *, dense: bool) -> Sequence[Legs]:
        """Legs among the places. Dense: 8 bytes a leg, n x n of them."""
        mode = self._mode(transport)
        points = [_radians(place) for place in places]
        return _dense_table(points, mode) if dense else [_LegsOnDemand(p, points, mode) for p in points]

    def _mode(self, transport: Transport) -> ModeSpeed:
        if transport not in self._modes:
            raise ValueError(f"Expected a transport with a speed ({', '.join(self._modes)}), got {transport}.")
        return self._modes[transport]


class _LegsOnDemand:
    """One row of a table that is never stored: a board asks for few of its legs."""

    __slots__ = ("_mode", "_origin", "_points")

    def __init__(self, origin: tuple[float, float], points: list[tuple[float, float]], mode: ModeSpeed) -> None:
        self._origin, self._points, self._mode = origin, points, mode

    def __getitem__(self, index: int, /) -> float:
        return _leg_min(self._origin, self._points[index], self._mode)


def travel_times(day: Day) -> TravelTimes:
    """The travel times a day was given with."""
    return times_of(day.travel)


def times_of(travel: TravelMatrix | TravelBySpeed) -> TravelTimes:
    """Travel times from a matrix, or from coordinates and speeds."""
    return MatrixTravel(travel) if isinstance(travel, TravelMatrix) else CoordinateTravel(travel)


def unknown_ways(matrix: TravelMatrix) -> list[tuple[int, int]]:
    """Row and column of every way a matrix has no sensible number for."""
    return [
        (i, j)
        for i, row in enumerate(matrix.minutes)
        if not _is_whole(row)
        for j, minutes in enumerate(row)
        if not 0.0 <= minutes < UNREACHABLE_MIN
    ]


def _is_whole(row: array[float]) -> bool:
    return not row or (min(row) >= 0.0 and max(row) < UNREACHABLE_MIN)


def _without_holes(row: array[float]) -> array[float]:
    return array("d", (m if 0.0 <= m < UNREACHABLE_MIN else UNREACHABLE_MIN for m in row))


def _leg_min(origin: tuple[float, float], target: tuple[float, float], mode: ModeSpeed) -> float:
    if origin == target:
        return 0.0
    half = (
        math.sin((target[0] - origin[0]) / 2) ** 2
        + math.cos(origin[0]) * math.cos(target[0]) * math.sin((target[1] - origin[1]) / 2) ** 2
    )
    way_km = 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half))) * mode.detour_ratio
    return round(way_km / mode.speed_km_h * 60 + mode.stop_min, 3)


def _dense_table(points: list[tuple[float, float]], mode: ModeSpeed) -> list[array[float]]:
    lat = np.array([p[0] for p in points])
    lon = np.array([p[1] for p in points])
    rows: list[array[float]] = []
    for i in range(len(points)):
        half = np.sin((lat - lat[i]) / 2) ** 2 + np.cos(lat[i]) * np.cos(lat) * np.sin((lon - lon[i]) / 2) ** 2
        way_km = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, np.sqrt(half))) * mode.detour_ratio
        minutes = np.round(way_km / mode.speed_km_h * 60 + mode.stop_min, 3)
        minutes[(lat == lat[i]) & (lon == lon[i])] = 0.0
        row: array[float] = array("d")
        row.frombytes(minutes.astype(np.float64).tobytes())
        rows.append(row)
    return rows


def _radians(place: Place) -> tuple[float, float]:
    if place.lat_deg is None or place.lon_deg is None:
        raise ValueError(f"Expected a place with WGS 84 coordinates, got {place}.")
    return math.radians(place.lat_deg), math.radians(place.lon_deg)


def _row_of(place: Place) -> int:
    if place.matrix_row is None:
        raise ValueError(f"Expected a place with a row in the travel matrix, got {place}.")
    return place.matrix_row
