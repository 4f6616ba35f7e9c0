"""The pass over the borders: carers on both sides of one are planned together once more, from the joined plan on.

A window is the carers nearest to a border with all they do. Half of a double visit whose other carer is not in the
window stays at its minute. A window's new routes are taken only where they cost less. Visits left over get windows of
their own, with the nearest carers of the whole unit who may do them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kernel.ids import CarerId, VisitId
from scheduling.districts.ground import Spot, spot_km
from scheduling.districts.joining import able_carers, joined, order_of, part_of
from scheduling.districts.split import District
from scheduling.districts.warm import mended
from scheduling.improvement import Effort
from scheduling.model import Day, Plan, Route, Unallocated

CARERS_EACH_SIDE = 12
"""Carers of each side in a window: their routes are some 300 visits, which a second of search does well."""

TOUCHING_SHARE = 0.02
"""Two districts touch if so large a part of the visits of one have their nearest visit elsewhere in the other."""

LEFT_OVER_AT_ONCE = 8
CARERS_FOR_LEFT_OVER = 24
MOVES_LEAST = 2_000
"""Moves a visit that nobody does gets at least, however few the whole search has."""


@dataclass(frozen=True, slots=True)
class Window:
    """Carers to be planned together, and visits left over that they may take."""

    carer_ids: tuple[CarerId, ...]
    left_over: tuple[VisitId, ...] = ()


def mend_borders(
    day: Day, plan: Plan, districts: Sequence[District], effort: Effort, seed: int, *, compiled: bool | None = None
) -> Plan:
    """The joined plan made better where the districts meet. Never dearer than before, and no other rule broken.

    Parameters
    ----------
    districts
        Of one unit, all of them.
    effort
        ``moves`` are shared by the windows; progress is told window by window.
    """
    if len(districts) < 2:
        return plan
    routes = dict(plan.route_of)
    reasons = {u.visit_id: u.reason for u in plan.unallocated}
    windows = [*_left_over_windows(day, plan, districts), *_border_windows(day, plan, districts)]
    whole = sum(len(routes[c].stops) for w in windows for c in w.carer_ids) or 1
    for number, window in enumerate(windows):
        effort.progress(number / len(windows), plan.cost_min)
        if effort.cancelled() or effort.elapsed_s() >= effort.seconds:
            break
        visits = [s.visit_id for c in window.carer_ids for s in routes[c].stops]
        left = [v for v in window.left_over if v in reasons]
        if window.left_over and not left:
            continue
        moves = None if effort.moves is None else max(effort.moves * len(visits) // whole, MOVES_LEAST * len(left))
        own = Effort(moves, effort.seconds, effort.elapsed_s, effort.cancelled, lambda _share, _cost: None)
        part = part_of(day, [*visits, *left], window.carer_ids, routes)
        before = {c: [s.visit_id for s in routes[c].stops] for c in window.carer_ids}
        found = mended(part, before, {v: reasons[v] for v in left}, own, f"{seed}/border/{number}", compiled=compiled)
        if found is None or not _agrees(day, routes, found):
            continue
        routes |= found.route_of
        for visit_id in left:
            del reasons[visit_id]
        reasons |= {u.visit_id: u.reason for u in found.unallocated}
    after = joined(day, [Plan((), tuple(routes.values()), _left(reasons), 0.0)])
    # Windows judge by their own evenness and worst lateness: the whole day has the last word.
    return after if after.cost_min < plan.cost_min else plan


def _left(reasons: dict[VisitId, str]) -> tuple[Unallocated, ...]:
    return tuple(Unallocated(visit_id, reason) for visit_id, reason in reasons.items())


def _agrees(day: Day, routes: dict[CarerId, Route], found: Plan) -> bool:
    """Whether the new routes still have one order with the others (double visits with a gap can cross)."""
    if all(pair.simultaneous for pair in day.pairs):
        return True
    try:
        order_of(day, (routes | found.route_of).values())
    except ArithmeticError:
        return False
    return True


def _border_windows(day: Day, plan: Plan, districts: Sequence[District]) -> list[Window]:
    """A window for each two districts that touch, carers nearest to the other side first."""
    spots = [_spots_of(day, d.visit_ids) for d in districts]
    touching: list[Window] = []
    near = _touching(spots)
    for a, b in combinations(range(len(districts)), 2):
        if (a, b) in near:
            chosen = (
                *_nearest(day, plan, districts[a].carer_ids, spots[b], CARERS_EACH_SIDE),
                *_nearest(day, plan, districts[b].carer_ids, spots[a], CARERS_EACH_SIDE),
            )
            touching.append(Window(chosen))
    return touching


def _left_over_windows(day: Day, plan: Plan, districts: Sequence[District]) -> list[Window]:
    """Windows for what is left over and somebody may do, a few visits of a district at a time."""
    district_of = {v: d.number for d in districts for v in d.visit_ids}
    jobs: dict[int, list[tuple[VisitId, ...]]] = defaultdict(list)
    for left in plan.unallocated:
        pair = day.pair_of.get(left.visit_id)
        if left.visit_id not in district_of or (pair is not None and pair.second_id == left.visit_id):
            continue
        job = (left.visit_id,) if pair is None else (pair.first_id, pair.second_id)
        jobs[district_of[left.visit_id]].append(job)
    windows: list[Window] = []
    for _, of_district in sorted(jobs.items()):
        for first in range(0, len(of_district), LEFT_OVER_AT_ONCE):
            batch = [v for job in of_district[first : first + LEFT_OVER_AT_ONCE] for v in job]
            carers: dict[CarerId, None] = {}
            for visit_id in batch:
                able = [c.id for c in able_carers(day, day.visit_by_id[visit_id])]
                each = max(2, CARERS_FOR_LEFT_OVER // len(batch))
                carers |= dict.fromkeys(_nearest(day, plan, able, _spots_of(day, [visit_id]), each))
            if carers:
                windows.append(Window(tuple(carers), tuple(batch)))
    return windows


def _spots_of(day: Day, visit_ids: Sequence[VisitId]) -> NDArray[np.float32]:
    """Places of visits in kilometres, shape (n, 2)."""
    places: list[Spot] = [
        spot_km(day.citizen_by_id[day.visit_by_id[v].citizen_id].place) or (0.0, 0.0) for v in visit_ids
    ]
    return np.array(places, dtype=np.float32).reshape(-1, 2)


def _nearest(
    day: Day, plan: Plan, carer_ids: Sequence[CarerId], spots: NDArray[np.float32], most: int
) -> list[CarerId]:
    """Carers by how near a stop of theirs comes to the spots; who has no stop is everywhere."""
    if not len(spots):
        return []
    ranked: list[tuple[float, CarerId]] = []
    for carer_id in carer_ids:
        own = _spots_of(day, [s.visit_id for s in plan.route_of[carer_id].stops])
        ranked.append((float(_distances(own, spots).min(axis=1).mean()) if len(own) else 0.0, carer_id))
    return [carer_id for _, carer_id in sorted(ranked)[:most]]


def _touching(spots: Sequence[NDArray[np.float32]]) -> set[tuple[int, int]]:
    """Pairs of districts where enough visits of one have their nearest visit of any other in the other."""
    pairs: set[tuple[int, int]] = set()
    for a, own in enumerate(spots):
        others = [b for b in range(len(spots)) if b != a and len(spots[b])]
        if not len(own) or not others:
            continue
        nearest = np.stack([_distances(own, spots[b]).min(axis=1) for b in others])
        counts = np.bincount(nearest.argmin(axis=0), minlength=len(others))
        pairs |= {(min(a, b), max(a, b)) for b, n in zip(others, counts, strict=True) if n >= TOUCHING_SHARE * len(own)}
    return pairs


def _distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    return found
