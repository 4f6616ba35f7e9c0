"""What a trip was for, by the route of the carer who drove it. Pure."""

from datetime import datetime, timedelta

from devices.driving.distance import great_circle_m
from devices.driving.model import CarerDay, Mode, Position, Purpose, StopFacts, Trip

#: a citizen's door and the kerb the car stands at; the wider ring where the nearer one holds nobody
NEAR_M, WIDE_M = 75.0, 150.0
#: from the car to the visit, and how far a carer may run ahead of or behind her route
BEFORE_VISIT, AFTER_BEGIN = timedelta(minutes=30), timedelta(minutes=5)
OFF_ROUTE = timedelta(minutes=60)


def purpose_of(trip: Trip, facts: CarerDay | None) -> tuple[Purpose, str | None]:
    """Purpose and visit of a trip.

    Parameters
    ----------
    facts
        The day of whoever had the car when the trip began; absent where nobody had it.

    Returns
    -------
    tuple
        The visit whose citizen's place is within 75 m (else 150 m) of the trip's end and whose times fit, the
        nearest in time where several do; business without a visit at the base; else unknown. Private driving
        is private and nothing more.
    """
    if trip.mode is Mode.PRIVATE:
        return Purpose.PRIVATE, None
    if facts is None or trip.end is None:
        return Purpose.UNKNOWN, None
    for radius_m in (NEAR_M, WIDE_M):
        fitting = [stop for stop in facts.stops if _within(trip.end, stop.position, radius_m) and _fits(trip, stop)]
        if fitting:
            nearest = min(fitting, key=lambda stop: (abs(_begin(stop) - trip.ended_at), stop.visit_id))
            return Purpose.BUSINESS, nearest.visit_id
    at_base = _within(trip.end, facts.base, WIDE_M)
    return (Purpose.BUSINESS if at_base else Purpose.UNKNOWN), None


def _begin(stop: StopFacts) -> datetime:
    return stop.begun_at or stop.planned_start_at


def _fits(trip: Trip, stop: StopFacts) -> bool:
    if stop.screen:
        return False
    if stop.begun_at is not None:
        return stop.begun_at - BEFORE_VISIT <= trip.ended_at <= stop.begun_at + AFTER_BEGIN
    return stop.planned_start_at - OFF_ROUTE <= trip.ended_at <= stop.planned_end_at + OFF_ROUTE


def _within(place: Position, other: Position | None, radius_m: float) -> bool:
    return other is not None and great_circle_m(place, other) <= radius_m
