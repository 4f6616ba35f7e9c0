"""Start times of a plan, kept right move by move.

A plan is one order of all jobs and a carer for each visit: a carer's route is the order restricted to the
carer's visits. Whatever moves, the graph of "must start before" then has no cycle, so start times follow in
one pass along the order, and after a move only the jobs behind it are looked at, until times stop changing.
Earliest starts are best for given routes: every term of the cost grows with the start times but the price of
long gaps, and a gap is not mended by making the citizen before it wait.

    arrival         end of the stop before, breaks taken in between, the way (``working_time.breaks``)
    single visit    start = max(window open, arrival)
    double visit    start 2 = max(open, arrival 2, start 1 + smallest gap);
                    start 1 = max(its own earliest, start 2 - largest gap)
"""

from __future__ import annotations

import math
from bisect import bisect_left
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from scheduling.cost import idle_price_min, overrun_price_min, plan_cost_min, slack_price_min
from scheduling.loads import Loads
from scheduling.problem import NOWHERE, Problem
from scheduling.travel import UNREACHABLE_MIN
from scheduling.working_time.breaks import LIMIT_TOLERANCE_MIN, depart


class _Arrival(NamedTuple):
    """Arrival minute, where the carer then is, the travel that led there, breaks behind her, all in time."""

    minute: float
    at: int
    leg: float
    taken: int
    kept: bool


class _Totals(NamedTuple):
    distance: float
    tardiness: float
    worst: float
    overrun: float
    extra: float
    idle: float


class _VisitTimes(NamedTuple):
    v: int
    start: float
    at: int
    leg: float
    late: float
    gap: float
    taken: int


class Schedule:
    """Routes, order and times of one problem, changed by ``place`` and ``unplace`` inside a transaction.

    Use: any number of ``unplace``/``place``, then ``settle()``, then ``commit()`` or ``rollback()``.
    Keys order the jobs; they are distinct floats, chosen by the caller between the keys of two neighbours.

    Parameters
    ----------
    strict
        ``settle`` answers ``False`` as soon as a visit would end after its carer's work limit or miss a
        pinned start, a break begin too late or a way be missing; otherwise such times are computed like any other
        (to show what a person asked for).
    """

    __slots__ = (
        "_dirty",
        "_end_log",
        "_ends",
        "_shape_log",
        "_totals",
        "_visit_log",
        "at",
        "back",
        "carer",
        "distance",
        "extra",
        "gap",
        "idle",
        "key",
        "keys",
        "late",
        "leg",
        "loads",
        "next",
        "over",
        "overrun",
        "prev",
        "problem",
        "release",
        "routes",
        "start",
        "strict",
        "taken",
        "tardiness",
        "used",
        "worst",
    )

    def __init__(self, problem: Problem, *, strict: bool) -> None:
        n_visits, n_carers, n_jobs = len(problem.visits), len(problem.carers), len(problem.jobs)
        self.problem = problem
        self.strict = strict
        self.key: list[float] = [math.nan] * n_jobs
        self.used: set[float] = set()
        self.carer = [-1] * n_visits
        self.prev = [-1] * n_visits
        self.next = [-1] * n_visits
        self.routes: list[list[int]] = [[] for _ in range(n_carers)]
        self.keys: list[list[float]] = [[] for _ in range(n_carers)]
        self.release = list(problem.open)
        self.start = [0.0] * n_visits
        self.at = [NOWHERE] * n_visits
        self.leg = [0.0] * n_visits
        self.late = [0.0] * n_visits
        #: price of the wait before a visit and of the slack it lacks
        self.gap = [0.0] * n_visits
        self.taken = [0] * n_visits
        #: the way back, and to the vehicle and from it where one is fetched
        self.back = [0.0] * n_carers
        #: minutes beyond the shift; their price is summed up in ``overrun``
        self.over = [0.0] * n_carers
        self.distance = self.tardiness = self.worst = self.overrun = self.idle = 0.0
        self.extra = sum(problem.price)
        self.loads = Loads(problem.work, problem.fair, problem.weights)
        self._visit_log: list[_VisitTimes] = []
        self._end_log: list[tuple[int, float, float]] = []
        self._shape_log: list[tuple[int, float, tuple[int, ...]]] = []
        self._dirty: list[int] = []
        self._ends: list[int] = []
        self._totals = self._current_totals()

    def cost_min(self) -> float:
        """The cost of the plan as it stands (``scheduling.cost``)."""
        return plan_cost_min(
            self.distance,
            self.tardiness,
            self.worst,
            self.overrun,
            self.extra + self.loads.uneven + self.idle,
            # Every carer's minutes beyond her shift have their own price already.
            1.0,
        )

    def placed(self, job: int) -> bool:
        """Whether somebody does the job."""
        return self.carer[self.problem.jobs[job][0]] >= 0

    def job_carers(self, job: int) -> tuple[int, ...]:
        """The carers of the job's visits, -1 where nobody does it."""
        return tuple(self.carer[v] for v in self.problem.jobs[job])

    def place(self, job: int, key: float, carers: tuple[int, ...]) -> None:
        """Put an unplaced job into the order at ``key``, its visits with ``carers``.

        Raises
        ------
        ValueError
            If the key is taken or one carer is to do both visits.
        """
        if key in self.used or (len(carers) == 2 and carers[0] == carers[1]):
            raise ValueError(f"Expected a free key and different carers, got {key} and {carers}.")
        self._shape_log.append((job, key, ()))
        self._link(job, key, carers)
        self._dirty.append(job)
        for v in self.problem.jobs[job]:
            after = self.next[v]
            if after >= 0:
                self._dirty.append(self.problem.job_of[after])
            self.extra += self.problem.irregular[v].get(self.carer[v], 0.0) - self.problem.price[v]
            self.loads.add(self.carer[v], self.problem.work[v])

    def unplace(self, job: int) -> None:
        """Take a placed job out of its routes."""
        self._shape_log.append((job, self.key[job], self.job_carers(job)))
        for v in self.problem.jobs[job]:
            c = self.carer[v]
            if self.next[v] >= 0:
                self._dirty.append(self.problem.job_of[self.next[v]])
            else:
                self._ends.append(c)
            self.extra += self.problem.price[v] - self.problem.irregular[v].get(c, 0.0)
            self.loads.add(c, -self.problem.work[v])
            self._log_visit(v)
            self.idle -= self.gap[v]
            self.distance -= self.leg[v]
            self.tardiness -= self.late[v]
            self.leg[v] = self.late[v] = self.gap[v] = 0.0
        self._unlink(job)

    def settle(self) -> bool:
        """Bring all times up to date after ``place`` and ``unplace``.

        Returns
        -------
        bool
            False (only when strict) if a limit would be broken: roll back then, times are unfinished.
        """
        heap = [(self.key[job], job) for job in self._dirty if self.placed(job)]
        self._dirty.clear()
        heapify(heap)
        jobs = self.problem.jobs
        while heap:
            entry = heappop(heap)
            while heap and heap[0] == entry:
                heappop(heap)
            job = entry[1]
            kept = self._retime_single(jobs[job][0], heap) if len(jobs[job]) == 1 else self._retime_pair(job, heap)
            if not kept:
                return False
        if not self._settle_ends():
            return False
        self._settle_worst()
        return True

    def commit(self) -> None:
        """Keep what was changed since the last ``commit`` or ``rollback``."""
        self._visit_log.clear()
        self._end_log.clear()
        self._shape_log.clear()
        self._ends.clear()
        self.loads.commit()
        self._totals = self._current_totals()

    def rollback(self) -> None:
        """Undo what was changed since the last ``commit`` or ``rollback``."""
        self._dirty.clear()
        self._ends.clear()
        for job, key, carers in reversed(self._shape_log):
            if carers:
                self._link(job, key, carers)
            else:
                self._unlink(job)
        for v, start, at, leg, late, gap, taken in reversed(self._visit_log):
            self.start[v], self.at[v], self.leg[v], self.late[v], self.gap[v] = start, at, leg, late, gap
            self.taken[v] = taken
        for c, back, over in reversed(self._end_log):
            self.back[c], self.over[c] = back, over
        self._visit_log.clear()
        self._end_log.clear()
        self._shape_log.clear()
        self.loads.rollback()
        self.distance, self.tardiness, self.worst, self.overrun, self.extra, self.idle = self._totals

    def renumber(self) -> None:
        """Spread the keys evenly again and drop the float dust of many additions. Commit first."""
        placed = sorted((self.key[j], j) for j in range(len(self.problem.jobs)) if self.placed(j))
        for rank, (_, job) in enumerate(placed):
            self.key[job] = float(rank + 1)
        self.used = {float(rank + 1) for rank in range(len(placed))}
        for c, route in enumerate(self.routes):
            self.keys[c] = [self.key[self.problem.job_of[v]] for v in route]
        self.distance = math.fsum(self.leg) + math.fsum(self.back)
        self.tardiness = math.fsum(self.late)
        self.overrun = math.fsum(map(overrun_price_min, self.over, self.problem.overrun))
        self.idle = math.fsum(self.gap)
        self.extra = math.fsum(
            self.problem.irregular[v].get(c, 0.0) if c >= 0 else self.problem.price[v] for v, c in enumerate(self.carer)
        )
        self.loads.recount(self.routes)
        self._totals = self._current_totals()

    def _link(self, job: int, key: float, carers: tuple[int, ...]) -> None:
        self.key[job] = key
        self.used.add(key)
        for v, c in zip(self.problem.jobs[job], carers, strict=True):
            keys, route = self.keys[c], self.routes[c]
            i = bisect_left(keys, key)
            before = route[i - 1] if i else -1
            after = route[i] if i < len(route) else -1
            keys.insert(i, key)
            route.insert(i, v)
            self.carer[v], self.prev[v], self.next[v] = c, before, after
            if before >= 0:
                self.next[before] = v
            if after >= 0:
                self.prev[after] = v

    def _unlink(self, job: int) -> None:
        key = self.key[job]
        self.used.discard(key)
        for v in self.problem.jobs[job]:
            c, before, after = self.carer[v], self.prev[v], self.next[v]
            i = bisect_left(self.keys[c], key)
            del self.keys[c][i]
            del self.routes[c][i]
            if before >= 0:
                self.next[before] = after
            if after >= 0:
                self.prev[after] = before
            self.carer[v] = self.prev[v] = self.next[v] = -1
        self.key[job] = math.nan

    def _arrival(self, v: int) -> _Arrival:
        p, c, problem = self.prev[v], self.carer[v], self.problem
        if p >= 0:
            leaves, here, taken = self.start[p] + problem.duration[p], self.at[p], self.taken[p]
        else:
            leaves, here, taken = problem.shift_start[c], problem.shift_open[c], 0
        there = problem.location[v]
        leg = problem.legs[c][here][there] if here >= 0 and there >= 0 else 0.0
        kept = True
        if len(problem.breaks[c]) > taken:
            leaves, taken, kept = depart(
                problem.breaks[c], taken, leaves, leg, self.release[v], problem.duration[v], problem.begun[v]
            )
        return _Arrival(leaves + leg, there if there >= 0 else here, leg, taken, kept)

    def _retime_single(self, v: int, heap: list[tuple[float, int]]) -> bool:
        arrival = self._arrival(v)
        start = self.release[v]
        if arrival.minute > start and not self.problem.begun[v]:
            start = arrival.minute
        return self._set(v, start, arrival, heap)

    def _retime_pair(self, job: int, heap: list[tuple[float, int]]) -> bool:
        problem = self.problem
        first, second = problem.jobs[job]
        arrival_1, arrival_2 = self._arrival(first), self._arrival(second)
        start_1 = self.release[first]
        if arrival_1.minute > start_1 and not problem.begun[first]:
            start_1 = arrival_1.minute
        start_2 = self.release[second]
        if not problem.begun[second]:
            start_2 = max(start_2, arrival_2.minute, start_1 + problem.gap_low[job])
        if start_2 - start_1 > problem.gap_high[job] and not problem.begun[first]:
            start_1 = start_2 - problem.gap_high[job]
        return self._set(first, start_1, arrival_1, heap) and self._set(second, start_2, arrival_2, heap)

    def _log_visit(self, v: int) -> None:
        self._visit_log.append(
            _VisitTimes(v, self.start[v], self.at[v], self.leg[v], self.late[v], self.gap[v], self.taken[v])
        )

    def _set(self, v: int, start: float, arrival: _Arrival, heap: list[tuple[float, int]]) -> bool:
        problem = self.problem
        c = self.carer[v]
        if (
            self.strict
            and not problem.begun[v]
            and (
                not arrival.kept
                or start > problem.due[v] + LIMIT_TOLERANCE_MIN
                or start + problem.duration[v] > problem.work_limit[c]
            )
        ):
            return False
        late = start - problem.close[v]
        late = max(late, 0.0)
        self._log_visit(v)
        gap = 0.0
        if start - arrival.minute > problem.idle_free and self.prev[v] >= 0:
            gap = idle_price_min(start - arrival.minute, problem.weights)
        if start > problem.tight_from[v]:
            gap += slack_price_min(start, problem.tight_from[v], problem.close[v], problem.weights)
        if problem.told is not None:
            gap += problem.told.price_of(v, c, start)
        if gap != self.gap[v]:
            self.idle += gap - self.gap[v]
            self.gap[v] = gap
        self.distance += arrival.leg - self.leg[v]
        self.tardiness += late - self.late[v]
        moved = start != self.start[v] or arrival.at != self.at[v] or arrival.taken != self.taken[v]
        self.start[v], self.at[v], self.leg[v], self.late[v] = start, arrival.at, arrival.leg, late
        self.taken[v] = arrival.taken
        after = self.next[v]
        if after < 0:
            self._ends.append(c)
        elif moved:
            job = problem.job_of[after]
            heappush(heap, (self.key[job], job))
        return True

    def _breaks_kept(self, c: int, last: int) -> bool:
        """Whether breaks not had when the last visit ends could still begin: its partner may have delayed it."""
        waiting = self.problem.breaks[c][self.taken[last] :]
        ends = self.start[last] + self.problem.duration[last]
        return not waiting or ends <= waiting[0].close + LIMIT_TOLERANCE_MIN

    def _settle_ends(self) -> bool:
        """The way back and the overrun of every carer whose last visit changed; False if a way or break is missing."""
        problem = self.problem
        kept = True
        for c in self._ends:
            back = over = 0.0
            route = self.routes[c]
            if route:
                last = route[-1]
                here, there = self.at[last], problem.shift_close[c]
                if here >= 0 and there >= 0:
                    back = problem.legs[c][here][there]
                kept = kept and (problem.begun[last] or (back < UNREACHABLE_MIN and self._breaks_kept(c, last)))
                back += problem.bring[c]
                over = self.start[last] + problem.duration[last] + back - problem.shift_end[c]
                over = max(over, 0.0)
                back += problem.fetch[c]
            self._end_log.append((c, self.back[c], self.over[c]))
            self.distance += back - self.back[c]
            if over != self.over[c]:
                rate = problem.overrun[c]
                self.overrun += overrun_price_min(over, rate) - overrun_price_min(self.over[c], rate)
            self.back[c], self.over[c] = back, over
        self._ends.clear()
        return kept or not self.strict

    def _settle_worst(self) -> None:
        worst, late = self.worst, self.late
        lowered = False
        for v, _, _, _, before, _, _ in self._visit_log:
            worst = max(worst, late[v])
            if before >= self.worst and late[v] < before:
                lowered = True
        self.worst = max(late) if lowered else worst

    def _current_totals(self) -> _Totals:
        return _Totals(self.distance, self.tardiness, self.worst, self.overrun, self.extra, self.idle)
