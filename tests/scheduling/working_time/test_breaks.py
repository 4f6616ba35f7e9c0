"""When a break is taken, by hand; and that every planner keeps breaks, also those of a stored route."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.ids import CarerId, VisitId
from scheduling.model import Break, Day, Rest
from scheduling.moves import Move, check_move
from scheduling.plan_check import hard_breaches
from scheduling.routes import plan_from_routes
from scheduling.solver import AnnealingSolver
from scheduling.working_time.breaks import BreakMinutes, Departure, depart
from tests.scheduling.days import SEVEN, lillestad, with_carer, with_visit
from tests.scheduling.test_engine import needs_engine
from tests.scheduling.test_solver import breaches

NOON = BreakMinutes(open=240.0, close=300.0, lasts=30.0)


@pytest.mark.parametrize(
    ("leaves", "release", "lasts", "begun", "expected"),
    [
        pytest.param(100.0, 0.0, 60.0, False, Departure(100.0, 0, True), id="long before its window"),
        pytest.param(200.0, 290.0, 20.0, False, Departure(270.0, 1, True), id="the wait has room for it"),
        pytest.param(250.0, 0.0, 20.0, False, Departure(250.0, 0, True), id="later is early enough"),
        pytest.param(250.0, 0.0, 60.0, False, Departure(280.0, 1, True), id="the last chance"),
        pytest.param(220.0, 0.0, 90.0, False, Departure(270.0, 1, True), id="the last chance, and it waits"),
        pytest.param(301.0, 0.0, 20.0, False, Departure(331.0, 1, False), id="too late"),
        pytest.param(250.0, 260.0, 60.0, True, Departure(250.0, 0, True), id="no room before what has begun"),
        pytest.param(250.0, 290.0, 60.0, True, Departure(280.0, 1, True), id="room before what has begun"),
    ],
)
def test_a_break_is_taken_in_the_wait_or_at_the_last_chance(
    leaves: float, release: float, lasts: float, begun: bool, expected: Departure
) -> None:
    assert depart([NOON], 0, leaves, 5.0, release, lasts, begun) == expected


def test_a_break_taken_is_not_taken_again() -> None:
    assert depart([NOON], 1, 250.0, 5.0, 0.0, 60.0, False) == Departure(250.0, 1, True)


def test_two_breaks_may_lie_before_one_visit() -> None:
    coffee = BreakMinutes(120.0, 180.0, 10.0)

    assert depart([coffee, NOON], 0, 100.0, 5.0, 400.0, 20.0, False) == Departure(270.0, 2, True)


def with_break(from_min: int, to_min: int, lasts_min: int) -> Day:
    rest = Break(SEVEN + timedelta(minutes=from_min), SEVEN + timedelta(minutes=to_min), 60.0 * lasts_min)
    return with_carer(lillestad(), "anna", breaks=(rest,))


def test_a_route_of_bare_visits_has_its_breaks_again() -> None:
    """Anna: base, Agnes 7:05-7:25, Birger 7:30-7:45, then 45 minutes to Clara's half past eight."""
    day = with_break(45, 90, 20)

    plan = plan_from_routes(day, {"anna": ["v1", "v2", "v3"], "bo": ["v4"]})  # type: ignore[list-item]

    route = plan.route_of[CarerId("anna")]
    assert route.rests == (Rest(2, 45.0, 65.0),)
    assert route.stops[2].start_min == 90.0
    assert route.stops[2].wait_min == pytest.approx(90.0 - 65.0 - 7.0)


def test_a_break_delays_what_comes_after_it() -> None:
    day = with_break(24, 24, 60)

    plan = plan_from_routes(day, {"anna": ["v1", "v2"]})  # type: ignore[list-item]

    agnes, birger = plan.route_of[CarerId("anna")].stops
    assert plan.route_of[CarerId("anna")].rests[0].after_stops == 0
    assert agnes.start_min == pytest.approx(24.0 + 60.0 + 5.0)
    assert birger.late_min > 0.0


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_engine), False])
def test_what_leaves_no_room_for_a_break_is_left_over(compiled: bool) -> None:
    """Both are on a break when the double visit would go on, so nobody can do it."""
    rest = Break(SEVEN + timedelta(minutes=100), SEVEN + timedelta(minutes=100), 1800.0)
    day = replace(lillestad(), carers=tuple(replace(c, breaks=(rest,)) for c in lillestad().carers))
    day = replace(day, visits=tuple(v for v in day.visits if v.id != "v1"))

    plan = AnnealingSolver(compiled=compiled).solve(
        day, moves=800, seconds=60.0, seed=1, progress=lambda _: None, cancelled=lambda: False
    )

    assert breaches(day, plan) == []
    # Half an hour from 8:40: the double visit of half an hour lies behind the break instead, and late.
    starts = {stop.visit_id: stop.start_min for route in plan.routes for stop in route.stops}
    assert starts[VisitId("v3")] == starts[VisitId("v4")] >= 130.0


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_engine), False])
def test_no_search_lets_a_double_visit_push_the_others_break_out_of_its_window(compiled: bool) -> None:
    """Cheapest would be that Bo, who alone may see Agnes, comes late to Clara; but Anna's break cannot wait for him."""
    day = with_break(115, 125, 20)
    later = SEVEN + timedelta(minutes=150)
    day = with_visit(day, "v2", window_open_at=later, window_close_at=later + timedelta(hours=1))
    day = with_visit(day, "v1", duration_s=6000.0, required_skills=frozenset({"bo"}))
    bo = day.carer_by_id[CarerId("bo")]
    day = with_carer(day, "bo", skills=bo.skills | {"bo"})
    without = with_carer(day, "anna", breaks=())

    plan, free = (
        AnnealingSolver(compiled=compiled).solve(
            d, moves=3000, seconds=60.0, seed=1, progress=lambda _: None, cancelled=lambda: False
        )
        for d in (day, without)
    )

    first = [route.stops[0].visit_id for route in free.routes if route.carer_id == "bo"]
    assert first == ["v1"]
    assert breaches(day, plan) == []
    assert plan.unallocated == ()
    assert plan.cost_min > free.cost_min + 5.0


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_engine), False])
def test_a_break_is_not_lost_behind_a_double_visit_that_ends_the_route_late(compiled: bool) -> None:
    """As above, but Clara is Anna's last: nothing comes behind the break, and it still has to begin in time."""
    day = with_break(115, 125, 20)
    day = with_visit(day, "v1", duration_s=6000.0, required_skills=frozenset({"bo"}))
    day = with_carer(day, "bo", skills=day.carer_by_id[CarerId("bo")].skills | {"bo"})
    day = replace(day, visits=tuple(v for v in day.visits if v.id != "v2"))

    plan = AnnealingSolver(compiled=compiled).solve(
        day, moves=3000, seconds=60.0, seed=1, progress=lambda _: None, cancelled=lambda: False
    )

    assert breaches(day, plan) == []
    assert hard_breaches(day, plan) == []
    assert plan.unallocated == ()


def test_a_move_that_delays_a_double_visit_into_the_others_break_is_forbidden() -> None:
    """Bo comes late to Clara, where Anna waits, and her break could only begin after its window."""
    day = with_break(115, 125, 20)
    later = SEVEN + timedelta(minutes=150)
    day = with_visit(day, "v2", window_open_at=later, window_close_at=later + timedelta(hours=1))
    day = with_visit(day, "v1", duration_s=6000.0)
    plan = plan_from_routes(day, {"anna": ["v3", "v2"], "bo": ["v4"]})  # type: ignore[list-item]
    assert plan.route_of[CarerId("anna")].rests == (Rest(1, 120.0, 140.0),)

    verdict = check_move(day, plan, Move(VisitId("v1"), CarerId("bo"), SEVEN + timedelta(minutes=5)))

    assert [b.code for b in verdict.hard] == ["break_too_late"]
    assert verdict.hard[0].facts["latest_at"] == SEVEN + timedelta(minutes=125)


def test_a_move_that_makes_overtime_beyond_the_norm_warns() -> None:
    day = with_carer(lillestad(), "bo", norm_balance_s=-600.0, shift_ends_at=SEVEN + timedelta(minutes=140))
    plan = plan_from_routes(day, {"anna": ["v1", "v3"], "bo": ["v4"]})  # type: ignore[list-item]
    after = SEVEN + timedelta(minutes=120)
    day = with_visit(day, "v2", required_skills=frozenset(), required_competences=frozenset(), window_open_at=after)
    day = with_visit(day, "v2", window_close_at=after + timedelta(minutes=30))

    verdict = check_move(day, plan, Move(VisitId("v2"), CarerId("bo"), None))

    # Clara to Birger 7, from 8:27 a quarter of an hour would end behind the shift: the way back is what is over.
    assert {b.code for b in (*verdict.hard, *verdict.warnings)} == {"outside_shift", "norm_exceeded"}
