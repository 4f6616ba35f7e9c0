"""A day as plain numbers for a solver that knows nothing of us: what it is given, and what it answers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernel.ids import VisitId
from scheduling.model import Day, Plan
from scheduling.problem import Problem
from scheduling.routes import plan_from_routes

UNITS_PER_MIN = 1000
"""Solvers of integers get thousandths of a minute: no published distance has more decimals."""

FAR = 10_000_000
"""Later than anything: ten thousand minutes."""


def flat(day: Day, start: Plan) -> tuple[Problem, dict[str, Any]]:
    """A day as numbers in thousandths of a minute, and a first plan to begin from.

    Costs are thrice those of ``scheduling.cost``, so that travel and lateness weigh 1 a minute. What such solvers
    have no word for is left out: evenness, long gaps, slack, the way home beyond the shift. The day has no breaks and
    no screen visits.
    """
    problem = Problem(day, [unit.id for unit in day.units], dense=True)
    modes = sorted({id(table) for table in problem.legs})
    tables = {id(table): table for table in problem.legs}
    named = sorted({p for p in (*problem.location, *problem.shift_open, *problem.shift_close) if p >= 0})
    row = {place: i for i, place in enumerate(named)}
    content = {
        "visits": [
            {
                "open": _units(problem.open[v]),
                "close": _units(problem.close[v]),
                "duration": _units(problem.duration[v]),
                "place": row.get(problem.location[v], -1),
                "able": problem.able[v],
                "price": _units(3.0 * problem.price[v]),
                "irregular": [_units(3.0 * problem.irregular[v].get(c, 0.0)) for c in range(len(problem.carers))]
                if problem.irregular[v]
                else [],
            }
            for v in range(len(problem.visits))
        ],
        "carers": [
            {
                "mode": modes.index(id(problem.legs[c])),
                "from": row.get(problem.shift_open[c], -1),
                "to": row.get(problem.shift_close[c], -1),
                "start": _units(problem.shift_start[c]),
                "end": _units(problem.work_limit[c]),
            }
            for c in range(len(problem.carers))
        ],
        "pairs": [
            [*job, _units(problem.gap_low[j]), _units(problem.gap_high[j])]
            for j, job in enumerate(problem.jobs)
            if len(job) == 2
        ],
        "legs": [
            [[_units(m) for m in np.asarray(tables[mode][place], dtype=float)[named]] for place in named]
            for mode in modes
        ],
        "must_place": bool(problem.price) and min(problem.price) >= FAR / UNITS_PER_MIN,
        "start": [[problem.visit_index[s.visit_id] for s in start.route_of[c.id].stops] for c in problem.carers],
        "begins": {problem.visit_index[s.visit_id]: _units(s.start_min) for r in start.routes for s in r.stops},
    }
    return problem, content


def plan_of_answer(problem: Problem, routes: Sequence[Sequence[int]]) -> Plan:
    """The routes a solver answered, timed by our own rules; of a double visit it placed in half nothing is placed."""
    placed = {v for route in routes for v in route}
    halves = {v for job in problem.jobs for v in job if not placed.issuperset(job)}
    by_carer: Mapping[str, list[VisitId]] = {
        str(problem.carers[c].id): [problem.visits[v].id for v in route if v not in halves]
        for c, route in enumerate(routes)
    }
    return plan_from_routes(problem.day, by_carer)


def _units(minutes: float) -> int:
    return FAR if math.isinf(minutes) or minutes * UNITS_PER_MIN > FAR else round(minutes * UNITS_PER_MIN)
