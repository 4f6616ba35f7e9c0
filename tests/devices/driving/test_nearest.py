"""Who can be there first: by arrival, not by distance, and without a place in the answer."""

from dataclasses import asdict
from datetime import timedelta

from devices.driving.nearest import Basis, Pace, Whereabouts, arrivals
from tests.devices.driving.roads import BASE, SEVEN, north_of

BIKE = Pace(16.8, 1.3, 0.0)
CAR = Pace(20.0, 1.4, 2.0)


def at(carer: str, metres: float, pace: Pace = BIKE, free_min: int = 0, basis: Basis = Basis.EVENT) -> Whereabouts:
    free_at = SEVEN + timedelta(minutes=free_min)
    return Whereabouts(carer, "bike", north_of(BASE, metres), basis, SEVEN - timedelta(minutes=3), free_at, pace)


def test_the_order_is_that_of_arrival() -> None:
    found = arrivals(BASE, [at("near but busy", 100, free_min=20), at("far", 2_000), at("by car", 1_000, CAR)], SEVEN)

    assert [a.carer_id for a in found] == ["by car", "far", "near but busy"]
    assert [round((a.arrives_at - SEVEN).total_seconds() / 60, 1) for a in found] == [6.2, 9.3, 20.5]


def test_nobody_leaves_before_now() -> None:
    (found,) = arrivals(BASE, [at("free since long", 0, free_min=-30)], SEVEN)

    assert (found.free_at, found.arrives_at) == (SEVEN, SEVEN)


def test_the_answer_has_no_place_in_it() -> None:
    (found,) = arrivals(BASE, [at("anna", 500, basis=Basis.POSITION)], SEVEN)

    assert not {"place", "lat_deg", "lon_deg", "position"} & set(asdict(found))
