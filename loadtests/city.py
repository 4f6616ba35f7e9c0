"""A large municipality by district: 12,000 citizens, 1,500 carers, 20,000 visits in one unit, one plan.

    python -m loadtests.city

Districts are planned in processes of their own, as Celery workers do it, and joined in this one. Goals: ten minutes
of wall time on two cores, 4 GiB over all processes, no hard rule broken. ``part`` is what `make bench-routes` calls.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from loadtests.danish_towns import Town, generated
from scheduling.cost import recomputed_terms
from scheduling.districts.planning import (
    DISTRICT_VISITS,
    PartRoutes,
    district_moves,
    districts_of,
    joined_plan,
    plan_district,
)
from scheduling.model import Day
from scheduling.plan_check import hard_breaches
from scheduling.solver import AnnealingSolver, standard_moves

CITY = Town(
    "storkommune",
    radius_km=14.0,
    villages=60,
    cars_share=0.4,
    lock_share=0.3,
    visits=20_000,
    visits_each=13,
    a_day=(1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3),
    by_team=True,
)
MOST_WALL_S = 600.0
MOST_MIB = 4096.0


@dataclass(frozen=True, slots=True)
class CityPlan:
    """One plan of the city in figures. Seconds are wall and CPU of all processes; ``peak_mib`` is their sum."""

    citizens: int
    carers: int
    visits: int
    districts: int
    workers: int
    travel_min: float
    late_min: float
    irregular_min: float
    left_over: int
    broken: int
    cost_min: float
    unmended_cost_min: float
    split_s: float
    districts_s: float
    borders_s: float
    cpu_s: float
    peak_mib: float

    @property
    def wall_s(self) -> float:
        """From the day in memory to the plan."""
        return self.split_s + self.districts_s + self.borders_s

    @property
    def holds(self) -> bool:
        """Whether every goal holds."""
        return self.broken == 0 and self.wall_s <= MOST_WALL_S and self.peak_mib <= MOST_MIB


class _Worker:
    """What a worker process keeps: the day, read once."""

    day: Day | None = None


def planned(town: Town, seed: int, moves_per_visit: int | None, workers: int, most_visits: int) -> CityPlan:
    """Plan the town by district with so many worker processes (0: in this one) and judge the plan."""
    day = generated(town, seed)
    moves = standard_moves(len(day.visits)) if moves_per_visit is None else moves_per_visit * len(day.visits)
    before_cpu = _cpu_s()
    began = time.monotonic()
    districts = districts_of(day, most_visits)
    split_s = time.monotonic() - began
    asked = [
        (town, seed, most_visits, number, district_moves(districts, number, moves)) for number in range(len(districts))
    ]
    began = time.monotonic()
    found, worker_mib = _by_workers(asked, workers) if workers else ([_one(a)[0] for a in asked], 0.0)
    districts_s = time.monotonic() - began
    began = time.monotonic()
    plan = joined_plan(day, districts, found, moves=moves, seed=seed, progress=lambda _: None, cancelled=lambda: False)
    borders_s = time.monotonic() - began
    cpu_s = _cpu_s() - before_cpu
    bare = joined_plan(day, districts, found, moves=0, seed=seed, progress=lambda _: None, cancelled=lambda: True)
    terms = recomputed_terms(day, plan)
    return CityPlan(
        citizens=len(day.citizens),
        carers=len(day.carers),
        visits=len(day.visits),
        districts=len(districts),
        workers=workers,
        travel_min=terms.distance_min,
        late_min=terms.tardiness_min,
        irregular_min=terms.not_regular_min,
        left_over=len(plan.unallocated),
        broken=len(hard_breaches(day, plan)),
        cost_min=plan.cost_min,
        unmended_cost_min=bare.cost_min,
        split_s=split_s,
        districts_s=districts_s,
        borders_s=borders_s,
        cpu_s=cpu_s,
        peak_mib=_peak_mib() + worker_mib,
    )


def part(seed: int = 1, moves_per_visit: int | None = None) -> tuple[list[str], bool]:
    """The city's part of the route benchmark: lines of a page (Markdown), and whether every goal holds."""
    found = planned(CITY, seed, moves_per_visit, workers=2, most_visits=DISTRICT_VISITS)
    said = "holds" if found.holds else "does NOT hold"
    lines = [
        f"- {found.citizens} citizens, {found.carers} carers and {found.visits} visits in one unit; "
        f"{found.districts} districts, {found.workers} worker processes, {os.cpu_count()} cores, seed {seed}.",
        f"- {found.wall_s:.0f} s of wall time ({found.split_s:.1f} s to split, {found.districts_s:.0f} s for the "
        f"districts, {found.borders_s:.0f} s to join and mend the borders), {found.cpu_s:.0f} s of CPU, "
        f"{found.peak_mib:.0f} MiB over all processes at their largest.",
        f"- {found.broken} hard rules broken, {found.left_over} visits left over, {found.late_min:.0f} min late in "
        f"all, {found.travel_min:.0f} min of travel.",
        f"- Cost {found.cost_min:.0f} min; before the pass over the borders {found.unmended_cost_min:.0f} min.",
        "",
        f"Goal (10 min, 4 GiB, no rule broken): {said}.",
    ]
    return lines, found.holds


def _by_workers(asked: Sequence[tuple[Town, int, int, int, int]], workers: int) -> tuple[list[PartRoutes], float]:
    """Routes of all districts, and the MiB of the workers together, each at its largest."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        answers = list(pool.map(_one, asked))
    mib: dict[int, float] = {}
    for _, process, peak in answers:
        mib[process] = max(peak, mib.get(process, 0.0))
    return [routes for routes, _, _ in answers], sum(mib.values())


def _one(asked: tuple[Town, int, int, int, int]) -> tuple[PartRoutes, int, float]:
    town, seed, most_visits, number, moves = asked
    if _Worker.day is None:
        _Worker.day = generated(town, seed)
    day = _Worker.day
    found = plan_district(
        day,
        districts_of(day, most_visits)[number],
        AnnealingSolver(),
        moves=moves,
        seed=seed,
        progress=lambda _: None,
        cancelled=lambda: False,
    )
    return found, os.getpid(), _peak_mib()


def _cpu_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan, print and write; 1 if a goal does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moves-per-visit", type=int, help="the standard effort where not given")
    parser.add_argument("--out", type=Path, help="write the page here as well")
    typed = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(typed)
    lines, holds = part(chosen.seed, chosen.moves_per_visit)
    print("\n".join(lines))
    if chosen.out is not None:
        chosen.out.write_text("\n".join([*_HEAD, *lines, ""]), encoding="utf-8")
    return 0 if holds else 1


_HEAD = (
    "# A large municipality by district",
    "",
    "One generated unit (`loadtests/city.py`), cut into districts, each planned by a worker process, joined and mended "
    "over the borders (`scheduling/districts/`), judged stop by stop (`scheduling/plan_check.py`). Wall time counts "
    "whatever else the machine did meanwhile, CPU time these processes only. This run:",
    "",
    "    python -m loadtests.city",
    "",
)


if __name__ == "__main__":
    sys.exit(main())
