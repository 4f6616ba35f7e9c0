"""Which visits suit each other as neighbours in a route."""

from __future__ import annotations

import numpy as np

from scheduling.problem import Problem
from scheduling.travel import UNREACHABLE_MIN

NEAR = 24
"""Neighbours kept per visit."""


def near_visits(problem: Problem) -> list[tuple[int, ...]]:
    """For each visit the others that would fit best before or behind it: travel plus misfit of the windows.

    Computed row by row, so memory stays at ``NEAR`` numbers a visit.
    """
    n = len(problem.visits)
    if n < 2 or not problem.carers:
        return [()] * n
    opens, closes = np.array(problem.open), np.array(problem.close)
    lasts = np.array(problem.duration)
    location = np.array(problem.location)
    legs = problem.legs[0]
    near: list[tuple[int, ...]] = []
    for v in range(n):
        here = problem.location[v]
        travel = np.zeros(n)
        if here >= 0:
            row = np.asarray(legs[here], dtype=np.float64)
            travel = np.where(location >= 0, row[location], 0.0)
        ready = opens[v] + lasts[v] + travel
        waits = np.maximum(0.0, opens - np.maximum(ready, closes[v] + lasts[v] + travel))
        lateness = np.maximum(0.0, ready - closes)
        misfit_after = waits + lateness
        ready_before = opens + lasts + travel
        waits_before = np.maximum(0.0, opens[v] - (closes + lasts + travel))
        misfit_before = waits_before + np.maximum(0.0, ready_before - closes[v])
        score = travel + np.minimum(misfit_after, misfit_before)
        score[v] = np.inf
        order = np.argsort(score, kind="stable")[: min(NEAR, n - 1)]
        near.append(tuple(int(w) for w in order if problem.job_of[w] != problem.job_of[v]))
    return near


def mean_near_leg_min(problem: Problem, near: list[tuple[int, ...]]) -> float:
    """Mean travel to the five nearest fitting visits in minutes, at least 1: the scale of the temperature."""
    legs: list[float] = []
    if not problem.carers:
        return 1.0
    for v, others in enumerate(near):
        here = problem.location[v]
        if here >= 0:
            row = problem.legs[0][here]
            near_legs = [row[problem.location[w]] for w in others[:5] if problem.location[w] >= 0]
            legs += [minutes for minutes in near_legs if minutes < UNREACHABLE_MIN]
    return max(1.0, sum(legs) / len(legs)) if legs else 1.0
