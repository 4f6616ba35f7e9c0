"""What may happen on a running day and whole solutions for it: one function for each event.

Every function takes the running day (``scheduling.reassignment.lived``) as it now is, the plan people were told,
and the visits somebody is on her way to. It answers solutions, best first. Nothing begun or driven to moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from kernel.ids import CarerId, UnitId, VisitId
from scheduling.model import Carer, Day, Plan, Visit
from scheduling.problem import Problem
from scheduling.reassignment.placing import (
    lived_schedule,
    plan_after,
    put_all,
    put_with,
    staying_halves,
    take_out,
    without,
)
from scheduling.reassignment.search import price_changes, searched
from scheduling.reassignment.situation import Situation, away_day, changed_day, not_begun, retimed, shut_day
from scheduling.reassignment.solution import Solution, SolutionKind, ranked, solution_of
from scheduling.timing import Schedule

NO_ROOM = "no_room_in_shifts"
DOOR_SHUT = "door_shut"


def carer_away(
    at: Situation, carer_id: CarerId, substitutes: Sequence[Carer] = (), search_s: float = 0.0, moves: int | None = None
) -> list[Solution]:
    """A carer cannot come, or goes home: her visits are split, or a substitute takes them, or the unit is searched.

    Parameters
    ----------
    substitutes
        Carers off duty who could be called in, with the shift they would work.
    search_s
        Seconds to search for a better split; 0: none.
    """
    moving = not_begun(at, carer_id)
    day = away_day(at, carer_id)
    found = [_covered(at, day, moving, None, 0.0, None)]
    found += [_covered(at, away_day(at, carer_id, one), moving, one, 0.0, None) for one in substitutes]
    if search_s > 0.0 or moves:
        found.append(_covered(at, day, moving, None, search_s, moves))
    return ranked(found)


def carer_late(at: Situation, carer_id: CarerId, search_s: float = 0.0, moves: int | None = None) -> list[Solution]:
    """A carer is behind, or a visit takes longer: wait, or give the visits away whose citizens would wait most.

    How late she is is in the running day already; see ``lived.Happened.free_at`` and :func:`longer`.
    """
    day = at.held()
    units = _units_of(day, carer_id)
    base = lived_schedule(day, at.told, units)
    untouched = plan_after(base, at.told, {})
    found = [_solution(at, "wait", "wait", untouched, day, untouched)]
    schedule = base
    for given in range(1, at.settings.handed_at_most + 1):
        if not _hand_one_over(schedule, carer_id):
            break
        found.append(
            _solution(at, f"hand_over:{given}", "hand_over", untouched, day, plan_after(schedule, at.told, {}))
        )
    if search_s > 0.0 or moves:
        problem_day = day
        deep = lived_schedule(problem_day, at.told, units, dense=True)
        price_changes(deep.problem, at.told, at.settings)
        deep = searched(_again(deep), seconds=search_s, moves=moves)
        found.append(_solution(at, "searched", "searched", untouched, day, plan_after(deep, at.told, {})))
    return ranked(found)


def door_shut(at: Situation, visit_id: VisitId, retry_at: datetime) -> list[Solution]:
    """A door will not open: the same carer or a colleague comes back later, or the visit is taken off today.

    ``retry_at`` is when somebody can be let in at the earliest.
    """
    day = shut_day(at, visit_id, retry_at)
    untouched = retimed(day, at.told)
    first = at.told.carer_of.get(visit_id)
    found: list[Solution] = []
    for carer_id in _candidates(day, visit_id, also=first):
        schedule = lived_schedule(day, without(at.told, {visit_id}, day), _units_of(day, carer_id))
        partners = _partners_of(schedule.problem, at.told, visit_id)
        if put_with(schedule, visit_id, carer_id, partners):
            kind: SolutionKind = "try_later" if carer_id == first else "other_later"
            after = plan_after(schedule, at.told, {})
            found.append(_solution(at, f"{kind}:{carer_id}", kind, untouched, day, after))
    off = lived_schedule(day, without(at.told, {visit_id}, day), [u.id for u in day.units])
    after = plan_after(off, at.told, dict.fromkeys(_with_partner(day, visit_id), DOOR_SHUT))
    taken_off = _solution(at, "take_off", "take_off", untouched, day, after)
    return [*ranked(found)[: at.settings.solutions_at_most - 1], taken_off]


def new_visit(at: Situation, visit_id: VisitId) -> list[Solution]:
    """An urgent visit that is on no route yet: who can be there first, qualified and with a right to the door.

    The day holds the visit already. Ranked by when it starts, then by the price of it all.
    """
    day = at.held()
    units = [day.visit_by_id[visit_id].unit_id]
    base = lived_schedule(day, at.told, units)
    untouched = plan_after(base, at.told, {visit_id: NO_ROOM})
    problem = base.problem
    v = problem.visit_index[visit_id]
    found: list[Solution] = []
    for c in problem.able[v]:
        carer_id = problem.carers[c].id
        if not _put_first(base, v, c):
            continue
        after = plan_after(base, at.told, {})
        found.append(_solution(at, f"insert:{carer_id}", "insert", untouched, day, after))
        take_out(base, visit_id)
    start = {s.id: next(h.starts_at for h in s.handed if h.visit_id == visit_id) for s in found}
    return sorted(found, key=lambda s: (start[s.id].replace(second=0, microsecond=0), s.price_min, s.id))


def swap(at: Situation, visit_id: VisitId) -> list[Solution]:
    """Two carers exchange one visit each: every exchange that breaks no rule, cheapest first."""
    day = at.held()
    mine = at.told.carer_of.get(visit_id)
    if mine is None or day.visit_by_id[visit_id].begun or visit_id in day.pair_of:
        return []
    base = lived_schedule(day, at.told, _units_of(day, mine))
    problem = base.problem
    untouched = plan_after(base, at.told, {})
    found: list[Solution] = []
    for other in _exchangeable(base, at, visit_id, mine):
        theirs = at.told.carer_of[other]
        keys = {v: base.key[problem.job_of[problem.visit_index[v]]] for v in (visit_id, other)}
        take_out(base, visit_id)
        take_out(base, other)
        if put_with(base, visit_id, theirs) and put_with(base, other, mine):
            after = plan_after(base, at.told, {})
            found.append(_solution(at, f"swap:{other}", "swap", untouched, day, after))
        _back(base, {visit_id: mine, other: theirs}, keys)
    return ranked(found)[: at.settings.solutions_at_most]


def lend(at: Situation, visit_id: VisitId, unit_id: UnitId) -> list[Solution]:
    """The neighbouring unit does a visit today: its carers who can, cheapest first.

    The day holds both units. The visit counts as the neighbour's from then on, so that its planner sees it.
    """
    changed = replace(at.day.visit_by_id[visit_id], unit_id=unit_id)
    return _with_anybody(at, changed_day(at, changed), retimed(at.held(), at.told), visit_id, "lend")


def change_mode(at: Situation, changed: Visit) -> list[Solution]:
    """A visit is done by screen instead of at the door, or the other way round: the same carer or another."""
    return _with_anybody(at, changed_day(at, changed), retimed(at.held(), at.told), changed.id, "change_mode")


def _with_anybody(at: Situation, day: Day, untouched: Plan, visit_id: VisitId, kind: SolutionKind) -> list[Solution]:
    found: list[Solution] = []
    stripped = without(at.told, {visit_id}, day)
    units = [u.id for u in day.units]
    base = lived_schedule(day, stripped, units)
    first = at.told.carer_of.get(visit_id)
    for carer_id in _candidates(day, visit_id, also=first):
        partners = _partners_of(base.problem, at.told, visit_id)
        if put_with(base, visit_id, carer_id, partners):
            after = plan_after(base, at.told, {})
            found.append(_solution(at, f"{kind}:{carer_id}", kind, untouched, day, after))
            take_out(base, visit_id)
    return ranked(found)[: at.settings.solutions_at_most]


def _solution(
    at: Situation, solution_id: str, kind: SolutionKind, untouched: Plan | None, day: Day, after: Plan
) -> Solution:
    return solution_of(solution_id, kind, at.told, untouched, day, after, at.settings)


def _covered(
    at: Situation,
    day: Day,
    moving: Sequence[VisitId],
    substitute: Carer | None,
    search_s: float,
    moves: int | None,
) -> Solution:
    deep = search_s > 0.0 or bool(moves)
    told = without(at.told, moving, day)
    schedule = lived_schedule(day, told, [u.id for u in day.units], dense=deep)
    if deep:
        price_changes(schedule.problem, at.told, at.settings, moving)
        schedule = _again(schedule)
    partners = staying_halves(schedule.problem, at.told, moving)
    left = list(moving)
    if substitute is not None:
        left = [v for v in left if not put_with(schedule, v, substitute.id, _beside(schedule.problem, v, partners))]
    unplaced = put_all(schedule, left, partners)
    if deep:
        schedule = searched(schedule, seconds=search_s, moves=moves)
        unplaced = [job for job in range(len(schedule.problem.jobs)) if not schedule.placed(job)]
    reasons = {schedule.problem.visits[v].id: NO_ROOM for job in unplaced for v in schedule.problem.jobs[job]}
    kept = {u.visit_id for u in at.told.unallocated}
    after = plan_after(schedule, at.told, {v: r for v, r in reasons.items() if v not in kept})
    kind: SolutionKind = "substitute" if substitute is not None else "searched" if deep else "split"
    solution_id = f"{kind}:{substitute.id}" if substitute is not None else kind
    return solution_of(solution_id, kind, at.told, None, day, after, at.settings, unavoidable=frozenset(moving))


def _beside(problem: Problem, visit_id: VisitId, staying: Mapping[int, Mapping[int, int]]) -> tuple[int, ...]:
    """Who stays with the other half of a double visit, by half; -1 where nobody does."""
    job = problem.job_of[problem.visit_index[visit_id]]
    return tuple(staying.get(job, {}).get(half, -1) for half in range(len(problem.jobs[job])))


def _again(schedule: Schedule) -> Schedule:
    """The same plan in a fresh schedule, after the prices of its problem were changed."""
    fresh = Schedule(schedule.problem, strict=True)
    placed = sorted((schedule.key[j], j) for j in range(len(schedule.problem.jobs)) if schedule.placed(j))
    for rank, (_, job) in enumerate(placed):
        fresh.place(job, float(rank + 1), schedule.job_carers(job))
    fresh.settle()
    fresh.commit()
    return fresh


def _hand_one_over(schedule: Schedule, carer_id: CarerId) -> bool:
    """Give the one visit of a carer to a colleague that lowers the cost most; False if none does."""
    problem = schedule.problem
    c = problem.carer_index[carer_id]
    best: tuple[float, int, float, tuple[int, ...]] | None = None
    before = schedule.cost_min()
    for v in list(schedule.routes[c]):
        job = problem.job_of[v]
        if problem.begun[v] or len(problem.jobs[job]) == 2 or problem.visits[v].pinned_carer_id is not None:
            continue
        key = schedule.key[job]
        schedule.unplace(job)
        schedule.settle()
        schedule.commit()
        others = [other for other in problem.able[v] if other != c]
        for other in others:
            if put_with(schedule, problem.visits[v].id, problem.carers[other].id):
                if best is None or schedule.cost_min() < best[0]:
                    best = (schedule.cost_min(), job, schedule.key[job], (other,))
                take_out(schedule, problem.visits[v].id)
        schedule.place(job, key, (c,))
        schedule.settle()
        schedule.commit()
    if best is None or best[0] >= before:
        return False
    _, job, key, carers = best
    schedule.unplace(job)
    schedule.place(job, key, carers)
    schedule.settle()
    schedule.commit()
    return True


def _put_first(schedule: Schedule, v: int, c: int) -> bool:
    """Put an unplaced visit as the very next stop of a carer, behind what has begun or is driven to."""
    problem = schedule.problem
    job = problem.job_of[v]
    if len(problem.jobs[job]) == 2:
        return put_with(schedule, problem.visits[v].id, problem.carers[c].id)
    behind = [w for w in schedule.routes[c] if problem.begun[w]]
    ahead = [w for w in schedule.routes[c] if not problem.begun[w]]
    low = schedule.key[problem.job_of[behind[-1]]] if behind else 0.0
    high = schedule.key[problem.job_of[ahead[0]]] if ahead else max(schedule.used, default=0.0) + 2.0
    key = low + (high - low) * 0.37
    while key in schedule.used:
        key = low + (key - low) * 0.61
    schedule.place(job, key, (c,))
    if schedule.settle():
        schedule.commit()
        return True
    schedule.rollback()
    # Not at once, because somebody behind it would be dropped by it: then as early as it fits.
    return put_with(schedule, problem.visits[v].id, problem.carers[c].id)


def _exchangeable(schedule: Schedule, at: Situation, visit_id: VisitId, mine: CarerId) -> list[VisitId]:
    problem = schedule.problem
    v = problem.visit_index[visit_id]
    within_min = at.settings.swap_within.total_seconds() / 60.0
    found: list[tuple[float, VisitId]] = []
    for w, other in enumerate(problem.visits):
        theirs = at.told.carer_of.get(other.id)
        if theirs in (None, mine) or problem.begun[w] or len(problem.jobs[problem.job_of[w]]) == 2:
            continue
        apart_min = abs(schedule.start[w] - schedule.start[v])
        can = problem.carer_index[mine] in problem.able[w] and problem.carer_index[theirs] in problem.able[v]
        if can and apart_min <= within_min:
            found.append((apart_min, other.id))
    return [other for _, other in sorted(found)[: 5 * at.settings.solutions_at_most]]


def _back(schedule: Schedule, carers: Mapping[VisitId, CarerId], keys: Mapping[VisitId, float]) -> None:
    problem = schedule.problem
    for visit_id in carers:
        take_out(schedule, visit_id)
    for visit_id, carer_id in carers.items():
        job = problem.job_of[problem.visit_index[visit_id]]
        schedule.place(job, keys[visit_id], (problem.carer_index[carer_id],))
    schedule.settle()
    schedule.commit()


def _units_of(day: Day, carer_id: CarerId) -> list[UnitId]:
    return [day.carer_by_id[carer_id].unit_id]


def _with_partner(day: Day, visit_id: VisitId) -> tuple[VisitId, ...]:
    pair = day.pair_of.get(visit_id)
    return (visit_id,) if pair is None else (pair.first_id, pair.second_id)


def _partners_of(problem: Problem, told: Plan, visit_id: VisitId) -> tuple[int, ...]:
    """The carers a visit's job has in the told plan, by half; -1 where nobody."""
    job = problem.job_of[problem.visit_index[visit_id]]
    ids = [problem.visits[v].id for v in problem.jobs[job]]
    return tuple(problem.carer_index.get(told.carer_of.get(one, CarerId("")), -1) for one in ids)


def _candidates(day: Day, visit_id: VisitId, also: CarerId | None) -> list[CarerId]:
    """Carers of the visit's unit who may do it, the told one first."""
    problem = Problem(day, [day.visit_by_id[visit_id].unit_id], dense=False)
    able = [problem.carers[c].id for c in problem.able[problem.visit_index[visit_id]]]
    return sorted(able, key=lambda c: (c != also, c))
