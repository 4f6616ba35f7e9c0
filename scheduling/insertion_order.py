"""Which job claims a place first."""

from __future__ import annotations

import math

from scheduling.problem import Problem


def insertion_order(p: Problem) -> list[int]:
    """Jobs in the order in which they claim a place.

    What has begun or is pinned comes first, then by priority, then by time; among visits of the same half
    hour double visits and those few carers can do come before the others.
    """

    def claim(job: int) -> tuple[float, ...]:
        visits = p.jobs[job]
        begun = 0 if any(p.begun[v] for v in visits) else 1
        pinned = 0 if any(p.due[v] < math.inf for v in visits) else 1
        priority = min(p.visits[v].priority for v in visits)
        able = min(len(p.able[v]) for v in visits)
        opens = max(p.open[v] for v in visits)
        return (begun, pinned, priority, opens // 120, -len(visits), able, opens, job)

    return sorted(range(len(p.jobs)), key=claim)
