"""The legs of a driving log, made of route, visits and trips. Pure: the same facts give the same log."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devices.driving.model import CarerDay, Leg, LegPurpose, Mode, RecordedTrip, StopFacts, Trip, TripState


@dataclass(frozen=True, slots=True)
class DayLog:
    """A driving log without its row: what route, visits and trips say now."""

    legs: tuple[Leg, ...]
    #: metres the route had planned for the legs that were gone
    planned_m: int
    #: business metres by the tracker's word; absent without one
    driven_m: int | None


def day_log(facts: CarerDay, trips: Sequence[RecordedTrip]) -> DayLog:
    """The log of a carer's day.

    Parameters
    ----------
    facts
        The day as scheduling knows it.
    trips
        What the carer drove that day, in any order. Withdrawn ones are left out here.
    """
    ordered = sorted((t for t in trips if t.trip.state is not TripState.WITHDRAWN), key=lambda t: t.trip.started_at)
    planned = _planned(facts)
    legs = list(planned)
    extra: list[Leg] = []
    for recorded in ordered:
        place = _leg_of(recorded, planned)
        if place is None:
            extra.append(_own_leg(recorded, facts))
        else:
            legs[place] = _driven(legs[place], recorded)
    private = private_times(recorded.trip for recorded in ordered)
    every = [_kept(leg, private) for leg in sorted([*legs, *extra], key=_when)]
    gone = [leg for leg in every if leg.arrived_at is not None]
    # What the odometer counted and nobody recorded is nobody's business until somebody explains it.
    known = [r.trip for r in ordered if r.trip.state is not TripState.MISSING]
    business = [trip.distance_m for trip in known if trip.mode is Mode.BUSINESS]
    return DayLog(
        legs=tuple(every),
        planned_m=sum(leg.planned_m or 0 for leg in gone),
        driven_m=sum(business) if business else None,
    )


def closed(log: DayLog) -> DayLog:
    """The log at the end of the shift: what was planned and never gone is not part of it."""
    return replace(log, legs=tuple(leg for leg in log.legs if leg.arrived_at is not None or leg.trip_id is not None))


def _planned(facts: CarerDay) -> list[Leg]:
    """One leg to each stop: those visited in the order they were, the way back, then what is still to come."""
    physical = [stop for stop in facts.stops if not stop.screen]
    visited = sorted((s for s in physical if s.begun_at is not None), key=lambda s: (s.begun_at, s.visit_id))
    to_come = sorted((s for s in physical if s.begun_at is None), key=lambda s: (s.planned_start_at, s.visit_id))
    legs: list[Leg] = []
    place, left_at = facts.start_place, facts.started_at
    for stop in visited:
        legs.append(_to_stop(stop, place, left_at))
        place, left_at = stop.visit_id, stop.ended_at
    if facts.back_m is not None and facts.ended_at is not None and visited:
        legs.append(
            Leg(
                purpose=LegPurpose.BASE,
                from_place=place,
                to_place=facts.end_place,
                visit_id=None,
                planned_departure_at=None,
                planned_arrival_at=None,
                departed_at=left_at,
                arrived_at=facts.ended_at,
                planned_m=facts.back_m,
                driven_m=None,
            )
        )
    for stop in to_come:
        legs.append(_to_stop(stop, place, None))
        place = stop.visit_id
    return legs


def _to_stop(stop: StopFacts, place: str | None, left_at: datetime | None) -> Leg:
    return Leg(
        purpose=LegPurpose.VISIT,
        from_place=place,
        to_place=stop.visit_id,
        visit_id=stop.visit_id,
        planned_departure_at=stop.planned_start_at - timedelta(seconds=stop.planned_travel_s),
        planned_arrival_at=stop.planned_start_at,
        departed_at=left_at,
        arrived_at=stop.begun_at,
        planned_m=stop.planned_m,
        driven_m=None,
    )


def _leg_of(recorded: RecordedTrip, planned: Sequence[Leg]) -> int | None:
    """The leg a trip belongs to: by its visit, else by the time it was driven in."""
    trip = recorded.trip
    if trip.mode is Mode.PRIVATE or trip.state is TripState.MISSING:
        return None
    if recorded.visit_id is not None:
        return next((i for i, leg in enumerate(planned) if leg.visit_id == recorded.visit_id), None)
    middle_at = trip.started_at + (trip.ended_at - trip.started_at) / 2
    for i, leg in enumerate(planned):
        if leg.departed_at is not None and leg.arrived_at is not None and leg.departed_at <= middle_at < leg.arrived_at:
            return i
    return None


def _driven(leg: Leg, recorded: RecordedTrip) -> Leg:
    """The leg with a trip in it. Several trips (a detour, a stop for petrol) add up; the last one arrives."""
    first = leg.driven_m is None
    return replace(
        leg,
        driven_m=(leg.driven_m or 0) + recorded.trip.distance_m,
        trip_id=recorded.trip_id,
        departed_at=recorded.trip.started_at if first else leg.departed_at,
        arrived_at=recorded.trip.ended_at,
    )


def _own_leg(recorded: RecordedTrip, facts: CarerDay) -> Leg:
    trip = recorded.trip
    purpose = LegPurpose.OTHER
    if trip.state is TripState.MISSING:
        purpose = LegPurpose.MISSING
    elif trip.mode is Mode.PRIVATE:
        purpose = LegPurpose.PRIVATE
    elif facts.end_place == "home" and _after_the_visits(trip, facts):
        purpose = LegPurpose.HOME
    return Leg(
        purpose=purpose,
        from_place=None,
        to_place="home" if purpose is LegPurpose.HOME else None,
        visit_id=None,
        planned_departure_at=None,
        planned_arrival_at=None,
        departed_at=trip.started_at,
        arrived_at=trip.ended_at,
        planned_m=None,
        driven_m=trip.distance_m,
        trip_id=recorded.trip_id,
    )


def _after_the_visits(trip: Trip, facts: CarerDay) -> bool:
    ended = [stop.ended_at for stop in facts.stops if stop.ended_at is not None and not stop.screen]
    return bool(ended) and trip.started_at >= max(ended)


def private_times(trips: Iterable[Trip]) -> frozenset[datetime]:
    """When private driving began and ended: what a missing stretch beside it must not tell either."""
    return frozenset(at for trip in trips if trip.mode is Mode.PRIVATE for at in (trip.started_at, trip.ended_at))


def _kept(leg: Leg, private: Collection[datetime]) -> Leg:
    """Of private driving the kilometres are kept, and neither when nor where."""
    beside = leg.purpose is LegPurpose.MISSING and (leg.departed_at in private or leg.arrived_at in private)
    return replace(leg, departed_at=None, arrived_at=None) if leg.private or beside else leg


def _when(leg: Leg) -> tuple[datetime, str]:
    at = leg.arrived_at or leg.departed_at or leg.planned_arrival_at
    if at is None:
        raise ValueError(f"Expected a leg with a time, got {leg}.")
    return at, leg.trip_id or ""
