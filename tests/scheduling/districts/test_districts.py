"""A unit by district: what stays together, who goes where, and that the whole is one sound plan."""

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache

import pytest

from kernel.ids import UnitId
from loadtests.danish_towns import Town, generated
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.day_file import load_day
from scheduling.districts.joining import joined, part_of
from scheduling.districts.planning import PartRoutes, district_moves, districts_of, joined_plan, plan_district
from scheduling.districts.split import District, split
from scheduling.hhcrsp import UNIT_ID
from scheduling.model import Day, Plan
from scheduling.plan_check import hard_breaches
from scheduling.solver import AnnealingSolver
from tests.scheduling.days import municipality
from tests.scheduling.test_hhcrsp import benchmark, needs_benchmarks

MOST = 80
MOVES = 9_000
TOWN = Town("storby", 6.0, 4, 0.4, 0.3, visits=280, visits_each=13, a_day=(1, 1, 2), by_team=True)


@cache
def _town() -> Day:
    return generated(TOWN, 1)


@cache
def _found() -> tuple[tuple[District, ...], tuple[PartRoutes, ...]]:
    districts = districts_of(_town(), MOST)
    return districts, tuple(_routes(_town(), districts, number) for number in range(len(districts)))


def _routes(day: Day, districts: tuple[District, ...], number: int, *, compiled: bool | None = None) -> PartRoutes:
    return plan_district(
        day,
        districts[number],
        AnnealingSolver(compiled=compiled),
        moves=district_moves(districts, number, MOVES),
        seed=3,
        progress=lambda _: None,
        cancelled=lambda: False,
    )


def _joined(day: Day, districts: tuple[District, ...], found: tuple[PartRoutes, ...], *, mend: bool = True) -> Plan:
    return joined_plan(day, districts, found, moves=MOVES, seed=3, progress=lambda _: None, cancelled=lambda: not mend)


def test_every_visit_and_carer_is_in_one_district_and_the_work_is_shared_evenly() -> None:
    day = _town()

    districts = districts_of(day, MOST)

    assert Counter(v for d in districts for v in d.visit_ids) == Counter(v.id for v in day.visits)
    assert Counter(c for d in districts for c in d.carer_ids) == Counter(c.id for c in day.carers)
    assert len(districts) == 4
    each = [sum(day.visit_by_id[v].duration_s for v in d.visit_ids) / len(d.carer_ids) for d in districts]
    assert max(each) < 1.35 * min(each)
    assert districts_of(generated(TOWN, 1), MOST) == districts


def test_districts_are_places_and_not_a_shuffle_of_the_town() -> None:
    day = _town()
    lat = {v.id: day.citizen_by_id[v.citizen_id].place.lat_deg or 0.0 for v in day.visits}
    lon = {v.id: day.citizen_by_id[v.citizen_id].place.lon_deg or 0.0 for v in day.visits}

    boxes = [
        (max(lat[v] for v in d.visit_ids) - min(lat[v] for v in d.visit_ids))
        * (max(lon[v] for v in d.visit_ids) - min(lon[v] for v in d.visit_ids))
        for d in districts_of(day, MOST)
    ]

    assert sum(boxes) < 1.05 * (max(lat.values()) - min(lat.values())) * (max(lon.values()) - min(lon.values()))


def test_carers_go_where_those_live_who_know_them() -> None:
    day = _town()
    met = asked = 0
    for district in districts_of(day, MOST):
        for visit_id in district.visit_ids:
            regular = day.citizen_by_id[day.visit_by_id[visit_id].citizen_id].preferences.regular_carer_ids
            asked += bool(regular)
            met += bool(regular & set(district.carer_ids))

    assert met > 0.6 * asked, "a quarter would be met by chance"


def test_double_visits_and_what_is_bound_to_a_carer_stay_on_one_side() -> None:
    day = _town()
    bound = day.carers[0].id
    far = sorted(day.visits, key=lambda v: day.citizen_by_id[v.citizen_id].place.lon_deg or 0.0)
    chosen = {v.id for v in (far[0], far[-1]) if v.id not in day.pair_of}
    pinned = replace(day, visits=tuple(replace(v, pinned_carer_id=bound) if v.id in chosen else v for v in day.visits))

    of = {v: d.number for d in districts_of(pinned, MOST) for v in d.visit_ids}
    carers = {c: d.number for d in districts_of(pinned, MOST) for c in d.carer_ids}

    assert all(of[p.first_id] == of[p.second_id] for p in pinned.pairs)
    assert len(chosen) > 0
    assert {of[v] for v in chosen} == {carers[bound]}


def test_a_unit_that_is_small_or_known_by_travel_times_only_is_one_district() -> None:
    day = municipality(3, units=2)

    found = [split(day, unit.id, 1_000) for unit in day.units]

    assert [len(of_unit) for of_unit in found] == [1, 1]
    with pytest.raises(ValueError, match="most_visits >= 1, got 0"):
        split(day, day.units[0].id, 0)


@needs_benchmarks
def test_a_day_without_coordinates_is_one_district() -> None:
    day = load_day(benchmark("HCSRP_25_1"), hhcrsp_on=date(2026, 11, 25))

    assert len(split(day, UnitId(UNIT_ID), 5)) == 1


def test_the_joined_plan_breaks_no_rule_and_costs_what_the_one_cost_function_says() -> None:
    day = _town()
    districts, found = _found()

    bare, plan = _joined(day, districts, found, mend=False), _joined(day, districts, found)

    for one in (bare, plan):
        assert hard_breaches(day, one) == []
        assert one.cost_min == pytest.approx(terms_cost_min(recomputed_terms(day, one), weights_for(day.objective)))
    assert plan.cost_min < bare.cost_min
    district_of = {c: d.number for d in districts for c in d.carer_ids}
    home = {v: d.number for d in districts for v in d.visit_ids}
    assert any(district_of[c] != home[v] for v, c in plan.carer_of.items()), "carers cross the borders"
    assert _joined(day, districts, found) == plan


def test_without_the_compiled_engine_a_day_is_planned_by_district_too() -> None:
    day = generated(replace(TOWN, visits=110, villages=2), 2)
    districts = districts_of(day, 60)

    found = tuple(
        plan_district(
            day, d, AnnealingSolver(compiled=False), moves=200, seed=1, progress=lambda _: None, cancelled=lambda: False
        )
        for d in districts
    )
    bare = _joined(day, districts, found, mend=False)
    plan = joined_plan(
        day, districts, found, moves=9_000, seed=1, progress=lambda _: None, cancelled=lambda: False, compiled=False
    )

    assert len(districts) == 2
    assert hard_breaches(day, plan) == []
    assert plan.cost_min < bare.cost_min


def test_half_of_a_double_visit_stays_at_its_minute_when_only_one_of_its_carers_is_looked_at() -> None:
    day = _town()
    plan = _joined(day, *_found(), mend=False)
    pair = next(p for p in day.pairs if p.first_id in plan.carer_of)
    carer_id = plan.carer_of[pair.second_id]
    stops = plan.route_of[carer_id].stops

    part = part_of(day, [s.visit_id for s in stops], [carer_id], plan.route_of)

    held = part.visit_by_id[pair.second_id]
    assert pair not in part.pairs
    assert held.pinned_carer_id == carer_id
    assert held.pinned_start_at == next(s.starts_at for s in stops if s.visit_id == pair.second_id)
    assert all(
        v.pinned_start_at is None
        for v in part.visits
        if v.id not in {h for p in day.pairs for h in (p.first_id, p.second_id)}
    )


def test_a_visit_only_a_carer_of_another_district_may_do_is_done_by_her_after_the_borders() -> None:
    day = _town()
    districts, _ = _found()
    expert = districts[-1].carer_ids[0]
    wanted = next(v for v in districts[0].visit_ids if v not in day.pair_of)
    rare = replace(
        day,
        carers=tuple(replace(c, skills=c.skills | {"dialyse"}) if c.id == expert else c for c in day.carers),
        visits=tuple(
            replace(v, required_skills=frozenset({"dialyse"}), priority=1) if v.id == wanted else v for v in day.visits
        ),
    )
    found = tuple(_routes(rare, districts, number) for number in range(len(districts)))

    bare, plan = _joined(rare, districts, found, mend=False), _joined(rare, districts, found)

    assert {u.visit_id: u.reason for u in bare.unallocated}[wanted] == "no_room_in_shifts", "she is in the unit"
    assert plan.carer_of[wanted] == expert
    assert hard_breaches(rare, plan) == []


def test_what_no_part_knows_is_left_over_and_not_forgotten() -> None:
    day = _town()

    plan = joined(day, [])

    assert {u.reason for u in plan.unallocated} == {"not_planned"}
    assert len(plan.unallocated) == len(day.visits)
    assert hard_breaches(day, plan) == []
