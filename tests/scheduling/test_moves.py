from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.ids import CarerId, UnitId, VisitId
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.model import Day, Plan, Unit, UnitKind
from scheduling.moves import Move, check_move
from scheduling.reassignment.board import Board
from scheduling.reassignment.ranking import Proposal
from scheduling.routes import plan_from_routes
from scheduling.solver import solve_day
from tests.scheduling.days import SEVEN, lillestad, municipality, with_carer, with_visit


def planned(day: Day | None = None) -> tuple[Day, Plan]:
    """Anna: Agnes, Birger, Clara; Bo: Clara."""
    day = day or lillestad()
    routes = {"anna": [VisitId("v1"), VisitId("v2"), VisitId("v3")], "bo": [VisitId("v4")]}
    return day, plan_from_routes(day, routes)


def rank_carers(day: Day, plan: Plan, visit_id: VisitId) -> list[Proposal]:
    """Everybody of the visit's unit, each tried exactly."""
    board = Board(day, {str(r.carer_id): [s.visit_id for s in r.stops] for r in plan.routes})
    return board.rank(visit_id, all_exactly=True)


def move(visit_id: str, carer_id: str | None, **more: object) -> Move:
    carer = None if carer_id is None else CarerId(carer_id)
    return replace(Move(VisitId(visit_id), carer), **more)  # type: ignore[arg-type]


def test_a_possible_move_tells_its_price_its_travel_and_both_new_routes() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v1", "bo"))

    # Anna: base 10 Birger 7 Clara 6; Bo: base 5 Agnes 8 Clara 6. Before: 22 + 12, after: 23 + 19.
    assert verdict.allowed
    assert verdict.warnings == ()
    assert verdict.extra_travel_s == pytest.approx(8 * 60)
    assert verdict.cost_delta_min == pytest.approx(8 / 3)
    assert [r.carer_id for r in verdict.routes] == ["bo", "anna"]
    assert [(s.visit_id, s.start_min) for s in verdict.routes[0].stops] == [("v1", 5.0), ("v4", 90.0)]
    assert [(s.visit_id, s.start_min) for s in verdict.routes[1].stops] == [("v2", 30.0), ("v3", 90.0)]
    assert verdict.plan.cost_min == pytest.approx(42 / 3)


def test_a_move_without_the_competence_is_shown_but_forbidden() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v2", "bo"))

    assert [b.code for b in verdict.hard] == ["missing_skill", "missing_competence"]
    assert verdict.plan.carer_of[VisitId("v2")] == "bo"


def test_both_halves_of_a_double_visit_cannot_go_to_one_carer() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v3", "bo"))

    assert [b.code for b in verdict.hard] == ["same_carer_twice"]
    assert verdict.plan.carer_of == plan.carer_of
    assert verdict.cost_delta_min == pytest.approx(0.0)


def test_a_begun_visit_and_a_pinned_one_stay() -> None:
    begun = with_visit(lillestad(), "v1", begun=True, pinned_carer_id=CarerId("anna"), pinned_start_at=SEVEN)
    pinned = with_visit(lillestad(), "v1", pinned_carer_id=CarerId("anna"))

    assert "visit_begun" in [b.code for b in check_move(*planned(begun), move("v1", "bo")).hard]
    assert [b.code for b in check_move(*planned(pinned), move("v1", "bo")).hard] == ["carer_pinned"]


def test_a_wished_start_that_cannot_be_reached_tells_the_earliest() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v1", "bo", start_at=SEVEN + timedelta(minutes=2)))

    assert [b.code for b in verdict.hard] == ["cannot_reach"]
    assert verdict.hard[0].facts["earliest_at"] == SEVEN + timedelta(minutes=5)


def test_a_wished_start_is_kept_where_it_can_be() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v1", "bo", start_at=SEVEN + timedelta(minutes=40)))

    assert verdict.allowed
    assert verdict.routes[0].stops[0].starts_at == SEVEN + timedelta(minutes=40)


def test_a_wished_start_before_the_window_is_forbidden() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v2", "anna", start_at=SEVEN + timedelta(minutes=29)))

    assert [b.code for b in verdict.hard] == ["before_window"]


def test_a_wished_start_far_behind_the_window_warns() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v1", "bo", start_at=SEVEN + timedelta(minutes=140)))

    assert verdict.allowed
    assert [(b.code, b.facts["late_s"]) for b in verdict.warnings] == [("late_start", 80 * 60.0)]


def test_a_visit_behind_the_shift_is_forbidden() -> None:
    day, plan = planned(with_carer(lillestad(), "bo", shift_ends_at=SEVEN + timedelta(minutes=20)))

    verdict = check_move(day, plan, move("v1", "bo"))

    assert "outside_shift" in [b.code for b in verdict.hard]


def test_a_broken_rest_is_hard_and_a_warning_with_an_agreement() -> None:
    tired = with_carer(lillestad(), "bo", previous_shift_ended_at=SEVEN - timedelta(hours=8, minutes=20))
    day, plan = planned(tired)

    without = check_move(day, plan, move("v1", "bo"))
    with_agreement = check_move(day, plan, move("v1", "bo", agreement_ref="LA-7"))

    assert [(b.code, b.facts["rest_s"]) for b in without.hard] == [("daily_rest", 500 * 60.0)]
    assert with_agreement.allowed
    assert [(b.code, b.facts["agreement_ref"]) for b in with_agreement.warnings] == [("daily_rest", "LA-7")]


def test_work_that_ends_too_late_for_the_next_shift_is_forbidden() -> None:
    early = with_carer(lillestad(), "bo", next_shift_starts_at=SEVEN + timedelta(hours=13))
    day, plan = planned(early)

    verdict = check_move(day, plan, move("v1", "bo", start_at=SEVEN + timedelta(minutes=130)))

    assert [b.code for b in verdict.hard] == ["daily_rest"]


def test_taking_a_visit_out_leaves_it_unallocated_with_a_reason() -> None:
    day, plan = planned()

    verdict = check_move(day, plan, move("v1", None))

    assert verdict.allowed
    assert [(u.visit_id, u.reason) for u in verdict.plan.unallocated] == [("v1", "taken_out_by_hand")]
    assert VisitId("v1") not in verdict.plan.order


def test_an_unallocated_visit_can_be_given_to_a_carer() -> None:
    day = lillestad()
    plan = plan_from_routes(day, {"anna": [VisitId("v2"), VisitId("v3")], "bo": [VisitId("v4")]})

    verdict = check_move(day, plan, move("v1", "anna"))

    assert verdict.plan.unallocated == ()
    assert verdict.cost_delta_min < 0
    assert [s.visit_id for s in verdict.routes[0].stops] == ["v1", "v2", "v3"]


def test_half_of_an_unallocated_double_visit_brings_the_other_carer_along() -> None:
    day = lillestad()
    plan = plan_from_routes(day, {"anna": [VisitId("v1"), VisitId("v2")]})

    verdict = check_move(day, plan, move("v3", "anna"))

    assert verdict.allowed
    assert verdict.plan.carer_of[VisitId("v4")] == "bo"


def test_a_carer_of_another_unit_is_told_apart() -> None:
    other = Unit(UnitId("nord"), "Nord", UnitKind.HOME_CARE, lillestad().units[0].base)
    day = lillestad()
    day = replace(with_carer(day, "bo", unit_id=other.id), units=(*day.units, other))
    plan = plan_from_routes(day, {"anna": [VisitId("v1"), VisitId("v2")]})

    assert [b.code for b in check_move(day, plan, move("v1", "bo")).hard] == ["other_unit"]


def test_unknown_ids_are_named() -> None:
    day, plan = planned()

    with pytest.raises(ValueError, match="Expected a visit and a carer of the day, got v9 and bo"):
        check_move(day, plan, move("v9", "bo"))
    with pytest.raises(ValueError, match="Expected a visit of the day, got v9"):
        rank_carers(day, plan, VisitId("v9"))


def test_carers_are_ranked_by_the_plan_and_refused_with_reasons() -> None:
    day, plan = planned()

    possible = rank_carers(day, plan, VisitId("v1"))
    refused = rank_carers(day, plan, VisitId("v2"))

    assert [(p.carer_id, p.starts_at) for p in possible] == [("bo", SEVEN + timedelta(minutes=5))]
    assert possible[0].cost_delta_min == pytest.approx(8 / 3)
    assert [(p.carer_id, p.possible, p.hard[0].code) for p in refused] == [("bo", False, "missing_skill")]


def test_a_visit_on_the_way_goes_to_the_carer_with_less_work() -> None:
    """Anna is next door but has four hours more to do; Bo's longer way is cheaper than her overload."""
    day = replace(
        lillestad(),
        pairs=(),
        visits=tuple(replace(v, required_skills=frozenset()) for v in lillestad().visits),
    )
    day = with_visit(day, "v2", duration_s=4 * 3600.0, required_competences=frozenset())
    light = plan_from_routes(day, {"anna": [VisitId("v2")], "bo": [VisitId("v4")]})

    ranked = rank_carers(day, light, VisitId("v1"))
    verdict = check_move(day, light, move("v1", "anna"))

    assert [p.carer_id for p in ranked] == ["bo", "anna"]
    assert verdict.cost_delta_min == pytest.approx(ranked[1].cost_delta_min)
    assert ranked[1].cost_delta_min - ranked[0].cost_delta_min > 20.0


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), pick=st.integers(0, 1000))
def test_a_proposal_keeps_what_it_promises(seed: int, pick: int) -> None:
    """Confirming a proposal breaks no hard rule and costs no more than was shown."""
    day = municipality(seed, carers=4, visits_each=6)
    plan = solve_day(day, moves=300, seed=seed)
    visit = day.visits[pick % len(day.visits)]

    for proposal in rank_carers(day, plan, visit.id):
        if not proposal.possible:
            continue
        verdict = check_move(day, plan, Move(visit.id, proposal.carer_id))
        assert verdict.hard == ()
        assert verdict.cost_delta_min <= proposal.cost_delta_min + 1e-6
        # The page confirms with the start that was shown.
        at_its_start = check_move(day, plan, Move(visit.id, proposal.carer_id, start_at=proposal.starts_at))
        assert at_its_start.hard == ()
        assert at_its_start.cost_delta_min <= proposal.cost_delta_min + 1e-6
        afresh = terms_cost_min(recomputed_terms(day, verdict.plan), weights_for(day.objective))
        assert verdict.plan.cost_min == pytest.approx(afresh)
        assert afresh - plan.cost_min == pytest.approx(verdict.cost_delta_min, abs=1e-6)
