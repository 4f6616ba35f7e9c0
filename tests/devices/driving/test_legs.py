"""The log of a day from route, visits and trips: the same facts, the same log."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from devices.driving.legs import closed, day_log
from devices.driving.model import (
    CarerDay,
    LegPurpose,
    Mode,
    Position,
    Purpose,
    RecordedTrip,
    StopFacts,
    Trip,
    TripState,
)
from tests.devices.driving.roads import SEVEN

DAY = date(2026, 11, 25)
HERE = Position(55.7, 12.5)


def at(minutes: float) -> datetime:
    return SEVEN + timedelta(minutes=minutes)


def stop(number: int, begun: float | None = None, ended: float | None = None, **changes: object) -> StopFacts:
    planned = at(30 * number)
    of = StopFacts(
        f"v{number}",
        HERE,
        False,
        planned,
        planned + timedelta(minutes=15),
        300,
        1_000,
        None if begun is None else at(begun),
        None if ended is None else at(ended),
    )
    return replace(of, **changes)  # type: ignore[arg-type]


def day(*stops: StopFacts, **changes: object) -> CarerDay:
    of = CarerDay("anna", "nord", DAY, "car", 1, at(0), at(240), "base", "citizen", HERE, stops)
    return replace(of, **changes)  # type: ignore[arg-type]


def trip(
    start: float,
    end: float,
    metres: int = 1_200,
    visit_id: str | None = None,
    mode: Mode = Mode.BUSINESS,
    state: TripState = TripState.CLOSED,
) -> RecordedTrip:
    purpose = Purpose.PRIVATE if mode is Mode.PRIVATE else Purpose.BUSINESS
    driven = Trip(at(start), at(end), 0, metres, metres, metres, mode, state)
    return RecordedTrip(f"t{start:g}", "car", "nord", "anna", DAY, 1, purpose, visit_id, False, driven)


def test_legs_follow_the_day_as_it_was_lived() -> None:
    log = day_log(day(stop(1, 40, 55), stop(2, 12, 30)), [])

    assert [(leg.from_place, leg.to_place) for leg in log.legs] == [("base", "v2"), ("v2", "v1")]
    assert [(leg.departed_at, leg.arrived_at) for leg in log.legs] == [(at(0), at(12)), (at(30), at(40))]
    assert (log.planned_m, log.driven_m) == (2_000, None)


def test_what_was_never_visited_leaves_the_log_when_it_is_closed() -> None:
    log = day_log(day(stop(1, 30, 45), stop(2), stop(3, screen=True)), [])

    assert [leg.visit_id for leg in log.legs] == ["v1", "v2"]
    assert [leg.visit_id for leg in closed(log).legs] == ["v1"]
    assert log.planned_m == 1_000


def test_a_trip_to_a_visit_gives_its_leg_times_and_kilometres() -> None:
    log = day_log(day(stop(1, 31, 45)), [trip(20, 29, visit_id="v1")])

    (leg,) = log.legs
    assert (leg.departed_at, leg.arrived_at, leg.driven_m, leg.trip_id) == (at(20), at(29), 1_200, "t20")


def test_a_detour_on_the_way_adds_up_in_the_same_leg() -> None:
    log = day_log(day(stop(1, 40, 55)), [trip(10, 18), trip(22, 38, visit_id="v1")])

    (leg,) = log.legs
    assert (leg.driven_m, leg.departed_at, leg.arrived_at) == (2_400, at(10), at(38))
    assert log.driven_m == 2_400


def test_private_driving_is_a_leg_of_kilometres_alone_and_no_business() -> None:
    log = closed(day_log(day(stop(1, 31, 45)), [trip(60, 70, 5_000, mode=Mode.PRIVATE)]))

    private = log.legs[-1]
    assert (private.purpose, private.driven_m, private.private) == (LegPurpose.PRIVATE, 5_000, True)
    assert {private.departed_at, private.arrived_at, private.from_place, private.to_place} == {None}
    assert log.driven_m is None


def test_missing_and_unexplained_kilometres_stand_beside_the_route() -> None:
    trips = [trip(50, 80, 30_000, state=TripState.MISSING), trip(90, 95, 700), trip(1, 2, state=TripState.WITHDRAWN)]

    log = day_log(day(stop(1, 31, 45)), trips)

    assert [leg.purpose for leg in log.legs] == [LegPurpose.VISIT, LegPurpose.MISSING, LegPurpose.OTHER]
    assert log.driven_m == 700


def test_a_missing_stretch_beside_private_driving_does_not_tell_when_that_was() -> None:
    trips = [trip(50, 60, 5_000, mode=Mode.PRIVATE), trip(60, 80, 30_000, state=TripState.MISSING), trip(80, 95)]

    log = closed(day_log(day(stop(1, 31, 45)), trips))

    assert [leg.purpose for leg in log.legs][1:] == [LegPurpose.PRIVATE, LegPurpose.MISSING, LegPurpose.OTHER]
    assert {(leg.departed_at, leg.arrived_at) for leg in log.legs[1:3]} == {(None, None)}


def test_the_way_back_to_the_base_is_a_leg_and_a_trip_home_is_named() -> None:
    back = day_log(day(stop(1, 31, 45), end_place="base", back_m=1_500), [trip(60, 70)])
    home = day_log(day(stop(1, 31, 45), end_place="home"), [trip(60, 70)])

    assert [(leg.purpose, leg.planned_m, leg.driven_m) for leg in back.legs][1] == (LegPurpose.BASE, 1_500, 1_200)
    assert [(leg.purpose, leg.to_place) for leg in home.legs][1] == (LegPurpose.HOME, "home")


def test_the_same_facts_in_another_order_give_the_same_log() -> None:
    stops = [stop(1, 31, 45), stop(2, 62, 80), stop(3)]
    trips = [trip(20, 29, visit_id="v1"), trip(50, 60, visit_id="v2"), trip(90, 95)]

    assert day_log(day(*stops), trips) == day_log(day(*reversed(stops)), trips[::-1])
