"""Whole solutions for what happens on a running day: nothing begun moves, everything is found again, prices add up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.ids import CarerId, VisitId
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.dated import row_on
from scheduling.model import Break, Day, Plan
from scheduling.reassignment import acts
from scheduling.reassignment.check import newly_broken
from scheduling.reassignment.cost_parts import cost_parts
from scheduling.reassignment.placing import lived_schedule
from scheduling.reassignment.prices import changes_between
from scheduling.reassignment.search import to_come
from scheduling.reassignment.settings import REASSIGNMENT_SETTINGS, settings_on
from scheduling.reassignment.situation import Situation, not_begun, retimed
from scheduling.reassignment.solution import Solution
from scheduling.routes import plan_from_routes
from scheduling.solver import solve_day
from tests.scheduling.days import SEVEN, municipality, with_terms_of_shifts
from tests.scheduling.reassignment.morning import NOW, busy, happened, planned, single_ahead, with_new_visit

Act = Callable[[Situation], list[Solution]]


def _late(at: Situation) -> list[Solution]:
    return acts.carer_late(at, busy(at))


def _away(at: Situation) -> list[Solution]:
    return acts.carer_away(at, busy(at), moves=3_000, search_s=5.0)


def _door(at: Situation) -> list[Solution]:
    return acts.door_shut(at, single_ahead(at, busy(at)), at.now + timedelta(minutes=60))


def _swap(at: Situation) -> list[Solution]:
    return acts.swap(at, single_ahead(at, busy(at)))


@pytest.fixture(scope="module")
def morning() -> tuple[Day, Plan]:
    return planned()


@pytest.mark.parametrize("act", [_late, _away, _door, _swap], ids=["late", "away", "door", "swap"])
def test_what_has_begun_or_is_driven_to_stays_and_no_visit_is_lost(morning: tuple[Day, Plan], act: Act) -> None:
    at, _ = happened(*morning)
    found = act(at)
    assert found
    fixed = {v.id: at.told.carer_of[v.id] for v in at.day.visits if v.begun} | dict(at.on_the_way)
    gone = {busy(at)} if act is _away else set()
    door = {single_ahead(at, busy(at))} if act is _door else set()
    for solution in found:
        for visit_id, carer_id in fixed.items():
            if carer_id in gone and visit_id in at.on_the_way:
                continue
            if visit_id not in door:
                assert solution.plan.carer_of[visit_id] == carer_id, solution.id
        placed = [s.visit_id for r in solution.plan.routes for s in r.stops]
        left = [u.visit_id for u in solution.plan.unallocated]
        assert sorted([*placed, *left]) == sorted(v.id for v in at.day.visits)
        for route in solution.plan.routes:
            for stop in route.stops:
                begun = solution.day.visit_by_id[stop.visit_id].begun
                assert begun or stop.starts_at >= NOW - timedelta(seconds=1), solution.id


@pytest.mark.parametrize("act", [_late, _away, _door, _swap], ids=["late", "away", "door", "swap"])
def test_no_solution_breaks_a_rule_and_its_cost_is_that_of_the_one_cost_function(
    morning: tuple[Day, Plan], act: Act
) -> None:
    at, _ = happened(*morning)
    for solution in act(at):
        untouched = solution.plan if act is _away else retimed(solution.day, at.told)
        assert newly_broken(solution.day, at.told, untouched, solution.plan) == (), solution.id
        if act is _away:
            continue
        weights = weights_for(at.day.objective)
        rise = terms_cost_min(recomputed_terms(solution.day, solution.plan), weights) - terms_cost_min(
            recomputed_terms(solution.day, untouched), weights
        )
        assert solution.cost_delta_min == pytest.approx(rise, abs=1e-6), solution.id
        assert sum(cost_parts(solution.day, untouched, solution.plan).values()) == pytest.approx(rise, abs=1e-6)


def test_a_choice_that_moves_what_has_begun_is_named(morning: tuple[Day, Plan]) -> None:
    at, _ = happened(*morning)
    day = at.held()
    begun = next(v for v in day.visits if v.begun and v.id not in day.pair_of)
    other = next(c for c in at.told.route_of if c != at.told.carer_of[begun.id])
    routes = {str(r.carer_id): [s.visit_id for s in r.stops if s.visit_id != begun.id] for r in at.told.routes}
    routes[str(other)].append(begun.id)
    after = plan_from_routes(day, routes)

    assert "visit_begun" in {b.code for b in newly_broken(day, at.told, retimed(day, at.told), after)}


def test_an_urgent_visit_begins_no_later_with_the_first_proposal_than_with_any_other(
    morning: tuple[Day, Plan],
) -> None:
    at, _ = happened(*morning)
    at = with_new_visit(at, single_ahead(at, busy(at)))

    found = acts.new_visit(at, VisitId("urgent"))

    starts = [next(h.starts_at for h in s.handed if h.visit_id == "urgent") for s in found]
    assert len(starts) >= 2
    assert [s.replace(second=0, microsecond=0) for s in starts] == sorted(
        s.replace(second=0, microsecond=0) for s in starts
    )


def test_handing_visits_over_never_costs_more_than_waiting(morning: tuple[Day, Plan]) -> None:
    day, plan = morning
    at, _ = happened(day, plan)
    at, _ = happened(day, plan, free_at={busy(at): NOW + timedelta(minutes=90)})
    found = {s.kind: s for s in acts.carer_late(at, busy(at))}
    assert found["hand_over"].price_min < found["wait"].price_min
    assert found["hand_over"].late_s < found["wait"].late_s


def test_a_search_by_moves_gives_the_same_answer_every_time_and_no_worse_than_the_split(
    morning: tuple[Day, Plan],
) -> None:
    at, _ = happened(*morning)
    first, second = (acts.carer_away(at, busy(at), moves=4_000, search_s=60.0) for _ in range(2))
    assert [(s.id, s.price_min) for s in first] == [(s.id, s.price_min) for s in second]
    by_kind = {s.kind: s for s in acts.carer_away(at, busy(at))}
    assert first[0].price_min <= by_kind["split"].price_min + 1e-6
    moving = set(not_begun(at, busy(at)))
    handed = {h.visit_id for h in first[0].handed}
    assert len(handed - moving) <= max(1, len(moving) // 20)


def test_a_substitute_takes_the_whole_route_where_she_can_and_no_other_visit_changes_hands(
    morning: tuple[Day, Plan],
) -> None:
    at, _ = happened(*morning, now=SEVEN - timedelta(hours=1))
    ill = busy(at)
    stand_in = replace(at.day.carer_by_id[ill], id=CarerId("vikar"), name="Vikar")

    found = acts.carer_away(at, ill, [stand_in])

    by_substitute = next(s for s in found if s.kind == "substitute")
    assert {h.to_carer_id for h in by_substitute.handed} == {stand_in.id}
    assert {h.visit_id for h in by_substitute.handed} == set(not_begun(at, ill))
    assert [len(s.left_over) for s in found] == sorted(len(s.left_over) for s in found)


def test_who_is_so_late_that_her_break_begins_too_late_is_timed_like_everybody_else() -> None:
    coffee = Break(SEVEN + timedelta(minutes=90), SEVEN + timedelta(minutes=120), 600.0)
    day, _ = planned()
    day = replace(day, carers=tuple(replace(c, breaks=(coffee,)) for c in day.carers))
    plan = solve_day(day, moves=3_000)
    late = busy(happened(day, plan)[0])
    at, _ = happened(day, plan, free_at={late: SEVEN + timedelta(minutes=170)})

    wait = next(s for s in acts.carer_late(at, late) if s.kind == "wait")

    as_it_goes = retimed(at.held(), at.told)
    assert wait.plan.route_of[late].rests[0].start_min > at.day.minute(coffee.latest_at)
    assert _starts(wait.plan) == pytest.approx(_starts(as_it_goes))


@given(st.integers(0, 40), st.integers(60, 300))
@settings(max_examples=12, deadline=None)
def test_what_is_to_come_is_timed_by_itself_as_it_is_in_the_whole_day(seed: int, after_min: int) -> None:
    """Breaks that were had and cars that were fetched lie behind, whatever is searched ahead."""
    day = with_terms_of_shifts(municipality(seed, carers=6, visits_each=7), seed)
    at, _ = happened(day, solve_day(day, moves=300), now=SEVEN + timedelta(minutes=after_min))
    whole = lived_schedule(at.held(), at.told, [u.id for u in at.day.units], dense=True)

    ahead = to_come(whole)

    for v, visit in enumerate(ahead.problem.visits):
        assert ahead.start[v] == pytest.approx(whole.start[whole.problem.visit_index[visit.id]])


def _starts(plan: Plan) -> dict[VisitId, float]:
    return {s.visit_id: s.start_min for r in plan.routes for s in r.stops}


@given(st.integers(0, 40))
@settings(max_examples=8, deadline=None)
def test_who_is_told_a_time_is_not_visited_more_than_the_free_minutes_earlier(seed: int) -> None:
    at, _ = happened(*planned(seed, carers=4, visits_each=6))
    told = {s.visit_id: s.starts_at for r in at.told.routes for s in r.stops}
    for solution in acts.carer_away(at, busy(at)):
        for route in solution.plan.routes:
            for stop in route.stops:
                if stop.visit_id in told:
                    early = told[stop.visit_id] - stop.starts_at
                    assert early <= timedelta(minutes=at.settings.shift_free_min, seconds=1)


def test_the_price_of_change_counts_new_carers_and_moved_starts_but_not_what_cannot_be_helped(
    morning: tuple[Day, Plan],
) -> None:
    at, _ = happened(*morning)
    carer = busy(at)
    solution = acts.carer_away(at, carer)[0]
    price = settings_on(at.day.on)
    changes = changes_between(at.told, solution.plan, price)
    moving = not_begun(at, carer)
    assert set(changes.handed) >= set(moving) - set(changes.dropped)
    extra = [v for v in changes.handed if v not in moving]
    expected = len(extra) * price.changed_carer_min + len(changes.shifted) * price.shifted_start_min
    assert solution.change_price_min == pytest.approx(expected)


def test_a_day_has_the_prices_of_the_newest_row_that_holds_by_then() -> None:
    first = REASSIGNMENT_SETTINGS[0]
    dearer = replace(first, changed_carer_min=25.0, valid_from_on=date(2027, 1, 1))

    found = [row_on(on, (dearer, first)) for on in (date(2020, 1, 1), date(2026, 12, 31), date(2027, 1, 1))]

    assert found == [first, first, dearer]
