"""Why a visit is left over: the rule that no carer can keep for it, or that there was no room for it.

A day that cannot be done whole is planned as far as it can be; each visit left over names its rule.
"""

from __future__ import annotations

from scheduling.problem import Problem
from scheduling.travel import UNREACHABLE_MIN
from scheduling.working_time.breaks import LIMIT_TOLERANCE_MIN

NO_ROOM = "no_room_in_shifts"
NOBODY_ABLE = "nobody_able"
CANCELLED = "cancelled"
SAME_CARER = "same_carer_twice"
GAP_IMPOSSIBLE = "gap_impossible"
OUTSIDE_EVERY_SHIFT = "outside_every_shift"
NO_TRAVEL_TIME = "no_travel_time"


def reason(problem: Problem, job: int, cancelled: bool) -> str:
    """Why nobody does a job: nobody may, nobody could even alone, or those who may have no room.

    Where planning was stopped and none of the rules forbids the job, that is the reason.
    """
    visits = problem.jobs[job]
    for v in visits:
        if not problem.able[v]:
            codes = problem.why_not[v].most_common()
            return codes[0][0] if codes else NOBODY_ABLE
    if len(visits) == 2:
        if len(set(problem.able[visits[0]]) | set(problem.able[visits[1]])) < 2:
            return SAME_CARER
        if _gap_is_impossible(problem, job):
            return GAP_IMPOSSIBLE
    for v in visits:
        ways = [_way_min(problem, v, c) for c in problem.able[v]]
        if min(ways) >= UNREACHABLE_MIN:
            return NO_TRAVEL_TIME
        if not any(_fits_alone(problem, v, c, way) for c, way in zip(problem.able[v], ways, strict=True)):
            return OUTSIDE_EVERY_SHIFT
    return CANCELLED if cancelled else NO_ROOM


def _gap_is_impossible(problem: Problem, job: int) -> bool:
    """Whether the two starts contradict each other whatever the carers: pinned, begun, or both."""
    first, second = problem.jobs[job]
    start_1 = problem.open[first]
    start_2 = max(problem.open[second], start_1 + problem.gap_low[job])
    start_1 = max(start_1, start_2 - problem.gap_high[job])
    late_1 = start_1 > problem.due[first] + LIMIT_TOLERANCE_MIN
    return late_1 or start_2 > problem.due[second] + LIMIT_TOLERANCE_MIN


def _way_min(problem: Problem, v: int, c: int) -> float:
    """The longer of the ways from where the shift begins to the visit and back to where it ends."""
    there, legs = problem.location[v], problem.legs[c]
    opens, closes = problem.shift_open[c], problem.shift_close[c]
    if there < 0:
        return 0.0
    out = legs[opens][there] if opens >= 0 else 0.0
    back = legs[there][closes] if closes >= 0 else 0.0
    return max(out, back) if max(out, back) >= UNREACHABLE_MIN else out


def _fits_alone(problem: Problem, v: int, c: int, way_min: float) -> bool:
    """Whether a carer with nothing else to do keeps her shift and the pinned start."""
    start = max(problem.open[v], problem.shift_start[c] + way_min)
    on_time = start <= problem.due[v] + LIMIT_TOLERANCE_MIN
    return on_time and start + problem.duration[v] <= problem.work_limit[c]
