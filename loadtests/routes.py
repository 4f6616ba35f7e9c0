"""How far plans of the benchmark are from the published ones, by size and by seconds, and what they cost in time.

    python -m loadtests.routes --seconds 1 10 --seeds 5

Every plan is judged by the strict judge beside the instances. A gap is the mean over the seeds of one instance, in
percent of the published cost; negative is better than published. ``--clock cpu`` counts seconds of this
process, for a machine that has other work; a search then has as many lanes as cores, and they share the seconds.
``--kept`` names a file to which every run is added, and from which runs of the same clock are taken instead of being
repeated: hours of measuring may be cut short, and several processes may share them (``--only``).
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from statistics import fmean, median

from scheduling.day_file import load_day
from scheduling.engine import library
from scheduling.hhcrsp import solution_json
from scheduling.model import Day, Plan
from scheduling.solver import AnnealingSolver

INSTANCES = Path(__file__).parents[2] / "shared" / "benchmarks" / "hhcrsp"
ON = date(2026, 11, 25)
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": time.process_time}
_KEPT = ("seconds", "seed", "feasible", "gap_percent", "wall_s", "cpu_s")
LARGE = 100
"""Patients from which the published values are known to be far from the best."""


@dataclass(frozen=True, slots=True)
class Published:
    """One instance with the cost that was published for it."""

    name: str
    path: Path
    patients: int
    cost: float


@dataclass(frozen=True, slots=True)
class Run:
    """One plan: what the judge said, its gap in percent, and the seconds it took."""

    instance: Published
    seconds: float
    seed: int
    feasible: bool
    gap_percent: float
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Gap:
    """One instance at one effort over all seeds."""

    instance: Published
    seconds: float
    mean_percent: float
    best_percent: float
    worst_percent: float
    wall_s: float
    cpu_s: float


def published(folder: Path, only: Sequence[str]) -> list[Published]:
    """The instances of a folder with ``best_known.csv``, smallest first; ``only``: parts of names to take."""
    with (folder / "best_known.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = [
        Published(r["instance"], folder / f"{r['instance']}.json", int(r["patients"]), float(r["published_best"]))
        for r in rows
        if not only or any(part in r["instance"] for part in only)
    ]
    return sorted(found, key=lambda p: (p.patients, p.name))


def measured(instance: Published, seconds: float, seed: int, clock: Callable[[], float], judge: Path) -> Run:
    """Plan once and let the judge look at it. The file is read before the clock starts."""
    day = load_day(instance.path, hhcrsp_on=ON)
    wall, cpu = time.monotonic(), time.process_time()
    plan = AnnealingSolver(clock).solve(
        day, moves=None, seconds=seconds, seed=seed, progress=lambda _: None, cancelled=lambda: False
    )
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    gap_percent = judged(instance, day, plan, judge)
    return Run(instance, seconds, seed, gap_percent < float("inf"), gap_percent, wall, cpu)


def judged(instance: Published, day: Day, plan: Plan, judge: Path) -> float:
    """The gap of a plan in percent by the strict judge; infinite where it is not feasible."""
    with tempfile.TemporaryDirectory() as folder:
        solution = Path(folder) / "solution.json"
        solution.write_bytes(solution_json(day, plan))
        command = [sys.executable, str(judge), str(instance.path), str(solution)]
        verdict = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    cost = verdict["cost"] if verdict["feasible"] else float("inf")
    return 100.0 * (float(cost) / instance.cost - 1.0)


def kept_runs(file: Path, instances: Iterable[Published], clock: str, cores: int) -> list[Run]:
    """The runs of a file by this clock on so many cores, in the order they were made; none where there is no file."""
    by_name = {instance.name: instance for instance in instances}
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [
        Run(by_name[row["instance"]], **{name: row[name] for name in _KEPT})
        for row in rows
        if (row["clock"], row["cores"]) == (clock, cores) and row["instance"] in by_name
    ]


def keep(file: Path, run: Run, clock: str, cores: int) -> None:
    """Add a run to a file, as a line of JSON."""
    row = {"instance": run.instance.name, "clock": clock, "cores": cores} | {n: getattr(run, n) for n in _KEPT}
    with file.open("a") as lines:
        lines.write(json.dumps(row) + "\n")


def gaps(runs: Iterable[Run]) -> list[Gap]:
    """Runs of the same instance and effort as one gap."""
    together: dict[tuple[str, float], list[Run]] = {}
    for run in runs:
        together.setdefault((run.instance.name, run.seconds), []).append(run)
    return [
        Gap(
            instance=same[0].instance,
            seconds=same[0].seconds,
            mean_percent=fmean(r.gap_percent for r in same),
            best_percent=min(r.gap_percent for r in same),
            worst_percent=max(r.gap_percent for r in same),
            wall_s=fmean(r.wall_s for r in same),
            cpu_s=fmean(r.cpu_s for r in same),
        )
        for same in together.values()
    ]


def summary_lines(found: Sequence[Gap]) -> list[str]:
    """One line per effort: mean, median and worst gap of all instances, and of the large ones."""
    lines = [
        "| seconds | instances | mean gap | median | worst | mean, 100 patients and more | at or below published |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for seconds in sorted({g.seconds for g in found}):
        these = [g for g in found if g.seconds == seconds]
        means = [g.mean_percent for g in these]
        large = [g.mean_percent for g in these if g.instance.patients >= LARGE]
        lines.append(
            f"| {seconds:g} | {len(these)} | {_percent(fmean(means))} | {_percent(median(means))} | "
            f"{_percent(max(means))} | {_percent(fmean(large)) if large else '–'} | {sum(m <= 0.01 for m in means)} |"
        )
    return lines


def instance_lines(found: Sequence[Gap]) -> list[str]:
    """One line per instance, with mean, best and worst seed for every effort."""
    efforts = sorted({g.seconds for g in found})
    by_name: dict[str, dict[float, Gap]] = {}
    for g in found:
        by_name.setdefault(g.instance.name, {})[g.seconds] = g
    heads = "".join(f" {s:g} s: mean (best to worst seed) | wall s | CPU s |" for s in efforts)
    lines = [f"| instance | patients | published |{heads}", "|---|--:|--:|" + "--:|--:|--:|" * len(efforts)]
    for name, of in by_name.items():
        one = next(iter(of.values())).instance
        cells = "".join(_cell(of.get(seconds)) for seconds in efforts)
        lines.append(f"| {name} | {one.patients} | {one.cost:.2f} |{cells}")
    return lines


def _percent(value: float) -> str:
    """Two decimals and never a negative nothing."""
    return f"{round(value, 2) + 0.0:+.2f} %"


def _cell(gap: Gap | None) -> str:
    if gap is None:
        return " – | – | – |"
    seeds = f"({_percent(gap.best_percent)} to {_percent(gap.worst_percent)})"
    return f" {_percent(gap.mean_percent)} {seeds} | {gap.wall_s:.1f} | {gap.cpu_s:.1f} |"


def report(runs: Sequence[Run], options: argparse.Namespace) -> str:
    """The whole measurement as a page."""
    found = gaps(runs)
    feasible = sum(r.feasible for r in runs)
    return "\n".join(
        [
            "# Routes against the published plans",
            "",
            "Written by `make bench-routes`; this run:",
            "",
            f"    python -m loadtests.routes {options.typed}",
            "",
            f"- {len(runs)} plans, {feasible} of them feasible by the strict judge.",
            f"- Engine: {'compiled' if library() is not None else 'Python'}; seconds are {options.clock} seconds, "
            f"{options.cores} core(s), {platform.machine()}; a million additions in Python take {calibration_ms():.0f} "
            "ms of CPU here.",
            "- A gap is the mean over the seeds of an instance against the published cost; negative is better.",
            "",
            *summary_lines(found),
            "",
            "Cost over time against the published cost, one seed, as the search goes on (`loadtests/route_curves.py`; "
            "lanes on all cores share CPU seconds):",
            "",
            "![Gap to the published cost over seconds of search](../img/routes-over-time.svg)",
            "",
            *instance_lines(found),
            "",
        ]
    )


def calibration_ms() -> float:
    """CPU milliseconds of a million additions: how fast this machine is at the moment."""
    began = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return (time.process_time() - began) * 1e3


def _all_runs(options: argparse.Namespace, efforts: Sequence[tuple[float, int]]) -> list[Run]:
    """Every run that was asked for: those that are kept, and the others made now."""
    instances = published(options.instances, options.only)
    clock, judge = CLOCKS[options.clock], options.instances / "check.py"
    before = kept_runs(options.kept, instances, options.clock, options.cores) if options.kept else []
    known = {(run.instance.name, run.seconds, run.seed): run for run in before}
    runs = []
    for seconds, count in efforts:
        for instance, seed in product(instances, range(1, count + 1)):
            run = known.get((instance.name, seconds, seed))
            if run is None:
                run = measured(instance, seconds, seed, clock, judge)
                if options.kept:
                    keep(options.kept, run, options.clock, options.cores)
                print(f"{seconds:g} s {instance.name} seed {seed}: {run.gap_percent:+.2f} %", flush=True)
            runs.append(run)
    return runs


def _shown(typed: Sequence[str]) -> str:
    """What was typed but for where things are on this machine."""
    kept = list(typed)
    for name in ("--out", "--kept", "--instances"):
        if name in kept:
            at = kept.index(name)
            kept = kept[:at] + kept[at + 2 :]
    return " ".join(kept)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; 1 if a plan was not feasible."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[5], help="how many, for all seconds or one for each")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of instances")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--instances", type=Path, default=INSTANCES)
    parser.add_argument("--kept", type=Path, help="take runs from here, and add those that were missing")
    parser.add_argument("--out", type=Path, help="write the page here too")
    options = parser.parse_args(typed)
    options.typed = _shown(typed)
    options.cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if not (options.instances / "best_known.csv").is_file():
        parser.error(f"Expected best_known.csv in {options.instances.name}, got none.")
    if len(options.seeds) not in (1, len(options.seconds)):
        parser.error(f"Expected one number of seeds or {len(options.seconds)}, got {len(options.seeds)}.")
    seeds = options.seeds * (len(options.seconds) // len(options.seeds))
    runs = _all_runs(options, list(zip(options.seconds, seeds, strict=True)))
    page = report(runs, options)
    print(page)
    if options.out is not None:
        options.out.write_text(page)
    return 0 if all(run.feasible for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
