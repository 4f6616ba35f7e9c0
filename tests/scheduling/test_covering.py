"""A carer cannot come: the rest of her route is given to others in whole, ranked solutions."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from gateway.demo.municipality import Municipality, Size
from kernel.ids import CarerId
from kernel.localtime import at_local
from scheduling import rules
from scheduling.covering import cover_absence, remaining
from scheduling.model import Carer, Day, Plan
from scheduling.solver import solve_day
from tests.conftest import TODAY

SMALL = Size(carers=24, citizens=150, locks=60, keys_left=4, weekday_carers=12, weekend_carers=6, visits_per_carer=8)
EARLY = at_local(TODAY, time(5, 50))


@pytest.fixture(scope="module")
def planned() -> tuple[Day, Plan]:
    """One centre's day, planned."""
    whole = Municipality(1, SMALL).day(TODAY)
    unit = whole.units[0]
    day = replace(
        whole,
        units=(unit,),
        carers=tuple(c for c in whole.carers if c.unit_id == unit.id),
        visits=tuple(v for v in whole.visits if v.unit_id == unit.id),
    )
    return day, solve_day(day, moves=2_000)


def busiest(plan: Plan) -> CarerId:
    return max(plan.routes, key=lambda r: (len(r.stops), r.carer_id)).carer_id


def stand_in(day: Day, number: int = 1) -> Carer:
    model = next(c for c in day.carers if "nursing" in c.skills)
    return replace(model, id=CarerId(f"vikar-{number}"), name="Vikar")


def test_every_visit_of_the_ill_carer_is_given_away_or_named_as_left_over(planned: tuple[Day, Plan]) -> None:
    day, plan = planned
    ill = busiest(plan)
    mine = remaining(day, plan, ill)

    best = cover_absence(day, plan, ill, EARLY)[0]

    assert {g.visit_id for g in best.given} | {u.visit_id for u in best.left_over} >= set(mine)
    assert ill not in {g.to_carer_id for g in best.given}
    assert ill not in best.plan.carer_of.values()
    assert all(g.to_carer_id == best.plan.carer_of[g.visit_id] for g in best.given)


def test_no_rule_is_broken_by_the_best_solution(planned: tuple[Day, Plan]) -> None:
    day, plan = planned
    ill = busiest(plan)

    best = cover_absence(day, plan, ill, EARLY)[0]

    for given in best.given:
        visit, carer = day.visit_by_id[given.visit_id], day.carer_by_id[given.to_carer_id]
        assert not rules.may_do(day, visit, carer)
        ends_at = given.starts_at + timedelta(seconds=visit.duration_s)
        assert rules.shift_hours(carer, visit, given.starts_at, ends_at) is None
        assert given.starts_at >= visit.window_open_at


def test_a_substitute_takes_the_whole_route_where_she_can_and_nobody_elses_visit_moves(
    planned: tuple[Day, Plan],
) -> None:
    day, plan = planned
    ill = busiest(plan)
    substitute = stand_in(day)

    found = cover_absence(day, plan, ill, EARLY, [substitute])
    by_substitute = next(p for p in found if p.kind == "substitute")

    assert {g.to_carer_id for g in by_substitute.given} == {substitute.id}
    assert len(by_substitute.given) == len(remaining(day, plan, ill))
    assert by_substitute.shifted == 0
    assert {r.carer_id for r in by_substitute.routes} == {ill, substitute.id}


def test_solutions_with_fewer_visits_left_over_come_first(planned: tuple[Day, Plan]) -> None:
    day, plan = planned
    tight = replace(
        day,
        carers=tuple(
            c if c.id == busiest(plan) else replace(c, shift_ends_at=c.shift_starts_at + timedelta(hours=5))
            for c in day.carers
        ),
    )

    found = cover_absence(tight, plan, busiest(plan), EARLY, [stand_in(day)])

    assert [len(p.left_over) for p in found] == sorted(len(p.left_over) for p in found)
    assert found[0].kind == "substitute"


def test_what_has_begun_stays_with_her_and_nothing_is_placed_before_now(planned: tuple[Day, Plan]) -> None:
    day, plan = planned
    ill = busiest(plan)
    first = plan.route_of[ill].stops[0]
    begun = replace(day.visit_by_id[first.visit_id], begun=True, pinned_carer_id=ill, pinned_start_at=first.starts_at)
    lived = replace(day, visits=tuple(begun if v.id == begun.id else v for v in day.visits))
    now = first.ends_at + timedelta(minutes=1)

    best = cover_absence(lived, plan, ill, now)[0]

    assert best.plan.carer_of[begun.id] == ill
    assert begun.id not in {g.visit_id for g in best.given}
    assert all(g.starts_at >= now - rules.CLOCK_TOLERANCE for g in best.given)


def test_the_same_question_gets_the_same_answer(planned: tuple[Day, Plan]) -> None:
    day, plan = planned
    ill = busiest(plan)

    once, again = (cover_absence(day, plan, ill, EARLY, [stand_in(day, 1), stand_in(day, 2)]) for _ in range(2))

    assert [(p.id, p.given, p.cost_delta_min) for p in once] == [(p.id, p.given, p.cost_delta_min) for p in again]


def test_a_carer_who_is_not_on_the_day_is_refused(planned: tuple[Day, Plan]) -> None:
    day, plan = planned
    with pytest.raises(ValueError, match="Expected a carer of the day"):
        cover_absence(day, plan, CarerId("nobody"), EARLY)
    with pytest.raises(ValueError, match="Expected substitutes who are not on duty"):
        cover_absence(day, plan, busiest(plan), EARLY, [day.carers[0]])
