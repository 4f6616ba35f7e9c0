"""The Danish day against the first planner: three generated towns, both planners with the same seconds.

    python -m loadtests.danish_day --seconds 10 --seeds 2

The first planner is best insertion and annealing in Python, the way every plan was made before there was the compiled
engine (and is made without a compiler); it keeps the same rules and pays the same prices. ``part`` is what
`make bench-routes` calls. Goals: travel at least a tenth less, no hard rule broken, continuity not worse, no more
visits left over.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from loadtests.danish_towns import TOWNS, Town, generated
from scheduling.engine import library
from scheduling.model import Day, Plan
from scheduling.plan_check import hard_breaches
from scheduling.solver import AnnealingSolver

LESS_TRAVEL = 0.10
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": time.process_time}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One plan in figures. ``irregular`` counts visits to citizens with regular carers by somebody else."""

    travel_min: float
    late_min: float
    broken: int
    irregular: int
    left_over: int
    cost_min: float
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One town and seed: the first planner and this one."""

    town: str
    seed: int
    visits: int
    carers: int
    first: Outcome
    now: Outcome

    @property
    def travel_ratio(self) -> float:
        """Travel against the first planner's; 0.9 is a tenth less."""
        return self.now.travel_min / self.first.travel_min

    @property
    def holds(self) -> bool:
        """Whether every goal holds but that of travel, which is judged over all seeds of a town."""
        kept = self.now.broken == 0 and self.now.irregular <= self.first.irregular
        return kept and self.now.left_over <= self.first.left_over


def compared(town: Town, seed: int, seconds: float, clock: Callable[[], float]) -> Comparison:
    """Plan one day with both planners, each with so many seconds of the clock."""
    day = generated(town, seed)
    first, now = (_outcome(day, seed, seconds, clock, compiled=compiled) for compiled in (False, True))
    return Comparison(town.name, seed, len(day.visits), len(day.carers), first, now)


def part(seconds: float, seeds: Sequence[int], clock: str = "wall") -> tuple[list[str], bool]:
    """The Danish part of the route benchmark: lines of a page (Markdown), and whether every goal holds."""
    if library() is None:
        return ["The compiled engine is missing: there is nothing to compare."], False
    found = [compared(town, seed, seconds, CLOCKS[clock]) for town in TOWNS for seed in seeds]
    lines = [
        f"Each planner has {seconds:g} {clock} seconds a day; {len(seeds)} seed(s) a town. Left over, somebody else "
        "(than a regular carer) and rules broken: first planner → now.",
        "",
        "| town | seed | visits | carers | travel, first | travel, now | less | late min | left over | "
        "somebody else | rules broken | cost | wall s | CPU s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(one) for one in found),
        "",
    ]
    ratios = {town.name: fmean(c.travel_ratio for c in found if c.town == town.name) for town in TOWNS}
    holds = all(c.holds for c in found) and max(ratios.values()) <= 1.0 - LESS_TRAVEL
    said = ", ".join(f"{name} {_less(ratio)}" for name, ratio in ratios.items())
    lines.append(f"Travel by town: {said}. Goal (−10 %, nothing else worse): {'holds' if holds else 'does NOT hold'}.")
    return lines, holds


def _outcome(day: Day, seed: int, seconds: float, clock: Callable[[], float], *, compiled: bool) -> Outcome:
    wall, cpu = time.monotonic(), time.process_time()
    plan = AnnealingSolver(clock, compiled=compiled).solve(
        day, moves=None, seconds=seconds, seed=seed, progress=lambda _: None, cancelled=lambda: False
    )
    return outcome_of(day, plan, time.monotonic() - wall, time.process_time() - cpu)


def outcome_of(day: Day, plan: Plan, wall_s: float, cpu_s: float) -> Outcome:
    """A plan in figures, whoever made it: everything is worked out from the day and the plan."""
    stops = [stop for route in plan.routes for stop in route.stops]
    return Outcome(
        travel_min=sum(route.travel_min for route in plan.routes),
        late_min=sum(stop.late_min for stop in stops),
        broken=len(hard_breaches(day, plan)),
        irregular=_irregular(day, plan),
        left_over=len(plan.unallocated),
        cost_min=plan.cost_min,
        wall_s=wall_s,
        cpu_s=cpu_s,
    )


def _irregular(day: Day, plan: Plan) -> int:
    wishes = {v.id: day.citizen_by_id[v.citizen_id].preferences.regular_carer_ids for v in day.visits}
    return sum(bool(wishes[v]) and carer_id not in wishes[v] for v, carer_id in plan.carer_of.items())


def _row(one: Comparison) -> str:
    first, now = one.first, one.now
    cells = [
        one.town,
        one.seed,
        one.visits,
        one.carers,
        f"{first.travel_min:.0f}",
        f"{now.travel_min:.0f}",
        _less(one.travel_ratio),
        f"{first.late_min:.0f} → {now.late_min:.0f}",
        f"{first.left_over} → {now.left_over}",
        f"{first.irregular} → {now.irregular}",
        f"{first.broken} → {now.broken}",
        f"{first.cost_min:.0f} → {now.cost_min:.0f}",
        f"{first.wall_s:.1f} → {now.wall_s:.1f}",
        f"{first.cpu_s:.1f} → {now.cpu_s:.1f}",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _less(ratio: float) -> str:
    return f"{100.0 * (ratio - 1.0):+.1f} %"


def _head(chosen: argparse.Namespace) -> list[str]:
    seeds = " ".join(map(str, chosen.seeds))
    return [
        "# The Danish day against the first planner",
        "",
        "Three generated towns (`loadtests/danish_towns.py`): breaks, vehicles to fetch, two kinds of skill, regular "
        "and unwanted carers, double visits, screen visits. The first planner is the search in Python; both planners "
        "keep the same rules, pay the same prices and are judged stop by stop (`scheduling/plan_check.py`). This run:",
        "",
        f"    python -m loadtests.danish_day --seconds {chosen.seconds:g} --seeds {seeds} --clock {chosen.clock}",
        "",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if a goal does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--out", type=Path, help="write the page here as well")
    typed = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(typed)
    lines, holds = part(chosen.seconds, chosen.seeds, chosen.clock)
    print("\n".join(lines))
    if chosen.out is not None:
        chosen.out.write_text("\n".join([*_head(chosen), *lines, ""]), encoding="utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
