"""G1: a session full of messages is emptied by the same client in four ways, in turns; seconds per way.

Receive only; the inbox as operated, with reports of numbers; the inbox with what locks really sign; and, to compare,
a row object and a commit per message. SQLite with ``synchronous=FULL`` everywhere.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Event

from pydantic import BaseModel, Field
from sqlmodel import Session, SQLModel

from devices.broker import Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.broker_process import BrokerProcess
from devices.connections import BrokerConnection
from devices.inbox.committer import Committer
from devices.inbox.model import Accepted, Handler, Incoming, Outgoing, Report
from devices.inbox.report_store import store_reports
from devices.inbox.service import Inbox
from devices.inbox.tables import ReportRow
from devices.keys.cose import SigningKey, server_trust
from devices.keys.lock_events import lock_handlers
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol, touch
from devices.registry.store import known_devices
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.body import Outgoing as LockSays
from devices.simulator.lock import SimulatedLock
from gateway.memory import spare_the_collector
from kernel.clock import SystemLinkClock, SystemWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork, Work
from loadtests.gateway_bench.goal import Line

TENANT = "bench"
SERVICE_SEED = bytes(range(32))
DEVICES = 200
_WAIT_S = 300.0
_WINDOW = 500

Message = tuple[str, bytes]


class Reading(BaseModel):
    """What a report of the benchmark says: 248 bytes, every field checked."""

    v: int = Field(ge=1, le=1)
    seq: int = Field(ge=1)
    at_ms: int = Field(ge=0)
    value: float = Field(ge=-1e6, le=1e6)
    note: str = Field(max_length=200)


def measure(broker: BrokerProcess, directory: Path, messages: int, rounds: int = 3) -> list[Line]:
    """The ways in turns, ``rounds`` times; the medians."""
    spare_the_collector()  # as `omsorgstid ingest` does before it begins
    reports = [reading(number) for number in range(messages)]
    signed = signed_events(messages // 4)
    ways: dict[str, Callable[[int], float]] = {
        "receive": lambda n: messages / _receive(broker.address, f"r{n}", reports),
        "inbox": lambda n: messages / _inbox(broker.address, directory / f"i{n}.db", f"i{n}", reports),
        "signed": lambda n: len(signed) / _inbox(broker.address, directory / f"s{n}.db", f"s{n}", signed),
        "rows": lambda n: len(signed) / _rows(broker.address, directory / f"m{n}.db", f"m{n}", reports[: len(signed)]),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            rates[name].append(way(number))
    median = {name: statistics.median(found) for name, found in rates.items()}
    share, times = median["inbox"] / median["receive"], median["inbox"] / median["rows"]
    said = f"{median['inbox']:,.0f} msg/s of {median['receive']:,.0f} received only: {share:.0%}"
    against = f"{times:.1f}x ({median['rows']:,.0f} msg/s with a row object and a commit each)"
    chained = f"{median['signed']:,.0f} msg/s, {median['signed'] / median['receive']:.0%} of receive-only"
    return [
        Line("G1", "validated, deduplicated, durable, acked: ≥ 50 % of receive-only", said, share >= 0.5),
        Line("G1", "≥ 2.5x a row object and a commit per message", against, times >= 2.5),
        Line(
            "", "the same with a lock's signed, chained event each (signature, chain, log, signed watermark)", chained
        ),
    ]


def reading(number: int) -> Message:
    """One message of a device without a chain."""
    device_id, seq = f"lift-{number % DEVICES}", number // DEVICES + 1
    said = {"v": 1, "seq": seq, "at_ms": 1_795_300_000_000 + number, "value": 21.5, "note": "x" * 150}
    return f"omsorgstid/v1/{TENANT}/lift/{device_id}/up/evt", json.dumps(said).encode()


def signed_events(count: int) -> list[Message]:
    """Chained events of locks, one a message, in each lock's order."""
    locks = bench_locks()
    found: list[Message] = []

    def said(lock: SimulatedLock, out: Sequence[LockSays]) -> None:
        topic = f"omsorgstid/v1/{TENANT}/lock/{lock.lock_id}/up/evt"
        found.extend((topic, one.payload) for one in out if one.name == "evt")

    for lock in locks:
        lock.power_on()
        said(lock, lock.connected())
    for number in range(count - len(found)):
        lock = locks[number % DEVICES]
        said(lock, lock.observe("door_ajar"))
    return found


def bench_locks() -> list[SimulatedLock]:
    """The locks of the benchmark; their keys come from the seed."""
    trust = server_trust([], [SigningKey(SERVICE_SEED).verifying_key])
    world, link = SystemWorldClock(), SystemLinkClock()
    return [
        SimulatedLock(f"lock-{n}", trust, world=world, link=link, behaviour=FAULTLESS, seed=1) for n in range(DEVICES)
    ]


@lru_cache(maxsize=1_024)
def reports_of(incoming: Incoming) -> tuple[Report, ...]:
    """The report a message brings, every field of it checked."""
    said = Reading.model_validate_json(incoming.payload)
    return (Report(incoming.device_id, 1, said.seq, incoming.kind, "evt", incoming.received_at, incoming.payload),)


def numbered(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
    """Take a report in as a device without a chain sends it."""
    store_reports(work, reports_of(incoming))
    return ()


def _receive(address: BrokerAddress, session_id: str, messages: Sequence[Message]) -> float:
    done, left = Event(), [len(messages)]

    def take(_delivery: Delivery) -> None:
        left[0] -= 1
        if left[0] == 0:
            done.set()

    _fill(address, session_id, messages)
    connection = BrokerConnection(address, session_id, [_topics(session_id)], take, acknowledge=True)
    began_s = time.perf_counter()
    connection.start()
    _require(done.wait(_WAIT_S))
    took_s = time.perf_counter() - began_s
    connection.stop()
    return took_s


def _inbox(address: BrokerAddress, file: Path, session_id: str, messages: Sequence[Message]) -> float:
    database, units = _database(file)
    handlers: dict[tuple[str, str], Handler] = {
        ("lift", "evt"): numbered,
        **lock_handlers(SigningKey(SERVICE_SEED), time.time),
    }
    done, left, refused = Event(), [len(messages)], [0]

    def committed(batch: Sequence[Incoming], accepted: Accepted) -> None:
        refused[0] += len(accepted.quarantined)
        left[0] -= len(batch)
        if left[0] <= 0 or refused[0]:
            done.set()

    _fill(address, session_id, messages)
    inbox = Inbox(units, handlers, TENANT, known_devices, touch, reports_of={("lift", "evt"): reports_of})
    committer = Committer(inbox, TENANT, units.clock, SystemLinkClock(), committed)
    connection = BrokerConnection(address, session_id, [_topics(session_id)], committer.offer)
    committer.attach(connection)
    began_s = time.perf_counter()
    committer.start()
    connection.start()
    _require(done.wait(_WAIT_S) and not refused[0])
    took_s = time.perf_counter() - began_s
    committer.stop()
    connection.stop()
    database.dispose()
    return took_s


def _rows(address: BrokerAddress, file: Path, session_id: str, messages: Sequence[Message]) -> float:
    database, _units = _database(file)
    done, left = Event(), [len(messages)]

    def take(delivery: Delivery) -> None:
        said = Reading.model_validate_json(delivery.payload)
        device_id = delivery.topic.split("/")[4]
        with Session(database.engine) as session:
            row = ReportRow(
                device_id=device_id,
                boot=1,
                seq=said.seq,
                kind="lift",
                name="evt",
                received_at=datetime.now(UTC),
                payload=delivery.payload,
            )
            session.add(row)
            session.commit()
        left[0] -= 1
        if left[0] == 0:
            done.set()

    _fill(address, session_id, messages)
    connection = BrokerConnection(address, session_id, [_topics(session_id)], take, acknowledge=True)
    began_s = time.perf_counter()
    connection.start()
    _require(done.wait(_WAIT_S))
    took_s = time.perf_counter() - began_s
    connection.stop()
    database.dispose()
    return took_s


def _fill(address: BrokerAddress, session_id: str, messages: Sequence[Message]) -> None:
    """Leave the messages with the broker for a session that is away."""
    opener = BrokerConnection(address, session_id, [_topics(session_id)], lambda _delivery: None)
    sender = BrokerConnection(address, f"{session_id}-sender", [], lambda _delivery: None, session_expiry_s=0)
    for connection in (opener, sender):
        connection.start()
        _require(connection.wait_up(_WAIT_S))
    opener.stop()
    waiting: list[Future[None]] = []
    for topic, payload in messages:
        waiting.append(sender.publish(Publication(topic, payload)))
        if len(waiting) == _WINDOW:
            for done in waiting:
                done.result(_WAIT_S)
            waiting.clear()
    for done in waiting:
        done.result(_WAIT_S)
    sender.stop()


def _database(file: Path) -> tuple[Database, UnitsOfWork]:
    database = Database(f"sqlite:///{file}")
    SQLModel.metadata.create_all(database.engine)
    units = UnitsOfWork(database, SystemWorldClock())
    locks = bench_locks()
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LIFT, "unit", device_id=f"lift-{n}") for n in range(DEVICES)])
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit", device_id=x.lock_id) for x in locks])
        mount_locks(work, [LockEnrolment(x.lock_id, f"door-{x.lock_id}", "unit", x.public_key) for x in locks])
    return database, units


def _topics(session_id: str) -> str:
    kind = "lock" if session_id.startswith("s") else "lift"
    return f"omsorgstid/v1/{TENANT}/{kind}/+/up/#"


def _require(holds: bool) -> None:
    if not holds:
        raise RuntimeError("Expected every message of the benchmark to be taken in, and in time.")
