"""A schedule that holds a plan as it is lived, broken limits and all, and single jobs put into it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from kernel.ids import CarerId, UnitId, VisitId
from scheduling.insertion import TRIED_EXACTLY, insert_job, pair_spots, single_spots
from scheduling.insertion_order import insertion_order
from scheduling.model import Day, Plan
from scheduling.problem import Problem
from scheduling.routes import plan_of, schedule_of
from scheduling.timing import Schedule
from scheduling.working_time.breaks import BreakMinutes

_DUST_MIN = 1e-6
"""A start worked out twice may differ by this much."""


def lived_schedule(day: Day, plan: Plan, units: Iterable[UnitId], *, dense: bool = False) -> Schedule:
    """A strict schedule of a plan that may break limits already."""
    schedule = schedule_of(Problem(day, units, dense=dense), plan, strict=False)
    strict_from_here(schedule)
    return schedule


def strict_from_here(schedule: Schedule) -> None:
    """Judge every further change strictly.

    Who is so late that her shift runs over, her break begins too late or a pinned start is missed, has broken a limit
    by what happened. That much is allowed from now on, and not a minute more.
    """
    problem = schedule.problem
    for c, route in enumerate(schedule.routes):
        problem.breaks[c] = _as_late_as_they_are(schedule, c)
        for v in route:
            if problem.begun[v]:
                continue
            start = schedule.start[v]
            problem.work_limit[c] = max(problem.work_limit[c], start + problem.duration[v] + _DUST_MIN)
            problem.due[v] = max(problem.due[v], start)
    schedule.strict = True


def _as_late_as_they_are(schedule: Schedule, c: int) -> tuple[BreakMinutes, ...]:
    problem = schedule.problem
    rests = list(problem.breaks[c])
    leaves, taken = problem.shift_start[c], 0
    for v in schedule.routes[c] if rests else ():
        for i in range(taken, schedule.taken[v]):
            begins = max(leaves, rests[i].open)
            rests[i] = rests[i]._replace(close=max(rests[i].close, begins))
            leaves = begins + rests[i].lasts
        taken = schedule.taken[v]
        leaves = schedule.start[v] + problem.duration[v]
    for i in range(taken, len(rests)):
        rests[i] = rests[i]._replace(close=max(rests[i].close, leaves))
    return tuple(rests)


def without(plan: Plan, leaving: Collection[VisitId], day: Day) -> Plan:
    """The plan without some visits, its times as they were; a double visit leaves whole."""
    gone = set(leaving)
    for visit_id in leaving:
        pair = day.pair_of.get(visit_id)
        if pair is not None:
            gone |= {pair.first_id, pair.second_id}
    known = {c.id for c in day.carers}
    return Plan(
        order=tuple(v for v in plan.order if v not in gone),
        routes=tuple(
            replace(r, stops=tuple(s for s in r.stops if s.visit_id not in gone))
            for r in plan.routes
            if r.carer_id in known
        ),
        unallocated=plan.unallocated,
        cost_min=0.0,
    )


def take_out(schedule: Schedule, visit_id: VisitId) -> tuple[int, ...]:
    """Take a visit's job out of its routes; the carers it had, -1 where nobody."""
    job = schedule.problem.job_of[schedule.problem.visit_index[visit_id]]
    had = schedule.job_carers(job)
    if schedule.placed(job):
        schedule.unplace(job)
        schedule.settle()
        schedule.commit()
    return had


def put_with(schedule: Schedule, visit_id: VisitId, carer_id: CarerId, partners: tuple[int, ...] = ()) -> bool:
    """Put an unplaced visit where it costs least with one carer; the other half of a double visit keeps hers."""
    problem = schedule.problem
    v = problem.visit_index[visit_id]
    job, c = problem.job_of[v], problem.carer_index.get(carer_id)
    if c is None or c not in problem.able[v]:
        return False
    half = problem.jobs[job].index(v)
    wanted = {half: c}
    if len(partners) == 2 and partners[1 - half] >= 0:
        if partners[1 - half] == c:
            return False
        wanted[1 - half] = partners[1 - half]
    return _best_of_spots(schedule, job, wanted)


def put_all(schedule: Schedule, visit_ids: Iterable[VisitId], partners: Mapping[int, Mapping[int, int]]) -> list[int]:
    """Insert the jobs of some visits where they cost least, the hardest to place first; those that do not fit.

    ``partners`` says for the jobs half of which has to move which half stays with whom.
    """
    problem = schedule.problem
    jobs = {problem.job_of[problem.visit_index[v]] for v in visit_ids}
    waiting = [job for job in insertion_order(problem) if job in jobs and not schedule.placed(job)]
    waiting = [job for job in waiting if job not in partners or not _best_of_spots(schedule, job, partners[job])]
    return [job for job in waiting if not insert_job(schedule, job)]


def staying_halves(problem: Problem, plan: Plan, moving: Collection[VisitId]) -> dict[int, dict[int, int]]:
    """For each double visit half of which has to move: the half that stays and its carer."""
    found: dict[int, dict[int, int]] = {}
    for visit_id in moving:
        job = problem.job_of[problem.visit_index[visit_id]]
        ids = [problem.visits[v].id for v in problem.jobs[job]]
        staying = {
            half: problem.carer_index[plan.carer_of[one]]
            for half, one in enumerate(ids)
            if one not in moving and plan.carer_of.get(one) in problem.carer_index
        }
        if staying:
            found[job] = staying
    return found


def plan_after(schedule: Schedule, plan: Plan, left: Mapping[VisitId, str]) -> Plan:
    """The plan of a schedule; ``left`` says why visits that are in no route now are left over."""
    reasons = {u.visit_id: u.reason for u in plan.unallocated} | dict(left)
    return plan_of(schedule.problem.day, [schedule], reasons)


def _best_of_spots(schedule: Schedule, job: int, wanted: Mapping[int, int]) -> bool:
    single = len(schedule.problem.jobs[job]) == 1
    spots = single_spots(schedule, job, [wanted[0]]) if single else pair_spots(schedule, job, limit=12, wanted=wanted)
    best: tuple[float, float, tuple[int, ...]] | None = None
    for spot in spots[:TRIED_EXACTLY]:
        if spot.key in schedule.used:
            continue
        schedule.place(job, spot.key, spot.carers)
        if schedule.settle() and (best is None or schedule.cost_min() < best[0]):
            best = (schedule.cost_min(), spot.key, spot.carers)
        schedule.rollback()
    if best is None:
        return False
    schedule.place(job, best[1], best[2])
    schedule.settle()
    schedule.commit()
    return True
