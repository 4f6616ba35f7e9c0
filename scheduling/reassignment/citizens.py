"""A citizen is admitted or goes away, or comes home: her visits fall away from the routes, or come back to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from kernel.ids import CarerId, VisitId
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.model import Day, Plan
from scheduling.reassignment.placing import lived_schedule, plan_after, put_all, put_with, without
from scheduling.reassignment.prices import changes_between
from scheduling.reassignment.situation import Situation, retimed
from scheduling.reassignment.solution import Handed, Solution, SolutionKind, changed_routes, ranked, solution_of
from scheduling.timing import Schedule


def without_visits(day: Day, leaving: Collection[VisitId]) -> Day:
    """The day that lacks some visits; both halves of a double visit are the same citizen's."""
    gone = set(leaving)
    return replace(
        day,
        visits=tuple(v for v in day.visits if v.id not in gone),
        pairs=tuple(p for p in day.pairs if p.first_id not in gone and p.second_id not in gone),
    )


def told_without(at: Situation, leaving: Collection[VisitId], day: Day) -> Plan:
    """What people were told, but for some visits; ``day`` is the day that lacks them."""
    told = without(at.told, leaving, day)
    return replace(told, unallocated=tuple(u for u in told.unallocated if u.visit_id not in set(leaving)))


def fall_away(at: Situation, leaving: Collection[VisitId]) -> list[Solution]:
    """The routes without a citizen's visits; and the same with visits that nobody has in the time that came free."""
    whole = at.held(*leaving)
    day = without_visits(whole, leaving)
    told = told_without(at, leaving, day)
    before = retimed(whole, at.told)
    schedule = lived_schedule(day, told, [unit.id for unit in day.units])
    found = [_shorter(at, "fall_away", whole, before, day, plan_after(schedule, told, {}), leaving)]
    waiting = [u.visit_id for u in told.unallocated]
    put_all(schedule, waiting, {})
    filled = plan_after(schedule, told, {})
    if len(filled.unallocated) < len(told.unallocated):
        found.append(_shorter(at, "fill", whole, before, day, filled, leaving))
    return ranked(found)


def come_back(at: Situation, returning: Sequence[VisitId], had: Mapping[VisitId, CarerId]) -> list[Solution]:
    """The cancelled visits of a citizen who is home: to those who had them, to whom they cost least, or to nobody yet.

    Parameters
    ----------
    returning
        Visits of the situation's day that can still be made; they are on no route.
    had
        Who had them before, where that is known.
    """
    day = at.held()
    units = [unit.id for unit in day.units]
    untouched = plan_after(lived_schedule(day, at.told, units), at.told, {})

    def placed(kind: SolutionKind, schedule: Schedule) -> Solution:
        after = plan_after(schedule, at.told, {})
        one = solution_of(kind, kind, at.told, untouched, day, after, at.settings, unavoidable=frozenset(returning))
        return replace(one, left_over=tuple(u for u in after.unallocated if u.visit_id in set(returning)))

    as_before = lived_schedule(day, at.told, units)
    for visit_id in returning:
        _put_back(as_before, visit_id, had)
    put_all(as_before, returning, {})
    cheapest = lived_schedule(day, at.told, units)
    put_all(cheapest, returning, {})
    found = [placed("give_back", as_before), placed("place", cheapest)]
    some = [one for one in found if len(one.left_over) < len(returning)]
    return [*ranked(some), placed("leave_waiting", lived_schedule(day, at.told, units))]


def _put_back(schedule: Schedule, visit_id: VisitId, had: Mapping[VisitId, CarerId]) -> None:
    problem = schedule.problem
    job = problem.job_of[problem.visit_index[visit_id]]
    if visit_id not in had or schedule.placed(job):
        return
    # Both halves of a double visit go back together.
    partners = tuple(problem.carer_index.get(had.get(problem.visits[v].id, CarerId("")), -1) for v in problem.jobs[job])
    put_with(schedule, visit_id, had[visit_id], partners)


def _shorter(
    at: Situation, kind: SolutionKind, whole: Day, before: Plan, day: Day, after: Plan, leaving: Collection[VisitId]
) -> Solution:
    """A solution on a day that lacks visits; its price is against the whole day with nothing done."""
    changes = changes_between(at.told, after, at.settings)
    starts = {s.visit_id: (r.carer_id, s.starts_at) for r in after.routes for s in r.stops}
    weights = weights_for(day.objective)
    return Solution(
        id=kind,
        kind=kind,
        day=day,
        plan=after,
        routes=changed_routes(at.told, after),
        handed=tuple(Handed(v, None, *starts[v], 0.0) for v in sorted(changes.handed, key=lambda v: (starts[v][1], v))),
        shifted=changes.shifted,
        left_over=(),
        cost_delta_min=terms_cost_min(recomputed_terms(day, after), weights)
        - terms_cost_min(recomputed_terms(whole, before), weights),
        change_price_min=changes.price_min(at.settings, frozenset({*leaving, *changes.handed})),
        extra_travel_s=60.0 * (sum(r.travel_min for r in after.routes) - sum(r.travel_min for r in before.routes)),
        late_s=60.0 * sum(s.late_min for r in after.routes for s in r.stops),
        late_before_s=60.0 * sum(s.late_min for r in before.routes for s in r.stops),
    )
