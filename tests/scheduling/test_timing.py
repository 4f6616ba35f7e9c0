"""A schedule's running sums must always be what a fresh, plain count of the same plan gives."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.ids import VisitId
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.improvement import Annealing
from scheduling.insertion import insert_all
from scheduling.model import Day
from scheduling.problem import Problem
from scheduling.routes import plan_from_routes, plan_of
from scheduling.timing import Schedule
from tests.scheduling.days import lillestad, municipality, with_terms_of_shifts, with_visit


def filled(day: Day, *, strict: bool = True) -> Schedule:
    schedule = Schedule(Problem(day, [u.id for u in day.units], dense=True), strict=strict)
    insert_all(schedule, lambda: False)
    return schedule


def with_some_short_shifts(day: Day, seed: int) -> Day:
    random = Random(seed)
    day = with_terms_of_shifts(day, seed)
    short = tuple(
        replace(c, shift_ends_at=c.shift_ends_at - timedelta(minutes=random.choice((0, 0, 30, 120))))
        for c in day.carers
    )
    return replace(day, carers=short)


def random_moves(schedule: Schedule, seed: int, count: int) -> int:
    """Moves of the search itself, kept or undone by a coin; returns how many were kept."""
    random = Random(seed)
    search = Annealing(schedule, random)
    kept = 0
    for _ in range(count):
        if not search.propose(float("inf")):
            continue
        if schedule.settle() and random.random() < 0.5:
            schedule.commit()
            kept += 1
        else:
            schedule.rollback()
    return kept


def state(schedule: Schedule) -> tuple[object, ...]:
    placed = [v for v, c in enumerate(schedule.carer) if c >= 0]
    return (
        [list(route) for route in schedule.routes],
        [list(keys) for keys in schedule.keys],
        [(v, schedule.start[v], schedule.at[v], schedule.leg[v], schedule.late[v], schedule.gap[v]) for v in placed],
        list(schedule.loads.load),
        list(schedule.back),
        list(schedule.over),
        (schedule.distance, schedule.tardiness, schedule.worst, schedule.overrun, schedule.extra),
        (schedule.loads.uneven, schedule.idle),
        set(schedule.used),
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), strict=st.booleans())
def test_the_cost_kept_up_to_date_is_the_cost_counted_afresh(seed: int, strict: bool) -> None:
    day = with_some_short_shifts(municipality(seed, carers=4, visits_each=7), seed)
    schedule = filled(day, strict=strict)

    random_moves(schedule, seed, 300)

    plan = plan_of(day, [schedule], {})
    afresh = recomputed_terms(day, plan)
    assert schedule.cost_min() == pytest.approx(terms_cost_min(afresh, weights_for(day.objective)), abs=1e-6)
    assert schedule.loads.uneven == pytest.approx(afresh.uneven_min, abs=1e-6)
    assert schedule.idle == pytest.approx(afresh.idle_min + afresh.slack_min, abs=1e-6)


def test_random_moves_pay_for_unevenness_and_gaps() -> None:
    """Otherwise the law above would say nothing about these two terms."""
    schedule = filled(municipality(3))

    random_moves(schedule, 3, 300)

    assert schedule.loads.uneven > 1.0
    assert schedule.idle > 1.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_times_kept_up_to_date_are_the_times_of_the_routes_driven_afresh(seed: int) -> None:
    day = municipality(seed, carers=4, visits_each=7)
    schedule = filled(day)
    random_moves(schedule, seed, 200)
    plan = plan_of(day, [schedule], {})

    afresh = plan_from_routes(day, {r.carer_id: [s.visit_id for s in r.stops] for r in plan.routes})

    for kept, driven in zip(plan.routes, afresh.routes, strict=True):
        assert [s.visit_id for s in kept.stops] == [s.visit_id for s in driven.stops]
        assert [s.start_min for s in kept.stops] == pytest.approx([s.start_min for s in driven.stops], abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_undone_move_leaves_no_trace(seed: int) -> None:
    day = municipality(seed, carers=3, visits_each=6)
    schedule = filled(day)
    search = Annealing(schedule, Random(seed))
    before = state(schedule)

    for _ in range(100):
        if search.propose(float("inf")):
            schedule.settle()
            schedule.rollback()

        assert state(schedule) == before


def test_random_moves_do_change_the_plan() -> None:
    assert random_moves(filled(municipality(3)), 3, 200) > 20


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_double_visits_keep_their_gap_and_their_two_carers_whatever_moves(seed: int) -> None:
    day = municipality(seed, carers=4, visits_each=10)
    schedule = filled(day)
    random_moves(schedule, seed, 200)
    plan = plan_of(day, [schedule], {})
    start = {s.visit_id: s.start_min for r in plan.routes for s in r.stops}

    for pair in day.pairs:
        if pair.first_id in start:
            gap_s = (start[pair.second_id] - start[pair.first_id]) * 60
            assert pair.min_gap_s - 1e-4 <= gap_s <= pair.max_gap_s + 1e-4
            assert plan.carer_of[pair.first_id] != plan.carer_of[pair.second_id]


def test_the_routes_of_the_small_town_have_the_times_of_the_clock() -> None:
    plan = plan_from_routes(lillestad(), {"anna": [VisitId("v1"), VisitId("v2"), VisitId("v3")], "bo": [VisitId("v4")]})

    anna, bo = plan.routes
    assert [(s.start_min, s.end_min, s.travel_min, s.wait_min) for s in anna.stops] == [
        (5.0, 25.0, 5.0, 0.0),
        (30.0, 45.0, 4.0, 1.0),
        (90.0, 120.0, 7.0, 38.0),
    ]
    assert [(s.start_min, s.travel_min, s.wait_min) for s in bo.stops] == [(90.0, 6.0, 84.0)]
    assert (anna.back_min, anna.travel_min, bo.travel_min) == (6.0, 22.0, 12.0)
    assert plan.cost_min == pytest.approx(34 / 3)


def test_a_late_partner_makes_both_carers_late_in_a_simultaneous_visit() -> None:
    day = with_visit(lillestad(), "v1", duration_s=7200.0)

    plan = plan_from_routes(day, {"anna": [VisitId("v1"), VisitId("v3")], "bo": [VisitId("v4")]})

    starts = {s.visit_id: s.start_min for r in plan.routes for s in r.stops}
    assert starts == {"v1": 5.0, "v3": 133.0, "v4": 133.0}
    lateness = [s.late_min for r in plan.routes for s in r.stops if s.visit_id in ("v3", "v4")]
    assert lateness == [13.0, 13.0]


def test_a_key_is_used_once_and_a_carer_never_meets_herself() -> None:
    schedule = Schedule(Problem(lillestad(), [lillestad().units[0].id], dense=True), strict=True)
    schedule.place(0, 1.0, (0,))

    with pytest.raises(ValueError, match="Expected a free key and different carers"):
        schedule.place(1, 1.0, (0,))
    with pytest.raises(ValueError, match="Expected a free key and different carers"):
        schedule.place(2, 2.0, (1, 1))
