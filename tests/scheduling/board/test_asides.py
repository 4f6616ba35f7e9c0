"""Breaks and ways to the car, found again on a route that is stored as bare visits."""

from datetime import datetime, timedelta

import pytest

from scheduling.board.asides import Aside, Frame, Span, asides_of
from scheduling.cost import fetching_min
from scheduling.model import Break, Day, Route
from scheduling.solver import solve_day
from scheduling.travel import travel_times
from tests.scheduling.days import SEVEN, municipality, with_terms_of_shifts

MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return SEVEN + minutes * MINUTE


def rest(earliest: float, latest: float, lasts: float = 30) -> Break:
    return Break(at(earliest), at(latest), lasts * 60)


def stop(begins: float, ends: float, travel_min: float = 10) -> Span:
    return Span(at(begins), at(ends), travel_min)


def found_again(day: Day, route: Route) -> tuple[Aside, ...]:
    carer = day.carer_by_id[route.carer_id]
    fetch_min = fetching_min(carer, travel_times(day))[0] if carer.vehicle is not None else None
    frame = Frame(carer.shift_starts_at, carer.breaks, fetch_min, route.back_min if carer.vehicle is not None else None)
    return asides_of(frame, [Span(s.starts_at, s.ends_at, s.travel_min) for s in route.stops])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_route_of_bare_visits_has_its_breaks_and_its_way_to_the_car_where_the_plan_has_them(seed: int) -> None:
    day = with_terms_of_shifts(municipality(seed, carers=6, visits_each=9), seed)
    plan = solve_day(day, moves=2_000)

    taken = fetched = 0
    for route in plan.routes:
        asides = found_again(day, route)
        planned = [(on(day, r.start_min), on(day, r.end_min)) for r in route.rests]
        breaks = [(a.start_at, a.end_at) for a in asides if a.kind == "break"]
        for mine, theirs in zip(planned, breaks, strict=False):
            assert [abs(a - b) < timedelta(seconds=1) for a, b in zip(mine, theirs, strict=True)] == [True, True]
        assert len(breaks) >= len(planned)
        for fetch in (a for a in asides if a.kind == "fetch"):
            assert (fetch.end_at - fetch.start_at) / MINUTE == pytest.approx(route.fetch_min, abs=0.01)
            fetched += 1
        taken += len(planned)
    assert taken
    assert fetched


def on(day: Day, minute: float) -> datetime:
    return day.zero_at + minute * MINUTE


def test_a_break_is_taken_in_the_first_wait_that_has_room_for_it_and_never_before_its_hour() -> None:
    stops = [stop(10, 40), stop(100, 130), stop(200, 230)]

    assert asides_of(Frame(SEVEN, (rest(60, 180),)), stops) == (Aside("break", at(60), at(90)),)
    assert asides_of(Frame(SEVEN, (rest(95, 180),)), stops) == (Aside("break", at(130), at(160)),)


def test_a_break_no_gap_has_room_for_comes_behind_the_last_visit_while_it_may_still_begin() -> None:
    stops = [stop(10, 40), stop(50, 130)]

    assert asides_of(Frame(SEVEN, (rest(20, 140),)), stops) == (Aside("break", at(130), at(160)),)


def test_a_route_that_has_no_room_for_a_break_says_so_instead_of_hiding_it() -> None:
    stops = [stop(10, 40), stop(50, 300)]

    assert asides_of(Frame(SEVEN, (rest(60, 120),)), stops) == (Aside("break", at(120), at(150), fits=False),)


def test_two_breaks_share_one_long_wait_one_after_the_other() -> None:
    found = asides_of(Frame(SEVEN, (rest(60, 200, 15), rest(65, 200, 15))), [stop(10, 40), stop(120, 130)])

    assert [(a.start_at, a.end_at) for a in found] == [(at(60), at(75)), (at(75), at(90))]


def test_behind_the_last_visit_the_break_that_may_begin_comes_before_the_car_and_a_later_one_after_it() -> None:
    early = asides_of(Frame(SEVEN, (rest(20, 140),), 0, 8), [stop(10, 40), stop(50, 130)])
    late = asides_of(Frame(SEVEN, (rest(150, 170),), 0, 8), [stop(10, 40), stop(50, 130)])

    assert [(a.kind, a.start_at) for a in early[1:]] == [("break", at(130)), ("bring", at(160))]
    assert [(a.kind, a.start_at) for a in late[1:]] == [("bring", at(130)), ("break", at(150))]


def test_a_carer_without_visits_has_neither_a_break_nor_a_car_on_the_board() -> None:
    assert asides_of(Frame(SEVEN, (rest(60, 120),), 5, 5), []) == ()
