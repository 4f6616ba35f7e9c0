import math
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from kernel.ids import CarerId, VisitId
from scheduling.cost import (
    CARE_WEIGHTS,
    HHCRSP_WEIGHTS,
    CostTerms,
    fair_loads_min,
    idle_price_min,
    overrun_price_min,
    overrun_rate,
    recomputed_terms,
    regular_price_min,
    slack_price_min,
    terms_cost_min,
    tight_from_min,
    uneven_price_min,
    visit_load_min,
    visit_price_min,
)
from scheduling.model import Objective, Place, Preferences, Vehicle, VisitMode
from scheduling.routes import plan_from_routes
from tests.scheduling.days import SEVEN, lillestad, with_carer, with_citizen, with_visit

ROUTES = {"anna": [VisitId("v1"), VisitId("v2"), VisitId("v3")], "bo": [VisitId("v4")]}


def test_a_benchmark_plan_costs_a_third_of_distance_tardiness_and_worst_tardiness() -> None:
    terms = CostTerms(100.0, 20.0, 5.0, 60.0, 0.0, 0.0)

    assert terms_cost_min(terms, HHCRSP_WEIGHTS) == pytest.approx(125 / 3)


def test_a_danish_plan_pays_for_overtime_dropped_visits_and_missed_regular_carers_too() -> None:
    terms = CostTerms(30.0, 0.0, 0.0, 10.0, 500.0, 3.0, 7.0, 4.0)

    assert terms_cost_min(terms, CARE_WEIGHTS) == pytest.approx(10 + 15 + 500 + 3 + 7 + 4)


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


def test_a_fair_share_is_the_work_of_the_unit_by_length_of_shift() -> None:
    day = with_carer(lillestad(), "bo", shift_ends_at=SEVEN + timedelta(hours=4))
    anna, bo = day.carers
    work = sum(visit_load_min(v, CARE_WEIGHTS) for v in day.visits)

    fair = fair_loads_min(day.visits, day.carers, CARE_WEIGHTS)

    # 20 + 15 + 30 + 30 minutes of care and eight minutes for each of four doors.
    assert work == pytest.approx(95 + 4 * 8)
    hours = (anna.shift_ends_at - anna.shift_starts_at).total_seconds() / 3600
    assert fair[anna.id] + fair[bo.id] == pytest.approx(work)
    assert fair[anna.id] / fair[bo.id] == pytest.approx(hours / 4)


def test_a_screen_visit_is_no_work_at_a_door() -> None:
    visit = lillestad().visits[0]

    assert visit_load_min(visit, CARE_WEIGHTS) == 28.0
    assert visit_load_min(replace(visit, mode=VisitMode.SCREEN), CARE_WEIGHTS) == 20.0


def test_loads_near_the_fair_share_are_free_and_every_further_minute_is_dearer() -> None:
    prices = [uneven_price_min(400.0 + beyond, 400.0, CARE_WEIGHTS) for beyond in range(-400, 401, 20)]
    above, below = prices[20:], prices[20::-1]

    assert above[:3] == [0.0, 0.0, 0.0]
    assert above == below
    rises = [dearer - cheaper for cheaper, dearer in pairwise(above[2:])]
    assert rises == sorted(rises)
    assert rises[0] > 0.0
    assert uneven_price_min(400.0 + 40.0 + 60.0, 400.0, CARE_WEIGHTS) == pytest.approx(45.0)


def test_one_long_visit_more_is_no_unevenness_in_a_small_unit() -> None:
    assert uneven_price_min(80.0, 50.0, CARE_WEIGHTS) == 0.0
    assert uneven_price_min(110.0, 50.0, CARE_WEIGHTS) == pytest.approx(15.0)


def test_a_day_that_one_of_two_carers_does_alone_costs_more_than_its_travel() -> None:
    day = replace(lillestad(), pairs=())
    ids = [visit.id for visit in day.visits]
    day = replace(day, visits=tuple(replace(v, duration_s=3600.0) for v in day.visits[:3]))
    alone = recomputed_terms(day, plan_from_routes(day, {"anna": ids[:3]}))

    # Three hours and three doors: 204 minutes, fair are 102 each, and thirty are free on either side.
    assert alone.uneven_min == pytest.approx(2 * (72.0 - 15.0))


def test_a_gap_between_visits_is_free_for_an_hour_and_the_one_before_the_first_always() -> None:
    day = with_visit(replace(lillestad(), pairs=()), "v3", window_open_at=SEVEN + timedelta(minutes=200))
    day = with_visit(day, "v3", window_close_at=SEVEN + timedelta(minutes=260))

    terms = recomputed_terms(day, plan_from_routes(day, ROUTES))

    # Anna leaves Birger at minute 45, is at Clara's door at 52 and waits until 200.
    assert terms.idle_min == pytest.approx(idle_price_min(148.0, CARE_WEIGHTS))
    assert terms.idle_min == idle_price_min(120.0, CARE_WEIGHTS) == pytest.approx(45.0)
    assert idle_price_min(90.0, CARE_WEIGHTS) == pytest.approx(45.0 / 4)
    assert idle_price_min(60.0, CARE_WEIGHTS) == 0.0


def test_no_visit_of_up_to_an_hour_is_dropped_for_evenness_or_to_close_a_gap() -> None:
    visit = replace(lillestad().visits[0], duration_s=3600.0)
    work = visit_load_min(visit, CARE_WEIGHTS)

    worst_rise = max(
        uneven_price_min(load + work, 300.0, CARE_WEIGHTS) - uneven_price_min(float(load), 300.0, CARE_WEIGHTS)
        for load in range(0, 1500, 5)
    )

    assert worst_rise + idle_price_min(600.0, CARE_WEIGHTS) < min(CARE_WEIGHTS.unallocated_min)


def test_the_benchmark_pays_neither_for_unevenness_nor_for_gaps() -> None:
    day = replace(lillestad(), objective=Objective.HHCRSP)

    terms = recomputed_terms(day, plan_from_routes(day, {"anna": [VisitId("v1"), VisitId("v2")]}))

    assert (terms.uneven_min, terms.idle_min) == (0.0, 0.0)
    assert fair_loads_min(day.visits, day.carers, HHCRSP_WEIGHTS) == {}


def test_an_important_visit_is_never_cheaper_to_drop_than_a_lesser_one() -> None:
    visit = lillestad().visits[0]

    prices = [visit_price_min(replace(visit, priority=p), CARE_WEIGHTS) for p in (1, 2, 3, 4, 5)]

    assert prices == sorted(prices, reverse=True)
    assert math.isfinite(sum(prices))


def test_minutes_beyond_a_shift_cost_by_the_norm_and_the_time_of_day() -> None:
    anna = lillestad().carers[0]
    part_time = replace(anna, norm_balance_s=-600.0)
    evening = replace(anna, shift_ends_at=anna.shift_ends_at + timedelta(hours=4))
    rates = {name: overrun_rate(c, CARE_WEIGHTS) for name, c in (("a", anna), ("p", part_time), ("e", evening))}

    assert overrun_price_min(20.0, rates["a"]) == pytest.approx(30.0)
    assert overrun_price_min(20.0, rates["p"]) == pytest.approx(10.0 + 15.0)
    assert overrun_price_min(20.0, rates["e"]) == pytest.approx(20.0 * 1.8)
    assert overrun_price_min(20.0, overrun_rate(evening, HHCRSP_WEIGHTS)) == 0.0


def test_a_start_in_the_last_minutes_of_a_window_lacks_slack_and_lateness_costs_no_more_of_it() -> None:
    tight = tight_from_min(0.0, 60.0, CARE_WEIGHTS)

    prices = [slack_price_min(start, tight, 60.0, CARE_WEIGHTS) for start in (0.0, 50.0, 55.0, 60.0, 90.0)]

    assert prices == pytest.approx([0.0, 0.0, 0.25, 0.5, 0.5])
    assert slack_price_min(4.0, tight_from_min(0.0, 4.0, CARE_WEIGHTS), 4.0, CARE_WEIGHTS) == pytest.approx(0.2)


def test_a_vehicle_is_fetched_before_the_first_visit_and_brought_back_after_the_last() -> None:
    """Anna begins at the base (row 0), the car stands at Clara's (row 3): 6 minutes there and 6 back."""
    day = with_carer(lillestad(), "anna", vehicle=Vehicle(Place(matrix_row=3)))

    plan = plan_from_routes(day, {"anna": [VisitId("v1")], "bo": []})
    terms = recomputed_terms(day, plan)

    route = plan.route_of[CarerId("anna")]
    assert (route.fetch_min, route.stops[0].travel_min, route.back_min) == (6.0, 8.0, 8.0 + 6.0)
    assert route.stops[0].start_min == 14.0
    assert terms.distance_min == route.travel_min == 28.0
    assert plan.route_of[CarerId("bo")].travel_min == 0.0
