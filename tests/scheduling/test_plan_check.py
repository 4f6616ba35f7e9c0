"""The judge of plans sees each kind of broken rule, and nothing in a sound plan."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.ids import CarerId, VisitId
from scheduling.model import Break, Day, Plan, Route, Unallocated
from scheduling.plan_check import hard_breaches
from scheduling.routes import plan_from_routes
from scheduling.solver import solve_day
from tests.scheduling.days import SEVEN, lillestad, municipality, with_carer, with_terms_of_shifts, with_visit
from tests.scheduling.test_solver import breaches


def codes(day: Day, plan: Plan) -> set[str]:
    return {breach.code for breach in hard_breaches(day, plan)}


def by_hand(day: Day, anna: list[str], bo: list[str]) -> Plan:
    return plan_from_routes(day, {"anna": [VisitId(v) for v in anna], "bo": [VisitId(v) for v in bo]})


def with_route(plan: Plan, carer_id: str, route: Route) -> Plan:
    return replace(plan, routes=tuple(route if r.carer_id == carer_id else r for r in plan.routes))


@pytest.mark.parametrize("seed", range(4))
def test_a_sound_plan_breaks_nothing(seed: int) -> None:
    day = with_terms_of_shifts(municipality(seed, units=2, carers=4, visits_each=8), seed)
    plan = solve_day(day, moves=500)

    assert breaches(day, plan) == []
    assert hard_breaches(day, plan) == []


def test_who_may_not_do_a_visit_is_seen() -> None:
    plan = by_hand(lillestad(), ["v1", "v3"], ["v2", "v4"])

    assert codes(lillestad(), plan) == {"missing_skill", "missing_competence"}


def test_a_visit_that_is_done_twice_or_not_at_all_is_seen() -> None:
    day = lillestad()
    plan = by_hand(day, ["v1"], [])

    assert codes(day, replace(plan, unallocated=())) == {"visit_lost"}
    twice = (*plan.unallocated, Unallocated(VisitId("v1"), "no_room_in_shifts"))
    assert codes(day, replace(plan, unallocated=twice)) == {"visit_lost"}


def test_a_start_that_leaves_no_time_for_the_way_is_seen() -> None:
    day = lillestad()
    plan = by_hand(day, ["v1", "v2"], [])
    route = plan.route_of[CarerId("anna")]
    early = replace(route.stops[0], start_min=4.0, end_min=24.0)

    assert codes(day, with_route(plan, "anna", replace(route, stops=(early, route.stops[1])))) == {"cannot_reach"}


def test_half_a_double_visit_and_one_with_too_large_a_gap_are_seen() -> None:
    day = lillestad()
    plan = by_hand(day, ["v3"], ["v4"])
    bo = plan.route_of[CarerId("bo")]
    later = replace(bo.stops[0], start_min=95.0, end_min=125.0)

    assert codes(day, with_route(plan, "bo", replace(bo, stops=(later,)))) == {"gap_not_kept"}
    alone = replace(with_route(plan, "bo", replace(bo, stops=())), unallocated=())
    assert codes(day, alone) == {"half_a_double_visit", "visit_lost"}


def test_breaks_late_short_or_missing_are_seen() -> None:
    rest = Break(SEVEN + timedelta(minutes=50), SEVEN + timedelta(minutes=60), 600.0)
    day = with_carer(lillestad(), "anna", breaks=(rest,))
    plan = by_hand(day, ["v2", "v3"], ["v4"])
    route = plan.route_of[CarerId("anna")]
    taken = route.rests[0]
    assert codes(day, plan) == set()

    assert codes(day, with_route(plan, "anna", replace(route, rests=()))) == {"break_missing"}
    short = replace(taken, end_min=taken.end_min - 5.0)
    assert codes(day, with_route(plan, "anna", replace(route, rests=(short,)))) == {"break_cut"}
    late = replace(taken, start_min=65.0, end_min=75.0)
    assert "break_too_late" in codes(day, with_route(plan, "anna", replace(route, rests=(late,))))
    inside = replace(taken, start_min=40.0, end_min=50.0)
    assert codes(day, with_route(plan, "anna", replace(route, rests=(inside,)))) == {"break_cut", "break_overlaps"}


def test_what_has_begun_breaks_nothing() -> None:
    day = with_visit(lillestad(), "v2", begun=True, pinned_carer_id=CarerId("bo"), pinned_start_at=SEVEN)

    assert codes(day, by_hand(day, [], ["v2"])) == set()
