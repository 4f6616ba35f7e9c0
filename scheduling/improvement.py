"""A short improvement of a plan by simulated annealing, in Python: for machines without the compiled engine.

Moves: put a job next to a near neighbour, at another position, with another carer; exchange two visits;
exchange the ends of two routes. The acceptance limit is drawn before a move is worked out, so that a move
whose travel alone exceeds it is dropped before any start time is computed.
(S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, Science 220, 1983.)
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from scheduling.insertion import free_key
from scheduling.neighbours import mean_near_leg_min, near_visits
from scheduling.timing import Schedule

REPORT_EVERY = 256
"""Moves between two looks at the clock, the cancel flag and the progress."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search. With ``moves`` the result depends on moves and seed, unless seconds run out."""

    moves: int | None
    seconds: float
    elapsed_s: Callable[[], float]
    cancelled: Callable[[], bool]
    progress: Callable[[float, float], None]


class Annealing:
    """One annealing run over one schedule. ``run`` leaves the best plan found in the schedule."""

    def __init__(self, schedule: Schedule, random: Random) -> None:
        self.schedule = schedule
        self.problem = schedule.problem
        self.random = random
        self.near = near_visits(schedule.problem)
        self.warmth_min = mean_near_leg_min(schedule.problem, self.near)

    def run(self, effort: Effort) -> int:
        """Search; returns the number of moves tried."""
        schedule, random = self.schedule, self.random
        hot, cold = 0.6 * self.warmth_min, 0.012 * self.warmth_min
        cost = best = schedule.cost_min()
        best_order, best_carers = _snapshot(schedule)
        began = effort.elapsed_s()
        temperature, moves = hot, 0
        while True:
            if moves % REPORT_EVERY == 0:
                done = self._share_done(effort, moves, began)
                effort.progress(min(done, 1.0), best)
                if done >= 1.0 or effort.elapsed_s() >= effort.seconds or effort.cancelled():
                    break
                temperature = hot * (cold / hot) ** done
                if moves % (40 * REPORT_EVERY) == 0:
                    schedule.renumber()
                    cost = schedule.cost_min()
            moves += 1
            limit = cost - temperature * math.log(1.0 - random.random())
            if not self.propose(limit):
                continue
            if schedule.settle() and (new := schedule.cost_min()) <= limit:
                schedule.commit()
                cost = new
                if cost < best - 1e-9:
                    best = cost
                    best_order, best_carers = _snapshot(schedule)
            else:
                schedule.rollback()
        _restore(schedule, best_order, best_carers)
        return moves

    def _share_done(self, effort: Effort, moves: int, began: float) -> float:
        if effort.moves is not None:
            return moves / effort.moves if effort.moves else 1.0
        left = effort.seconds - began
        return (effort.elapsed_s() - began) / left if left > 0 else 1.0

    def propose(self, limit: float) -> bool:
        """Change the schedule by one random move; False if there was nothing to try."""
        problem, random = self.problem, self.random
        job = int(random.random() * len(problem.jobs))
        kind = random.random()
        if not self.schedule.placed(job) or kind < 0.62:
            return self._relocate(job, limit, near=kind < 0.5)
        if kind < 0.74:
            return self._change_carer(job)
        if kind < 0.92:
            return self._swap(job)
        return self._exchange_ends(job)

    def _relocate(self, job: int, limit: float, *, near: bool) -> bool:
        """Put one visit of the job next to another visit; its partner keeps its carer where possible."""
        schedule, problem, random = self.schedule, self.problem, self.random
        visits = problem.jobs[job]
        half = int(random.random() * len(visits))
        v = visits[half]
        neighbours = self.near[v] if near else ()
        beside = (
            neighbours[int(random.random() * len(neighbours))]
            if neighbours
            else int(random.random() * len(problem.visits))
        )
        c = schedule.carer[beside]
        if c < 0 or problem.job_of[beside] == job or not problem.can[v][c]:
            return self._into_empty_route(job, half) if c < 0 or not neighbours else False
        carers = self._carers_with(job, half, c)
        if carers is None:
            return False
        if len(visits) == 1 and self._too_far(v, beside, c, limit):
            return False
        if schedule.placed(job):
            schedule.unplace(job)
        key_beside = schedule.key[problem.job_of[beside]]
        keys = schedule.keys[c]
        if random.random() < 0.5:
            i = bisect_right(keys, key_beside)
            low, high = key_beside, keys[i] if i < len(keys) else math.inf
        else:
            i = bisect_left(keys, key_beside)
            low, high = keys[i - 1] if i else -math.inf, key_beside
        return self._place(job, low, high, carers)

    def _too_far(self, v: int, beside: int, c: int, limit: float) -> bool:
        """Whether the travel of the new plan alone is dearer than the limit, on either side of ``beside``."""
        schedule, p = self.schedule, self.problem
        here, there = p.location[v], p.location[beside]
        if here < 0 or there < 0:
            return False
        saved = 0.0
        old = schedule.carer[v]
        if old >= 0:
            after, before = schedule.next[v], schedule.prev[v]
            onward = p.location[after] if after >= 0 else p.shift_close[old]
            back = schedule.leg[after] if after >= 0 else schedule.back[old]
            came = schedule.at[before] if before >= 0 else p.shift_open[old]
            direct = p.legs[old][came][onward] if came >= 0 and onward >= 0 else 0.0
            saved = schedule.leg[v] + back - direct
        # Without one of its two new legs known, the dearer of the legs to the neighbour bounds nothing: use
        # the detour over the cheaper side only.
        after, before = schedule.next[beside], schedule.prev[beside]
        legs = p.legs[c]
        onward = p.location[after] if after >= 0 else p.shift_close[c]
        came = schedule.at[before] if before >= 0 else p.shift_open[c]
        if onward < 0 or came < 0 or v in (after, before):
            return False
        behind = legs[there][here] + legs[here][onward] - legs[there][onward]
        ahead = legs[came][here] + legs[here][there] - legs[came][there]
        distance = schedule.distance - saved + min(behind, ahead)
        extra = schedule.extra - (0.0 if old >= 0 else p.price[v]) - 2 * p.weights.not_regular_min
        work = p.work[v]
        uneven = schedule.loads.uneven
        if c != old:
            uneven += schedule.loads.rise_min(c, work)
            uneven += schedule.loads.rise_min(old, -work) if old >= 0 else 0.0
        return distance / 3 + extra + uneven > limit

    def _into_empty_route(self, job: int, half: int) -> bool:
        """Give the visit to a random able carer at its present key: idle carers have no neighbours."""
        problem, random = self.problem, self.random
        able = problem.able[problem.jobs[job][half]]
        if not able:
            return False
        c = able[int(random.random() * len(able))]
        carers = self._carers_with(job, half, c)
        if carers is None:
            return False
        if self.schedule.placed(job):
            low = high = self.schedule.key[job]
            self.schedule.unplace(job)
        else:
            keys = self.schedule.keys[c]
            i = int(random.random() * (len(keys) + 1))
            low = keys[i - 1] if i else -math.inf
            high = keys[i] if i < len(keys) else math.inf
        return self._place(job, low, high, carers)

    def _carers_with(self, job: int, half: int, c: int) -> tuple[int, ...] | None:
        """Carers of the job if visit number ``half`` goes to ``c``; now and then the other changes too."""
        schedule, problem, random = self.schedule, self.problem, self.random
        visits = problem.jobs[job]
        if len(visits) == 1:
            return (c,)
        other = visits[1 - half]
        partner = schedule.carer[other]
        if partner < 0 or partner == c or random.random() < 0.25:
            able = problem.able[other]
            if not able:
                return None
            partner = able[int(random.random() * len(able))]
        if partner == c:
            return None
        return (c, partner) if half == 0 else (partner, c)

    def _change_carer(self, job: int) -> bool:
        """Another able carer at the same place in the order."""
        schedule, problem, random = self.schedule, self.problem, self.random
        visits = problem.jobs[job]
        if len(visits) == 2 and random.random() < 0.3:
            first, second = schedule.carer[visits[0]], schedule.carer[visits[1]]
            if not (problem.can[visits[0]][second] and problem.can[visits[1]][first]):
                return False
            carers: tuple[int, ...] | None = (second, first)
        else:
            half = int(random.random() * len(visits))
            able = problem.able[visits[half]]
            c = able[int(random.random() * len(able))]
            if c == schedule.carer[visits[half]]:
                return False
            carers = self._carers_with(job, half, c)
        if carers is None:
            return False
        key = schedule.key[job]
        schedule.unplace(job)
        schedule.place(job, key, carers)
        return True

    def _swap(self, job: int) -> bool:
        """Two jobs exchange their places in the order and, where they are single, their carers."""
        schedule, problem, random = self.schedule, self.problem, self.random
        v = problem.jobs[job][0]
        neighbours = self.near[v]
        if not neighbours:
            return False
        w = neighbours[int(random.random() * len(neighbours))]
        other = problem.job_of[w]
        if other == job or not schedule.placed(other):
            return False
        mine, theirs = schedule.job_carers(job), schedule.job_carers(other)
        if len(mine) == len(theirs) == 1:
            if not (problem.can[v][theirs[0]] and problem.can[w][mine[0]]):
                return False
            mine, theirs = theirs, mine
        key, other_key = schedule.key[job], schedule.key[other]
        schedule.unplace(job)
        schedule.unplace(other)
        schedule.place(job, other_key, mine)
        schedule.place(other, key, theirs)
        return True

    def _exchange_ends(self, job: int) -> bool:
        """Two routes exchange everything behind a point of the order."""
        schedule, problem, random = self.schedule, self.problem, self.random
        v = problem.jobs[job][0]
        neighbours = self.near[v]
        if not neighbours:
            return False
        w = neighbours[int(random.random() * len(neighbours))]
        a, b = schedule.carer[v], schedule.carer[w]
        if a < 0 or b < 0 or a == b:
            return False
        key = schedule.key[job]
        mine = schedule.routes[a][bisect_left(schedule.keys[a], key) :]
        theirs = schedule.routes[b][bisect_left(schedule.keys[b], key) :]
        can = problem.can
        if not (all(can[x][b] for x in mine) and all(can[x][a] for x in theirs)):
            return False
        jobs = sorted({problem.job_of[x] for x in (*mine, *theirs)})
        new = {j: tuple(b if c == a else a if c == b else c for c in schedule.job_carers(j)) for j in jobs}
        # A double visit shared by the two routes simply turns around, which its other skill may not allow.
        if any(not can[x][c] for j in jobs for x, c in zip(problem.jobs[j], new[j], strict=True)):
            return False
        keys = [schedule.key[j] for j in jobs]
        for j in jobs:
            schedule.unplace(j)
        for j, old_key in zip(jobs, keys, strict=True):
            schedule.place(j, old_key, new[j])
        return True

    def _place(self, job: int, low: float, high: float, carers: tuple[int, ...]) -> bool:
        """Place between two keys (equal keys: exactly there); undo what was taken out if no key is free."""
        key: float | None = low
        if low != high:
            key = free_key(self.schedule, low, high, 0.02 + 0.96 * self.random.random())
        if key is None or key in self.schedule.used:
            self.schedule.rollback()
            return False
        self.schedule.place(job, key, carers)
        return True


def _snapshot(schedule: Schedule) -> tuple[list[float], list[int]]:
    return schedule.key[:], schedule.carer[:]


def _restore(schedule: Schedule, keys: list[float], carers: list[int]) -> None:
    """Bring the schedule back to a snapshot."""
    problem = schedule.problem
    for job in range(len(problem.jobs)):
        if schedule.placed(job):
            schedule.unplace(job)
    for job, visits in enumerate(problem.jobs):
        if carers[visits[0]] >= 0:
            schedule.place(job, keys[job], tuple(carers[v] for v in visits))
    schedule.settle()
    schedule.commit()
    schedule.renumber()
