from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.model import ModeSpeed, Place, Transport, TravelBySpeed
from scheduling.travel import STANDARD_SPEEDS, CoordinateTravel, travel_times
from tests.scheduling.days import lillestad

TOWN_HALL = Place(lat_deg=55.6759, lon_deg=12.5683)
ONE_KM_NORTH = Place(lat_deg=55.6759 + 1 / 111.1950797, lon_deg=12.5683)

places = st.builds(Place, lat_deg=st.floats(55.0, 57.0, allow_nan=False), lon_deg=st.floats(8.0, 15.0, allow_nan=False))


@pytest.mark.parametrize(
    ("transport", "minutes"),
    [
        (Transport.BIKE, 1.3 / 16.8 * 60),
        (Transport.E_BIKE, 1.3 / 18.0 * 60),
        (Transport.CAR, 1.4 / 20.0 * 60 + 2.0),
    ],
)
def test_a_kilometre_takes_detour_speed_and_parking_into_account(transport: Transport, minutes: float) -> None:
    travel = CoordinateTravel(TravelBySpeed(STANDARD_SPEEDS))

    assert travel.leg_min(transport, TOWN_HALL, ONE_KM_NORTH) == pytest.approx(minutes, abs=0.001)


def test_staying_where_one_is_takes_no_time_and_no_parking() -> None:
    travel = CoordinateTravel(TravelBySpeed(STANDARD_SPEEDS))

    assert travel.leg_min(Transport.CAR, TOWN_HALL, TOWN_HALL) == 0.0


@given(places, places)
def test_the_way_there_is_as_long_as_the_way_back(a: Place, b: Place) -> None:
    travel = CoordinateTravel(TravelBySpeed(STANDARD_SPEEDS))

    there, back = travel.leg_min(Transport.BIKE, a, b), travel.leg_min(Transport.BIKE, b, a)

    assert there == pytest.approx(back, abs=0.0011)
    assert there >= 0


@given(st.lists(places, min_size=1, max_size=8))
def test_stored_and_computed_tables_agree_with_single_legs(asked: list[Place]) -> None:
    travel = CoordinateTravel(TravelBySpeed(STANDARD_SPEEDS))
    distinct, rows = travel.index_of(asked)
    dense = travel.table(Transport.CAR, distinct, dense=True)
    computed = travel.table(Transport.CAR, distinct, dense=False)

    for i, a in zip(rows, asked, strict=True):
        for j, b in zip(rows, asked, strict=True):
            leg = travel.leg_min(Transport.CAR, a, b)
            assert dense[i][j] == pytest.approx(leg, abs=0.0011)
            assert computed[i][j] == leg


def test_equal_places_share_a_row() -> None:
    travel = CoordinateTravel(TravelBySpeed(STANDARD_SPEEDS))

    distinct, rows = travel.index_of([TOWN_HALL, ONE_KM_NORTH, TOWN_HALL])

    assert (len(distinct), rows) == (2, [0, 1, 0])


def test_a_matrix_is_read_from_row_to_column() -> None:
    day = lillestad()

    leg = travel_times(day).leg_min(Transport.BIKE, Place(matrix_row=2), Place(matrix_row=3))

    assert leg == 7.0


def test_a_transport_without_speed_is_named() -> None:
    bikes_only = TravelBySpeed((ModeSpeed(Transport.BIKE, 16.8, 1.3, 0.0, date(2026, 1, 1), "test"),))

    with pytest.raises(ValueError, match=r"Expected a transport with a speed \(bike\), got car"):
        CoordinateTravel(bikes_only).leg_min(Transport.CAR, TOWN_HALL, ONE_KM_NORTH)


def test_a_place_without_coordinates_is_named() -> None:
    with pytest.raises(ValueError, match="Expected a place with WGS 84 coordinates"):
        CoordinateTravel(TravelBySpeed(STANDARD_SPEEDS)).leg_min(Transport.BIKE, TOWN_HALL, Place(matrix_row=1))


def test_a_place_without_a_row_is_named() -> None:
    with pytest.raises(ValueError, match="Expected a place with a row in the travel matrix"):
        travel_times(lillestad()).leg_min(Transport.BIKE, TOWN_HALL, Place(matrix_row=1))
