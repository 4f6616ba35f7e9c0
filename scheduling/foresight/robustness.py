"""How much a plan can take: the rest of the day lived many times, each visit and each way a little different.

Every visit and every way has its own numbers in all plans of a day (common random numbers), so that two plans are
compared on the same 200 days and differ by what is planned, not by luck. Double visits wait for each other as
they do in the plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel.ids import CarerId, VisitId
from scheduling.foresight.spread import Lognormal, Spread
from scheduling.model import Day, Plan, Stop, Visit

DAYS = 200
FRAGILE_FROM_RATIO = 0.2
"""Late in a fifth of the days or more: such a visit is worth a look while there is time."""

_Minutes = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VisitOutlook:
    """One visit over all days: how often it starts after its window, and its start in minutes of the day."""

    visit_id: VisitId
    late_ratio: float
    start_p50_min: float
    start_p90_min: float

    @property
    def fragile(self) -> bool:
        """Whether it is late often enough to be shown."""
        return self.late_ratio >= FRAGILE_FROM_RATIO


@dataclass(frozen=True, slots=True)
class RouteOutlook:
    """One route: the share of days on which every visit to come starts in its window. About routes, not people."""

    carer_id: CarerId
    on_time_ratio: float
    visits: tuple[VisitOutlook, ...]


def outlook(day: Day, plan: Plan, spread: Spread, days: int = DAYS) -> dict[CarerId, RouteOutlook]:
    """Live the rest of a plan ``days`` times.

    Parameters
    ----------
    day
        The running day; what has begun keeps its start, and an ended visit its end.
    plan
        Its routes, timed on it.

    Returns
    -------
    dict
        By carer, for those with a visit to come.
    """
    starts = _Lived(day, plan, spread, days).starts()
    found: dict[CarerId, RouteOutlook] = {}
    for route in plan.routes:
        ahead = [day.visit_by_id[s.visit_id] for s in route.stops if not day.visit_by_id[s.visit_id].begun]
        if not ahead:
            continue
        late = {v.id: starts[v.id] > day.minute(v.window_close_at) + 1e-6 for v in ahead}
        never_late = ~np.any(np.stack(list(late.values())), axis=0)
        visits = tuple(_visit_outlook(v.id, starts[v.id], late[v.id]) for v in ahead)
        found[route.carer_id] = RouteOutlook(route.carer_id, float(np.mean(never_late)), visits)
    return found


class _Lived:
    """All days at once: one array of minutes for each visit, worked out in the plan's order."""

    def __init__(self, day: Day, plan: Plan, spread: Spread, days: int) -> None:
        self._day = day
        self._spread = spread
        self._days = days
        self._order = plan.order
        self._stop: dict[VisitId, Stop] = {s.visit_id: s for r in plan.routes for s in r.stops}
        self._before: dict[VisitId, VisitId | None] = {}
        self._first_min: dict[VisitId, float] = {}
        for route in plan.routes:
            last: VisitId | None = None
            for stop in route.stops:
                self._before[stop.visit_id] = last
                if last is None:
                    leaves_min = stop.start_min - stop.wait_min - stop.travel_min
                    self._first_min[stop.visit_id] = leaves_min
                last = stop.visit_id
        self._start: dict[VisitId, _Minutes] = {}
        self._end: dict[VisitId, _Minutes] = {}

    def starts(self) -> Mapping[VisitId, _Minutes]:
        for first in self._order:
            pair = self._day.pair_of.get(first)
            if pair is None:
                self._begin(first, self._earliest(first))
                continue
            one, two = self._earliest(pair.first_id), self._earliest(pair.second_id)
            two = np.maximum(two, one + pair.min_gap_s / 60.0)
            one = np.maximum(one, two - pair.max_gap_s / 60.0)
            self._begin(pair.first_id, one)
            self._begin(pair.second_id, two)
        return self._start

    def _earliest(self, visit_id: VisitId) -> _Minutes:
        visit, stop = self._day.visit_by_id[visit_id], self._stop[visit_id]
        if visit.begun:
            return np.full(self._days, stop.start_min)
        before = self._before[visit_id]
        leaves = np.full(self._days, self._first_min[visit_id]) if before is None else self._end[before]
        arrives = leaves + stop.travel_min * self._factor(f"{before}>{visit_id}", self._spread.travel)
        return np.maximum(arrives, self._day.minute(visit.window_open_at))

    def _begin(self, visit_id: VisitId, start: _Minutes) -> None:
        visit = self._day.visit_by_id[visit_id]
        if visit.begun:
            start = np.full(self._days, self._stop[visit_id].start_min)
        self._start[visit_id] = start
        length_min = visit.duration_s / 60.0
        self._end[visit_id] = start + length_min * self._length_factor(visit)

    def _length_factor(self, visit: Visit) -> _Minutes | float:
        # What has begun and ended took as long as it took; the running day has put that into its length.
        if visit.begun:
            return 1.0
        return self._factor(visit.id, self._spread.of(visit.service))

    def _factor(self, name: str, spread: Lognormal) -> _Minutes:
        """The same numbers for the same visit or way in every plan of the day."""
        seed = hashlib.blake2b(f"{self._day.on}/{name}".encode(), digest_size=8).digest()
        random = np.random.Generator(np.random.PCG64(int.from_bytes(seed, "little")))
        normal = random.standard_normal(self._days)
        return np.exp(spread.log_mean + spread.log_sd * normal)


def _visit_outlook(visit_id: VisitId, start: _Minutes, late: NDArray[np.bool_]) -> VisitOutlook:
    p50, p90 = np.quantile(start, (0.5, 0.9))
    return VisitOutlook(visit_id, float(np.mean(late)), float(p50), float(p90))
