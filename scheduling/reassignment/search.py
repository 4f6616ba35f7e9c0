"""A better answer with a little more time: search over the whole unit under a price for every changed carer.

The price of a changed carer is put where the price of an unfamiliar one already is, that of a shifted start beside the
price of a wait: both engines honour them while they search, and what they call best is what people would call it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from random import Random

import numpy as np

from kernel.ids import VisitId
from scheduling.engine import Engine, library
from scheduling.flat import FlatProblem
from scheduling.improvement import Annealing, Effort
from scheduling.model import Carer, Plan, VisitMode
from scheduling.problem import Problem, Told
from scheduling.reassignment.settings import ReassignmentSettings
from scheduling.search import schedule_from
from scheduling.timing import Schedule

STEP_MOVES = 2_000
LANES = 2
"""However many cores there are: by moves the answer is the same everywhere."""

HOT, COLD = 0.7, 0.02
"""First and last temperature as parts of the mean leg: a good plan is mended, not made anew."""

RUINS, STRING = 0.01, 10


def price_changes(problem: Problem, told: Plan, settings: ReassignmentSettings, free: Collection[VisitId] = ()) -> None:
    """Make every carer and every start but those people were told dearer for a visit, in a problem not yet in use.

    ``free`` are visits that have to change their carer anyway.
    """
    problem.told = _told(problem, told, settings)
    for v, visit in enumerate(problem.visits):
        told_carer = told.carer_of.get(visit.id)
        if told_carer is None or visit.begun or visit.id in free or told_carer not in problem.carer_index:
            continue
        keeps = problem.carer_index[told_carer]
        known = problem.irregular[v]
        problem.irregular[v] = {
            c: known.get(c, 0.0) + (0.0 if c == keeps else settings.changed_carer_min) for c in problem.able[v]
        }


def _told(problem: Problem, told: Plan, settings: ReassignmentSettings) -> Told:
    promised = {
        stop.visit_id: (problem.carer_index[route.carer_id], problem.day.minute(stop.starts_at))
        for route in told.routes
        for stop in route.stops
        if route.carer_id in problem.carer_index
    }
    nothing = (-1, 0.0)
    of = [nothing if problem.begun[v] else promised.get(one.id, nothing) for v, one in enumerate(problem.visits)]
    around = settings.shift_free_min + 1e-6
    return Told(
        [carer for carer, _ in of],
        [start - around for _, start in of],
        [start + around for _, start in of],
        settings.shifted_start_min,
    )


def searched(
    schedule: Schedule,
    *,
    seconds: float,
    moves: int | None = None,
    seed: int = 1,
    clock_s: Callable[[], float] = time.monotonic,
) -> Schedule:
    """The best schedule found from a settled one; at worst the one it began from.

    Only what lies ahead is searched, from where each carer will be when she is free: an engine that knows the fixed
    start of a begun visit would find time before it that has passed.

    Parameters
    ----------
    seconds
        Upper bound of the time.
    moves
        Moves to try; with them the result depends on moves and seed only, unless the seconds run out.
    """
    ahead = to_come(schedule)
    if not ahead.problem.jobs or not ahead.problem.carers:
        return schedule
    if library() is None:
        Annealing(ahead, Random(seed)).run(_effort(seconds, moves, clock_s))  # noqa: S311  repeatable search
        best = ahead
    else:
        best = _by_engine(ahead, seconds, moves, seed, clock_s)
    found = _whole(schedule, best)
    return found if found is not None and found.cost_min() < schedule.cost_min() - 1e-6 else schedule


def _by_engine(
    schedule: Schedule, seconds: float, moves: int | None, seed: int, clock_s: Callable[[], float]
) -> Schedule:
    """Cool twice from the same plan, side by side, and take the better end: one alone often misses by a tenth."""
    problem = schedule.problem
    began = clock_s()
    flat = FlatProblem(problem)
    keys = np.array([k if schedule.placed(j) else 0.0 for j, k in enumerate(schedule.key)], dtype=np.float64)
    carers = np.array(schedule.carer, dtype=np.int32)

    def cool(engine: Engine) -> float:
        tried = 0
        while True:
            share = tried / moves if moves else (clock_s() - began) / seconds if seconds > 0 else 1.0
            if share >= 1.0 or clock_s() - began >= seconds:
                return engine.best()
            step = min(STEP_MOVES, moves - tried) if moves else STEP_MOVES
            warmth = flat.mean_leg_min * HOT * (COLD / HOT) ** share
            engine.anneal(step, warmth, warmth, RUINS, STRING)
            tried += step

    with ExitStack() as stack:
        lanes = [stack.enter_context(Engine(flat, seed + 1_000 * lane)) for lane in range(LANES)]
        if not all(engine.load(keys, carers) for engine in lanes):
            return schedule
        ends = list(stack.enter_context(ThreadPoolExecutor(LANES)).map(cool, lanes))
        return schedule_from(problem, lanes[ends.index(min(ends))])


def to_come(schedule: Schedule) -> Schedule:
    """What has not begun, as a schedule of its own: each carer starts where and when her last begun visit ends."""
    whole = schedule.problem
    day = whole.day
    to_come = {v.id for v, begun in zip(whole.visits, whole.begun, strict=True) if not begun}
    small = replace(
        day,
        visits=tuple(v for v in whole.visits if v.id in to_come),
        pairs=tuple(p for p in day.pairs if p.first_id in to_come and p.second_id in to_come),
        carers=tuple(_from_now(schedule, c) for c in range(len(whole.carers))),
    )
    problem = Problem(small, {*(v.unit_id for v in whole.visits), *(c.unit_id for c in whole.carers)}, dense=True)
    index = [whole.visit_index[v.id] for v in problem.visits]
    problem.irregular = [dict(whole.irregular[v]) for v in index]
    problem.due = [whole.due[v] for v in index]
    problem.told = _told_of(whole.told, index)
    problem.work_limit, problem.bring = list(whole.work_limit), list(whole.bring)
    for v, old in enumerate(index):
        _bind_to_begun_half(schedule, old, problem, v)
    # A break she has had is not had again.
    problem.breaks = [whole.breaks[c][_had(schedule, c) :] for c in range(len(whole.carers))]
    if whole.fair:
        done = [sum(whole.work[v] for v in route if whole.begun[v]) for route in schedule.routes]
        problem.fair = [fair - load for fair, load in zip(whole.fair, done, strict=True)]
    ahead = Schedule(problem, strict=True)
    for _, job in sorted((schedule.key[j], j) for j in range(len(whole.jobs)) if schedule.placed(j)):
        mine = [problem.visit_index[whole.visits[v].id] for v in whole.jobs[job] if not whole.begun[v]]
        if not mine:
            continue
        new = problem.job_of[mine[0]]
        carers = tuple(schedule.carer[index[v]] for v in problem.jobs[new])
        ahead.place(new, float(len(ahead.used) + 1), carers)
    ahead.settle()
    ahead.commit()
    return ahead


def _told_of(told: Told | None, index: Sequence[int]) -> Told | None:
    if told is None:
        return None
    return Told(
        [told.carer[v] for v in index],
        [told.earliest[v] for v in index],
        [told.latest[v] for v in index],
        told.price_min,
    )


def _bind_to_begun_half(schedule: Schedule, old: int, problem: Problem, v: int) -> None:
    """A visit whose other half has begun keeps the gap to it, though the other half is not there any more."""
    whole = schedule.problem
    job = whole.job_of[old]
    other = next((w for w in whole.jobs[job] if w != old), None)
    if other is None or not whole.begun[other]:
        return
    low, high = whole.gap_low[job], whole.gap_high[job]
    if old == whole.jobs[job][0]:
        low, high = -high, -low
    problem.open[v] = max(problem.open[v], schedule.start[other] + low)
    problem.due[v] = min(problem.due[v], max(schedule.start[other] + high, schedule.start[old]))


def _from_now(schedule: Schedule, c: int) -> Carer:
    problem = schedule.problem
    carer, day = problem.carers[c], problem.day
    begun = [v for v in schedule.routes[c] if problem.begun[v]]
    if not begun:
        return carer
    free_at = day.instant(schedule.start[begun[-1]] + problem.duration[begun[-1]])
    at_doors = [problem.visits[v] for v in begun if problem.visits[v].mode is VisitMode.PHYSICAL]
    place = day.citizen_by_id[at_doors[-1].citizen_id].place if at_doors else carer.start_place
    starts_at = min(max(carer.shift_starts_at, free_at), carer.shift_ends_at)
    if carer.vehicle is None:
        return replace(carer, shift_starts_at=starts_at, start_place=place)
    # She has fetched it: from here she drives, and takes it back where it belongs.
    here = place if at_doors else carer.vehicle.place
    return replace(carer, shift_starts_at=starts_at, start_place=here, vehicle=None, end_place=carer.vehicle.place)


def _had(schedule: Schedule, c: int) -> int:
    """How many breaks lie behind a carer by the end of her last begun visit."""
    begun = [v for v in schedule.routes[c] if schedule.problem.begun[v]]
    return schedule.taken[begun[-1]] if begun else 0


def _whole(schedule: Schedule, ahead: Schedule) -> Schedule | None:
    """The searched part put back behind what has begun; ``None`` if a limit would not hold."""
    whole, part = schedule.problem, ahead.problem
    found = Schedule(whole, strict=True)
    carer_of = {part.visits[v].id: c for v, c in enumerate(ahead.carer)}
    order = [
        j
        for _, j in sorted((schedule.key[j], j) for j in range(len(whole.jobs)) if schedule.placed(j))
        if all(whole.begun[v] for v in whole.jobs[j])
    ]
    part_order = sorted((ahead.key[j], j) for j in range(len(part.jobs)) if ahead.placed(j))
    order += [whole.job_of[whole.visit_index[part.visits[part.jobs[j][0]].id]] for _, j in part_order]
    for rank, job in enumerate(order):
        carers = tuple(carer_of.get(whole.visits[v].id, schedule.carer[v]) for v in whole.jobs[job])
        found.place(job, float(rank + 1), carers)
    if not found.settle():
        return None
    found.commit()
    return found


def _effort(seconds: float, moves: int | None, clock_s: Callable[[], float]) -> Effort:
    began = clock_s()
    return Effort(moves, seconds, lambda: clock_s() - began, lambda: False, lambda _ratio, _cost: None)
