from dataclasses import replace

import pytest

from kernel.ids import VisitId
from scheduling.model import Day, Pair
from scheduling.routes import RouteOrderError, plan_from_routes
from scheduling.solver import solve_day
from tests.scheduling.days import lillestad, municipality


def two_pairs() -> Day:
    """A day in which all four visits are at Clara's, as two double visits."""
    day = lillestad()
    visits = tuple(replace(v, citizen_id=day.citizens[2].id, required_skills=frozenset()) for v in day.visits)
    pairs = (Pair(VisitId("v1"), VisitId("v2")), Pair(VisitId("v3"), VisitId("v4")))
    return replace(day, visits=visits, pairs=pairs)


def test_a_plan_survives_the_way_through_bare_routes() -> None:
    day = municipality(5)
    plan = solve_day(day, moves=500)

    again = plan_from_routes(
        day,
        {route.carer_id: [stop.visit_id for stop in route.stops] for route in plan.routes},
        {u.visit_id: u.reason for u in plan.unallocated},
    )

    assert again.routes == plan.routes
    assert again.unallocated == plan.unallocated
    assert again.cost_min == pytest.approx(plan.cost_min)


def test_routes_that_wait_for_each_other_are_refused() -> None:
    routes = {"anna": [VisitId("v1"), VisitId("v3")], "bo": [VisitId("v4"), VisitId("v2")]}

    with pytest.raises(RouteOrderError) as refusal:
        plan_from_routes(two_pairs(), routes)

    assert refusal.value.code == "routes_wait_for_each_other"
    assert "v1, v2, v3, v4" in refusal.value.text("da")


@pytest.mark.parametrize(
    "routes",
    [{"anna": [VisitId("v3")]}, {"anna": [VisitId("v3"), VisitId("v4")]}],
    ids=["one carer only", "the same carer twice"],
)
def test_a_split_double_visit_is_refused(routes: dict[str, list[VisitId]]) -> None:
    with pytest.raises(RouteOrderError) as refusal:
        plan_from_routes(lillestad(), routes)

    assert refusal.value.code == "double_visit_split"


@pytest.mark.parametrize(
    "routes",
    [
        {"anna": [VisitId("v1")], "bo": [VisitId("v1")]},
        {"anna": [VisitId("v9")]},
        {"nobody": [VisitId("v1")]},
    ],
    ids=["twice", "unknown visit", "unknown carer"],
)
def test_unknown_or_repeated_ids_are_named(routes: dict[str, list[VisitId]]) -> None:
    with pytest.raises(ValueError, match="Expected known ids, each visit once"):
        plan_from_routes(lillestad(), routes)


def test_carers_without_visits_have_an_empty_route_and_free_visits_a_reason() -> None:
    plan = plan_from_routes(lillestad(), {"anna": [VisitId("v1")]}, {VisitId("v2"): "no_room_in_shifts"})

    assert [len(route.stops) for route in plan.routes] == [1, 0]
    assert {u.visit_id: u.reason for u in plan.unallocated} == {
        "v2": "no_room_in_shifts",
        "v3": "not_planned",
        "v4": "not_planned",
    }
