"""Precision and recall of trips and stops on days that were made without the code that finds them (G14)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

from devices.driving.columns import columns_of, thinned
from devices.driving.model import Fix, Trip
from devices.driving.segmentation import MISSING_FROM_M, segment, trips_of_columns
from tests.devices.driving.homecare_days import Drove, Stood, care_day
from tests.devices.driving.roads import SEVEN

LATER = SEVEN + timedelta(hours=30)
CLOSE = timedelta(seconds=60)
DAYS = 40


def right(trips: Sequence[Trip], drove: Sequence[Drove]) -> int:
    """Trips that begin and end within a minute of one that was driven, each counted once."""
    left = list(drove)
    for trip in trips:
        for one in left:
            if abs(trip.started_at - one.departed_at) <= CLOSE and abs(trip.ended_at - one.arrived_at) <= CLOSE:
                left.remove(one)
                break
    return len(drove) - len(left)


def stops_between(trips: Sequence[Trip]) -> list[Stood]:
    """Where the car stood by the word of the trips: from the end of one to the start of the next."""
    return [Stood(before.ended_at, after.started_at) for before, after in pairwise(trips)]


def right_stops(stops: Sequence[Stood], stood: Sequence[Stood]) -> int:
    left = list(stood)
    for stop in stops:
        for one in left:
            if abs(stop.from_at - one.from_at) <= CLOSE and abs(stop.to_at - one.to_at) <= CLOSE:
                left.remove(one)
                break
    return len(stood) - len(left)


def test_trips_and_stops_of_forty_care_days_are_found_with_a_precision_and_recall_of_at_least_98_percent() -> None:
    found = driven = hits = stops = stood = stop_hits = 0
    for seed in range(DAYS):
        day = care_day(seed, SEVEN)
        fixes = list(day.fixes)
        Random(seed).shuffle(fixes)
        trips = segment(fixes, LATER).trips
        found, driven, hits = found + len(trips), driven + len(day.drove), hits + right(trips, day.drove)
        told, made = stops_between(trips), day.stood[1:-1]
        stops, stood, stop_hits = stops + len(told), stood + len(made), stop_hits + right_stops(told, made)

    assert driven >= 500
    assert hits / found >= 0.98, f"precision of trips {hits / found:.3f}"
    assert hits / driven >= 0.98, f"recall of trips {hits / driven:.3f}"
    assert stop_hits / stops >= 0.98, f"precision of stops {stop_hits / stops:.3f}"
    assert stop_hits / stood >= 0.98, f"recall of stops {stop_hits / stood:.3f}"


def test_kilometres_of_a_care_day_are_the_wheels() -> None:
    for seed in range(10):
        day = care_day(seed, SEVEN)

        trips = segment(day.fixes, LATER).trips

        assert abs(sum(t.distance_m for t in trips) - sum(d.metres for d in day.drove)) <= 0.02 * sum(
            d.metres for d in day.drove
        )


def test_a_year_in_columns_gives_the_trips_of_the_same_fixes_one_by_one() -> None:
    for seed in range(8):
        fixes = care_day(seed, SEVEN, visits=8).fixes
        blocks = [columns_of(fixes[i : i + 400]) for i in range(0, len(fixes), 400)]

        assert tuple(trips_of_columns(blocks, LATER)) == segment(fixes, LATER).trips


def test_what_a_parked_car_repeats_is_left_out_and_nothing_else() -> None:
    parked = [f for f in care_day(3, SEVEN, gaps=False).fixes if not f.ignition]
    moving = [f for f in care_day(3, SEVEN, gaps=False).fixes if f.ignition]
    everything: list[Fix] = sorted([*parked, *moving], key=lambda f: f.ts_at)

    seen = list(thinned(columns_of(everything)))

    assert [f for f in seen if f.ignition] == moving
    assert len(seen) - len(moving) < len(parked) / 2


def test_the_days_of_a_month_add_up_to_the_month() -> None:
    days: list[list[Fix]] = []
    odometer_m = 0
    for number in range(28):
        day = care_day(number, SEVEN + timedelta(days=number), visits=4)
        first_m = day.fixes[0].odometer_m
        days.append([replace(f, odometer_m=f.odometer_m - first_m + odometer_m, boot=number + 1) for f in day.fixes])
        odometer_m = days[-1][-1].odometer_m
    end = LATER + timedelta(days=30)

    by_day = [trip for day in days for trip in segment(day, end).trips]
    month = segment([fix for day in days for fix in day], end).trips
    in_blocks = tuple(trips_of_columns((columns_of(day) for day in days), end))

    assert sum(t.distance_m for t in by_day) == sum(t.distance_m for t in month)
    assert (len(by_day), in_blocks) == (len(month), month)
    for before, trip in pairwise(month):
        assert abs(trip.start_odometer_m - before.end_odometer_m) <= MISSING_FROM_M
