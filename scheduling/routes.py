"""From a schedule to a plan and back, and from bare routes (as a database stores them) to a timed plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText
from kernel.ids import UnitId, VisitId
from scheduling.model import Day, Plan, Rest, Route, Stop, Unallocated
from scheduling.problem import Problem
from scheduling.timing import Schedule

NOT_PLANNED = "not_planned"
"""Reason of a visit nobody has tried to place."""


class RouteOrderError(DomainError):
    """Routes that cannot be driven: they wait for each other, or split a double visit."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "routes_wait_for_each_other": ErrorText(
            ErrorKind.INVALID,
            "Ruterne venter på hinanden ved dobbeltbesøg: {visits}. Byt rækkefølgen på en af dem.",
            "The routes wait for each other at double visits: {visits}. Change the order of one of them.",
        ),
        "double_visit_split": ErrorText(
            ErrorKind.INVALID,
            "Dobbeltbesøget {visits} skal have to forskellige medarbejdere eller slet ingen.",
            "The double visit {visits} needs two different carers or none at all.",
        ),
    }


def plan_of(day: Day, schedules: Iterable[Schedule], reasons: Mapping[VisitId, str]) -> Plan:
    """The plan that schedules of disjoint units add up to.

    ``reasons`` says why a visit is not placed; visits without one get ``not_planned``. Carers in no schedule
    have an empty route.
    """
    order: list[VisitId] = []
    routes: dict[str, Route] = {}
    cost = worst = worst_total = 0.0
    for schedule in schedules:
        problem = schedule.problem
        placed = sorted((schedule.key[j], j) for j in range(len(problem.jobs)) if schedule.placed(j))
        order += [problem.visits[problem.jobs[j][0]].id for _, j in placed]
        for c, carer in enumerate(problem.carers):
            routes[carer.id] = _route(day, schedule, c)
        cost += schedule.cost_min()
        worst = max(worst, schedule.worst)
        worst_total += schedule.worst
    done = {stop.visit_id for route in routes.values() for stop in route.stops}
    return Plan(
        order=tuple(order),
        routes=tuple(routes.get(c.id, Route(c.id, (), 0.0, 0.0)) for c in day.carers),
        unallocated=tuple(Unallocated(v.id, reasons.get(v.id, NOT_PLANNED)) for v in day.visits if v.id not in done),
        # Units are planned apart, but the worst lateness of the day counts once.
        cost_min=cost - (worst_total - worst) / 3,
    )


def schedule_of(problem: Problem, plan: Plan, *, strict: bool) -> Schedule:
    """A schedule that holds the problem's part of a plan."""
    schedule = Schedule(problem, strict=strict)
    carer_of = plan.carer_of
    for rank, visit_id in enumerate(plan.order):
        first = problem.visit_index.get(visit_id)
        if first is None:
            continue
        job = problem.job_of[first]
        carers = tuple(problem.carer_index[carer_of[problem.visits[v].id]] for v in problem.jobs[job])
        schedule.place(job, float(rank + 1), carers)
    schedule.settle()
    schedule.commit()
    return schedule


def plan_from_routes(
    day: Day,
    routes: Mapping[str, Sequence[VisitId]],
    reasons: Mapping[VisitId, str] | None = None,
    units: Iterable[UnitId] | None = None,
) -> Plan:
    """Time bare routes: visit ids in order, by carer id.

    Parameters
    ----------
    day
        The day the ids belong to.
    routes
        Visits of each carer in order; carers may be missing.
    reasons
        Why the visits in no route are not allocated.
    units
        Only these units (all by default); visits of others count as not planned.

    Raises
    ------
    RouteOrderError
        If the routes wait for each other, or a double visit has one carer or the same one twice.
    ValueError
        If a visit or carer is unknown or a visit is in two routes.
    """
    chosen = list(units) if units is not None else [unit.id for unit in day.units]
    return plan_of(day, [timed(Problem(day, chosen, dense=False), routes)], reasons or {})


def timed(problem: Problem, routes: Mapping[str, Sequence[VisitId]]) -> Schedule:
    """A schedule of bare routes, not strict: times are worked out whatever limit they break.

    Raises what :func:`plan_from_routes` raises.
    """
    carer_of = _carers(problem, routes)
    carers_of: dict[int, tuple[int, ...]] = {}
    for job in sorted({problem.job_of[v] for v in carer_of}):
        carers = tuple(carer_of.get(v, -1) for v in problem.jobs[job])
        if -1 in carers or len(set(carers)) < len(carers):
            raise RouteOrderError("double_visit_split", visits=_names(problem, [job]))
        carers_of[job] = carers
    schedule = Schedule(problem, strict=False)
    for rank, job in enumerate(_order(problem, routes)):
        schedule.place(job, float(rank + 1), carers_of[job])
    schedule.settle()
    schedule.commit()
    return schedule


def _route(day: Day, schedule: Schedule, c: int) -> Route:
    problem = schedule.problem
    stops: list[Stop] = []
    rests: list[Rest] = []
    leaves, taken = problem.shift_start[c], 0
    for v in schedule.routes[c]:
        start = schedule.start[v]
        end = start + problem.duration[v]
        leg = schedule.leg[v]
        for rest in problem.breaks[c][taken : schedule.taken[v]]:
            begins = max(leaves, rest.open)
            leaves = begins + rest.lasts
            rests.append(Rest(len(stops), begins, leaves))
        taken = schedule.taken[v]
        stops.append(
            Stop(
                visit_id=problem.visits[v].id,
                zero_at=day.zero_at,
                start_min=start,
                end_min=end,
                travel_min=leg,
                wait_min=max(0.0, start - leaves - leg),
                late_min=schedule.late[v],
            )
        )
        leaves = end
    fetch = problem.fetch[c] if stops else 0.0
    back, over = schedule.back[c] - fetch, schedule.over[c]
    return Route(problem.carers[c].id, tuple(stops), back, over, fetch_min=fetch, rests=tuple(rests))


def _carers(problem: Problem, routes: Mapping[str, Sequence[VisitId]]) -> dict[int, int]:
    carer_of: dict[int, int] = {}
    index_of: dict[str, int] = {str(carer_id): i for carer_id, i in problem.carer_index.items()}
    for carer_id, visit_ids in routes.items():
        for visit_id in visit_ids:
            v, c = problem.visit_index.get(visit_id), index_of.get(carer_id)
            if v is None or c is None or v in carer_of:
                raise ValueError(f"Expected known ids, each visit once, got {visit_id} for {carer_id}.")
            carer_of[v] = c
    return carer_of


def _order(problem: Problem, routes: Mapping[str, Sequence[VisitId]]) -> list[int]:
    """One order of all jobs in the routes (Kahn 1962), earliest window first, ties by index."""
    follows: dict[int, list[int]] = {}
    waits: dict[int, int] = {}
    for visit_ids in routes.values():
        before = -1
        for visit_id in visit_ids:
            job = problem.job_of[problem.visit_index[visit_id]]
            waits.setdefault(job, 0)
            if before >= 0:
                follows.setdefault(before, []).append(job)
                waits[job] += 1
            before = job
    ready = [(problem.open[problem.jobs[job][0]], job) for job, count in waits.items() if count == 0]
    heapify(ready)
    order: list[int] = []
    while ready:
        _, job = heappop(ready)
        order.append(job)
        for after in follows.get(job, ()):
            waits[after] -= 1
            if waits[after] == 0:
                heappush(ready, (problem.open[problem.jobs[after][0]], after))
    if len(order) < len(waits):
        stuck = sorted(job for job, count in waits.items() if count > 0)
        raise RouteOrderError("routes_wait_for_each_other", visits=_names(problem, stuck))
    return order


def _names(problem: Problem, jobs: Iterable[int]) -> str:
    return ", ".join(problem.visits[v].id for job in jobs for v in problem.jobs[job])
