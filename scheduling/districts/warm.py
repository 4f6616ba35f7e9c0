"""A search that begins with routes instead of nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np

from kernel.ids import CarerId, VisitId
from scheduling.engine import Engine, library
from scheduling.improvement import Annealing, Effort
from scheduling.insertion import insert_all
from scheduling.left_over import reason
from scheduling.model import Day, Plan
from scheduling.problem import Problem
from scheduling.routes import plan_from_routes, plan_of, schedule_of
from scheduling.search import Cycle, Search
from scheduling.timing import Schedule

CYCLES = (Cycle(1.0, 0.3, False),)
"""One cooling from low: it mends what is there, where a hot one would begin anew."""


class WarmSearch(Search):
    """A search of the compiled engine that goes on from a plan."""

    def __init__(self, problem: Problem, seed: str, start: Plan) -> None:
        super().__init__(problem, seed, CYCLES)
        self._start = start

    def _fill(self, engine: Engine, effort: Effort) -> bool:
        problem = self.problem
        keys = np.zeros(len(problem.jobs))
        carers = np.full(len(problem.visits), -1, dtype=np.int32)
        for visit_id, carer_id in self._start.carer_of.items():
            carers[problem.visit_index[visit_id]] = problem.carer_index[carer_id]
        for rank, visit_id in enumerate(self._start.order):
            keys[problem.job_of[problem.visit_index[visit_id]]] = rank + 1.0
        return engine.load(keys, carers) and super()._fill(engine, effort)


def mended(
    part: Day,
    routes: Mapping[CarerId, Sequence[VisitId]],
    reasons: Mapping[VisitId, str],
    effort: Effort,
    seed: str,
    *,
    compiled: bool | None = None,
) -> Plan | None:
    """Search on from routes; the better plan of the part, or ``None`` if none was found.

    ``compiled``: with the compiled engine or in Python; by default with what the installation has.
    """
    problem = Problem(part, [unit.id for unit in part.units], dense=True)
    start = plan_from_routes(part, {str(c): list(v) for c, v in routes.items()}, reasons)
    if library() is not None if compiled is None else compiled:
        schedule = WarmSearch(problem, seed, start).run(effort)
    else:
        schedule = _by_python(problem, start, effort, seed)
    if schedule.cost_min() >= start.cost_min - 1e-6:
        return None
    left = (job for job in range(len(problem.jobs)) if not schedule.placed(job))
    why = {problem.visits[v].id: reason(problem, job, False) for job in left for v in problem.jobs[job]}
    return plan_of(part, [schedule], why)


def _by_python(problem: Problem, start: Plan, effort: Effort, seed: str) -> Schedule:
    schedule = schedule_of(problem, start, strict=True)
    insert_all(schedule, effort.cancelled)
    if problem.jobs and problem.carers:
        Annealing(schedule, Random(seed)).run(effort)  # noqa: S311  repeatable search
    return schedule
