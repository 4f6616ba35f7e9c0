"""Whether the track a tracker drew agrees with the odometer it read. Pure."""

from collections.abc import Iterable
from typing import TypedDict

from devices.driving.model import Mode, Trip, TripState

#: the book and the odometer may differ by so much
AGREES_RATIO = 0.02
#: and by this: a fix every ten seconds cuts the corners of a short way
UNSEEN_M = 500


class Agreement(TypedDict):
    """Kilometres by the odometer and by the track, and whether they differ by more than they may."""

    odometer_km: float
    track_km: float
    deviates: bool


def agreement(trips: Iterable[Trip]) -> Agreement:
    """Hold the tracks of trips against the odometer, together.

    Parameters
    ----------
    trips
        Any; those without a track, private or missing, are left out.
    """
    seen = [trip for trip in trips if trip.mode is Mode.BUSINESS and trip.state is not TripState.MISSING]
    counted_m = sum(trip.end_odometer_m - trip.start_odometer_m for trip in seen)
    track_m = sum(trip.track_m for trip in seen)
    away_m = abs(track_m - counted_m)
    return {
        "odometer_km": round(counted_m / 1000, 2),
        "track_km": round(track_m / 1000, 2),
        "deviates": away_m > UNSEEN_M and away_m > AGREES_RATIO * counted_m,
    }
