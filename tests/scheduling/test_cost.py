import math
from dataclasses import replace

import pytest

from kernel.ids import CarerId, VisitId
from scheduling.cost import (
    CARE_WEIGHTS,
    HHCRSP_WEIGHTS,
    CostTerms,
    recomputed_terms,
    regular_price_min,
    terms_cost_min,
    visit_price_min,
)
from scheduling.model import Preferences
from scheduling.routes import plan_from_routes
from tests.scheduling.days import lillestad, with_citizen, with_visit

ROUTES = {"anna": [VisitId("v1"), VisitId("v2"), VisitId("v3")], "bo": [VisitId("v4")]}


def test_a_benchmark_plan_costs_a_third_of_distance_tardiness_and_worst_tardiness() -> None:
    terms = CostTerms(100.0, 20.0, 5.0, 60.0, 0.0, 0.0)

    assert terms_cost_min(terms, HHCRSP_WEIGHTS) == pytest.approx(125 / 3)


def test_a_danish_plan_pays_for_overtime_dropped_visits_and_missed_regular_carers_too() -> None:
    terms = CostTerms(30.0, 0.0, 0.0, 10.0, 500.0, 3.0)

    assert terms_cost_min(terms, CARE_WEIGHTS) == pytest.approx(10 + 15 + 500 + 3)


def test_the_small_town_by_hand() -> None:
    day = lillestad()

    terms = recomputed_terms(day, plan_from_routes(day, ROUTES))

    assert terms == CostTerms(34.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_lateness_counts_for_each_service_and_the_worst_once_more() -> None:
    day = with_visit(lillestad(), "v1", duration_s=7200.0)

    terms = recomputed_terms(
        day, plan_from_routes(day, {"anna": [*ROUTES["anna"][:1], VisitId("v3")], "bo": ROUTES["bo"]})
    )

    assert (terms.tardiness_min, terms.max_tardiness_min) == (26.0, 13.0)
    assert terms.unallocated_min == CARE_WEIGHTS.unallocated_min[0]


def test_minutes_after_the_shift_count_with_the_way_back() -> None:
    day = lillestad()
    short = replace(day, carers=tuple(replace(c, shift_ends_at=day.instant(121.0)) for c in day.carers))

    terms = recomputed_terms(short, plan_from_routes(short, ROUTES))

    assert terms.overrun_min == pytest.approx(2 * 5.0)


def test_a_missed_regular_carer_has_a_price_and_a_missing_wish_has_none() -> None:
    wishes = Preferences(regular_carer_ids=frozenset({CarerId("bo")}))
    day = with_citizen(lillestad(), "agnes", preferences=wishes)
    agnes, birger = day.citizens[:2]

    assert regular_price_min(agnes, CarerId("anna"), CARE_WEIGHTS) == CARE_WEIGHTS.not_regular_min
    assert regular_price_min(agnes, CarerId("bo"), CARE_WEIGHTS) == 0.0
    assert regular_price_min(birger, CarerId("anna"), CARE_WEIGHTS) == 0.0
    plan = plan_from_routes(day, ROUTES)
    assert plan.cost_min == pytest.approx(34 / 3 + CARE_WEIGHTS.not_regular_min)


def test_an_important_visit_is_never_cheaper_to_drop_than_a_lesser_one() -> None:
    visit = lillestad().visits[0]

    prices = [visit_price_min(replace(visit, priority=p), CARE_WEIGHTS) for p in (1, 2, 3, 4, 5)]

    assert prices == sorted(prices, reverse=True)
    assert math.isfinite(sum(prices))
