"""Planning a day: best insertion, then improvement, unit by unit.

One entry for everything that is planned, a Danish day and a benchmark instance alike. With ``moves`` given
the plan depends on the day, moves, seed and engine only; seconds are then no more than an upper bound. The
compiled engine plans where the installation has one (``scheduling.engine``), the search in Python elsewhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from kernel.ids import VisitId
from scheduling.engine import library
from scheduling.improvement import Annealing, Effort
from scheduling.insertion import insert_all
from scheduling.left_over import CANCELLED, NO_ROOM, NOBODY_ABLE, reason
from scheduling.model import Day, Plan, Unit
from scheduling.problem import Problem
from scheduling.routes import plan_of
from scheduling.search import Search
from scheduling.timing import Schedule

STANDARD_MOVES_PER_VISIT = 5_000
"""Moves a visit where the caller names neither moves nor seconds: a few seconds for a centre's day."""

PYTHON_MOVES_PER_VISIT = 150
"""The same for the search in Python: as many seconds, far fewer moves."""

__all__ = [
    "CANCELLED",
    "NOBODY_ABLE",
    "NO_ROOM",
    "AnnealingSolver",
    "Progress",
    "Solver",
    "solve_day",
    "standard_moves",
]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far planning is: share of the work done (0 to 1) and the cost of the plan so far, where known."""

    done_ratio: float
    cost_min: float | None


class Solver(Protocol):
    """What plans a day. A plan is there whenever it stops."""

    def solve(
        self,
        day: Day,
        *,
        moves: int | None,
        seconds: float,
        seed: int,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> Plan:
        """Plan the day.

        Parameters
        ----------
        moves
            Moves to try in all; ``None``: as many as the seconds allow (then the result is not repeatable).
        seconds
            Upper bound of the time. The first insertion of every unit is always finished.
        seed
            Same day, moves and seed: same plan.
        progress
            Called now and then, at least once per unit.
        cancelled
            Asked now and then; once true the plan so far is returned.
        """
        ...


class AnnealingSolver:
    """Best insertion and simulated annealing.

    Parameters
    ----------
    compiled
        Search with the compiled engine, or in plain Python. By default with what the installation has.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic, *, compiled: bool | None = None) -> None:
        self._clock_s = clock_s
        self._compiled = library() is not None if compiled is None else compiled

    def solve(
        self,
        day: Day,
        *,
        moves: int | None,
        seconds: float,
        seed: int,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> Plan:
        """Plan the day; see :class:`Solver`."""
        if (moves is not None and moves < 0) or seconds < 0:
            raise ValueError(f"Expected moves and seconds >= 0, got {moves} and {seconds}.")
        began = self._clock_s()
        schedules: list[Schedule] = []
        reasons: dict[VisitId, str] = {}
        sizes = Counter(day.acting_unit.get(v.unit_id, v.unit_id) for v in day.visits)
        units = [unit for unit in day.units if sizes[unit.id]]
        total = sum(1 for v in day.visits)
        planned = 0
        for number, unit in enumerate(units):
            size = sizes[unit.id]
            share_before, share = planned / total, size / total
            effort = Effort(
                moves=None if moves is None else moves * size // total,
                seconds=seconds * (planned + size) / total if moves is None else seconds,
                elapsed_s=lambda: self._clock_s() - began,
                cancelled=cancelled,
                progress=_unit_progress(progress, share_before, share),
            )
            schedule = _solve_unit(day, unit, effort, f"{seed}/{number}", compiled=self._compiled)
            schedules.append(schedule)
            reasons |= _reasons(schedule, effort.cancelled())
            planned += size
        plan = plan_of(day, schedules, reasons)
        progress(Progress(1.0, plan.cost_min))
        return plan


def standard_moves(visits: int) -> int:
    """Moves for a day of so many visits where nobody names a number."""
    return (PYTHON_MOVES_PER_VISIT if library() is None else STANDARD_MOVES_PER_VISIT) * visits


def solve_day(day: Day, *, moves: int | None = None, seconds: float = 60.0, seed: int = 1) -> Plan:
    """Plan a day with the standard solver and effort, without progress and cancelling."""
    effort = standard_moves(len(day.visits)) if moves is None else moves
    return AnnealingSolver().solve(
        day, moves=effort, seconds=seconds, seed=seed, progress=lambda _: None, cancelled=lambda: False
    )


def _unit_progress(progress: Callable[[Progress], None], before: float, share: float) -> Callable[[float, float], None]:
    def tell(done_ratio: float, cost_min: float) -> None:
        progress(Progress(before + share * done_ratio, cost_min))

    return tell


def _solve_unit(day: Day, unit: Unit, effort: Effort, seed: str, *, compiled: bool) -> Schedule:
    problem = Problem(day, [unit.id], dense=True)
    if compiled:
        return Search(problem, seed).run(effort)
    schedule = Schedule(problem, strict=True)
    insert_all(schedule, effort.cancelled)
    if problem.jobs and problem.carers:
        Annealing(schedule, Random(seed)).run(effort)  # noqa: S311  repeatable search
    return schedule


def _reasons(schedule: Schedule, cancelled: bool) -> dict[VisitId, str]:
    problem = schedule.problem
    return {
        problem.visits[v].id: reason(problem, job, cancelled)
        for job in range(len(problem.jobs))
        if not schedule.placed(job)
        for v in problem.jobs[job]
    }
