"""What a search that mends a day calls cost is what people would call it: plan, changed carers, other starts."""

from random import Random

import pytest

from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.engine import Engine
from scheduling.flat import FlatProblem
from scheduling.model import Day, Plan
from scheduling.problem import Problem
from scheduling.reassignment.prices import changes_between
from scheduling.reassignment.search import price_changes
from scheduling.reassignment.settings import settings_on
from scheduling.routes import plan_of
from scheduling.search import schedule_from
from scheduling.timing import Schedule
from tests.scheduling.reassignment.morning import planned
from tests.scheduling.test_engine import needs_engine


def priced(day: Day, told: Plan, schedule: Schedule, free: set[str]) -> tuple[float, int]:
    """Plan and changes, priced apart from any search; and how many starts are others than were told."""
    settings = settings_on(day.on)
    plan = plan_of(day, [schedule], {})
    changes = changes_between(told, plan, settings)
    own = terms_cost_min(recomputed_terms(day, plan), weights_for(day.objective))
    return own + changes.price_min(settings, free), len(changes.shifted)


@needs_engine
@pytest.mark.parametrize("seed", range(4))
def test_cost_in_both_searches_is_the_plan_and_the_price_of_its_changes(seed: int) -> None:
    day, told = planned(seed)
    problem = Problem(day, [u.id for u in day.units], dense=True)
    free = set(Random(seed).sample([v.id for v in day.visits], 6))
    price_changes(problem, told, settings_on(day.on), free)
    shifted = 0
    with Engine(FlatProblem(problem), seed) as engine:
        engine.fill(0, len(problem.jobs))
        for warm_min in (1e6, 20.0, 0.5):
            engine.anneal(2_000, warm_min, warm_min, 0.05, 6)
            schedule = schedule_from(problem, engine)
            afresh, others = priced(day, told, schedule, free)
            shifted += others
            assert engine.cost() == pytest.approx(afresh, abs=1e-6)
            assert schedule.cost_min() == pytest.approx(afresh, abs=1e-6)

    assert shifted > 0, "otherwise it would say nothing about other starts"
