"""A day, or one unit of it, as flat lists: what a search and a board compute on.

Visits, carers and jobs are numbers here. A job is what is planned at once: one visit, or both of a pair.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kernel.ids import CarerId, UnitId, VisitId
from scheduling import rules
from scheduling.cost import (
    CostWeights,
    OverrunRate,
    fair_loads_min,
    fetching_min,
    overrun_rate,
    regular_price_min,
    tight_from_min,
    visit_load_min,
    visit_price_min,
    weights_for,
)
from scheduling.model import Carer, Day, Place, Visit, VisitMode
from scheduling.travel import Legs, travel_times
from scheduling.working_time.breaks import BreakMinutes

NOWHERE = -1
"""Location of a screen visit, and of a shift that begins or ends at a citizen."""


@dataclass(frozen=True, slots=True)
class Told:
    """What people have been told of each visit, by its index, and what another start with the same carer costs.

    ``carer`` is -1 where nothing was told, or where it is no promise any more. ``earliest`` and ``latest`` are the
    starts that count as the one that was told, in minutes of the day.
    """

    carer: list[int]
    earliest: list[float]
    latest: list[float]
    price_min: float

    def price_of(self, v: int, c: int, start: float) -> float:
        """The price of a start, minutes of cost; none with another carer: that has a price of its own."""
        kept = self.carer[v] != c or self.earliest[v] <= start <= self.latest[v]
        return 0.0 if kept else self.price_min


class Problem:
    """The visits and carers of the given units of a day, indexed.

    Parameters
    ----------
    day
        A whole, checked day.
    units
        The units to take, each with those that merged into it; a pair never spans two units (the day file sees
        to it).
    dense
        Store all travel times (a search asks for most of them) or compute each when asked (a board).
    """

    __slots__ = (
        "able",
        "begun",
        "breaks",
        "bring",
        "can",
        "carer_index",
        "carers",
        "close",
        "day",
        "due",
        "duration",
        "fair",
        "fetch",
        "gap_high",
        "gap_low",
        "idle_free",
        "irregular",
        "job_of",
        "jobs",
        "legs",
        "location",
        "open",
        "overrun",
        "price",
        "shift_close",
        "shift_end",
        "shift_open",
        "shift_start",
        "tight_from",
        "told",
        "visit_index",
        "visits",
        "weights",
        "why_not",
        "work",
        "work_limit",
    )

    def __init__(self, day: Day, units: Iterable[UnitId], *, dense: bool) -> None:
        acting = day.acting_unit
        chosen = frozenset(acting.get(unit, unit) for unit in units)
        self.day = day
        self.weights: CostWeights = weights_for(day.objective)
        self.visits: list[Visit] = [v for v in day.visits if acting.get(v.unit_id, v.unit_id) in chosen]
        self.carers: list[Carer] = [c for c in day.carers if acting.get(c.unit_id, c.unit_id) in chosen]
        self.visit_index: dict[VisitId, int] = {v.id: i for i, v in enumerate(self.visits)}
        self.carer_index: dict[CarerId, int] = {c.id: i for i, c in enumerate(self.carers)}
        self.told: Told | None = None
        self._index_times()
        self._index_jobs()
        self._index_carers()
        self._index_loads()
        self._index_places(dense)

    def _index_times(self) -> None:
        day = self.day
        minute = day.minute
        self.begun = [v.begun and v.pinned_start_at is not None for v in self.visits]
        self.open = [minute(v.pinned_start_at or v.window_open_at) for v in self.visits]
        self.close = [minute(v.window_close_at) for v in self.visits]
        self.due = [minute(v.pinned_start_at) if v.pinned_start_at else math.inf for v in self.visits]
        self.duration = [v.duration_s / 60.0 for v in self.visits]
        weights = self.weights
        self.tight_from = [
            math.inf
            if begun
            else tight_from_min(opens if v.pinned_start_at is None else minute(v.window_open_at), closes, weights)
            for v, begun, opens, closes in zip(self.visits, self.begun, self.open, self.close, strict=True)
        ]
        self.price = [visit_price_min(v, self.weights) for v in self.visits]

    def _index_jobs(self) -> None:
        """Jobs in the order of their first visit. Gaps are minutes from the first start to the second."""
        self.jobs: list[tuple[int, ...]] = []
        self.job_of = [-1] * len(self.visits)
        self.gap_low: list[float] = []
        self.gap_high: list[float] = []
        pair_of = self.day.pair_of
        for index, visit in enumerate(self.visits):
            if self.job_of[index] >= 0:
                continue
            pair = pair_of.get(visit.id)
            job = (index,) if pair is None else (self.visit_index[pair.first_id], self.visit_index[pair.second_id])
            for member in job:
                self.job_of[member] = len(self.jobs)
            self.jobs.append(job)
            self.gap_low.append(0.0 if pair is None else pair.min_gap_s / 60.0)
            self.gap_high.append(0.0 if pair is None else pair.max_gap_s / 60.0)

    def _index_carers(self) -> None:
        """Who may do what, once per kind of visit: 1,500 carers share few kinds."""
        day = self.day
        self._index_shifts()
        self.work_limit = [day.minute(rules.latest_work_end(c)) + 1e-9 for c in self.carers]
        self.able: list[list[int]] = []
        self.can: list[bytes] = []
        self.why_not: list[Counter[str]] = []
        self.irregular: list[dict[int, float]] = []
        known: dict[object, tuple[list[int], bytes, Counter[str]]] = {}
        for visit in self.visits:
            citizen = day.citizen_by_id[visit.citizen_id]
            avoided = citizen.preferences.avoided_carer_ids
            keyed = citizen.door is not None and citizen.door.device_id is None
            kind = (
                visit.unit_id,
                rules.key_kind(visit, citizen) if keyed else None,
                visit.required_skills,
                visit.required_competences,
                visit.pinned_carer_id,
                avoided,
            )
            if kind not in known:
                known[kind] = self._able_carers(visit)
            able, can, why_not = known[kind]
            self.able.append(able)
            self.can.append(can)
            self.why_not.append(why_not)
            self.irregular.append(self._irregular(visit, able))

    def _index_shifts(self) -> None:
        """Hours, breaks and vehicles. Who fetches a vehicle is ready for the first visit when she has it."""
        minute, times = self.day.minute, travel_times(self.day)
        fetching = [fetching_min(c, times) for c in self.carers]
        self.fetch = [there for there, _ in fetching]
        self.bring = [home for _, home in fetching]
        self.shift_start = [minute(c.shift_starts_at) + self.fetch[i] for i, c in enumerate(self.carers)]
        self.shift_end = [minute(c.shift_ends_at) for c in self.carers]
        self.overrun: list[OverrunRate] = [overrun_rate(c, self.weights) for c in self.carers]
        self.breaks: list[tuple[BreakMinutes, ...]] = [
            tuple(BreakMinutes(minute(b.earliest_at), minute(b.latest_at), b.duration_s / 60.0) for b in c.breaks)
            for c in self.carers
        ]

    def _index_loads(self) -> None:
        """Work of each visit, fair share of each carer and the longest free gap, in minutes.

        Where the objective has no such price, ``fair`` is empty and the gap infinite.
        """
        fair = fair_loads_min(self.visits, self.carers, self.weights, self.day.acting_unit)
        self.work = [visit_load_min(v, self.weights) for v in self.visits]
        self.fair = [fair[c.id] for c in self.carers] if fair else []
        self.idle_free = self.weights.idle_free_min if self.weights.idle_min else math.inf

    def _able_carers(self, visit: Visit) -> tuple[list[int], bytes, Counter[str]]:
        able: list[int] = []
        why_not: Counter[str] = Counter()
        for index, carer in enumerate(self.carers):
            breaches = rules.may_do(self.day, visit, carer)
            # What has begun is a fact: whoever does it, does it.
            if not breaches or (visit.begun and visit.pinned_carer_id == carer.id):
                able.append(index)
            why_not.update({breach.code for breach in breaches})
        return able, _flags(able, len(self.carers)), why_not

    def _irregular(self, visit: Visit, able: list[int]) -> dict[int, float]:
        """Price by carer where the citizen has regular carers; empty for most visits."""
        citizen = self.day.citizen_by_id[visit.citizen_id]
        if not citizen.preferences.regular_carer_ids:
            return {}
        return {c: regular_price_min(citizen, self.carers[c].id, self.weights) for c in able}

    def _index_places(self, dense: bool) -> None:
        times = travel_times(self.day)
        wanted: list[Place] = []

        def row(place: Place | None) -> int:
            if place is None:
                return NOWHERE
            wanted.append(place)
            return len(wanted) - 1

        citizens = self.day.citizen_by_id
        at_visit = [row(citizens[v.citizen_id].place if v.mode is VisitMode.PHYSICAL else None) for v in self.visits]
        at_start = [row(c.start_place if c.vehicle is None else c.vehicle.place) for c in self.carers]
        at_end = [row(c.end_place if c.vehicle is None else c.vehicle.place) for c in self.carers]
        places, rows = times.index_of(wanted)

        def resolve(asked: Sequence[int]) -> list[int]:
            return [rows[i] if i >= 0 else NOWHERE for i in asked]

        self.location = resolve(at_visit)
        self.shift_open = resolve(at_start)
        self.shift_close = resolve(at_end)
        tables = {mode: times.table(mode, places, dense=dense) for mode in sorted({c.transport for c in self.carers})}
        self.legs: list[Sequence[Legs]] = [tables[c.transport] for c in self.carers]


def _flags(members: Iterable[int], size: int) -> bytes:
    flags = bytearray(size)
    for member in members:
        flags[member] = 1
    return bytes(flags)
