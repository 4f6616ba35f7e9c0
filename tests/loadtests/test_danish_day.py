"""The Danish part of the route benchmark on days small enough for a test."""

from dataclasses import replace
from time import process_time

import pytest

from loadtests.danish_day import compared
from loadtests.danish_towns import TOWNS, Town, generated
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.day_file import dump_day, load_day
from scheduling.plan_check import hard_breaches
from scheduling.solver import AnnealingSolver
from tests.scheduling.test_engine import needs_engine


@pytest.mark.parametrize("town", TOWNS, ids=lambda town: town.name)
def test_a_town_is_a_sound_day_the_same_for_the_same_seed(town: Town) -> None:
    small = replace(town, visits=60)

    day = generated(small, 3)

    assert load_day(dump_day(day)) == day
    assert generated(small, 3) == day
    assert generated(small, 4) != day
    assert len(day.visits) >= 60
    assert all(carer.breaks for carer in day.carers)


@needs_engine
def test_both_planners_are_judged_alike_and_keep_every_rule() -> None:
    found = compared(replace(TOWNS[2], visits=50), 1, 0.4, process_time)

    assert (found.first.broken, found.now.broken) == (0, 0)
    assert found.now.cost_min <= found.first.cost_min
    assert 0.0 < found.travel_ratio <= 1.0


def test_a_town_planned_by_the_search_in_python_costs_what_the_one_cost_function_says() -> None:
    day = generated(replace(TOWNS[1], visits=60), 2)

    plan = AnnealingSolver(compiled=False).solve(
        day, moves=400, seconds=60.0, seed=1, progress=lambda _: None, cancelled=lambda: False
    )

    assert hard_breaches(day, plan) == []
    assert plan.cost_min == pytest.approx(terms_cost_min(recomputed_terms(day, plan), weights_for(day.objective)))
