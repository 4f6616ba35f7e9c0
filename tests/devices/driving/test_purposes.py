"""What a trip was for: place and time of the route, and nothing guessed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from devices.driving.model import CarerDay, Mode, Position, Purpose, StopFacts, Trip, TripState
from devices.driving.purposes import purpose_of
from tests.devices.driving.roads import BASE, SEVEN, north_of

DOOR = north_of(BASE, 2_000)
EIGHT = SEVEN + timedelta(hours=1)


def stop(visit_id: str = "visit", place: Position | None = DOOR, **changes: object) -> StopFacts:
    of = StopFacts(visit_id, place, False, EIGHT, EIGHT + timedelta(minutes=20), 300, 2_600)
    return replace(of, **changes)  # type: ignore[arg-type]


def day(*stops: StopFacts) -> CarerDay:
    return CarerDay("anna", "nord", date(2026, 11, 25), "car", 1, SEVEN, None, "base", None, BASE, stops)


def trip(end: Position | None, minutes: float = 0.0, mode: Mode = Mode.BUSINESS) -> Trip:
    at = EIGHT + timedelta(minutes=minutes)
    return Trip(at - timedelta(minutes=5), at, 0, 2_600, 2_600, 2_600, mode, TripState.CLOSED, BASE, end)


@pytest.mark.parametrize(
    ("end", "minutes", "stops", "expected"),
    [
        pytest.param(DOOR, 0, [stop()], (Purpose.BUSINESS, "visit"), id="at the door, on time"),
        pytest.param(north_of(DOOR, 140), 0, [stop()], (Purpose.BUSINESS, "visit"), id="parked down the street"),
        pytest.param(north_of(DOOR, 160), 0, [stop()], (Purpose.UNKNOWN, None), id="another street"),
        pytest.param(DOOR, -70, [stop()], (Purpose.UNKNOWN, None), id="long before"),
        pytest.param(DOOR, 90, [stop()], (Purpose.UNKNOWN, None), id="long after"),
        pytest.param(DOOR, 70, [stop()], (Purpose.BUSINESS, "visit"), id="behind the route"),
        pytest.param(
            DOOR, 70, [stop(begun_at=EIGHT)], (Purpose.UNKNOWN, None), id="after the visit had begun without the car"
        ),
        pytest.param(
            DOOR, 170, [stop(begun_at=EIGHT + timedelta(hours=3))], (Purpose.BUSINESS, "visit"), id="moved by hours"
        ),
        pytest.param(DOOR, 0, [stop(screen=True, place=None)], (Purpose.UNKNOWN, None), id="nobody drives to a screen"),
        pytest.param(BASE, 0, [stop()], (Purpose.BUSINESS, None), id="back at the base"),
        pytest.param(None, 0, [stop()], (Purpose.UNKNOWN, None), id="no place known"),
    ],
)
def test_the_purpose_comes_from_the_route(
    end: Position | None, minutes: float, stops: list[StopFacts], expected: tuple[Purpose, str | None]
) -> None:
    assert purpose_of(trip(end, minutes), day(*stops)) == expected


def test_of_two_visits_in_the_same_house_the_nearer_in_time_is_meant() -> None:
    stops = [stop("later", planned_start_at=EIGHT + timedelta(minutes=30)), stop("now")]

    assert purpose_of(trip(DOOR), day(*stops)) == (Purpose.BUSINESS, "now")


def test_the_nearer_ring_wins_over_the_better_time() -> None:
    stops = [stop("next door", place=north_of(DOOR, 100)), stop("here", planned_start_at=EIGHT + timedelta(minutes=20))]

    assert purpose_of(trip(DOOR), day(*stops)) == (Purpose.BUSINESS, "here")


def test_private_driving_is_private_even_at_a_citizens_door() -> None:
    assert purpose_of(trip(DOOR, mode=Mode.PRIVATE), day(stop())) == (Purpose.PRIVATE, None)


def test_a_trip_of_nobody_has_no_purpose() -> None:
    assert purpose_of(trip(DOOR), None) == (Purpose.UNKNOWN, None)
