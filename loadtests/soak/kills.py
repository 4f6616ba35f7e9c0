"""Real ``kill -9`` of gateway, ingest and broker, while locks report and carers' tablets send facts.

    python -m loadtests.soak kill --rounds 50

Processes as in operation, on throw-away PostgreSQL, Redis and mosquitto. In the end the locks' own ledgers are held
against the database, and what tablets were told is stored against the event log (:mod:`loadtests.soak.reckoning`).
"""

import random
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from devices.broker_process import BrokerProcess
from devices.simulator.fleet import Fleet
from gateway.settings import PREFIX
from kernel.database import Database
from loadtests.parts import throw_away_parts
from loadtests.platform import Processes, environment_of, settings_of
from loadtests.profile import load_profiles, pick
from loadtests.soak.doors_in_use import Emitting, LedgerLock, fleet_of
from loadtests.soak.reckoning import Killed, compare_events, compare_facts, told_by_lock
from loadtests.soak.tablets_in_use import Tablets
from loadtests.world import World, prepare

_SETTLE_S = 120.0
_LOOK_EVERY_S = 2.0
_SEED = 1


def run_kills(directory: Path, rounds: int, seed: int = 1, tell: Callable[[str], None] = lambda _line: None) -> Killed:
    """Kill ingest, gateway and broker once in each round, at random moments, while everything is in use."""
    found = Killed()
    with _platform(directory) as (processes, broker, database, world, ports):
        fleet = fleet_of(world, broker)
        tablets = Tablets(world, ports["serve"])
        emitting = Emitting(fleet, seed)
        try:
            tell(f"{len(world.locks)} locks, {len(world.locks_of_carer)} carers")
            emitting.start()
            tablets.start()
            _kill_in_rounds(processes, broker, fleet, ports, rounds, seed, found, tell)
        finally:
            emitting.stop()
            tablets.stop()
        processes.wait_ready(f"http://127.0.0.1:{ports['serve']}")
        tablets.finish()
        _wait_until_home(fleet, tell)
        fleet.stop()
        with database.reading() as session:
            told = told_by_lock(session)
            for lock in fleet.locks.values():
                assert isinstance(lock, LedgerLock)  # noqa: S101 - we made them
                compare_events(session, lock, told.get(lock.lock_id, ()), found)
            compare_facts(session, tablets.stored, found)
    return found


def _kill_in_rounds(
    processes: Processes,
    broker: BrokerProcess,
    fleet: Fleet,
    ports: Mapping[str, int],
    rounds: int,
    seed: int,
    found: Killed,
    tell: Callable[[str], None],
) -> None:
    draw = random.Random(seed)
    found.kills = dict.fromkeys(("ingest", "serve", "broker"), 0)
    for number in range(1, rounds + 1):
        before = _acknowledged(fleet)
        for victim in draw.sample(sorted(found.kills), 3):
            time.sleep(draw.uniform(0.05, 0.6))
            if victim == "broker":
                broker.kill()
                broker.restart()
            else:
                processes.kill(victim)
                processes.start(victim, victim, {f"{PREFIX}HTTP__PORT": str(ports["serve"])})
            found.kills[victim] += 1
        # Each comes up again before the next round: a process that never lived cannot lose anything.
        processes.wait_ready(f"http://127.0.0.1:{ports['serve']}")
        _eventually(partial(_beyond, fleet, before))
        tell(f"round {number} of {rounds}: {found.kills}, {_unacknowledged(fleet)} events on their way")


def _acknowledged(fleet: Fleet) -> int:
    return sum(lock.log.last_ack for lock in fleet.locks.values())


def _beyond(fleet: Fleet, before: int) -> bool:
    return _acknowledged(fleet) > before


def _unacknowledged(fleet: Fleet) -> int:
    """Events the locks still hold. A lock that was repeated in vain is waited for too."""
    return sum(lock.log.next_seq - 1 - lock.log.last_ack for lock in fleet.locks.values())


def _wait_until_home(fleet: Fleet, tell: Callable[[str], None]) -> None:
    """Until every lock has the watermark of all it said, as long as there are fewer of them without one."""
    least, since_s = _unacknowledged(fleet), time.monotonic()
    while least and time.monotonic() - since_s < _SETTLE_S:
        time.sleep(_LOOK_EVERY_S)
        left = _unacknowledged(fleet)
        if left < least:
            least, since_s = left, time.monotonic()
            tell(f"{left} events on their way")


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + _SETTLE_S
    while not holds():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def _platform(
    directory: Path,
) -> Iterator[tuple[Processes, BrokerProcess, Database, World, dict[str, int]]]:
    with throw_away_parts(directory / "parts") as parts:
        work_dir = directory / "work"
        work_dir.mkdir(parents=True)
        processes = Processes(work_dir, environment_of(work_dir, parts))
        ports = {"serve": _quiet_port()}
        settings = settings_of(work_dir, parts)
        try:
            processes.start("ingest")
            processes.wait_for_database(parts.database_url)
            processes.start("signer")
            processes.start("serve", "serve", {f"{PREFIX}HTTP__PORT": str(ports["serve"])})
            processes.wait_ready(f"http://127.0.0.1:{ports['serve']}")
            world = prepare(settings, pick(load_profiles(), "smoke"), seed=_SEED)
            database = Database(parts.database_url)
            try:
                yield processes, parts.broker, database, world, ports
            finally:
                database.dispose()
        finally:
            processes.stop()


def _quiet_port() -> int:
    """A free port that no outgoing connection is given: while the gateway is dead others connect all the time."""
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
