"""A carer cannot come: whole proposals for the rest of her route, at once. Solutions are ranked, people never.

What has begun stays where it is and nobody's begun visit moves. The rest is either split among the carers on
duty, or taken over by one substitute, with what does not fit given to the others. Depth (search over the whole
day under a price for change) comes with the planner; this is best insertion on the day as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from kernel.ids import CarerId, VisitId
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.insertion import TRIED_EXACTLY, insert_job, pair_spots, single_spots
from scheduling.insertion_order import insertion_order
from scheduling.model import Carer, Day, Plan, Route, Stop, Unallocated
from scheduling.problem import Problem
from scheduling.routes import plan_of, schedule_of
from scheduling.timing import Schedule

CoverKind = Literal["split", "substitute"]
NO_ROOM = "no_room_in_shifts"


@dataclass(frozen=True, slots=True)
class Given:
    """One visit of the absent carer in a proposal: who takes it, when, and by how much its start shifts."""

    visit_id: VisitId
    to_carer_id: CarerId
    starts_at: datetime
    shifted_s: float


@dataclass(frozen=True, slots=True)
class CoverProposal:
    """One whole solution.

    ``plan`` is the plan of the unit after it, ``routes`` the routes that change (the absent carer's among
    them). ``left_over`` are visits nobody can take. ``shifted`` counts visits of others whose start changes.
    """

    kind: CoverKind
    substitute_id: CarerId | None
    day: Day
    plan: Plan
    routes: tuple[Route, ...]
    given: tuple[Given, ...]
    left_over: tuple[Unallocated, ...]
    shifted: int
    cost_delta_min: float
    extra_travel_s: float
    late_s: float

    @property
    def id(self) -> str:
        """What the planner chooses it by: stable while day and plan are the same."""
        return self.kind if self.substitute_id is None else f"{self.kind}:{self.substitute_id}"


def remaining(day: Day, plan: Plan, carer_id: CarerId) -> tuple[VisitId, ...]:
    """The visits of a carer that have not begun, in the order of her route."""
    route = plan.route_of.get(carer_id)
    stops: tuple[Stop, ...] = route.stops if route is not None else ()
    return tuple(s.visit_id for s in stops if not day.visit_by_id[s.visit_id].begun)


def cover_absence(
    day: Day, plan: Plan, carer_id: CarerId, now: datetime, substitutes: Sequence[Carer] = ()
) -> list[CoverProposal]:
    """Whole solutions for the rest of a carer's route, best first: fewest visits left over, then the cheapest.

    Parameters
    ----------
    day, plan
        The unit's day and plan as they stand; what has begun is marked so.
    carer_id
        Who cannot come.
    now
        Nothing is placed before this instant.
    substitutes
        Carers off duty who could be called in, with the shift they would work. They must not be on the day.

    Raises
    ------
    ValueError
        If the carer is not on the day, or a substitute is.
    """
    if carer_id not in day.carer_by_id:
        raise ValueError(f"Expected a carer of the day, got {carer_id}.")
    known = [c.id for c in substitutes if c.id in day.carer_by_id]
    if known:
        raise ValueError(f"Expected substitutes who are not on duty, got {known}.")
    found = [_cover(day, plan, carer_id, now, None)]
    found += [_cover(day, plan, carer_id, now, substitute) for substitute in substitutes]
    # Two substitutes who solve it alike differ by their id only: nobody is preferred for how she works.
    return sorted(found, key=lambda p: (len(p.left_over), round(p.cost_delta_min, 6), p.kind == "substitute", p.id))


def _cover(day: Day, plan: Plan, carer_id: CarerId, now: datetime, substitute: Carer | None) -> CoverProposal:
    moving = remaining(day, plan, carer_id)
    has_begun = len(moving) < len(plan.route_of[carer_id].stops) if carer_id in plan.route_of else False
    after_day = _day_without(day, carer_id, now, substitute, stays=has_begun)
    stripped = _without(plan, set(moving), after_day)
    problem = Problem(after_day, [u.id for u in after_day.units], dense=False)
    schedule = schedule_of(problem, stripped, strict=True)
    _nothing_before(schedule, now)
    jobs = {problem.job_of[problem.visit_index[v]] for v in moving}
    waiting = [job for job in insertion_order(schedule.problem) if job in jobs and not schedule.placed(job)]
    if substitute is not None:
        waiting = [job for job in waiting if not _give_to(schedule, job, problem.carer_index[substitute.id])]
    partners = _partners(problem, plan, set(moving))
    waiting = [job for job in waiting if job not in partners or not _place(schedule, job, partners[job])]
    left = [job for job in waiting if not insert_job(schedule, job)]
    reasons = {u.visit_id: u.reason for u in plan.unallocated}
    reasons |= {problem.visits[v].id: NO_ROOM for job in left for v in problem.jobs[job]}
    after = plan_of(after_day, [schedule], reasons)
    return _proposal(day, plan, after_day, after, carer_id, moving, substitute)


def _day_without(day: Day, carer_id: CarerId, now: datetime, substitute: Carer | None, *, stays: bool) -> Day:
    """The day on which the absent carer takes nothing more; gone altogether if she has not begun anything."""
    carers: list[Carer] = []
    for carer in day.carers:
        if carer.id != carer_id:
            carers.append(carer)
        elif stays:
            carers.append(replace(carer, shift_ends_at=max(now, carer.shift_starts_at), skills=frozenset()))
    if substitute is not None:
        carers.append(substitute)
    pinned = {v.id for v in day.visits if v.pinned_carer_id == carer_id and not v.begun}
    visits = tuple(replace(v, pinned_carer_id=None) if v.id in pinned else v for v in day.visits)
    return replace(day, carers=tuple(sorted(carers, key=lambda c: c.id)), visits=visits)


def _without(plan: Plan, moving: set[VisitId], day: Day) -> Plan:
    """The plan with the visits that have to move taken out: a job with both halves of a double visit leaves whole."""
    leaving = set(moving)
    for visit_id in moving:
        pair = day.pair_of.get(visit_id)
        if pair is not None:
            leaving |= {pair.first_id, pair.second_id}
    known = {c.id for c in day.carers}
    return Plan(
        order=tuple(v for v in plan.order if v not in leaving),
        routes=tuple(
            replace(r, stops=tuple(s for s in r.stops if s.visit_id not in leaving))
            for r in plan.routes
            if r.carer_id in known
        ),
        unallocated=plan.unallocated,
        cost_min=0.0,
    )


def _nothing_before(schedule: Schedule, now: datetime) -> None:
    minute = schedule.problem.day.minute(now)
    for job, visits in enumerate(schedule.problem.jobs):
        if not schedule.placed(job):
            for v in visits:
                schedule.release[v] = max(schedule.release[v], minute)


def _give_to(schedule: Schedule, job: int, c: int) -> bool:
    """Place a job with one carer where it costs least; False where she may not or cannot."""
    problem = schedule.problem
    halves = [half for half, v in enumerate(problem.jobs[job]) if c in problem.able[v]]
    return bool(halves) and _place(schedule, job, {halves[0]: c})


def _partners(problem: Problem, plan: Plan, moving: set[VisitId]) -> dict[int, dict[int, int]]:
    """For each double visit half of which has to move: the half that stays and its carer."""
    found: dict[int, dict[int, int]] = {}
    for job, visits in enumerate(problem.jobs):
        ids = [problem.visits[v].id for v in visits]
        if len(visits) < 2 or not moving.intersection(ids):
            continue
        staying = {
            half: problem.carer_index[plan.carer_of[visit_id]]
            for half, visit_id in enumerate(ids)
            if visit_id not in moving and plan.carer_of.get(visit_id) in problem.carer_index
        }
        if staying:
            found[job] = staying
    return found


def _place(schedule: Schedule, job: int, wanted: Mapping[int, int]) -> bool:
    """Place a job with given carers for its halves where it costs least; False where it does not fit."""
    single = len(schedule.problem.jobs[job]) == 1
    spots = single_spots(schedule, job, [wanted[0]]) if single else pair_spots(schedule, job, wanted=wanted)
    for spot in spots[:TRIED_EXACTLY]:
        if spot.key in schedule.used:
            continue
        schedule.place(job, spot.key, spot.carers)
        if schedule.settle():
            schedule.commit()
            return True
        schedule.rollback()
    return False


def _proposal(
    day: Day,
    before: Plan,
    after_day: Day,
    after: Plan,
    carer_id: CarerId,
    moving: Sequence[VisitId],
    substitute: Carer | None,
) -> CoverProposal:
    old = {s.visit_id: s for r in before.routes for s in r.stops}
    new = {s.visit_id: (r.carer_id, s) for r in after.routes for s in r.stops}
    mine = set(moving)
    given = tuple(
        Given(v, new[v][0], new[v][1].starts_at, (new[v][1].starts_at - old[v].starts_at).total_seconds())
        for v in moving
        if v in new
    )
    shifted = sum(
        1
        for v, (_, stop) in new.items()
        if v not in mine and v in old and abs(stop.start_min - old[v].start_min) * 60 >= 60
    )
    changed = tuple(r for r in after.routes if _stops_of(before, r.carer_id) != _ids(r))
    if carer_id not in after.route_of:
        changed += (Route(carer_id, (), 0.0, 0.0),)
    weights = weights_for(day.objective)
    cost_before = terms_cost_min(recomputed_terms(day, before), weights)
    cost_after = terms_cost_min(recomputed_terms(after_day, after), weights)
    late_min = sum(new[v][1].late_min for v in moving if v in new)
    travel_min = sum(r.travel_min for r in after.routes) - sum(r.travel_min for r in before.routes)
    return CoverProposal(
        kind="split" if substitute is None else "substitute",
        substitute_id=None if substitute is None else substitute.id,
        day=after_day,
        plan=after,
        routes=changed,
        given=given,
        left_over=tuple(u for u in after.unallocated if u.visit_id in mine or u.visit_id in old),
        shifted=shifted,
        cost_delta_min=cost_after - cost_before,
        extra_travel_s=travel_min * 60.0,
        late_s=late_min * 60.0,
    )


def _stops_of(plan: Plan, carer_id: CarerId) -> tuple[tuple[VisitId, float], ...]:
    route = plan.route_of.get(carer_id)
    return _ids(route) if route is not None else ()


def _ids(route: Route) -> tuple[tuple[VisitId, float], ...]:
    return tuple((s.visit_id, round(s.start_min, 6)) for s in route.stops)
