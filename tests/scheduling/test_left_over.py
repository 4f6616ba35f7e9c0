"""An impossible day names visit and rule, and the rest of it is planned: by both searches."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.ids import CarerId, UnitId, VisitId
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.model import Day, Door, Pair, Plan, TravelMatrix
from scheduling.solver import AnnealingSolver
from tests.scheduling.days import SEVEN, lillestad, municipality, with_carer, with_citizen, with_visit
from tests.scheduling.test_engine import needs_engine
from tests.scheduling.test_solver import breaches

HOUR = timedelta(hours=1)
both_searches = pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_engine), False])


def planned(day: Day, *, compiled: bool, moves: int = 600) -> Plan:
    plan = AnnealingSolver(compiled=compiled).solve(
        day, moves=moves, seconds=60.0, seed=1, progress=lambda _: None, cancelled=lambda: False
    )
    assert breaches(day, plan) == []
    afresh = terms_cost_min(recomputed_terms(day, plan), weights_for(day.objective))
    assert plan.cost_min == pytest.approx(afresh)
    return plan


def with_ways(day: Day, row: int, minutes: float) -> Day:
    """The day with every way to and from a row of the matrix changed."""
    assert isinstance(day.travel, TravelMatrix)
    rows = [row_minutes[:] for row_minutes in day.travel.minutes]
    for other in range(len(rows)):
        if other != row:
            rows[row][other] = rows[other][row] = minutes
    return replace(day, travel=TravelMatrix(tuple(rows)))


def with_contradicting_pair(day: Day) -> Day:
    day = with_visit(day, "v3", pinned_start_at=SEVEN + timedelta(minutes=95))
    day = with_visit(day, "v4", pinned_start_at=SEVEN + timedelta(minutes=125))
    return replace(day, pairs=(Pair(VisitId("v3"), VisitId("v4"), 0.0, 600.0),))


def with_key_at_base(day: Day) -> Day:
    """Birger's key hangs at the base, and both shifts begin at the first citizen."""
    day = with_citizen(day, "birger", door=Door(day.citizens[1].door.id, None, key_at_base=True))  # type: ignore[union-attr]
    return replace(day, carers=tuple(replace(c, starts_from="citizen", start_place=None) for c in day.carers))  # type: ignore[arg-type]


IMPOSSIBLE: list[tuple[str, Callable[[Day], Day], dict[str, str]]] = [
    (
        "nobody can do the service",
        lambda d: with_visit(d, "v2", required_skills=frozenset({"tracheostomi"})),
        {"v2": "missing_skill"},
    ),
    (
        "a visit that outlasts every shift",
        lambda d: with_visit(d, "v1", duration_s=9 * 3600.0),
        {"v1": "outside_every_shift"},
    ),
    (
        "a visit after everybody's shift",
        lambda d: with_visit(d, "v1", window_open_at=SEVEN + 9 * HOUR, window_close_at=SEVEN + 10 * HOUR),
        {"v1": "outside_every_shift"},
    ),
    ("a gap that cannot be kept", with_contradicting_pair, {"v3": "gap_impossible", "v4": "gap_impossible"}),
    ("a hole in the matrix", lambda d: with_ways(d, 2, float("inf")), {"v2": "no_travel_time"}),
    ("negative times", lambda d: with_ways(d, 2, -3.0), {"v2": "no_travel_time"}),
    ("a key nobody has", with_key_at_base, {"v2": "no_key"}),
]


@both_searches
@pytest.mark.parametrize(
    ("impossible", "expected"), [row[1:] for row in IMPOSSIBLE], ids=[row[0] for row in IMPOSSIBLE]
)
def test_an_impossible_visit_names_its_rule_and_the_rest_is_planned(
    impossible: Callable[[Day], Day], expected: dict[str, str], compiled: bool
) -> None:
    day = impossible(lillestad())

    plan = planned(day, compiled=compiled)

    assert {u.visit_id: u.reason for u in plan.unallocated} == expected
    assert len(plan.carer_of) == 4 - len(expected)


@both_searches
def test_a_window_shorter_than_the_visit_is_planned_as_its_start(compiled: bool) -> None:
    day = with_visit(lillestad(), "v2", window_close_at=SEVEN + timedelta(minutes=31), duration_s=3600.0)

    plan = planned(day, compiled=compiled)

    starts = {stop.visit_id: stop.start_min for route in plan.routes for stop in route.stops}
    assert 30.0 <= starts[VisitId("v2")] <= 31.0


@both_searches
def test_one_way_nobody_knows_is_gone_around(compiled: bool) -> None:
    """From Agnes to Birger no way is known; both are still visited, by two carers or in the other order."""
    day = lillestad()
    assert isinstance(day.travel, TravelMatrix)
    rows = [row[:] for row in day.travel.minutes]
    rows[1][2] = float("inf")
    day = replace(day, travel=TravelMatrix(tuple(rows)))

    plan = planned(day, compiled=compiled)

    assert plan.unallocated == ()
    followed = {(a.visit_id, b.visit_id) for r in plan.routes for a, b in zip(r.stops, r.stops[1:], strict=False)}
    assert ("v1", "v2") not in followed
    assert plan.cost_min < 1_000.0


@both_searches
def test_a_door_whose_key_hangs_at_the_base_is_for_those_who_begin_there(compiled: bool) -> None:
    day = lillestad()
    door = Door(day.citizens[0].door.id, None, key_at_base=True)  # type: ignore[union-attr]
    day = with_carer(with_citizen(day, "agnes", door=door), "anna", starts_from="citizen", start_place=None)

    assert planned(day, compiled=compiled).carer_of[VisitId("v1")] == "bo"
    named = with_citizen(
        day, "agnes", door=replace(door, key_at_base=False, key_carer_ids=frozenset({CarerId("anna")}))
    )
    assert planned(named, compiled=compiled).carer_of[VisitId("v1")] == "anna"


def merging(day: Day, last_day: int) -> Day:
    """The first of two units ends that many days after the day and merges into the second."""
    first, second = day.units
    ending = replace(first, valid_to_on=day.on + timedelta(days=last_day), merged_into_id=second.id)
    return replace(day, units=(ending, second))


@both_searches
def test_units_that_merge_are_planned_apart_until_their_last_day_and_together_after(compiled: bool) -> None:
    """All carers of the first unit are gone but one, who cannot do its visits alone."""
    day = municipality(3, units=2, carers=4, visits_each=5)
    first, second = (unit.id for unit in day.units)
    staff = [c for c in day.carers if c.unit_id == second or c.id.endswith("000")]
    day = replace(day, carers=tuple(staff))

    before = planned(merging(day, 0), compiled=compiled, moves=300)
    after = planned(merging(day, -1), compiled=compiled, moves=300)

    unit_of = {visit.id: visit.unit_id for visit in day.visits}
    across = {unit_of[v] for v, carer in after.carer_of.items() if day.carer_by_id[carer].unit_id == second}
    assert {unit_of[v] for v, c in before.carer_of.items() if day.carer_by_id[c].unit_id == second} == {second}
    assert across == {first, second}
    assert len(after.unallocated) < len(before.unallocated)


@both_searches
def test_a_unit_that_ended_without_a_successor_leaves_its_visits_over(compiled: bool) -> None:
    day = lillestad()
    ended = replace(day.units[0], valid_to_on=day.on - timedelta(days=1))

    plan = planned(replace(day, units=(ended,)), compiled=compiled)

    assert {u.reason for u in plan.unallocated} == {"unit_closed"}
    assert UnitId("lillestad") == ended.id
