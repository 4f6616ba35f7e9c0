"""OR-Tools beside our planner in one run: what `make bench-peers` calls.

    python -m loadtests.peers --python .venv-peers/bin/python --seconds 10

The same days, seconds and judge for all: the published HHCRSP instances, judged by the strict judge beside them, and
the generated Danish towns, judged stop by stop. OR-Tools runs in an environment of its own (``--python``); its seconds
begin when its model is built. ``cpu`` seconds are for a machine that has other work.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from loadtests.danish_day import Outcome, outcome_of
from loadtests.danish_towns import TOWNS, Town, generated
from loadtests.peers.wire import flat, plan_of_answer
from loadtests.routes import CLOCKS, INSTANCES, ON, Published, calibration_ms, judged, published
from scheduling.day_file import load_day
from scheduling.engine import library
from scheduling.model import Day, Plan, VisitMode
from scheduling.problem import Problem
from scheduling.routes import RouteOrderError
from scheduling.solver import AnnealingSolver, solve_day

HERE = Path(__file__).parent
CP_SAT_PATIENTS = 50
"""Above so many patients CP-SAT's model has hundreds of thousands of arcs and does not leave its start."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to ask OR-Tools: its script, where it begins, and what the page calls it."""

    name: str
    script: str
    begins: str


PEERS = (
    Peer("routing, own start", "routing_peer.py", "own"),
    Peer("routing, from our first plan", "routing_peer.py", "ours"),
    Peer("CP-SAT, from our first plan", "cp_sat_peer.py", "ours"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """How everybody is asked."""

    seconds: float
    clock: str
    python: Path
    cores: int


def ours(day: Day, asked: Asked) -> tuple[Plan, float, float]:
    """Our plan, with wall and CPU seconds."""
    wall, cpu = time.monotonic(), time.process_time()
    plan = AnnealingSolver(CLOCKS[asked.clock]).solve(
        day, moves=None, seconds=asked.seconds, seed=1, progress=lambda _: None, cancelled=lambda: False
    )
    return plan, time.monotonic() - wall, time.process_time() - cpu


def theirs(peer: Peer, problem: Problem, content: dict[str, Any], asked: Asked) -> tuple[Plan | None, float, float]:
    """OR-Tools' plan, timed by our rules; ``None`` where it found none, or one that nobody can drive.

    The routing solver keeps double visits together by their hours and knows no order of them across routes: rounded to
    its whole numbers, two that each come first for somebody may be left.
    """
    cores = [str(asked.cores)] if peer.script == "cp_sat_peer.py" else []
    command = [str(asked.python), str(HERE / peer.script), f"{asked.seconds:g}", asked.clock, peer.begins, *cores]
    ended = subprocess.run(command, input=json.dumps(content).encode(), capture_output=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{peer.name}: {ended.stderr.decode()[-800:]}")
    answer = json.loads(ended.stdout)
    try:
        plan = None if answer["routes"] is None else plan_of_answer(problem, answer["routes"])
    except RouteOrderError:
        plan = None
    return plan, answer["wall_s"], answer["cpu_s"]


def instance_rows(asked: Asked, only: Sequence[str]) -> list[tuple[Published, float, list[float | None]]]:
    """Each published instance: our gap in percent, and each peer's; ``None`` where it was not asked."""
    rows = []
    for instance in published(INSTANCES, only):
        day, judge = load_day(instance.path, hhcrsp_on=ON), INSTANCES / "check.py"
        mine = judged(instance, day, ours(day, asked)[0], judge)
        problem, content = flat(day, solve_day(day, moves=0))
        gaps: list[float | None] = []
        for peer in PEERS:
            if peer.script == "cp_sat_peer.py" and instance.patients > CP_SAT_PATIENTS:
                gaps.append(None)
                continue
            plan = theirs(peer, problem, content, asked)[0]
            gaps.append(float("inf") if plan is None else judged(instance, day, plan, judge))
        rows.append((instance, mine, gaps))
        print(f"{instance.name}: ours {_percent(mine)}, {', '.join(map(_percent, gaps))}", flush=True)
    return rows


def town_rows(asked: Asked, towns: Sequence[Town]) -> list[tuple[str, str, Outcome | None]]:
    """Each town's day without what OR-Tools has no word for: our plan and the routing solver's."""
    rows: list[tuple[str, str, Outcome | None]] = []
    for town in towns:
        whole = generated(town, 1)
        day = replace(
            whole,
            visits=tuple(v for v in whole.visits if v.mode is VisitMode.PHYSICAL),
            carers=tuple(replace(c, breaks=()) for c in whole.carers),
        )
        first = solve_day(day, moves=0)
        rows.append((town.name, "our first plan", outcome_of(day, first, 0.0, 0.0)))
        rows.append((town.name, "ours", outcome_of(day, *ours(day, asked))))
        problem, content = flat(day, first)
        for peer in PEERS[:2]:
            plan, wall_s, cpu_s = theirs(peer, problem, content, asked)
            rows.append((town.name, peer.name, None if plan is None else outcome_of(day, plan, wall_s, cpu_s)))
            print(f"{town.name}, {peer.name}: {'none' if plan is None else round(plan.cost_min)}", flush=True)
    return rows


def instance_lines(rows: Sequence[tuple[Published, float, list[float | None]]]) -> list[str]:
    """The gaps as a table, and their means over the instances each was asked."""
    head = " | ".join(peer.name for peer in PEERS)
    lines = [f"| instance | patients | ours | {head} |", "|---|--:|--:|" + "--:|" * len(PEERS)]
    for instance, mine, gaps in rows:
        lines.append(
            f"| {instance.name} | {instance.patients} | {_percent(mine)} | {' | '.join(map(_percent, gaps))} |"
        )
    said = [f"ours {_summary([mine for _, mine, _ in rows])}"]
    for at, peer in enumerate(PEERS):
        known = [gap for _, _, gaps in rows if (gap := gaps[at]) is not None]
        if known:
            said.append(f"{peer.name} {_summary(known)}")
    return [*lines, "", "Gaps, mean (median) of plans found: " + "; ".join(said) + "."]


def town_lines(rows: Sequence[tuple[str, str, Outcome | None]]) -> list[str]:
    """The towns as a table."""
    lines = [
        "| town | plan | travel min | late min | left over | somebody else | rules broken | cost | CPU s |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for town, name, one in rows:
        if one is None:
            lines.append(f"| {town} | {name} | none found | – | – | – | – | – | – |")
            continue
        cells = (one.travel_min, one.late_min, one.left_over, one.irregular, one.broken, one.cost_min)
        lines.append(f"| {town} | {name} | {' | '.join(f'{cell:.0f}' for cell in cells)} | {one.cpu_s:.1f} |")
    return lines


def page(asked: Asked, typed: str, instances: list[str], towns: list[str]) -> str:
    """The whole measurement."""
    shown = subprocess.run(
        [str(asked.python), "-c", "import ortools; print(ortools.__version__)"], capture_output=True, check=True
    )
    return "\n".join(
        [
            "# OR-Tools beside our planner",
            "",
            "Written by `make bench-peers`; this run:",
            "",
            f"    python -m loadtests.peers {typed}",
            "",
            f"- {asked.seconds:g} {asked.clock} seconds for each plan, one seed, {asked.cores} core(s), "
            f"{platform.machine()}; OR-Tools {shown.stdout.decode().strip()}, whose seconds begin when its model is "
            f"built; a million additions in Python take {calibration_ms():.0f} ms of CPU here.",
            "- The routing solver (guided local search) is one thread, CP-SAT and our planner use all cores. Both get "
            "everything of the problem they have a word for (`loadtests/peers/routing_peer.py`), from where it begins "
            "by itself or from the plan our insertion makes in a moment.",
            "- Every answer is timed and judged alike, by the strict judge or stop by stop "
            "(`scheduling/plan_check.py`); a plan is what it is, whoever made it.",
            "- *None found*: no plan, or one whose double visits wait for each other, which the routing solver's whole "
            "numbers do not tell.",
            "",
            "## The published instances: gap to the published cost",
            "",
            *instances,
            "",
            "## The Danish day",
            "",
            "Without breaks and screen visits, for which the routing solver has no exact word. It is asked for travel, "
            "lateness, unfamiliar carers and visits left over; even work, long gaps, slack and the way home beyond the "
            "shift count in the cost of the table and not in its objective.",
            "",
            *towns,
            "",
        ]
    )


def _percent(gap: float | None) -> str:
    if gap is None:
        return "–"
    return "none found" if gap == float("inf") else f"{round(gap, 2) + 0.0:+.2f} %"


def _summary(gaps: Sequence[float]) -> str:
    found = [gap for gap in gaps if gap < float("inf")]
    missing = f", {len(gaps) - len(found)} without a plan" if len(found) < len(gaps) else ""
    return f"{_percent(fmean(found))} ({_percent(median(found))}) of {len(found)}{missing}" if found else "none"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; 2 where there is no OR-Tools or no compiled engine to measure."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, default=Path(".venv-peers/bin/python"), help="one that has OR-Tools")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of instances")
    parser.add_argument("--town-visits", type=int, default=600)
    parser.add_argument("--out", type=Path, help="write the page here too")
    options = parser.parse_args(typed)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = Asked(options.seconds, options.clock, options.python, cores)
    if library() is None or not options.python.exists():
        missing = "the compiled engine" if library() is None else f"a Python with OR-Tools at {options.python}"
        print(f"Expected {missing}, found none: make bench-peers makes both.", file=sys.stderr)
        return 2
    instances = instance_lines(instance_rows(asked, options.only))
    towns = town_lines(town_rows(asked, [replace(town, visits=options.town_visits) for town in TOWNS]))
    said = page(asked, _shown(typed), instances, towns)
    print(said)
    if options.out is not None:
        options.out.write_text(said, encoding="utf-8")
    return 0


def _shown(typed: list[str]) -> str:
    """What was typed but for where things are on this machine."""
    kept = list(typed)
    for name in ("--python", "--out"):
        if name in kept:
            at = kept.index(name)
            kept = kept[:at] + kept[at + 2 :]
    return " ".join(kept)


if __name__ == "__main__":
    sys.exit(main())
