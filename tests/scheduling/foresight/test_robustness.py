"""A day lived two hundred times: the same every time, late where there is no room, measured where there is enough."""

from dataclasses import replace
from datetime import timedelta
from time import process_time

import pytest

from scheduling.foresight.robustness import DAYS, outlook
from scheduling.foresight.spread import ASSUMED, LEAST_MEASURED, Lognormal, Spread, measured_spread
from scheduling.reassignment.situation import retimed
from tests.scheduling.reassignment.morning import busy, happened, planned

STEADY = Spread(travel=Lognormal(0.0, 0.0), other_service=Lognormal(0.0, 0.0))


def test_without_any_spread_every_day_is_the_planned_one() -> None:
    at, _ = happened(*planned())
    plan = retimed(at.day, at.told)
    start = {s.visit_id: s.start_min for r in plan.routes for s in r.stops}
    for route in outlook(at.day, plan, STEADY).values():
        for visit in route.visits:
            assert visit.start_p50_min == pytest.approx(start[visit.visit_id], abs=1e-6)
            assert visit.start_p90_min == pytest.approx(start[visit.visit_id], abs=1e-6)


def test_the_same_day_has_the_same_outlook_and_an_untouched_route_keeps_its_numbers() -> None:
    at, _ = happened(*planned())
    plan = retimed(at.day, at.told)
    first = outlook(at.day, plan, ASSUMED)
    assert outlook(at.day, plan, ASSUMED) == first
    carer = busy(at)
    alone = replace(
        plan,
        order=tuple(v for v in plan.order if plan.carer_of[v] == carer and v not in at.day.pair_of),
        routes=tuple(
            replace(r, stops=tuple(s for s in r.stops if s.visit_id not in at.day.pair_of))
            if r.carer_id == carer
            else replace(r, stops=())
            for r in plan.routes
        ),
    )
    if not any(s.visit_id in at.day.pair_of for s in plan.route_of[carer].stops):
        assert outlook(at.day, alone, ASSUMED)[carer] == first[carer]


def test_a_visit_whose_window_closes_as_it_is_reached_is_fragile_and_one_with_room_is_not() -> None:
    at, _ = happened(*planned())
    plan = retimed(at.day, at.told)
    stop = plan.route_of[busy(at)].stops[-1]
    tight = replace(
        at.day,
        visits=tuple(
            replace(v, window_close_at=stop.starts_at)
            if v.id == stop.visit_id
            else replace(v, window_close_at=v.window_close_at + timedelta(hours=8))
            for v in at.day.visits
        ),
    )
    found = {v.visit_id: v for v in outlook(tight, plan, ASSUMED)[busy(at)].visits}
    assert found[stop.visit_id].fragile
    assert all(not v.fragile and v.late_ratio == 0.0 for i, v in found.items() if i != stop.visit_id)
    assert outlook(tight, plan, ASSUMED)[busy(at)].on_time_ratio == pytest.approx(1.0 - found[stop.visit_id].late_ratio)


def test_spread_is_measured_where_enough_visits_were_lived_and_assumed_elsewhere() -> None:
    lived = [("personal_care", 1200.0, 1200.0 * (1.5 if n % 2 else 1.1)) for n in range(LEAST_MEASURED)]
    found = measured_spread([*lived, ("nursing", 600.0, 900.0), ("personal_care", 600.0, 60_000.0)])
    assert found.measured == {"personal_care": LEAST_MEASURED}
    assert found.of("personal_care").log_mean == pytest.approx(0.2504, abs=1e-3)
    assert found.of("nursing") == ASSUMED.other_service


def test_a_route_costs_less_than_fifty_milliseconds() -> None:
    at, _ = happened(*planned(carers=8))
    plan = retimed(at.day, at.told)
    outlook(at.day, plan, ASSUMED)
    began_s = process_time()
    routes = outlook(at.day, plan, ASSUMED)
    assert (process_time() - began_s) / len(routes) < 0.050
    assert DAYS == 200
