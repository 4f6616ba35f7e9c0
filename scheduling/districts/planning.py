"""A day by district: its parts, the effort of each, one part planned, and all of them made one plan."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kernel.ids import CarerId, UnitId, VisitId
from scheduling.districts.borders import mend_borders
from scheduling.districts.joining import joined, part_of
from scheduling.districts.split import District, split
from scheduling.improvement import Effort
from scheduling.model import Day, Plan
from scheduling.routes import plan_from_routes
from scheduling.solver import Progress, Solver

DISTRICT_VISITS = 800
"""Visits of the largest district: a large centre's day, which the search is made for."""

BORDER_SHARE = 0.15
"""Part of all moves that the pass over the borders has."""

MAX_SECONDS = 120.0
"""No district is searched longer, whatever its moves."""

BORDER_SECONDS = 20.0
"""The same for the borders, for each district of a unit."""


@dataclass(frozen=True, slots=True)
class PartRoutes:
    """The plan of a district as it travels between processes: ids in order by carer, and why what is left over is."""

    routes: Mapping[CarerId, Sequence[VisitId]]
    reasons: Mapping[VisitId, str]


def districts_of(day: Day, most_visits: int = DISTRICT_VISITS) -> tuple[District, ...]:
    """The districts of all units of a day that have visits, unit by unit."""
    sizes = Counter(day.acting_unit.get(v.unit_id, v.unit_id) for v in day.visits)
    units = [unit.id for unit in day.units if sizes[unit.id]]
    return tuple(district for unit_id in units for district in split(day, unit_id, most_visits))


def fingerprint(districts: Sequence[District]) -> str:
    """Same districts, same fingerprint: how a worker sees that it looks at the day it was asked about."""
    told = repr([(d.unit_id, d.number, d.visit_ids, d.carer_ids) for d in districts])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def district_moves(districts: Sequence[District], number: int, moves: int) -> int:
    """The moves of one district: its share by visits of what the borders leave."""
    whole = sum(len(d.visit_ids) for d in districts)
    share = 1.0 - (BORDER_SHARE if len(districts) > 1 else 0.0)
    return int(share * moves * len(districts[number].visit_ids) / max(1, whole))


def plan_district(
    day: Day,
    district: District,
    solver: Solver,
    *,
    moves: int,
    seed: int,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> PartRoutes:
    """Plan one district. Same day, district, moves and seed: same routes, whoever does it."""
    part = part_of(day, district.visit_ids, district.carer_ids)
    plan = solver.solve(part, moves=moves, seconds=MAX_SECONDS, seed=seed, progress=progress, cancelled=cancelled)
    return PartRoutes(
        {r.carer_id: tuple(s.visit_id for s in r.stops) for r in plan.routes if r.stops},
        {u.visit_id: u.reason for u in plan.unallocated},
    )


def joined_plan(
    day: Day,
    districts: Sequence[District],
    found: Sequence[PartRoutes],
    *,
    moves: int,
    seed: int,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    clock_s: Callable[[], float] = time.monotonic,
    compiled: bool | None = None,
) -> Plan:
    """The districts' routes as one plan, mended over the borders of each unit.

    Parameters
    ----------
    moves
        Of the whole day; the borders have their share of them.
    compiled
        Search with the compiled engine, or in Python. By default with what the installation has.
    """
    parts = [
        plan_from_routes(
            part_of(day, district.visit_ids, district.carer_ids),
            {str(c): list(visits) for c, visits in one.routes.items()},
            one.reasons,
        )
        for district, one in zip(districts, found, strict=True)
    ]
    plan = joined(day, parts)
    units: dict[UnitId, list[District]] = {}
    for district in districts:
        units.setdefault(district.unit_id, []).append(district)
    whole = len(day.visits)
    done = 0
    for of_unit in units.values():
        size = sum(len(d.visit_ids) for d in of_unit)
        effort = _effort(
            moves * size // whole,
            BORDER_SECONDS * len(of_unit),
            lambda ratio, done=done, size=size: progress((done + size * ratio) / whole),  # type: ignore[misc]
            cancelled,
            clock_s,
        )
        plan = mend_borders(day, plan, of_unit, effort, seed, compiled=compiled)
        done += size
    return plan


def _effort(
    moves: int,
    seconds: float,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    clock_s: Callable[[], float],
) -> Effort:
    began = clock_s()
    return Effort(
        moves=int(BORDER_SHARE * moves),
        seconds=seconds,
        elapsed_s=lambda: clock_s() - began,
        cancelled=cancelled,
        progress=lambda ratio, _cost: progress(ratio),
    )
