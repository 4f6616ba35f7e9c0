"""``make bench-benefits``: what counting costs, measured and written into docs/benchmarks/benefits.md.

python -m loadtests.benefits_bench --page docs/benchmarks/benefits.md
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtests.benefits_bench import measure
from loadtests.gateway_bench.goal import Line
from loadtests.machine import Meter, calibration_ms
from loadtests.parts import throw_away_parts

_HOLDS = {True: "yes", False: "**no**", None: "–"}
_YEAR_DAYS = 365
_BEGIN, _END = "<!-- cost -->", "<!-- /cost -->"
_PARTS = ("events", "sqlite", "postgres")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and write the section; ends with 0 whatever held: the page says it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--page", type=Path, help="the page with the section; standard output where absent")
    parser.add_argument("--days", type=int, default=_YEAR_DAYS, help="of the year that is read")
    parser.add_argument("--entries", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--only", nargs="*", choices=_PARTS)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.read:
        print(json.dumps(measure.read_everything(chosen.read, chosen.days)))
        return 0
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="omsorgstid-bench-") as name:
        for part, run in _measures(Path(name), chosen).items():
            if not chosen.only or part in chosen.only:
                print(f"{part} …", file=sys.stderr, flush=True)
                found = run()
                for line in found:
                    print(f"  {line.goal}: {line.measured}", file=sys.stderr, flush=True)
                lines += found
    section = _section(lines, sys.argv[1:] if arguments is None else arguments)
    if chosen.page is None:
        print(section)
    else:
        page = chosen.page.read_text(encoding="utf-8")
        before, _, rest = page.partition(_BEGIN)
        chosen.page.write_text(f"{before}{_BEGIN}\n{section}\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")
    return 0


def _measures(directory: Path, chosen: argparse.Namespace) -> dict[str, Callable[[], list[Line]]]:
    def postgres() -> list[Line]:
        with throw_away_parts(directory / "parts") as parts:
            server = parts.postgres_pid
            return _year("PostgreSQL", parts.database_url, chosen.days, directory / "postgres", server)

    return {
        "events": lambda: _events(directory, chosen.entries),
        "sqlite": lambda: _year("SQLite", f"sqlite:///{directory / 'year.db'}", chosen.days, directory / "sqlite"),
        "postgres": postgres,
    }


def _events(directory: Path, sizes: Sequence[int]) -> list[Line]:
    costs = {size: measure.event_cost_us(f"sqlite:///{directory / f'{size}.db'}", size) for size in sizes}
    said = ", ".join(f"{cost:.0f} µs beside {size:,}" for size, cost in costs.items())
    ratio = max(costs.values()) / min(costs.values())
    return [
        Line("a new event in all ledgers", "ratio ≤ 1.5 between ledger sizes", f"{said}: {ratio:.2f}", ratio <= 1.5)
    ]


def _year(name: str, url: str, days: int, work_dir: Path, server_pid: int | None = None) -> list[Line]:
    work_dir.mkdir()
    events = measure.write_days(url, days)
    meter = Meter({} if server_pid is None else {"server": server_pid})
    meter.start()
    found = measure.recompute(url, days)
    meter.stop()
    goal_s = 300 * days / _YEAR_DAYS
    took = f"{found['wall_s']:.0f} s, {found['cpu_s']:.0f} s of CPU"
    if server_pid is not None:
        took += f" and {meter.cpu_s('server'):.0f} s of the server's"
    said = f"{events:,} events, {found['entries']:,} entries, {found['sums']:,} sums: {took}"
    asked = "< 300 s" if days == _YEAR_DAYS else f"< {goal_s:.0f} s, the goal in proportion to {days} days"
    first_ms, scrape_ms = measure.scrape_ms(url, days)
    pages = measure.page_ms(url, days, work_dir)
    return [
        Line(f"a municipality's year, {name}", asked, said, found["wall_s"] < goal_s),
        Line(f"its memory, {name}", "< 1,024 MiB", f"{found['peak_mib']:.0f} MiB", found["peak_mib"] < 1_024),
        Line(
            f"a scrape, {name}",
            "< 50 ms",
            f"{scrape_ms:.1f} ms; computing what is scraped {first_ms:,.0f} ms",
            scrape_ms < 50,
        ),
        *(Line(f"{page}, {name}", "< 300 ms", _page_said(took), took.kept_ms < 300) for page, took in pages.items()),
    ]


def _page_said(page: measure.PageTimes) -> str:
    computed = f"{page.cold_ms:,.0f} ms, {page.cold_cpu_ms:,.0f} ms of CPU, where nobody has computed them"
    return f"{page.kept_ms:.0f} ms with kept figures; {computed}"


def _section(lines: Sequence[Line], arguments: Sequence[str]) -> str:
    rows = "\n".join(f"| {line.goal} | {line.asked} | {line.measured} | {_HOLDS[line.holds]} |" for line in lines)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"""\
`python -m loadtests.benefits_bench {" ".join(arguments)}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC

- {os.cpu_count()} cores, Python {platform.python_version()}, load averages {load} at the end
- the calibration loop took {calibration_ms():.0f} ms

| what | goal | measured | holds |
|---|---|---|---|
{rows}
"""


if __name__ == "__main__":
    sys.exit(main())
