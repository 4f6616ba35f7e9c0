"""``make bench-board``: a planner's board of 400 routes and 6,000 visits in Chromium, written down as it came out.

python -m loadtests.board_bench --out docs/benchmarks/board.md
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from loadtests.board_bench.measure import Found, measure, middle, p95
from loadtests.board_bench.town import LANES, VISITS, big_town
from loadtests.ingest import silence
from loadtests.machine import calibration_ms

LAUNCH = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
)
MOST_NODES, MOST_PAGE_BYTES = 2_500, 200_000
ACT_MS, FRAME_MS, ANSWER_MS, PAINTED_MS = 100.0, 33.0, 1_000.0, 1_000.0
_HOLDS = {True: "yes", False: "**no**"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the page; ends with 0 whatever held: the page says it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, help="the page; standard output where absent")
    chosen = parser.parse_args(arguments)
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is missing (Debian: chromium).", file=sys.stderr)
        return 1
    silence()
    before_ms = calibration_ms()
    with (
        tempfile.TemporaryDirectory(prefix="omsorgstid-board-") as name,
        big_town(Path(name)) as town,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(LAUNCH))
        version = browser.version
        found = measure(browser, town)
        browser.close()
    text = _page(found, version, before_ms)
    if chosen.out is None:
        print(text, end="")
    else:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(text, encoding="utf-8")
    return 0


def rows(found: Found) -> list[tuple[str, str, str, bool]]:
    """What is wanted, what was measured, and whether it holds: (what, goal, measured, holds)."""
    frame_ms = p95(found.frames["empty page"])
    # The guide's 33 ms are two frames of an idle machine; a machine that paints an empty page slower is judged by that.
    allowed_ms = max(FRAME_MS, 2 * frame_ms)
    table = [
        (
            "the day answered, median",
            f"< {ANSWER_MS:.0f} ms",
            f"{middle(found.answer_ms):.0f} ms",
            middle(found.answer_ms) < ANSWER_MS,
        ),
        (
            "the day, nothing new (304), median",
            "",
            f"{middle(found.unchanged_ms or [0.0]):.0f} ms",
            bool(found.unchanged_ms),
        ),
        (
            "page, scripts, fonts and day, as sent",
            f"≤ {MOST_PAGE_BYTES // 1000} kB",
            f"{found.page_bytes / 1000:.0f} kB",
            found.page_bytes <= MOST_PAGE_BYTES,
        ),
        ("first contentful paint", "≤ 500 ms", f"{found.first_paint_ms:.0f} ms", found.first_paint_ms <= 500),
        ("first bars painted", f"< {PAINTED_MS:.0f} ms", f"{found.painted_ms:.0f} ms", found.painted_ms < PAINTED_MS),
    ]
    table += [(f"nodes, {where}", f"< {MOST_NODES}", f"{n}", n < MOST_NODES) for where, n in found.nodes.items()]
    for what, times in found.frames.items():
        goal = "" if what == "empty page" else f"≤ {allowed_ms:.0f} ms"
        table.append(
            (f"frame, {what}, p95", goal, f"{p95(times):.0f} ms (p50 {middle(times):.0f})", p95(times) <= allowed_ms)
        )
    for what, times in found.acts.items():
        table.append(
            (
                f"{what}, to its frame, p95",
                f"< {ACT_MS:.0f} ms",
                f"{p95(times):.0f} ms (p50 {middle(times):.0f})",
                p95(times) < ACT_MS,
            )
        )
    table.append(("tasks over 50 ms while scrolling", "0", f"{found.long_tasks}", found.long_tasks == 0))
    return table


def _page(found: Found, version: str, before_ms: float) -> str:
    load = os.getloadavg()[0]
    lines = [
        "# The planner's board",
        "",
        f"{LANES} routes, {VISITS} visits, a lived morning until 10:42, one planner in Chromium {version} without a",
        "GPU on the same machine as the server. Written by `make bench-board`. An act is timed from the event to the",
        "frame after it; a frame's goal is twice that of an empty page where that is more than 33 ms.",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}; the calibration loop took"
        f" {before_ms:.0f} ms before and {calibration_ms():.0f} ms after.",
        f"The day is {found.raw_bytes / 1000:.0f} kB in columns and {found.packed_bytes / 1000:.0f} kB as it is sent.",
        "",
        "| what | goal | measured | holds |",
        "|---|---|---|---|",
        *(f"| {what} | {goal} | {measured} | {_HOLDS[holds]} |" for what, goal, measured, holds in rows(found)),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
