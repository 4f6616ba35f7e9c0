"""From fixes to trips, on days as home carers drive them."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.driving.model import Doubt, Fix, Mode, Trip, TripState
from devices.driving.segmentation import MISSING_FROM_M, segment, with_missing
from devices.simulator.vehicle import DriveLeg, Fault, fixes_of
from tests.devices.driving.roads import BASE, ODOMETER_M, SEVEN, driven, legs, north_of

LATER = SEVEN + timedelta(hours=20)


def trips_of(fixes: list[Fix]) -> tuple[Trip, ...]:
    return segment(fixes, LATER).trips


def found_ratio(planned: list[DriveLeg], trips: tuple[Trip, ...]) -> tuple[float, float]:
    """Precision and recall: a trip is right if it begins and ends within a minute of a leg."""
    close = timedelta(seconds=60)
    right = sum(
        any(
            abs(t.started_at - leg.departs_at) <= close and abs(t.ended_at - leg.arrives_at) <= close for leg in planned
        )
        for t in trips
    )
    return right / len(trips), right / len(planned)


def test_a_day_of_visits_becomes_one_trip_per_leg_with_the_odometers_kilometres() -> None:
    planned = legs([800, 300, 1_200, 450])

    trips = trips_of(driven(planned))

    late = [t.started_at - leg.departs_at for t, leg in zip(trips, planned, strict=True)]
    assert all(timedelta(minutes=-1) <= by <= timedelta() for by in late)
    assert [t.ended_at for t in trips] == [leg.arrives_at for leg in planned]
    assert [t.distance_m for t in trips] == pytest.approx([1_040, 390, 1_560, 585], abs=2)
    assert {t.state for t in trips} == {TripState.CLOSED}
    assert all(abs(t.track_m - t.distance_m) <= 0.02 * t.distance_m + 20 for t in trips)


def test_a_stop_of_ninety_seconds_ends_a_trip_and_a_red_light_does_not() -> None:
    short = trips_of(driven(legs([600, 600], [1.0, 8.0]), parked_every_s=10.0))
    long = trips_of(driven(legs([600, 600], [1.75, 8.0]), parked_every_s=10.0))

    assert (len(short), len(long)) == (1, 2)


def test_a_hop_of_three_hundred_metres_is_a_trip() -> None:
    assert len(trips_of(driven(legs([300, 300, 300])))) == 3


def test_what_a_parked_receiver_imagines_is_no_trip() -> None:
    parked = driven(legs([800]), until=SEVEN + timedelta(hours=3))
    random = Random(4)
    drifting = [
        fix
        if fix.ignition or fix.position is None
        else replace(fix, position=north_of(fix.position, random.uniform(-200, 200)))
        for fix in parked
    ]

    assert len(trips_of(drifting)) == 1


def test_ten_minutes_of_silence_close_a_trip_and_the_kilometres_in_between_are_missing() -> None:
    fixes = driven(legs([40_000], drive_min=60.0))
    silent = [f for f in fixes if not SEVEN + timedelta(minutes=20) < f.ts_at < SEVEN + timedelta(minutes=35)]

    trips = with_missing(trips_of(silent))

    assert [t.state for t in trips] == [TripState.CLOSED, TripState.MISSING, TripState.CLOSED]
    assert sum(t.distance_m for t in trips) == trips[-1].end_odometer_m - trips[0].start_odometer_m


def test_a_trip_that_goes_on_is_open_until_it_has_been_silent_for_ten_minutes() -> None:
    fixes = [f for f in driven(legs([3_000], drive_min=12.0)) if f.ts_at <= SEVEN + timedelta(minutes=6)]

    now = segment(fixes, fixes[-1].ts_at + timedelta(minutes=1)).trips
    later = segment(fixes, fixes[-1].ts_at + timedelta(minutes=11)).trips

    assert [t.state for t in now] == [TripState.OPEN]
    assert [t.state for t in later] == [TripState.CLOSED]


@pytest.mark.parametrize("kind", [Doubt.JUMP, Doubt.ODOMETER_BACKWARDS])
def test_fixes_that_contradict_are_set_aside_with_their_reason_and_the_trip_is_marked(kind: Doubt) -> None:
    planned = legs([2_000, 900], drive_min=6.0)
    at = SEVEN + timedelta(minutes=3)
    right = segment(driven(planned), LATER)

    wrong = segment(driven(planned, faults=[Fault(at, kind, 2)]), LATER)

    assert list(wrong.set_aside.values()) == [kind, kind]
    assert [t.doubts for t in wrong.trips] == [frozenset({kind}), frozenset()]
    assert [t.distance_m for t in wrong.trips] == [t.distance_m for t in right.trips]


def test_an_instrument_that_was_replaced_is_believed_after_a_minute_and_the_trip_says_so() -> None:
    first = driven(legs([900]))
    second = [
        replace(f, seq=f.seq + 1_000, odometer_m=f.odometer_m - 40_000_000)
        for f in driven(legs([900], start_at=SEVEN + timedelta(hours=1)))
    ]

    found = segment([*first, *second], LATER)

    assert [t.doubts for t in found.trips] == [frozenset(), frozenset({Doubt.ODOMETER_BACKWARDS})]
    assert found.set_aside == {}


def test_the_private_switch_cuts_the_trip_and_a_private_trip_knows_no_place() -> None:
    trips = trips_of(driven(legs([900, 700, 800], modes=[Mode.BUSINESS, Mode.PRIVATE, Mode.BUSINESS])))

    assert [t.mode for t in trips] == [Mode.BUSINESS, Mode.PRIVATE, Mode.BUSINESS]
    assert (trips[1].start, trips[1].end, trips[1].track_m) == (None, None, 0)
    assert trips[1].distance_m == pytest.approx(910, abs=20)


def test_the_order_in_which_fixes_arrive_does_not_matter() -> None:
    fixes = driven(legs([800, 300, 1_200]))
    shuffled = fixes[:]
    Random(2).shuffle(shuffled)

    assert segment(shuffled, LATER) == segment(fixes, LATER)


def test_an_odometer_that_stands_still_leaves_the_distance_to_the_track() -> None:
    fixes = [replace(f, odometer_m=ODOMETER_M) for f in driven(legs([4_000], drive_min=8.0))]

    (trip,) = trips_of(fixes)

    assert trip.distance_m == trip.track_m == pytest.approx(5_200, rel=0.02)


hops = st.lists(st.integers(300, 4_000), min_size=1, max_size=12)


@given(hops, st.integers(0, 10_000), st.data())
def test_trips_are_found_on_synthetic_home_care_days(hops_m: list[int], seed: int, data: st.DataObject) -> None:
    stops_min = data.draw(st.lists(st.floats(2.6, 40.0), min_size=len(hops_m), max_size=len(hops_m)))
    planned = legs([float(m) for m in hops_m], stops_min, drive_min=6.0)
    fixes = fixes_of(planned, odometer_m=ODOMETER_M, seed=seed)

    precision, recall = found_ratio(planned, trips_of(fixes))

    assert (precision, recall) == (1.0, 1.0)


@given(hops, st.sets(st.integers(0, 400)), st.booleans())
def test_the_book_agrees_with_the_odometer_whatever_is_lost(hops_m: list[int], lost: set[int], backwards: bool) -> None:
    """Each row begins where the one before it ended, within a kilometre, or says why not."""
    faults = [Fault(SEVEN + timedelta(minutes=4), Doubt.ODOMETER_BACKWARDS, 2)] if backwards else []
    fixes = [f for f in driven(legs([float(m) for m in hops_m]), faults=faults) if f.seq not in lost]
    if not fixes:
        return

    rows = with_missing(trips_of(fixes))

    for before, row in pairwise(rows):
        away_m = row.start_odometer_m - before.end_odometer_m
        assert abs(away_m) <= MISSING_FROM_M or row.doubts
        assert row.started_at >= before.ended_at
    assert all(row.distance_m >= 0 for row in rows)


def test_a_missing_stretch_follows_the_trip_that_was_recorded_before() -> None:
    (before,) = trips_of(driven(legs([800])))
    again = trips_of(driven(legs([800], start_at=SEVEN + timedelta(hours=2)), odometer_m=ODOMETER_M + 30_000))

    rows = with_missing(again, before)

    assert [r.state for r in rows] == [TripState.MISSING, TripState.CLOSED]
    assert rows[0].distance_m == again[0].start_odometer_m - before.end_odometer_m
    assert (rows[0].start, rows[0].end) == (None, None)


def test_nothing_is_driven_by_a_car_that_stands() -> None:
    assert trips_of([f for f in driven(legs([800])) if not f.ignition]) == ()
    assert segment([], LATER).trips == ()
    assert north_of(BASE, 1) != BASE
