"""G8: every device of a municipality at one broker; G3: a day's backlog comes home while others are heard."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import SQLModel

from devices.broker_process import BrokerProcess
from devices.inbox import leases
from gateway.migrations import migrate
from gateway.settings import PREFIX
from kernel.clock import SystemWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from loadtests.gateway_bench.goal import Line, percentile
from loadtests.gateway_bench.street import WAIT_S, Published, Street
from loadtests.ingest import TENANT, Ingest, Load, enrol_locks, make_locks, resident_mb
from loadtests.platform import ROOT, command_line

DEVICES = 815
RATE = 100.0
DAY_EVENTS = 1_300_000
LIVE = 40
HELD = 250
SERVICE_SEED = bytes(range(32))
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def measure_fleet(broker: BrokerProcess, directory: Path, seconds: float) -> list[Line]:
    """Connect, a steady load, then the broker is killed and all come back; the ingest is the program's own process."""
    load = Load(DEVICES, RATE, seconds, 1)
    database, units = _database(directory / "fleet.db", migrated=True)
    enrol_locks(units, make_locks(load))
    key_file = directory / "service.key"
    key_file.touch(mode=0o600)
    key_file.write_text(f"{SERVICE_SEED.hex()}\n", encoding="ascii")
    with _ingest(broker, directory, database) as pid, Street(broker.address, load) as street:
        connected_s = street.connect()
        ids = [f"load{n:05d}" for n in range(DEVICES)]
        cpu_s, began_s = cpu_of(broker.pid or 0), time.monotonic()
        street.send(ids, RATE, seconds)
        street.settle()
        share = (cpu_of(broker.pid or 0) - cpu_s) / (time.monotonic() - began_s)
        broker.kill()
        broker.restart()
        storm_s = street.settle()
        rss_mb = resident_mb(pid)
    database.dispose()
    cpu = f"{share:.1%} of a core at {RATE:g} msg/s from {DEVICES} devices"
    return [
        Line("G8", "broker ≤ 5 % of a core", cpu, share <= 0.05),
        Line("G8", "gateway's memory ≤ 200 MB", f"{rss_mb:.0f} MB, `omsorgstid ingest` after the storm", rss_mb <= 200),
        Line("G8", f"all {DEVICES} healthy again < 10 s after kill -9", f"{storm_s:.1f} s", storm_s < 10),
        Line("", "first connect of all, births and clocks settled", f"{connected_s:.1f} s"),
    ]


@contextmanager
def _ingest(broker: BrokerProcess, directory: Path, database: Database) -> Iterator[int]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | {
        "PYTHONPATH": str(ROOT),
        f"{PREFIX}WORK_DIR": str(directory),
        f"{PREFIX}DATABASE__URL": database.url.render_as_string(hide_password=False),
        f"{PREFIX}MQTT__BROKER": "external",
        f"{PREFIX}MQTT__PORT": str(broker.address.port),
        f"{PREFIX}MQTT__TENANT": TENANT,
    }
    with (directory / "ingest.log").open("wb") as out:
        process = subprocess.Popen(command_line("ingest"), env=environment, stdout=out, stderr=out)
    try:
        until_s = time.monotonic() + WAIT_S
        while not _runs(database):
            if process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError((directory / "ingest.log").read_text(encoding="utf-8", errors="replace")[-2000:])
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=WAIT_S)


def _runs(database: Database) -> bool:
    with database.reading() as session:
        return leases.crew(session, time.time()).held > 0


def measure_backlog(broker: BrokerProcess, directory: Path, events: int) -> list[Line]:
    """Locks that were away come back full; what other locks say meanwhile is timed from publish to commit."""
    holding = max(1, events // HELD)
    load = Load(holding + LIVE, RATE, 0, 1)
    database, units = _database(directory / "backlog.db")
    locks = make_locks(load)
    enrol_locks(units, locks)
    ingest = Ingest(broker.address, units)
    live = [lock.lock_id for lock in locks[holding:]]
    with Street(broker.address, load, holding, HELD) as street:
        before = ingest.committer.committed_total
        began_s = time.monotonic()
        street.begin()
        published: Published = []
        while not published or ingest.committer.waiting:
            published += street.send(live, 20.0, 1.0)
        took_s = time.monotonic() - began_s
        street.settle()
        ingest.stop()
    times = ingest.times
    times.committed = [one for one in times.committed if one[0] in set(live)]
    first = times.by_event(locks[holding:])
    lags_s = [first[lock, seq] - at_s for lock, seq, at_s in published if (lock, seq) in first]
    database.dispose()
    total = holding * HELD
    day_s = DAY_EVENTS / (total / took_s)
    p99_s = percentile(lags_s, 0.99)
    drained = (
        f"{total:,} signed events of {holding} locks in {took_s:.0f} s ({total / took_s:,.0f}/s, "
        f"{ingest.committer.committed_total - before:,} messages): a day's 1.3 M would take {day_s / 60:.1f} min"
    )
    lag = f"p99 {p99_s:.1f} s, p50 {percentile(lags_s, 0.5):.1f} s of {len(lags_s)} events"
    return [
        Line("G3", "24 h of backlog < 5 min (extrapolated)", drained, day_s < 300),
        Line("G3", "p99 lag of devices without backlog < 2 s meanwhile", lag, p99_s < 2),
    ]


def cpu_of(pid: int) -> float:
    """CPU seconds a process has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def _database(file: Path, migrated: bool = False) -> tuple[Database, UnitsOfWork]:
    database = Database(f"sqlite:///{file}")
    if migrated:
        migrate(database)
    else:
        SQLModel.metadata.create_all(database.engine)
    return database, UnitsOfWork(database, SystemWorldClock())
