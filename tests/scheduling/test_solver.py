from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.ids import CarerId, VisitId
from scheduling import rules
from scheduling.cost import fetching_min, recomputed_terms, terms_cost_min, weights_for
from scheduling.model import Carer, Day, Plan, Route, VisitMode
from scheduling.rules import Weight
from scheduling.solver import AnnealingSolver, Progress, solve_day
from scheduling.travel import travel_times
from tests.scheduling.days import SEVEN, lillestad, municipality, with_carer, with_terms_of_shifts, with_visit


def breaches(day: Day, plan: Plan) -> list[str]:
    """Hard rules a plan breaks, judged stop by stop by the rules and by the matrix, not by the search."""
    found: list[str] = []
    times = travel_times(day)
    start = {s.visit_id: s.start_min for r in plan.routes for s in r.stops}
    for route in plan.routes:
        carer = day.carer_by_id[route.carer_id]
        fetch, _ = fetching_min(carer, times)
        free_at = day.minute(carer.shift_starts_at) + fetch
        here = carer.start_place if carer.vehicle is None else carer.vehicle.place
        found += broken_breaks(day, carer, route)
        rests = {rest.after_stops: rest for rest in route.rests}
        for number, stop in enumerate(route.stops):
            visit = day.visit_by_id[stop.visit_id]
            if number in rests:
                found += ["break overlaps"] if rests[number].start_min < free_at - 0.002 else []
                free_at = rests[number].end_min
            place = day.citizen_by_id[visit.citizen_id].place
            if visit.mode is VisitMode.PHYSICAL:
                leg = times.leg_min(carer.transport, here, place) if here is not None else 0.0
                here = place
            else:
                leg = 0.0
            if stop.start_min < free_at + leg - 0.002:
                found.append(f"{visit.id} overlaps")
            free_at = stop.end_min
            kept = (
                *rules.may_do(day, visit, carer),
                rules.shift_hours(carer, visit, stop.starts_at, stop.ends_at),
                rules.visit_window(visit, stop.starts_at),
                rules.pinned_start(visit, stop.starts_at),
                rules.rest_after_shift(carer, stop.ends_at, None),
            )
            found += [b.code for b in kept if b is not None and b.weight is Weight.HARD]
    for pair in day.pairs:
        if (pair.first_id in start) != (pair.second_id in start):
            found.append("half a double visit")
        elif pair.first_id in start:
            gap_s = (start[pair.second_id] - start[pair.first_id]) * 60.0
            if not pair.min_gap_s - 1e-3 <= gap_s <= pair.max_gap_s + 1e-3:
                found.append("gap")
            two = rules.two_carers(pair, plan.carer_of[pair.first_id], plan.carer_of[pair.second_id])
            found += [two.code] if two is not None else []
    return found


def broken_breaks(day: Day, carer: Carer, route: Route) -> list[str]:
    """Breaks that begin outside their window, last too short, or are missing while work goes on behind them."""
    found = []
    for rest, taken in zip(carer.breaks, route.rests, strict=False):
        kept = rules.shift_break(carer.id, rest, day.instant(taken.start_min))
        found += [kept.code] if kept is not None else []
        if taken.start_min < day.minute(rest.earliest_at) - 0.002:
            found.append("break too early")
        if abs(taken.end_min - taken.start_min - rest.duration_s / 60.0) > 0.002:
            found.append("break of another length")
    for rest in carer.breaks[len(route.rests) :]:
        if route.stops and route.stops[-1].end_min > day.minute(rest.latest_at) + 0.002:
            found.append("no break")
    return found


def test_the_small_town_is_planned_as_by_hand() -> None:
    plan = solve_day(lillestad(), moves=500)

    assert plan.cost_min == pytest.approx(34 / 3)
    anna, bo = sorted(([str(s.visit_id) for s in r.stops] for r in plan.routes), key=len, reverse=True)
    assert (anna[:2], len(anna), len(bo)) == (["v1", "v2"], 3, 1)
    assert plan.unallocated == ()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), moves=st.sampled_from([0, 200, 1500]))
def test_no_plan_breaks_a_hard_rule_and_every_visit_is_planned_or_has_a_reason(seed: int, moves: int) -> None:
    day = with_terms_of_shifts(municipality(seed, units=2, carers=3, visits_each=9), seed)

    plan = solve_day(day, moves=moves, seed=seed)

    assert breaches(day, plan) == []
    planned = [s.visit_id for r in plan.routes for s in r.stops]
    assert sorted([*planned, *(u.visit_id for u in plan.unallocated)]) == sorted(v.id for v in day.visits)
    assert {u.reason for u in plan.unallocated} <= {"no_room_in_shifts", "no_key", "same_carer_twice"}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_cost_of_a_plan_is_the_one_cost_function(seed: int) -> None:
    day = municipality(seed, units=2, carers=3, visits_each=9)

    plan = solve_day(day, moves=400, seed=seed)

    afresh = terms_cost_min(recomputed_terms(day, plan), weights_for(day.objective))
    assert plan.cost_min == pytest.approx(afresh, abs=1e-6)


def test_same_day_moves_and_seed_give_the_same_plan() -> None:
    day = municipality(11, units=2, carers=5, visits_each=10)

    first, second, other = (solve_day(day, moves=4000, seed=seed) for seed in (7, 7, 8))

    assert first == second
    assert first != other


def test_a_slow_clock_changes_nothing_while_the_seconds_last() -> None:
    day = municipality(11, carers=5, visits_each=10)
    ticks = iter(range(10_000_000))

    plans = [
        AnnealingSolver(clock).solve(
            day, moves=3000, seconds=1e9, seed=1, progress=lambda _: None, cancelled=lambda: False
        )
        for clock in (lambda: 0.0, lambda: float(next(ticks)))
    ]

    assert plans[0] == plans[1]


def test_more_moves_make_a_better_plan() -> None:
    day = municipality(4, carers=6, visits_each=12)

    assert solve_day(day, moves=20_000).cost_min < 0.95 * solve_day(day, moves=0).cost_min


def test_a_day_can_be_planned_by_seconds_alone_and_stops_when_they_are_over() -> None:
    day = municipality(4, carers=4, visits_each=8)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.01
        return now

    plan = AnnealingSolver(clock).solve(
        day, moves=None, seconds=1.0, seed=1, progress=lambda _: None, cancelled=lambda: False
    )

    assert breaches(day, plan) == []
    assert now < 1.5


def test_progress_rises_to_one_and_ends_with_the_cost_of_the_plan() -> None:
    told: list[Progress] = []

    plan = AnnealingSolver().solve(
        municipality(2, units=2),
        moves=3000,
        seconds=60.0,
        seed=1,
        progress=told.append,
        cancelled=lambda: False,
    )

    shares = [p.done_ratio for p in told]
    assert shares == sorted(shares)
    assert told[-1] == Progress(1.0, plan.cost_min)
    assert len(told) >= 3000 / 256


def test_cancelling_leaves_a_sound_plan_and_says_why_visits_are_missing() -> None:
    day = municipality(2, carers=5, visits_each=10)
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    plan = AnnealingSolver().solve(
        day, moves=10_000, seconds=60.0, seed=1, progress=lambda _: None, cancelled=cancelled
    )

    assert breaches(day, plan) == []
    assert {u.reason for u in plan.unallocated} == {"cancelled"}
    assert plan.carer_of


def test_a_visit_nobody_may_do_says_so() -> None:
    day = with_visit(lillestad(), "v2", required_skills=frozenset({"tracheostomi"}))

    plan = solve_day(day, moves=100)

    assert [(u.visit_id, u.reason) for u in plan.unallocated] == [("v2", "missing_skill")]


def test_a_double_visit_only_one_person_may_do_says_so() -> None:
    day = with_visit(lillestad(), "v3", required_skills=frozenset({"sygepleje"}))
    day = with_visit(day, "v4", required_skills=frozenset({"sygepleje"}))

    plan = solve_day(day, moves=100)

    assert {u.visit_id: u.reason for u in plan.unallocated} == {
        "v3": "same_carer_twice",
        "v4": "same_carer_twice",
    }


def test_when_time_is_short_the_important_visit_is_done() -> None:
    """Both visits open and close together and only one fits into the shift."""
    day = replace(lillestad(), pairs=(), visits=lillestad().visits[:2], carers=lillestad().carers[:1])
    day = with_carer(day, "anna", shift_ends_at=SEVEN + timedelta(minutes=46))
    day = with_visit(day, "v1", window_open_at=SEVEN + timedelta(minutes=20), priority=5)
    day = with_visit(day, "v2", priority=1)

    plan = solve_day(day, moves=300)

    assert [s.visit_id for s in plan.routes[0].stops] == ["v2"]
    assert [u.reason for u in plan.unallocated] == ["no_room_in_shifts"]


def test_pinned_and_begun_visits_stay_where_and_when_they_are() -> None:
    day = municipality(6, carers=4, visits_each=8)
    seen = solve_day(day, moves=2000)
    stop = seen.routes[0].stops[1]
    late_start = stop.starts_at + timedelta(minutes=3)
    pinned = with_visit(
        day, stop.visit_id, begun=True, pinned_carer_id=seen.routes[0].carer_id, pinned_start_at=late_start
    )

    plan = solve_day(pinned, moves=2000, seed=9)

    again = next(s for s in plan.route_of[seen.routes[0].carer_id].stops if s.visit_id == stop.visit_id)
    assert again.starts_at == late_start


def test_a_start_pinned_ahead_of_time_is_kept_to_the_minute() -> None:
    day = with_visit(
        lillestad(),
        "v1",
        pinned_carer_id=CarerId("bo"),
        pinned_start_at=SEVEN + timedelta(minutes=50),
    )

    plan = solve_day(day, moves=500)

    assert plan.carer_of[VisitId("v1")] == "bo"
    starts = {s.visit_id: s.start_min for r in plan.routes for s in r.stops}
    assert starts[VisitId("v1")] == 50.0
    assert breaches(day, plan) == []


def test_a_carer_without_rest_gets_no_visits() -> None:
    day = with_carer(lillestad(), "bo", previous_shift_ended_at=SEVEN - timedelta(hours=9))

    plan = solve_day(day, moves=200)

    assert plan.route_of[CarerId("bo")].stops == ()


def test_screen_visits_cost_no_travel() -> None:
    day = with_visit(lillestad(), "v1", mode=VisitMode.SCREEN, door_id=None)

    plan = solve_day(day, moves=300)

    # Anna: base 10 Birger 7 Clara 6; Bo: base 6 Clara 6.
    assert sum(route.travel_min for route in plan.routes) == pytest.approx(35.0)


def test_a_day_without_visits_or_without_carers_is_planned() -> None:
    no_visits = replace(lillestad(), visits=(), pairs=())
    no_carers = replace(lillestad(), carers=())

    assert solve_day(no_visits, moves=100).cost_min == 0.0
    assert len(solve_day(no_carers, moves=100).unallocated) == 4


def test_negative_effort_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected moves and seconds >= 0"):
        solve_day(lillestad(), moves=-1)


@pytest.mark.parametrize("moves", [0, 20_000], ids=["first plan", "improved plan"])
def test_work_is_shared_evenly_and_nobody_waits_for_hours(moves: int) -> None:
    day = municipality(8, carers=20, visits_each=15)
    skilled = tuple(replace(c, skills=frozenset({"pleje", "sygepleje"})) for c in day.carers)
    day = replace(day, carers=skilled)

    plan = solve_day(day, moves=moves)

    visits = [len(route.stops) for route in plan.routes]
    assert sum(visits) == len(day.visits)
    assert (min(visits) >= 8, max(visits) <= 22) == (True, True)
    assert max(stop.wait_min for route in plan.routes for stop in route.stops[1:]) < 120.0


def test_a_late_visit_only_one_carer_can_do_is_done_however_long_she_waits_and_works() -> None:
    day = replace(lillestad(), pairs=())
    seven_hours = timedelta(hours=7)
    late = {"window_open_at": SEVEN + seven_hours, "window_close_at": SEVEN + seven_hours, "priority": 5}
    day = with_visit(with_visit(day, "v1", duration_s=3600.0), "v2", **late)
    day = with_carer(day, "anna", shift_ends_at=SEVEN + timedelta(hours=9))

    plan = solve_day(day, moves=2000)

    assert plan.unallocated == ()
    assert plan.carer_of[VisitId("v2")] == "anna"


def test_half_a_shift_gets_about_half_the_work() -> None:
    day = municipality(8, carers=10, visits_each=12)
    noon = SEVEN + timedelta(hours=4)
    day = replace(
        day,
        carers=tuple(
            replace(c, skills=frozenset({"pleje", "sygepleje"}), shift_ends_at=noon)
            if number < 3
            else replace(c, skills=frozenset({"pleje", "sygepleje"}))
            for number, c in enumerate(day.carers)
        ),
    )

    plan = solve_day(day, moves=10_000)

    care = [sum(s.end_min - s.start_min for s in route.stops) for route in plan.routes]
    assert max(care[:3]) < min(care[3:])
    assert sum(care[:3]) / 3 == pytest.approx(sum(care[3:]) / 7 / 2, rel=0.35)


def test_a_weekday_of_the_first_municipality_is_planned_soundly() -> None:
    """125 carers in three centres, 15 visits each."""
    day = municipality(1, units=3, carers=42, visits_each=15)

    plan = solve_day(day, moves=3000)

    assert len(day.visits) >= 1875
    assert breaches(day, plan) == []
    assert plan.unallocated == ()
