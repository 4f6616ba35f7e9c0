"""Who could take one visit: plans are ranked by what they cost, people never are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kernel.ids import CarerId, VisitId
from scheduling import rules
from scheduling.insertion import Spot, pair_spots, single_spots
from scheduling.problem import Problem
from scheduling.rules import Breach, Weight
from scheduling.timing import Schedule


@dataclass(frozen=True, slots=True)
class Proposal:
    """One carer for one visit: start and price, or the rules that forbid it. It ranks plans, never people.

    ``starts_at`` is ``None`` for what is forbidden, and where the price is an estimate.
    """

    carer_id: CarerId
    starts_at: datetime | None
    cost_delta_min: float
    extra_travel_s: float
    late_s: float
    hard: tuple[Breach, ...]

    @property
    def possible(self) -> bool:
        """Whether no hard rule forbids it."""
        return not self.hard


def rank_on(schedule: Schedule, visit_id: VisitId, tried: int | None = None) -> list[Proposal]:
    """Every carer of the visit's unit for one visit: possible ones by cost, then the others with their rules.

    A double visit's partner keeps its carer. Ties break by carer id. The schedule, strict and settled, is left as it
    was.

    Parameters
    ----------
    tried
        So many carers, best estimate first, are tried exactly; the others keep the estimate as their price and have
        no start. All by default.
    """
    problem = schedule.problem
    day, v = problem.day, problem.visit_index[visit_id]
    visit, job = problem.visits[v], problem.job_of[v]
    before = (schedule.cost_min(), schedule.distance)
    had, old_key = schedule.job_carers(job), schedule.key[job]
    now_with = had[problem.jobs[job].index(v)]
    if schedule.placed(job):
        schedule.unplace(job)
        schedule.settle()
        schedule.commit()
    begun = rules.not_begun(visit)
    asked = [c for c in problem.able[v] if c != now_with and begun is None]
    fits = _tried(schedule, v, asked, had, before, tried)
    proposals: list[Proposal] = []
    for c, carer in enumerate(problem.carers):
        if c in fits:
            proposals.append(fits[c])
        elif c != now_with:
            hard = [*rules.may_do(day, visit, carer), *([begun] if begun is not None else [])]
            facts: dict[str, rules.Fact] = {"visit_id": visit_id, "carer_id": carer.id}
            hard = hard or [Breach("no_room_in_shift", Weight.HARD, facts)]
            proposals.append(Proposal(carer.id, None, math.inf, 0.0, 0.0, tuple(hard)))
    if had[0] >= 0:
        schedule.place(job, old_key, had)
        schedule.settle()
        schedule.commit()
    return sorted(proposals, key=lambda p: (not p.possible, p.cost_delta_min, p.carer_id))


def _tried(
    schedule: Schedule,
    v: int,
    asked: list[int],
    had: tuple[int, ...],
    before: tuple[float, float],
    tried: int | None,
) -> dict[int, Proposal]:
    """The cheapest placing of an unplaced visit with each carer it fits; the schedule is left as it was."""
    problem = schedule.problem
    job = problem.job_of[v]
    if len(problem.jobs[job]) == 2:
        exact = {c: _exactly(schedule, v, c, _pair_spots(schedule, v, c, had), before) for c in asked}
        return {c: found for c, found in exact.items() if found is not None}
    spots = single_spots(schedule, job, asked)
    found = {s.carers[0]: _exactly(schedule, v, s.carers[0], [s], before) for s in spots[:tried]}
    without = schedule.cost_min() - before[0] - problem.price[v]
    rest = spots[len(found) :]
    guessed = {s.carers[0]: _guessed(problem, s.carers[0], without + s.price_min) for s in rest}
    return {c: one for c, one in found.items() if one is not None} | guessed


def _guessed(problem: Problem, c: int, price_min: float) -> Proposal:
    return Proposal(problem.carers[c].id, None, price_min, 0.0, 0.0, ())


def _exactly(schedule: Schedule, v: int, c: int, spots: Iterable[Spot], before: tuple[float, float]) -> Proposal | None:
    problem = schedule.problem
    best: Proposal | None = None
    for spot in spots:
        schedule.place(problem.job_of[v], spot.key, spot.carers)
        if schedule.settle() and (best is None or schedule.cost_min() - before[0] < best.cost_delta_min):
            best = Proposal(
                carer_id=problem.carers[c].id,
                starts_at=problem.day.instant(schedule.start[v]),
                cost_delta_min=schedule.cost_min() - before[0],
                extra_travel_s=(schedule.distance - before[1]) * 60.0,
                late_s=schedule.late[v] * 60.0,
                hard=(),
            )
        schedule.rollback()
    return best


def _pair_spots(schedule: Schedule, v: int, c: int, had: tuple[int, ...]) -> list[Spot]:
    """Places worth an exact try for half of a double visit with one carer; the other half keeps hers."""
    problem = schedule.problem
    job = problem.job_of[v]
    half = problem.jobs[job].index(v)
    partner = had[1 - half]
    wanted = {half: c} | ({1 - half: partner} if partner >= 0 else {})
    return pair_spots(schedule, job, limit=12, wanted=wanted)
