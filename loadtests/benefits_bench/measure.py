"""The measurements: cost of a new event, a year from nothing, a scrape, and the manager's first page."""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func
from sqlmodel import select

from gateway.app import create_app
from gateway.memory import spare_the_collector
from gateway.parts import Benefits
from gateway.pins import hash_pin
from gateway.runtime import Duties, Runtime
from gateway.settings import DatabaseSettings, HttpSettings, Settings
from gateway.tables import IdentityRow
from gateway.web_server import WebServer
from kernel.clock import SimulatedWorldClock
from kernel.consumers import catch_up_together
from kernel.database import Database
from loadtests.benefits_bench.municipality import RESIDENCE, TEMPLATE_ON, UNITS
from loadtests.benefits_bench.town import adoptions, analyse, begin, copy_rows, noon, open_town
from metrics.business_case import load_cases
from metrics.exporter import serve_exporter
from metrics.sums.tables import SubjectSumRow
from metrics.tables import EntryRow, ShiftProgressRow

#: How many events a ledger takes at once when it reads a year: a shift is written once, not in every batch.
CATCHING_UP = 20_000
_PIN = "4711"
_TIMES = 5
#: The days the filled-up ledger speaks of lie before those that are lived on top of it.
_FILLED_ON = date(2025, 6, 2)


def event_cost_us(url: str, entries: int) -> float:
    """Microseconds of a new event in every ledger together, beside so many entries: the median of five days.

    The entries are written as rows; the five days are read as events, each day a batch of its own.
    """
    days = _TIMES + 1
    town = open_town(url, noon(TEMPLATE_ON + timedelta(days=days)))
    begin(town)
    _fill(town.database, entries)
    analyse(town.database)
    costs: list[float] = []
    for n in range(days):
        count = town.live(TEMPLATE_ON + timedelta(days=n), 1)
        began_s = time.process_time()
        catch_up_together(town.units, town.ledgers(), CATCHING_UP)
        costs.append((time.process_time() - began_s) / count * 1e6)
    town.database.dispose()
    # The first day also warms what is read once.
    return statistics.median(costs[1:])


def write_days(url: str, days: int) -> int:
    """A new municipality with so many days in its log and nothing read of them. Returns how many events."""
    town = open_town(url, noon(TEMPLATE_ON + timedelta(days=days)))
    begin(town)
    events = town.live(TEMPLATE_ON, days)
    analyse(town.database)
    town.database.dispose()
    return events


def recompute(url: str, days: int) -> dict[str, Any]:
    """Let every ledger read the days from nothing in a process of its own.

    Returns entries and sums, seconds by the clock and of CPU, and the most memory that process ever held, MiB.
    """
    child = subprocess.run(
        [sys.executable, "-m", "loadtests.benefits_bench", "--read", url, "--days", str(days)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return found


def read_everything(url: str, days: int) -> dict[str, Any]:
    """What the process of :func:`recompute` does."""
    town = open_town(url, noon(TEMPLATE_ON + timedelta(days=days)))
    # As a worker does at its start.
    spare_the_collector()
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    catch_up_together(town.units, town.ledgers(), CATCHING_UP)
    wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    with town.database.reading() as session:
        entries = session.exec(select(func.count()).select_from(EntryRow)).one()
        sums = session.exec(select(func.count()).select_from(SubjectSumRow)).one()
    town.database.dispose()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": peak_mib, "entries": entries, "sums": sums}


def scrape_ms(url: str, days: int) -> tuple[float, float]:
    """Milliseconds of computing the figures of a ledger that was read, and the median of scraping them."""
    clock = SimulatedWorldClock(noon(TEMPLATE_ON + timedelta(days=days)))
    began_s = time.perf_counter()
    exporter = serve_exporter(url, 0, clock=clock, cases=load_cases(), adoptions=adoptions())
    computed_ms = (time.perf_counter() - began_s) * 1000
    times: list[float] = []
    try:
        with httpx.Client(timeout=60) as client:
            for _ in range(_TIMES + 1):
                began_s = time.perf_counter()
                client.get(f"http://127.0.0.1:{exporter.port}/metrics").raise_for_status()
                times.append((time.perf_counter() - began_s) * 1000)
    finally:
        exporter.close()
    return computed_ms, statistics.median(times[1:])


@dataclass(frozen=True, slots=True)
class PageTimes:
    """Milliseconds until a manager's page is there: before anybody computed its figures, and the median after."""

    cold_ms: float
    kept_ms: float
    #: CPU of the whole process while it answered the first time
    cold_cpu_ms: float


#: The manager's pages by what they are called. Another reading of the target is another question: nothing of it was
#: computed for the first page.
PAGES = {
    "manager's first page": "/leder",
    "a technology's page": "/leder/keys?maaltal=implied",
    "kroner": "/leder/oekonomi",
    "a month's report": "/leder/rapport",
    "evaluation": "/leder/evaluering",
}


def page_ms(url: str, days: int, directory: Path) -> dict[str, PageTimes]:
    """Each of :data:`PAGES`, by its name."""
    clock = SimulatedWorldClock(noon(TEMPLATE_ON + timedelta(days=days)))
    settings = Settings(work_dir=directory, database=DatabaseSettings(url=url), demo=True, http=HttpSettings(port=0))
    runtime = Runtime(settings, Duties(ingest=False, work=False, signer=False), clock=clock)
    runtime.start()
    try:
        runtime.parts.benefits = Benefits(load_cases(), adoptions())
        with runtime.units.begin() as work:
            work.session.add(
                IdentityRow(
                    id="bench-manager",
                    role="manager",
                    name="Leder",
                    unit_ids=[*UNITS, RESIDENCE],
                    pin_hash=hash_pin(_PIN),
                    demo=True,
                )
            )
        server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
        server.start()
        address = f"http://127.0.0.1:{server.port}"
        found = {name: _times(address, path) for name, path in PAGES.items()}
        server.stop()
    finally:
        runtime.stop()
    return found


def _times(address: str, path: str) -> PageTimes:
    began_cpu_s = time.process_time()
    asked = _asked_ms(address, path)
    cold_ms = next(asked)
    cold_cpu_ms = (time.process_time() - began_cpu_s) * 1000
    return PageTimes(cold_ms, statistics.median(asked), cold_cpu_ms)


def _asked_ms(address: str, path: str) -> Iterator[float]:
    with httpx.Client(base_url=address, timeout=120) as client:
        signed_in = client.post(
            "/api/v1/session", json={"identity": "bench-manager", "pin": _PIN}, headers={"X-Surface": "manager"}
        )
        signed_in.raise_for_status()
        for _ in range(_TIMES + 1):
            began_s = time.perf_counter()
            client.get(path).raise_for_status()
            yield (time.perf_counter() - began_s) * 1000


def _fill(database: Database, entries: int) -> None:
    """Entries and shifts of carers nobody asks about, a keys and a routing entry for each shift."""
    shifts = entries // 2
    with database.writing() as session:
        copy_rows(session, ShiftProgressRow, (_shift_row(n) for n in range(shifts)))
        copy_rows(session, EntryRow, (_entry_row(n, rule) for n in range(shifts) for rule in ("keys", "routing")))


def _shift_row(number: int) -> dict[str, Any]:
    visits = {f"v{number}-{n}": [True, True, False, 0, n, 1, n, None, None, [n]] for n in range(14)}
    state = {"kind": "day", "places": ["citizen", "citizen"], "started": [0, 1], "ended": [1, 2], "visits": visits}
    day = (_FILLED_ON + timedelta(days=number % 200)).isoformat()
    return {
        "shift_id": f"filled-{number}",
        "subject": f"filled{number % 240:04d}",
        "unit_id": UNITS[number % 3],
        "day": day,
        "route_key": f"filled{number % 240:04d}:{day}",
        "closed": True,
        "last_position": 1,
        "state": state,
    }


def _entry_row(number: int, technology: str) -> dict[str, Any]:
    return {
        "technology": technology,
        "component": "base_trip" if technology == "keys" else "between_visits",
        "clock": "vejtid",
        "rule_version": f"{technology}-1",
        "occasion_id": f"filled-{number}",
        "revision": 1,
        "unit_id": UNITS[number % 3],
        "day_on": _FILLED_ON + timedelta(days=number % 200),
        "subject": f"filled{number % 240:04d}",
        "outcome": "counted",
        "eligible": True,
        "baseline_id": "filled",
        "baseline_count": 1,
        "baseline_s": 1_500,
        "actual_s": 600,
        "overhead_s": 0,
        "net_s": 900,
        "evidence_class": "device",
        "evidence_count": 2,
        "evidence": [1, 2],
        "inputs": {"head_s": 300, "tail_s": 300},
        "cause_position": 1,
        "recorded_at": noon(_FILLED_ON),
    }
