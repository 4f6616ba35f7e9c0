"""Moving one visit by hand: what breaks and what it costs.

Whatever a person asks for is timed as it would really happen; the rules then say what of it must not be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from kernel.ids import CarerId, VisitId
from scheduling import rules
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.insertion import GOLDEN, free_key, key_at, pair_spots
from scheduling.model import Day, Plan, Route
from scheduling.problem import Problem
from scheduling.routes import plan_of, schedule_of
from scheduling.rules import Breach, Weight
from scheduling.timing import Schedule
from scheduling.working_time.shift_rules import broken_on_shift


@dataclass(frozen=True, slots=True)
class Move:
    """Give a visit to a carer (``None``: to nobody), where it fits best or to start at ``start_at``.

    A double visit taken from one carer without another leaves both. A wished start lasts only if it is also
    pinned on the visit (``Visit.pinned_start_at``); times are worked out anew whenever a plan is.

    ``agreement_ref`` is the reference of the agreement that allows a shorter daily rest.
    """

    visit_id: VisitId
    carer_id: CarerId | None
    start_at: datetime | None = None
    agreement_ref: str | None = None


@dataclass(frozen=True, slots=True)
class MoveVerdict:
    """What a move would do.

    ``routes`` are all routes it changes, the one that gets the visit first; ``plan`` is the whole plan after
    it. Both show what would happen even where ``hard`` forbids it. Costs are those of ``scheduling.cost``.
    """

    move: Move
    hard: tuple[Breach, ...]
    warnings: tuple[Breach, ...]
    cost_delta_min: float
    extra_travel_s: float
    routes: tuple[Route, ...]
    plan: Plan

    @property
    def allowed(self) -> bool:
        """Whether no hard rule forbids the move."""
        return not self.hard


def check_move(day: Day, plan: Plan, move: Move) -> MoveVerdict:
    """What breaks and what it costs to move a visit.

    Parameters
    ----------
    day, plan
        The day and its plan as it stands.
    move
        The wish. Without ``start_at`` the visit goes where it costs least on that route.

    Returns
    -------
    MoveVerdict
        Only what the move itself newly breaks is reported: a plan that is late already may be repaired.

    Raises
    ------
    ValueError
        If the visit or carer is unknown.
    """
    visit, carer = day.visit_by_id.get(move.visit_id), day.carer_by_id.get(move.carer_id or CarerId(""))
    if visit is None or (move.carer_id is not None and carer is None):
        raise ValueError(f"Expected a visit and a carer of the day, got {move.visit_id} and {move.carer_id}.")
    units = [visit.unit_id]
    if carer is not None and carer.unit_id != visit.unit_id:
        units.append(carer.unit_id)
    schedule = schedule_of(Problem(day, units, dense=False), plan, strict=False)
    before = plan_of(day, [schedule], {})
    cost_before, travel_before = schedule.cost_min(), schedule.distance
    placed = _carry_out(schedule, move)
    after = plan_of(day, [schedule], _reasons(plan, move))
    broken = [*placed, *_rules_on_move(day, after, move), *_rules_on_routes(day, before, after, move)]
    merged = _merge(day, plan, after, schedule)
    return MoveVerdict(
        move=move,
        hard=tuple(b for b in broken if b.weight is Weight.HARD),
        warnings=tuple(b for b in broken if b.weight is Weight.WARNING),
        cost_delta_min=schedule.cost_min() - cost_before,
        extra_travel_s=(schedule.distance - travel_before) * 60.0,
        routes=_changed_routes(plan, merged, move),
        plan=merged,
    )


def _carry_out(schedule: Schedule, move: Move) -> list[Breach]:
    """Change the schedule as the move says; breaches where it cannot be placed at all."""
    problem = schedule.problem
    v = problem.visit_index[move.visit_id]
    job = problem.job_of[v]
    visits, old = problem.jobs[job], schedule.job_carers(job)
    half = visits.index(v)
    old_key = schedule.key[job]
    if schedule.placed(job):
        schedule.unplace(job)
        schedule.settle()
        schedule.commit()
    if move.carer_id is None:
        return []
    c = problem.carer_index[move.carer_id]
    if len(visits) == 2 and old[1 - half] == c:
        facts: dict[str, rules.Fact] = {"visit_id": move.visit_id, "carer_id": move.carer_id}
        _put_back(schedule, job, old_key, old)
        return [Breach("same_carer_twice", Weight.HARD, facts)]
    carers = _carers(schedule, job, half, c, old)
    if carers is None:
        _put_back(schedule, job, old_key, old)
        unpaired: dict[str, rules.Fact] = {"visit_id": move.visit_id}
        return [Breach("double_visit_needs_second_carer", Weight.HARD, unpaired)]
    if move.start_at is None:
        key = _cheapest_key(schedule, job, carers, old_key)
    else:
        key = _asked_key(schedule, job, carers, v, problem.day.minute(move.start_at))
    schedule.place(job, key, carers)
    schedule.settle()
    schedule.commit()
    return []


def _put_back(schedule: Schedule, job: int, key: float, carers: tuple[int, ...]) -> None:
    if carers[0] >= 0:
        schedule.place(job, key, carers)
    schedule.settle()
    schedule.commit()


def _carers(schedule: Schedule, job: int, half: int, c: int, old: tuple[int, ...]) -> tuple[int, ...] | None:
    """Carers after the move. The other half of an unallocated double visit goes where it costs least."""
    if len(old) == 1:
        return (c,)
    partner = old[1 - half]
    if partner < 0:
        spots = pair_spots(schedule, job, limit=12, wanted={half: c})
        return spots[0].carers if spots else None
    return (c, partner) if half == 0 else (partner, c)


def _asked_key(schedule: Schedule, job: int, carers: tuple[int, ...], v: int, minute: float) -> float:
    """The place in the order for a wished start: where it is kept at the least cost.

    The start alone does not say the place: a stop that begins earlier today may have to wait until after this one.
    Where no place keeps it, the one that comes closest.
    """
    schedule.release[v] = minute
    best = (math.inf, math.inf, math.nan)
    for key in _free_keys(schedule, carers, key_at(schedule, minute)):
        schedule.place(job, key, carers)
        schedule.settle()
        behind_min = max(0.0, schedule.start[v] - minute)
        behind_min = 0.0 if behind_min * 60.0 <= rules.CLOCK_TOLERANCE.total_seconds() else behind_min
        best = min(best, (behind_min, schedule.cost_min() + _excess_min(schedule, carers), key))
        schedule.rollback()
    return best[2]


def _free_keys(schedule: Schedule, carers: tuple[int, ...], near: float) -> list[float]:
    """One key between any two neighbouring stops of these carers, before the first and behind the last."""
    bounds = sorted({key for c in carers for key in schedule.keys[c]})
    gaps = zip([-math.inf, *bounds], [*bounds, math.inf], strict=True)
    keys = [free_key(schedule, low, high, GOLDEN, near) for low, high in gaps]
    return [key for key in keys if key is not None]


def _cheapest_key(schedule: Schedule, job: int, carers: tuple[int, ...], old_key: float) -> float:
    """The key in the order at which the job costs least with these carers, tried exactly."""
    choices = _free_keys(schedule, carers, key_at(schedule, schedule.release[schedule.problem.jobs[job][0]]))
    if not math.isnan(old_key):
        choices.append(old_key)
    best = (math.inf, math.nan)
    for key in choices:
        schedule.place(job, key, carers)
        schedule.settle()
        best = min(best, (schedule.cost_min() + _excess_min(schedule, carers), key))
        schedule.rollback()
    return best[1]


def _excess_min(schedule: Schedule, carers: tuple[int, ...]) -> float:
    """A high price for work beyond the limits of the shifts: an order without it wins if there is one."""
    problem = schedule.problem
    beyond = 0.0
    for c in carers:
        for v in schedule.routes[c]:
            beyond += max(0.0, schedule.start[v] + problem.duration[v] - problem.work_limit[c])
            beyond += max(0.0, schedule.start[v] - problem.due[v]) if math.isfinite(problem.due[v]) else 0.0
    return 100.0 * beyond


def _rules_on_move(day: Day, after: Plan, move: Move) -> Iterator[Breach]:
    """Rules about the visit and the carer themselves."""
    visit = day.visit_by_id[move.visit_id]
    found: list[Breach | None] = [rules.not_begun(visit), rules.pinned_carer(visit, move.carer_id)]
    if move.carer_id is not None:
        carer = day.carer_by_id[move.carer_id]
        found += [
            rules.skill(visit, carer),
            rules.competence(visit, carer, day.on),
            rules.one_carer_aid(day, visit),
            rules.unit(visit, carer, day.acting_unit),
            rules.key_access(visit, day.citizen_by_id[visit.citizen_id], carer),
            rules.citizen_wish(day.citizen_by_id[visit.citizen_id], carer),
            rules.rest_before_shift(carer, move.agreement_ref),
        ]
        stop = next((s for s in after.route_of[carer.id].stops if s.visit_id == visit.id), None)
        if stop is not None and move.start_at is not None:
            found.append(rules.reach_in_time(visit, carer.id, move.start_at, stop.starts_at))
    yield from (breach for breach in found if breach is not None)


def _rules_on_routes(day: Day, before: Plan, after: Plan, move: Move) -> Iterator[Breach]:
    """Rules about times, on every stop whose start the move changes."""
    old_start = {stop.visit_id: stop.start_min for route in before.routes for stop in route.stops}
    for route in after.routes:
        carer = day.carer_by_id[route.carer_id]
        if route == before.route_of[route.carer_id]:
            continue
        for stop in route.stops:
            visit = day.visit_by_id[stop.visit_id]
            moved = visit.id == move.visit_id
            if visit.begun and not moved:
                continue
            if not moved and stop.start_min <= old_start.get(visit.id, -math.inf):
                continue
            found = (
                rules.shift_hours(carer, visit, stop.starts_at, stop.ends_at),
                rules.visit_window(visit, stop.starts_at),
                rules.pinned_start(visit, stop.starts_at),
            )
            yield from (breach for breach in found if breach is not None)
        yield from broken_on_shift(day, carer, before.route_of[route.carer_id], route)
        earlier = before.route_of[route.carer_id].stops
        if route.stops and (not earlier or route.stops[-1].end_min > earlier[-1].end_min):
            rest = rules.rest_after_shift(carer, route.stops[-1].ends_at, move.agreement_ref)
            if rest is not None:
                yield rest


def _reasons(plan: Plan, move: Move) -> dict[VisitId, str]:
    reasons = {u.visit_id: u.reason for u in plan.unallocated}
    if move.carer_id is None:
        reasons[move.visit_id] = "taken_out_by_hand"
    return reasons


def _merge(day: Day, plan: Plan, part: Plan, schedule: Schedule) -> Plan:
    """The whole plan with the part that was worked on put in."""
    mine = {visit.id for visit in schedule.problem.visits}
    ours = {carer.id for carer in schedule.problem.carers}
    merged = Plan(
        order=(*(v for v in plan.order if v not in mine), *part.order),
        routes=tuple(part.route_of[r.carer_id] if r.carer_id in ours else r for r in plan.routes),
        unallocated=(
            *(u for u in plan.unallocated if u.visit_id not in mine),
            *(u for u in part.unallocated if u.visit_id in mine),
        ),
        cost_min=0.0,
    )
    terms = recomputed_terms(day, merged)
    return replace(merged, cost_min=terms_cost_min(terms, weights_for(day.objective)))


def _changed_routes(before: Plan, after: Plan, move: Move) -> tuple[Route, ...]:
    old_carer = before.carer_of.get(move.visit_id)
    changed = [r for r in after.routes if before.route_of.get(r.carer_id) != r]
    return tuple(sorted(changed, key=lambda r: (r.carer_id != move.carer_id, r.carer_id != old_carer, r.carer_id)))
