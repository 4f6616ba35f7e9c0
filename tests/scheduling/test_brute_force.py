"""Small days against trying everything: no plan is cheaper than the one the search finds.

The brute force times routes by its own few lines, so it is a second opinion on timing, breaks and prices too.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.ids import VisitId
from scheduling.cost import idle_price_min, overrun_price_min, slack_price_min, uneven_price_min
from scheduling.model import Day
from scheduling.problem import Problem
from scheduling.routes import RouteOrderError, plan_from_routes
from scheduling.solver import AnnealingSolver
from scheduling.working_time.breaks import depart
from tests.scheduling.days import municipality, with_terms_of_shifts
from tests.scheduling.test_engine import needs_engine
from tests.scheduling.test_solver import breaches


class Half(NamedTuple):
    """A route of one carer: price without the worst lateness, and that lateness."""

    price: float
    worst: float


def small(seed: int, visits: int, carers: int = 2) -> Day:
    """A day of single visits and two carers who can do them all, with breaks and vehicles."""
    day = with_terms_of_shifts(municipality(seed, carers=carers, visits_each=visits), seed)
    single = [v for v in day.visits if v.id not in day.pair_of][:visits]
    both = frozenset({"pleje", "sygepleje"})
    return replace(day, visits=tuple(single), pairs=(), carers=tuple(replace(c, skills=both) for c in day.carers))


def ends_of(p: Problem, c: int, leaves: float, here: int) -> float:
    """Price of a route's end: the way back, minutes beyond the shift, ways to and from a vehicle."""
    back = p.legs[c][here][p.shift_close[c]] if here >= 0 and p.shift_close[c] >= 0 else 0.0
    over = max(0.0, leaves + back + p.bring[c] - p.shift_end[c])
    return (back + p.bring[c] + p.fetch[c]) / 3 + overrun_price_min(over, p.overrun[c])


def halves(p: Problem, c: int) -> dict[int, list[Half]]:
    """For each set of visits (a bit each) the routes of a carer that may be part of the best plan."""
    found: dict[int, list[Half]] = {0: [Half(uneven_price_min(0.0, p.fair[c], p.weights), 0.0)]}

    def go_on(done: int, leaves: float, here: int, taken: int, load: float, price: float, worst: float) -> None:
        for v in range(len(p.visits)):
            if done >> v & 1 or not p.can[v][c]:
                continue
            there = p.location[v]
            leg = p.legs[c][here][there] if here >= 0 and there >= 0 else 0.0
            left, rests, kept = depart(p.breaks[c], taken, leaves, leg, p.open[v], p.duration[v], False)
            start = max(p.open[v], left + leg)
            end = start + p.duration[v]
            if not kept or end > p.work_limit[c]:
                continue
            late = max(0.0, start - p.close[v])
            more = (leg + late) / 3 + p.irregular[v].get(c, 0.0)
            more += slack_price_min(start, p.tight_from[v], p.close[v], p.weights)
            more += idle_price_min(start - left - leg, p.weights) if done else 0.0
            at = there if there >= 0 else here
            whole, work = done | 1 << v, load + p.work[v]
            total = price + more + ends_of(p, c, end, at) + uneven_price_min(work, p.fair[c], p.weights)
            keep(whole, Half(total, max(worst, late)))
            go_on(whole, end, at, rests, work, price + more, max(worst, late))

    def keep(whole: int, half: Half) -> None:
        known = found.setdefault(whole, [])
        if not any(k.price <= half.price and k.worst <= half.worst for k in known):
            known[:] = [k for k in known if not (half.price <= k.price and half.worst <= k.worst)] + [half]

    go_on(0, p.shift_start[c], p.shift_open[c], 0, 0.0, 0.0, 0.0)
    return found


def cheapest(day: Day) -> float:
    """The cost of the best plan of single visits and two carers."""
    p = Problem(day, [u.id for u in day.units], dense=True)
    mine, theirs = halves(p, 0), halves(p, 1)
    undone = [sum(p.price[v] for v in range(len(p.visits)) if not s >> v & 1) for s in range(1 << len(p.visits))]
    return min(
        a.price + b.price + max(a.worst, b.worst) / 3 + undone[one | other]
        for one, routes in mine.items()
        for other, others in theirs.items()
        if not one & other
        for a in routes
        for b in others
    )


def best_of(day: Day, *, compiled: bool, moves: int, seeds: int) -> float:
    plans = [
        AnnealingSolver(compiled=compiled).solve(
            day, moves=moves, seconds=60.0, seed=seed, progress=lambda _: None, cancelled=lambda: False
        )
        for seed in range(seeds)
    ]
    assert all(breaches(day, plan) == [] for plan in plans)
    return min(plan.cost_min for plan in plans)


@needs_engine
@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), visits=st.integers(3, 7))
def test_a_day_of_up_to_seven_visits_is_planned_as_well_as_by_trying_everything(seed: int, visits: int) -> None:
    day = small(seed, visits)

    assert best_of(day, compiled=True, moves=30_000, seeds=2) == pytest.approx(cheapest(day), abs=1e-6)


@needs_engine
def test_a_day_of_eight_visits_is_planned_as_well_as_by_trying_everything() -> None:
    day = small(8, 8)

    assert len(day.visits) == 8
    assert best_of(day, compiled=True, moves=60_000, seeds=2) == pytest.approx(cheapest(day), abs=1e-6)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_the_search_in_python_finds_the_best_plan_of_five_visits(seed: int) -> None:
    day = small(seed, 5)

    assert best_of(day, compiled=False, moves=4_000, seeds=2) == pytest.approx(cheapest(day), abs=1e-6)


def ways_to_do(day: Day) -> Iterator[dict[str, list[VisitId]]]:
    """Every division of the visits among the carers, in every order; some wait for each other."""
    ids = [visit.id for visit in day.visits]
    carers = [str(carer.id) for carer in day.carers]
    for order in permutations(ids):
        for cut in range(len(ids) + 1):
            yield {carers[0]: list(order[:cut]), carers[1]: list(order[cut:])}


@needs_engine
@pytest.mark.parametrize("seed", [1, 4])
def test_a_double_visit_among_four_is_planned_as_well_as_by_trying_everything(seed: int) -> None:
    whole = municipality(seed, carers=2, visits_each=20)
    pair = whole.pairs[0]
    inside = {pair.first_id, pair.second_id}
    single = [v for v in whole.visits if v.id not in whole.pair_of][:3]
    both = frozenset({"pleje", "sygepleje"})
    day = replace(
        whole,
        visits=(*single, *(v for v in whole.visits if v.id in inside)),
        pairs=(pair,),
        carers=tuple(replace(c, skills=both) for c in whole.carers),
    )
    costs = []
    for routes in ways_to_do(day):
        try:
            plan = plan_from_routes(day, routes)
        except RouteOrderError:
            continue
        if breaches(day, plan) == []:
            costs.append(plan.cost_min)

    assert math.isfinite(min(costs))
    assert best_of(day, compiled=True, moves=20_000, seeds=2) == pytest.approx(min(costs), abs=1e-6)
