"""Real parts for tests: databases on SQLite and PostgreSQL, a whole running platform, a browser.

A part that cannot be had is skipped loudly; in CI (CI=true) it is a failure.
"""

import gc
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from devices.simulator.behaviour import LockBehaviour
from devices.simulator.fleet import Fleet
from gateway.app import create_app
from gateway.demo.municipality import Municipality, Size
from gateway.demo.running import RunningDay
from gateway.demo.stage import connect_locks, mount_locks, open_near_links, set_up_day
from gateway.demo.tablets import Tablet
from gateway.runtime import Duties, Runtime
from gateway.settings import HttpSettings, Settings
from gateway.web_server import WebServer
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.localtime import at_local
from scheduling import publishing
from scheduling.model import Day
from scheduling.solver import solve_day
from tests.databases import PostgresDatabases, migrated_file, sqlite_database
from tests.order import longest_first

# A loaded machine must not turn a law into a deadline.
hypothesis_settings.register_profile("project", deadline=None, derandomize=True)
hypothesis_settings.load_profile("project")

TODAY = date(2026, 11, 25)
#: a small morning; twelve carers
SMALL = Size(carers=24, citizens=150, locks=60, keys_left=4, weekday_carers=12, weekend_carers=6, visits_per_carer=8)
#: every visit has a lock on its door, and there are carers enough that each test of a module takes one of its own
STREETS = Size(carers=36, citizens=150, locks=150, keys_left=0, weekday_carers=36, weekend_carers=6, visits_per_carer=4)
#: locks that never jam, lose their network or run flat: what a test does not ask for does not happen
STEADY = LockBehaviour(
    jam_ratio=0.0, battery_low_start_ratio=0.0, outages_per_day=0.0, clock_lost_ratio=0.0, drift_sigma_ppm=0.0
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files begin first."""
    longest_first(items)


def pytest_collection_finish() -> None:
    """What five thousand tests have imported stays: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def missing(what: str) -> None:
    """Skip loudly on a person's machine, fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and in CI it has to be there.")
    pytest.skip(f"{what} is missing on this machine")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL of our own, started in a temporary directory on a Unix socket."""
    given = os.environ.get("OMSORGSTID_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = binaries[-1] if binaries else None
    if found is None or not (found / "initdb").exists():
        missing("PostgreSQL (Debian: postgresql)")
        return
    with _Postgres(found) as url:
        yield url


class _Postgres:
    """initdb and pg_ctl in a directory of its own; as root it runs as the postgres user, as it insists."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._directory = Path(tempfile.mkdtemp(prefix="omsorgstid-pg-", dir="/tmp"))
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def __enter__(self) -> str:
        if self._as:
            shutil.chown(self._directory, "postgres")
        data = self._directory / "data"
        self._run("initdb", "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        # Nothing here outlives the session, and no database lives long enough to be vacuumed.
        quick = "-c fsync=off -c full_page_writes=off -c autovacuum=off"
        options = f"-k {self._directory} -c listen_addresses='' -c max_connections=200 {quick}"
        self._run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(self._directory / "log"), "start")
        return f"postgresql+psycopg://postgres@/postgres?host={self._directory}"

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/")


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[PostgresDatabases]:
    """Where migrated databases on that PostgreSQL come from."""
    databases = PostgresDatabases(postgres_server)
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of each make in turn: the same tests on both."""
    if request.param == "sqlite":
        made = sqlite_database(tmp_path / "test.db")
        yield made
        made.dispose()
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    with databases.empty() as made:
        yield made


@dataclass
class LiveServer:
    """A whole running platform with a small municipality in the middle of its morning."""

    url: str
    runtime: Runtime
    clock: SimulatedWorldClock
    running: RunningDay
    day: Day
    fleet: Fleet
    port: int
    #: carers and doors a test has made its own
    _taken: set[str] = field(default_factory=set)

    def settled(self, tablet: Tablet, opening_id: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait until an opening is settled; its last state."""
        deadline_s = monotonic() + timeout_s
        while True:
            opening: dict[str, Any] = tablet.opening(opening_id)
            if opening["state"] not in ("requested", "challenged", "sent") or monotonic() > deadline_s:
                return opening
            sleep(0.02)

    def carer_with_door_first(self) -> str:
        """A carer whose route begins at an electronic lock; the world moves on to just before that visit.

        Another carer and another door each time: tests of a module that share a platform do not meet.
        """
        with self.runtime.database.reading() as session:
            routes = [(c.id, publishing.stops_of(session, c.id, self.day.on)) for c in self.day.carers]
        begins = sorted(
            (stops[0].start_at, carer_id, stops[0].door_id)
            for carer_id, stops in routes
            if stops
            and stops[0].door_id is not None
            and stops[0].start_at is not None
            and not self._taken & {carer_id, stops[0].door_id}
        )
        assert begins, "every carer whose route begins at a lock is taken"
        start_at, carer_id, door_id = begins[0]
        self._taken |= {carer_id, door_id}
        self.clock.advance_to(max(self.clock.now(), start_at - timedelta(minutes=5)))
        return str(carer_id)


def start_platform(
    work_dir: Path,
    size: Size = SMALL,
    seed: int = 1,
    moves: int = 3_000,
    change: Callable[[Day], Day] = lambda day: day,
) -> LiveServer:
    """Start everything on embedded parts; the caller stops it with :func:`stop_platform`.

    ``change``: what is different about the day.
    """
    clock = SimulatedWorldClock(at_local(TODAY, time(6, 50)))
    running = RunningDay(clock, TODAY, at_local(TODAY, time(6, 30)), at_local(TODAY, time(15, 30)), None)
    settings = Settings(work_dir=work_dir, demo=True, http=HttpSettings(port=0))
    migrated_file(work_dir / "omsorgstid.db")
    runtime = Runtime(settings, Duties(), clock=clock, speed=running)
    runtime.parts.demo = running
    runtime.start()
    server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
    server.start()
    day = change(Municipality(seed, size).day(TODAY))
    set_up_day(runtime, day, solve_day(day, moves=moves))
    locks = mount_locks(runtime, day, seed=seed, behaviour=STEADY)
    fleet = connect_locks(runtime, locks.values(), delay_ratio=0.0, outages_from=None)
    near = open_near_links(runtime, fleet)
    runtime.parts.checks["web"] = lambda: ""
    started = LiveServer(f"http://127.0.0.1:{server.port}", runtime, clock, running, day, fleet, server.port)
    started.__dict__["server"] = server
    started.__dict__["near"] = near
    clock.advance_to(at_local(TODAY, time(7, 0)) + timedelta(minutes=2))
    return started


def stop_platform(live: LiveServer) -> None:
    """Stop everything."""
    live.__dict__["near"].stop()
    live.fleet.stop()
    live.__dict__["server"].stop()
    live.runtime.stop()


@pytest.fixture
def live_server(tmp_path: Path) -> Iterator[LiveServer]:
    """A fresh running platform for one test: only for what no other test may have touched."""
    live = start_platform(tmp_path)
    yield live
    stop_platform(live)


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running platform for the tests of a module that leave each other alone."""
    live = start_platform(tmp_path_factory.mktemp("morning"))
    yield live
    stop_platform(live)


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running platform where every door has a lock; each test takes a carer of its own."""
    live = start_platform(tmp_path_factory.mktemp("streets"), STREETS)
    yield live
    stop_platform(live)
