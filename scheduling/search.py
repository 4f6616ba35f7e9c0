"""The search over one unit with the compiled engine: annealing in cycles, on several lanes at once.

A lane is one engine with its own stream of random numbers. Lanes anneal side by side and meet at the end of a
cycle, where all go on from the best plan of any. With moves given, everything that decides the plan (lanes,
steps, temperatures, meetings) follows from moves and seed, however many cores there are.
"""

from __future__ import annotations

import hashlib
import math
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from scheduling.engine import Engine
from scheduling.flat import FlatProblem
from scheduling.improvement import Effort
from scheduling.problem import Problem
from scheduling.timing import Schedule

LANES = 2
"""Lanes of a search by moves. A search by seconds takes as many as it has cores."""

MOVES_FOR_LANES = 100_000
"""Below this many moves one lane learns more than two halves of it."""

STEPS = 64
"""Looks at the cancel flag and the progress of a search by moves."""

STEP_MOVES = 256
"""Moves of the shortest step."""

COLD = 0.03
"""Last temperature as a part of the mean leg between near visits: moves are then refused but for dust."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cooling. ``ends`` is its end as a share of the whole search, ``hot`` the first temperature as a part
    of the mean leg, ``meet``: lanes go on from the best plan of all."""

    ends: float
    hot: float
    meet: bool


CYCLES = (Cycle(0.5, 1.0, False), Cycle(0.75, 0.4, True), Cycle(1.0, 0.4, True))
"""A first cooling finds the shape of the day, the later ones mend it from the best plan so far."""

RUINS = 1.0
"""Moves that take strings of visits out and put them back, per as many moves as there are jobs: such a move
looks at every route, so its time grows with the day while that of the others hardly does."""

RUINS_MOST = 0.02
"""The largest share of such moves, on the smallest days."""

STRING = 10
"""Visits of the longest string."""


class Search:
    """One search over one problem."""

    def __init__(self, problem: Problem, seed: str, cycles: tuple[Cycle, ...] = CYCLES) -> None:
        self.problem = problem
        self._seed = seed
        self._cycles = cycles
        self._ruins = min(RUINS_MOST, RUINS / max(1, len(problem.jobs)))
        self._flat = FlatProblem(problem)

    def run(self, effort: Effort) -> Schedule:
        """Fill and improve; the best plan as a settled schedule."""
        count = lanes_of(effort)
        with ExitStack() as stack:
            engines = [
                stack.enter_context(Engine(self._flat, _seed_of(f"{self._seed}/{lane}"))) for lane in range(count)
            ]
            whole = self._fill(engines[0], effort)
            if whole and self.problem.jobs and self.problem.carers:
                for engine in engines[1:]:
                    engine.load(*engines[0].read())
                pool = stack.enter_context(ThreadPoolExecutor(count)) if count > 1 else None
                self._anneal(engines, pool, effort)
            best = _best_of(engines)
            return schedule_from(self.problem, best)

    def _fill(self, engine: Engine, effort: Effort) -> bool:
        """Insert job by job; False if planning was stopped on the way."""
        for job in range(len(self.problem.jobs)):
            if effort.cancelled():
                return False
            engine.fill(job, 1)
        return True

    def _anneal(self, engines: list[Engine], pool: ThreadPoolExecutor | None, effort: Effort) -> None:
        pace = _Pace(effort, len(engines))
        cycle = 0
        best = math.inf
        while True:
            share = pace.share()
            effort.progress(min(share, 1.0), best if best < math.inf else engines[0].best())
            if share >= 1.0 or effort.elapsed_s() >= effort.seconds or effort.cancelled():
                return
            while cycle + 1 < len(self._cycles) and share >= self._cycles[cycle].ends:
                cycle += 1
                if self._cycles[cycle].meet:
                    _meet(engines)
            moves = pace.next_step()
            hot, cold = self._temperature(cycle, share), self._temperature(cycle, pace.share_after(moves))

            def step(engine: Engine, moves: int = moves, hot: float = hot, cold: float = cold) -> float:
                return engine.anneal(moves, hot, cold, self._ruins, STRING)

            best = min(pool.map(step, engines) if pool is not None else map(step, engines))
            pace.took(moves)

    def _temperature(self, cycle: int, share: float) -> float:
        began = self._cycles[cycle - 1].ends if cycle else 0.0
        here = self._cycles[cycle]
        cooled = min(1.0, (share - began) / (here.ends - began))
        return float(self._flat.mean_leg_min * here.hot * (COLD / here.hot) ** cooled)


class _Pace:
    """How far a search is and how long its next step may be."""

    def __init__(self, effort: Effort, lanes: int) -> None:
        self._effort = effort
        self._moves = None if effort.moves is None else effort.moves // lanes
        self._began = self._looked = effort.elapsed_s()
        self._tried = 0
        self._step = STEP_MOVES
        if self._moves is not None:
            self._step = max(STEP_MOVES, self._moves // STEPS)
        self._step_share = 0.0

    def share(self) -> float:
        """Part of the effort that is spent."""
        if self._moves is not None:
            return self._tried / self._moves if self._moves else 1.0
        left = self._effort.seconds - self._began
        return (self._effort.elapsed_s() - self._began) / left if left > 0 else 1.0

    def share_after(self, moves: int) -> float:
        """Part of the effort that will be spent after so many more moves: exact by moves, a guess by seconds."""
        if self._moves is not None:
            return (self._tried + moves) / self._moves
        return self.share() + self._step_share

    def next_step(self) -> int:
        """Moves of the next step in each lane."""
        return self._step if self._moves is None else min(self._step, self._moves - self._tried)

    def took(self, moves: int) -> None:
        """A step is over; by seconds the next is made to take a hundredth of them."""
        self._tried += moves
        if self._moves is not None:
            return
        now = self._effort.elapsed_s()
        left = self._effort.seconds - self._began
        self._step_share = (now - self._looked) / left
        self._looked = now
        if self._step_share < 0.007:
            self._step *= 2
        elif self._step_share > 0.02:
            self._step = max(STEP_MOVES, self._step // 2)


def lanes_of(effort: Effort) -> int:
    """How many lanes a search has."""
    if effort.moves is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return LANES if effort.moves >= MOVES_FOR_LANES else 1


def _best_of(engines: list[Engine]) -> Engine:
    costs = [engine.best() for engine in engines]
    return engines[costs.index(min(costs))]


def _meet(engines: list[Engine]) -> None:
    best = _best_of(engines)
    plan = best.read()
    for engine in engines:
        if engine is not best:
            engine.load(*plan)


def _seed_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def schedule_from(problem: Problem, engine: Engine) -> Schedule:
    """The engine's plan as it stands as a schedule, timed anew by the plain rules of ``scheduling.timing``."""
    keys, carers = engine.read()
    schedule = Schedule(problem, strict=True)
    # Jobs may share a key in the engine, where the smaller number then goes first.
    for rank, job in enumerate(sorted(range(len(problem.jobs)), key=lambda j: (keys[j], j))):
        visits = problem.jobs[job]
        if carers[visits[0]] >= 0:
            schedule.place(job, float(rank + 1), tuple(int(carers[v]) for v in visits))
    if not schedule.settle():
        raise ArithmeticError("Expected the engine's plan to keep every limit, got one that does not.")
    schedule.commit()
    schedule.renumber()
    return schedule
