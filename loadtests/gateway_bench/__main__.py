"""``make bench-gateway``: every goal of the device gateway, measured in one run, written down as it came out.

python -m loadtests.gateway_bench --out docs/benchmarks/gateway.md
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gateway.migrations  # noqa: F401 - every table is known once its module is
from devices.broker_process import start_broker
from loadtests import trips_bench
from loadtests.gateway_bench import drain, fleet, unlock
from loadtests.gateway_bench.goal import Line
from loadtests.ingest import silence
from loadtests.machine import calibration_ms

_HOLDS = {True: "yes", False: "**no**", None: "–"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, write the page, and end with 0 whatever held: the page says it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, help="the page; standard output where absent")
    parser.add_argument("--messages", type=int, default=12_000, help="waiting in the session of G1")
    parser.add_argument("--backlog", type=int, default=100_000, help="events waiting in locks of G3")
    parser.add_argument("--openings", type=int, default=200, help="one after the other in G5")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each steady load")
    parser.add_argument("--trip-days", type=int, default=365, help="of one car")
    parser.add_argument("--only", nargs="*", choices=["drain", "backlog", "unlock", "fleet", "crypto", "trips"])
    chosen = parser.parse_args(arguments)
    silence()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="omsorgstid-bench-") as name:
        for part, measure in _measures(Path(name), chosen).items():
            if not chosen.only or part in chosen.only:
                print(f"{part} …", file=sys.stderr, flush=True)
                lines += measure()
    text = _page(lines, sys.argv[1:] if arguments is None else arguments)
    if chosen.out is None:
        print(text, end="")
    else:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(text, encoding="utf-8")
    return 0


def _measures(directory: Path, chosen: argparse.Namespace) -> dict[str, Callable[[], list[Line]]]:
    def at_a_broker(measure: Callable[..., list[Line]], name: str, *details: Any) -> list[Line]:
        (directory / name).mkdir()
        broker = start_broker(directory / name / "broker", "mosquitto")
        try:
            return measure(broker, directory / name, *details)
        finally:
            broker.stop()

    return {
        "drain": lambda: at_a_broker(drain.measure, "drain", chosen.messages),
        "backlog": lambda: at_a_broker(fleet.measure_backlog, "backlog", chosen.backlog),
        "unlock": lambda: unlock.measure(directory / "unlock", chosen.openings, chosen.seconds),
        "fleet": lambda: at_a_broker(fleet.measure_fleet, "fleet", chosen.seconds),
        "crypto": _crypto,
        "trips": lambda: _trips(chosen.trip_days),
    }


def _crypto() -> list[Line]:
    from loadtests.gateway_bench import crypto  # noqa: PLC0415

    found = crypto.measure()
    ratio, size = float(found["ratio"]), int(found["largest_grant_bytes"])
    return [
        Line("G12", "python-cwt ≤ 1.2x of raw COSE", f"{ratio:.2f}x", ratio <= 1.2),
        Line("G12", "grant ≤ 350 bytes", f"{size} bytes with everything", size <= 350),
    ]


def _trips(days: int) -> list[Line]:
    found = trips_bench.measure(days)
    goal_s = float(found["goal_s"]) * days / trips_bench.DAYS
    lines = []
    for name, words in (("driving_hours", "driving hours only"), ("day_and_night", "day and night")):
        one = found[name]
        seconds, month, year = one["seconds"], one["peak_mb_of_a_month"], one["peak_mb_of_a_year"]
        said = f"{one['fixes']:,} fixes in {seconds:.1f} s; {month:.0f} MB for a month, {year:.0f} MB for a year"
        lines.append(
            Line(
                "trips",
                f"a year of one car < 10 s, {words} ({days} days measured, the goal in proportion)",
                said,
                seconds < goal_s,
            )
        )
    return lines


def _page(lines: Sequence[Line], arguments: Sequence[str]) -> str:
    model = platform.processor() or platform.machine()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    rows = "\n".join(f"| {line.goal} | {line.asked} | {line.measured} | {_HOLDS[line.holds]} |" for line in lines)
    return f"""\
# The device gateway against its goals

Written by `make bench-gateway`; this run ({datetime.now(UTC):%Y-%m-%d %H:%M} UTC):

    python -m loadtests.gateway_bench {" ".join(arguments)}

- {os.cpu_count()} cores, {model}, Python {platform.python_version()}, {_mosquitto()}, SQLite with `synchronous=FULL`
  (doors: PostgreSQL with fsync); all processes on this machine, loopback only.
- Load averages at the end: {load}; the calibration loop took
  {calibration_ms():.0f} ms.
- Ratios are of one run on one machine and survive a change of machine; milliseconds do not.
- A goal that does not hold says so.

| | goal | measured | holds |
|---|---|---|---|
{rows}

What is measured how: the docstrings of `loadtests/gateway_bench/`.
"""


def _mosquitto() -> str:
    from devices.broker_process import mosquitto_path  # noqa: PLC0415

    said = subprocess.run([mosquitto_path() or "mosquitto", "-h"], capture_output=True, text=True, check=False).stdout
    return said.split("\n", 1)[0].replace(" version", "")


if __name__ == "__main__":
    sys.exit(main())
