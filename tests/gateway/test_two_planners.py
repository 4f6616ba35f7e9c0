"""Two planners never lose each other's change (design §9), on both databases."""

from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest

from gateway.usecases.moves import Wanted, check, move_visit
from gateway.usecases.plans import publish_plan
from kernel.database import Database
from scheduling import shifts, visits
from scheduling.errors import SchedulingError
from scheduling.solver import solve_day
from tests.gateway.day import PlannedDay, planned_day


def _move(town: PlannedDay, visit_id: str, to: str | None, seen: dict[str, int], reason: str) -> str:
    """Move a visit; ``moved`` or the code of the refusal."""
    try:
        with town.units.begin() as work:
            move_visit(work, Wanted(visit_id, to, None, reason), seen)
    except SchedulingError as err:
        return err.code
    return "moved"


def test_of_two_planners_at_once_exactly_one_wins(database: Database) -> None:
    town = planned_day(database)
    visit_id, was_with, (one, other) = town.movable(2)
    seen, outcome, together = town.versions(), dict[str, str](), Barrier(2)

    def planner(to: str) -> None:
        together.wait(10)
        outcome[to] = _move(town, visit_id, to, seen, f"til {to}")

    threads = [Thread(target=planner, args=(to,)) for to in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(outcome.values()) == ["moved", "route_stale"]
    winner = one if outcome[one] == "moved" else other
    loser = other if winner == one else one
    assert town.visit(visit_id).carer_id == winner
    assert visit_id in town.stops(winner)
    assert visit_id not in town.stops(loser) + town.stops(was_with)
    raised = {r for r, v in town.versions().items() if v != seen[r]}
    assert raised == {f"{town.day.on}.{was_with}", f"{town.day.on}.{winner}"}
    assert all(town.versions()[r] == seen[r] + 1 for r in raised)


def test_a_planner_who_looked_before_the_other_committed_is_told_so(database: Database) -> None:
    """The first holds its transaction open while the second has already read the same versions."""
    town = planned_day(database)
    visit_id, _, (one, other) = town.movable(2)
    seen, second, has_begun = town.versions(), dict[str, str](), Event()

    def late_planner() -> None:
        has_begun.set()
        second["outcome"] = _move(town, visit_id, other, seen, "den anden")

    thread = Thread(target=late_planner)
    with town.units.begin() as work:
        move_visit(work, Wanted(visit_id, one, None, "den første"), seen)
        work.session.flush()
        thread.start()
        assert has_begun.wait(10)
        # Give the second the time to read and to meet the lock; it cannot end before this one has.
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(30)

    assert second == {"outcome": "route_stale"}
    assert town.visit(visit_id).carer_id == one


def test_two_planners_on_different_routes_do_not_disturb_each_other(database: Database) -> None:
    town = planned_day(database)
    carers = sorted({str(c.id) for c in town.day.carers})
    pairs = [(carers[0], carers[1]), (carers[2], carers[3])]
    visits = [next(v for v in town.stops(a) if town.visit(v).pair_id is None) for a, _ in pairs]
    seen, outcome, together = town.versions(), dict[str, str](), Barrier(2)

    def planner(visit_id: str) -> None:
        together.wait(10)
        outcome[visit_id] = _move(town, visit_id, None, seen, "aflyst")

    threads = [Thread(target=planner, args=(v,)) for v in visits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert outcome == dict.fromkeys(visits, "moved")
    assert [town.visit(v).carer_id for v in visits] == [None, None]


def test_what_was_seen_of_a_route_has_to_be_said(database: Database) -> None:
    town = planned_day(database)
    visit_id, was_with, (to,) = town.movable()

    assert _move(town, visit_id, to, {}, "sygdom") == "versions_missing"
    only_one = {f"{town.day.on}.{was_with}": town.versions()[f"{town.day.on}.{was_with}"]}
    assert _move(town, visit_id, to, only_one, "sygdom") == "versions_missing"
    assert _move(town, visit_id, to, town.versions(), "   ") == "reason_missing"
    assert town.visit(visit_id).carer_id == was_with


def test_two_planners_who_find_the_same_home_for_an_unallocated_visit(database: Database) -> None:
    """Neither saw the other's route, so the visit itself is where they meet."""
    town = planned_day(database)
    visit_id, was_with, (one, other) = town.movable(2)
    assert _move(town, visit_id, None, town.versions(), "sygdom") == "moved"
    seen, outcome, together = town.versions(), dict[str, str](), Barrier(2)

    def planner(to: str) -> None:
        together.wait(10)
        route_id = f"{town.day.on}.{to}"
        outcome[to] = _move(town, visit_id, to, {route_id: seen[route_id]}, f"til {to}")

    threads = [Thread(target=planner, args=(to,)) for to in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(outcome.values()) == ["moved", "route_stale"]
    winner = one if outcome[one] == "moved" else other
    assert [c for c in (was_with, one, other) if visit_id in town.stops(c)] == [winner]


def test_a_day_planned_anew_meanwhile_is_not_put_over_a_planners_move(database: Database) -> None:
    """The planning job started from routes that no longer hold: nothing of its plan is applied."""
    town = planned_day(database)
    visit_id, was_with, (to,) = town.movable()
    before = {r.rpartition(".")[2]: v for r, v in town.versions().items()}
    plan = solve_day(town.day, moves=100, seed=9)
    assert _move(town, visit_id, to, town.versions(), "sygdom") == "moved"
    after_move = (town.versions(), town.stops(was_with), town.stops(to))

    with pytest.raises(SchedulingError) as caught, town.units.begin() as work:
        publish_plan(work, town.day, plan, reason="Ny plan", expected=before)

    assert caught.value.code == "route_stale"
    assert (town.versions(), town.stops(was_with), town.stops(to)) == after_move


def test_a_visit_that_begins_while_a_planner_moves_it_stays_where_it_began(database: Database) -> None:
    town = planned_day(database)
    visit_id, was_with, (to,) = town.movable()
    seen, outcome, together = town.versions(), dict[str, str](), Barrier(2)
    with town.units.begin() as work:
        shifts.start_shifts(work, [shifts.ShiftStart(was_with, town.day.on, "citizen", work.now)])

    def planner() -> None:
        together.wait(10)
        outcome["planner"] = _move(town, visit_id, to, seen, "sygdom")

    def carer() -> None:
        together.wait(10)
        try:
            with town.units.begin() as work:
                visits.begin_visits(work, [visits.VisitBegin(visit_id, was_with, work.now, "manual")])
        except SchedulingError as err:
            outcome["carer"] = err.code
        else:
            outcome["carer"] = "begun"

    threads = [Thread(target=act) for act in (planner, carer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    row = town.visit(visit_id)
    assert (outcome["planner"], outcome["carer"], row.state, row.carer_id) in {
        ("moved", "not_your_visit", "planned", to),
        ("visit_begun", "begun", "begun", was_with),
    }


def test_an_hour_a_visit_was_fixed_to_goes_when_it_is_moved_without_one(database: Database) -> None:
    town = planned_day(database)
    visit_id, was_with, (to,) = town.movable()
    planned = town.visit(visit_id).start_at.replace(second=0, microsecond=0)
    hours = [planned + timedelta(minutes=m) for m in range(-120, 181, 5)]
    with town.database.reading() as session:
        at = next(h for h in hours if check(session, Wanted(visit_id, to, h, "aftalt tid")).verdict.allowed)
    with town.units.begin() as work:
        move_visit(work, Wanted(visit_id, to, at, "aftalt tid"), town.versions())
    assert town.visit(visit_id).pinned_start_at == at

    assert _move(town, visit_id, was_with, town.versions(), "tilbage") == "moved"

    assert town.visit(visit_id).pinned_start_at is None
