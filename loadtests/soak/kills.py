"""Real ``kill -9`` of gateway, ingest and broker, while locks report and carers' tablets send facts.

    python -m loadtests.soak kill --rounds 50

Processes as in operation, on throw-away PostgreSQL, Redis and mosquitto. In the end the locks' own ledgers are held
against the database, and what tablets were told is stored against the event log: nothing lost, nothing twice.
"""

import random
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

from sqlmodel import Session, col, select

from devices.broker_process import BrokerProcess
from devices.inbox.tables import ReportRow
from devices.keys.chain import ChainState, Verdict, read_event, verify_links
from devices.keys.cose import Trust, VerifyingKey, lock_trust, server_trust
from devices.keys.messages import EventBatch, decode_message
from devices.keys.topics import Direction
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.body import Outgoing
from devices.simulator.fleet import Fleet
from devices.simulator.holder import HolderKey
from devices.simulator.lock import BROKER, SimulatedLock
from gateway.demo.http_client import RefusedError
from gateway.demo.tablets import Tablet
from gateway.settings import PREFIX
from gateway.wire import b64u
from kernel.clock import SystemLinkClock, SystemWorldClock
from kernel.database import Database
from kernel.tables import EventRow
from loadtests.parts import throw_away_parts
from loadtests.platform import TENANT, Processes, environment_of, settings_of
from loadtests.profile import load_profiles, pick
from loadtests.world import World, prepare

_SETTLE_S = 120.0
#: a town of this size says ten to twenty things a second
_EMIT_EVERY_S = 0.06
_FACTS_AT_ONCE = 4
_SEED = 1


class LedgerLock(SimulatedLock):
    """A lock that writes down for itself everything it ever signed, whatever the server makes of it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ledger: dict[int, bytes] = {}
        self.trust = lock_trust(VerifyingKey(self.public_key))

    def power_on(self) -> list[Outgoing]:
        """As any lock."""
        return self._noted(super().power_on())

    def observe(self, kind: str, payload: Any = None) -> list[Outgoing]:
        """As any lock."""
        return self._noted(super().observe(kind, payload))

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As any lock."""
        return self._noted(super().on_message(name, payload, source))

    def _noted(self, out: list[Outgoing]) -> list[Outgoing]:
        for said in out:
            batch = decode_message(Direction.UP, "evt", said.payload) if said.name == "evt" else None
            for logged in batch.events if isinstance(batch, EventBatch) else ():
                self.ledger.setdefault(read_event(logged.raw, self.trust).event.seq, logged.raw)
        return out


@dataclass
class Killed:
    """What came of it."""

    kills: dict[str, int] = field(default_factory=dict)
    events: int = 0
    lost: int = 0
    twice: int = 0
    changed: int = 0
    broken_chains: int = 0
    unacknowledged: int = 0
    told_twice: int = 0
    facts: int = 0
    facts_lost: int = 0
    facts_twice: int = 0

    @property
    def held(self) -> bool:
        """Whether nothing was lost, and nothing counted twice."""
        bad = (self.lost, self.twice, self.changed, self.broken_chains, self.unacknowledged, self.told_twice)
        return not any(bad) and not self.facts_lost and not self.facts_twice


def run_kills(directory: Path, rounds: int, seed: int = 1, tell: Callable[[str], None] = lambda _line: None) -> Killed:
    """Kill ingest, gateway and broker once in each round, at random moments, while everything is in use."""
    found = Killed()
    with _platform(directory) as (processes, broker, database, world, ports):
        fleet = _fleet(world, broker)
        tablets = _Tablets(world, ports["serve"])
        emitting = _Emitting(fleet, seed)
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
        if not _eventually(lambda: not _unacknowledged(fleet)):
            tell(f"{_unacknowledged(fleet)} events without a watermark")
        fleet.stop()
        with database.reading() as session:
            for lock in fleet.locks.values():
                assert isinstance(lock, LedgerLock)  # noqa: S101 - we made them
                _compare(session, lock, found)
            _compare_facts(session, tablets, found)
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
        tell(f"round {number} of {rounds}: {found.kills}")


def _acknowledged(fleet: Fleet) -> int:
    return sum(lock.log.last_ack for lock in fleet.locks.values())


def _beyond(fleet: Fleet, before: int) -> bool:
    return _acknowledged(fleet) > before


def _unacknowledged(fleet: Fleet) -> int:
    """Events the locks still hold. A lock that was repeated in vain is waited for too."""
    return sum(lock.log.next_seq - 1 - lock.log.last_ack for lock in fleet.locks.values())


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


def _fleet(world: World, broker: BrokerProcess) -> Fleet:
    link, clock = SystemLinkClock(), SystemWorldClock()
    trust: Trust = server_trust(
        [VerifyingKey(bytes.fromhex(world.issuer_key))], [VerifyingKey(bytes.fromhex(world.service_key))]
    )
    locks = [
        LedgerLock(lock_id, trust, world=clock, link=link, behaviour=FAULTLESS, seed=world.seed)
        for lock_id in world.locks
    ]
    fleet = Fleet(broker.address, TENANT, locks, link, delay_ratio=0.0)
    fleet.start()
    if not fleet.wait_up(_SETTLE_S):
        raise TimeoutError(f"Expected every lock to connect, got {fleet.up_count}.")
    return fleet


class _Emitting:
    """Something happens at some door, again and again."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._draw = random.Random(seed)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="doors", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        lock_ids = sorted(self._fleet.locks)
        while not self._stopping.wait(_EMIT_EVERY_S):
            self._fleet.act(self._draw.choice(lock_ids), lambda lock: lock.observe("door_ajar"))


@dataclass(frozen=True, slots=True)
class _Fact:
    """What a tablet was told is stored."""

    event_type: str
    about: str


class _Tablets:
    """Carers whose tablets begin and end visits, and send each fact under its key until somebody answers."""

    def __init__(self, world: World, port: int) -> None:
        self._port = port
        self._stopping = Event()
        self.stored: list[_Fact] = []
        self._threads = [
            Thread(target=self._live, args=(carer,), name=f"tablet-{carer}", daemon=True)
            for carer in sorted(world.locks_of_carer)[:_FACTS_AT_ONCE]
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No new facts; what is under way is still seen through."""
        self._stopping.set()

    def finish(self) -> None:
        """Wait for what is under way."""
        for thread in self._threads:
            thread.join(timeout=_SETTLE_S)

    def _live(self, carer_id: str) -> None:
        sender = _Sender(self._port, carer_id, self.stored)
        begin = {"place": "citizen", "holder_key": b64u(sender.key.public_key)}
        day = sender.send("/api/v1/me/shift/start", begin, _Fact("shift.started", carer_id))
        for stop in day["route"]["stops"] if day else ():
            if self._stopping.is_set():
                return
            visit = str(stop["visit_id"])
            path = f"/api/v1/me/visits/{quote(visit)}"
            sender.send(f"{path}/begin", {}, _Fact("visit.begun", visit))
            time.sleep(0.1)
            sender.send(f"{path}/end", {"outcome": "done"}, _Fact("visit.ended", visit))


class _Sender:
    """One tablet's outbox: a fact is sent under its own key until somebody answers."""

    def __init__(self, port: int, carer_id: str, stored: list[_Fact]) -> None:
        self._port, self._carer_id, self._stored = port, carer_id, stored
        self.key = HolderKey.generate()

    def send(self, path: str, body: Mapping[str, Any], fact: _Fact) -> Any:
        """What was answered; ``None`` where it was refused. Every try on a connection of its own, as after a cut."""
        deadline_s = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline_s:
            tablet = Tablet("127.0.0.1", self._port, self._carer_id, self.key)
            try:
                tablet.sign_in()
                answer = tablet.call("POST", path, body, {"Idempotency-Key": f"{fact.event_type} {fact.about}"})
            except (OSError, HTTPException):
                time.sleep(0.05)
            except RefusedError as refused:
                if refused.status < 500:
                    return None
                time.sleep(0.05)
            else:
                self._stored.append(fact)
                return answer
            finally:
                with suppress(OSError):
                    tablet.close()
        return None


def _compare(session: Session, lock: LedgerLock, found: Killed) -> None:
    rows: dict[int, list[bytes]] = {}
    query = select(ReportRow.seq, ReportRow.payload).where(ReportRow.device_id == lock.lock_id, ReportRow.name == "evt")
    for seq, raw in session.exec(query):
        rows.setdefault(int(seq), []).append(bytes(raw))
    found.events += len(lock.ledger)
    found.lost += sum(seq not in rows for seq in lock.ledger)
    found.twice += sum(len(raws) > 1 for raws in rows.values())
    found.changed += sum(seq in rows and rows[seq][0] != raw for seq, raw in lock.ledger.items())
    raws = [rows[seq][0] for seq in sorted(rows)]
    report = verify_links(ChainState.start(lock.lock_id), raws, lock.trust)
    found.broken_chains += report.verdict not in (Verdict.OK, Verdict.DUPLICATE)
    found.unacknowledged += lock.log.next_seq - 1 - lock.log.last_ack
    told = session.exec(select(EventRow.data).where(EventRow.event_type == "lock.reported")).all()
    mine = [data["seq"] for data in told if data["lock_id"] == lock.lock_id]
    found.told_twice += len(mine) - len(set(mine))


def _compare_facts(session: Session, tablets: _Tablets, found: Killed) -> None:
    types = sorted({fact.event_type for fact in tablets.stored})
    logged: dict[_Fact, int] = {}
    rows = session.exec(select(EventRow.event_type, EventRow.data).where(col(EventRow.event_type).in_(types))).all()
    for event_type, data in rows:
        fact = _Fact(event_type, data["carer_id"] if event_type == "shift.started" else data["visit_id"])
        logged[fact] = logged.get(fact, 0) + 1
    found.facts = len(tablets.stored)
    found.facts_lost = sum(fact not in logged for fact in tablets.stored)
    found.facts_twice = sum(logged.get(fact, 0) > 1 for fact in set(tablets.stored))
