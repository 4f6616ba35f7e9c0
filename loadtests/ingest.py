"""How long from a lock's publish until its event is committed, with a whole fleet connected.

    python -m loadtests.ingest --devices 700 --rate 100 --seconds 20

Simulated locks run in a process of their own and send signed, chained events through a real broker. This
process takes them in as ``omsorgstid ingest`` does: verify, deduplicate, commit, acknowledge, answer with a
signed watermark. Beside it stands a calibration with the same client and rate that only receives. Times are
of the machine's monotonic clock, which both processes share.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

import structlog
from sqlmodel import SQLModel

import devices.inbox.tables
import devices.keys.tables
import devices.registry.tables  # noqa: F401 - the tables are known once their modules are
from devices.broker import Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.broker_process import BrokerKind, BrokerProcess, start_broker
from devices.connections import BrokerConnection
from devices.inbox.committer import Committer
from devices.inbox.model import Accepted, Incoming
from devices.inbox.service import Inbox
from devices.keys.chain import read_event
from devices.keys.cose import SigningKey, VerifyingKey, lock_trust, server_trust
from devices.keys.lock_events import lock_handlers
from devices.keys.messages import EventBatch, decode_message
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.keys.topics import Direction
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol, presence_handlers, touch
from devices.registry.store import known_devices
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.body import Outgoing
from devices.simulator.fleet import Fleet
from devices.simulator.lock import SimulatedLock
from kernel.clock import SystemLinkClock, SystemWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork

TENANT = "load"
GOAL_P99_MS = 100.0
_WAIT_S = 60.0
_CALIBRATION_BYTES = 248
_SERVICE_SEED = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: ``rate`` messages a second, evenly spaced, from locks in a seeded random order."""

    devices: int
    rate: float
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of a sample of latencies, in milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, latencies_s: Sequence[float]) -> "Percentiles":
        """Nearest-rank percentiles.

        Raises
        ------
        ValueError
            If the sample is empty.
        """
        if not latencies_s:
            raise ValueError("Expected at least one latency, got none.")
        ordered = sorted(latencies_s)

        def rank(share: float) -> float:
            return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

        return cls(len(ordered), rank(0.50), rank(0.95), rank(0.99), 1000 * ordered[-1])


def make_locks(load: Load) -> list[SimulatedLock]:
    """The same locks in both processes: keys come from the seed."""
    trust = server_trust([], [SigningKey(_SERVICE_SEED).verifying_key])
    world, link = SystemWorldClock(), SystemLinkClock()
    return [
        SimulatedLock(f"load{number:05d}", trust, world=world, link=link, behaviour=FAULTLESS, seed=load.seed)
        for number in range(load.devices)
    ]


def drive_fleet(address: BrokerAddress, load: Load, pipe: Connection) -> None:
    """The fleet's process: connect, say so, send on command, hand over when each event was published."""
    silence()
    fleet = Fleet(address, TENANT, make_locks(load), SystemLinkClock(), delay_ratio=0)
    began_s = time.monotonic()
    fleet.start()
    fleet.wait_up(_WAIT_S)
    connected_s = time.monotonic() - began_s
    settled = fleet.wait_idle(_WAIT_S)
    pipe.send((fleet.up_count, connected_s, settled))
    pipe.recv()
    published: list[tuple[str, int, float]] = []
    order = random.Random(load.seed)
    lock_ids = sorted(fleet.locks)
    start_s = time.monotonic()
    for number in range(int(load.rate * load.seconds)):
        wait_s = start_s + number / load.rate - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        _observe(fleet, order.choice(lock_ids), published)
    settled = fleet.wait_idle(_WAIT_S)
    pipe.send((published, settled, resident_mb(os.getpid())))
    fleet.stop()


def _observe(fleet: Fleet, lock_id: str, published: list[tuple[str, int, float]]) -> None:
    def act(lock: SimulatedLock) -> Sequence[Outgoing]:
        out = lock.observe("door_ajar")
        published.append((lock_id, lock.log.next_seq - 1, time.monotonic()))
        return out

    fleet.act(lock_id, act)


class CommitTimes:
    """When each message was committed, as told by the committer."""

    def __init__(self) -> None:
        self.committed: list[tuple[str, bytes, float]] = []
        self.quarantined = 0

    def note(self, batch: Sequence[Incoming], accepted: Accepted) -> None:
        """Called after each commit."""
        now_s = time.monotonic()
        self.quarantined += len(accepted.quarantined)
        self.committed += [(one.device_id, one.payload, now_s) for one in batch if one.name == "evt"]

    def by_event(self, locks: Sequence[SimulatedLock]) -> dict[tuple[str, int], float]:
        """The first commit of each event."""
        trust = {lock.lock_id: lock_trust(VerifyingKey(lock.public_key)) for lock in locks}
        first: dict[tuple[str, int], float] = {}
        for lock_id, payload, at_s in self.committed:
            batch = decode_message(Direction.UP, "evt", payload)
            if isinstance(batch, EventBatch):
                for logged in batch.events:
                    first.setdefault((lock_id, read_event(logged.raw, trust[lock_id]).event.seq), at_s)
        return first


def calibrate(address: BrokerAddress, load: Load) -> Percentiles:
    """Publish to received with the same client at the same rate: what broker and client take alone."""
    sent_s: dict[bytes, float] = {}
    latencies_s: list[float] = []
    complete = Event()
    total = int(load.rate * min(load.seconds, 5.0))

    def take(delivery: Delivery) -> None:
        latencies_s.append(time.monotonic() - sent_s[delivery.payload])
        if len(latencies_s) == total:
            complete.set()

    topic = f"omsorgstid/v1/{TENANT}/calibration/c/up/evt"
    receiver = BrokerConnection(address, "calibration-in", [topic], take, acknowledge=True)
    sender = BrokerConnection(address, "calibration-out", [], lambda _delivery: None)
    for connection in (receiver, sender):
        connection.start()
        if not connection.wait_up(_WAIT_S):
            raise RuntimeError("Expected the broker to take the calibration's connections.")
    start_s, waiting = time.monotonic(), list[Future[None]]()
    for number in range(total):
        time.sleep(max(0.0, start_s + number / load.rate - time.monotonic()))
        payload = b"%0*d" % (_CALIBRATION_BYTES, number)
        sent_s[payload] = time.monotonic()
        waiting.append(sender.publish(Publication(topic, payload)))
    for done in waiting:
        done.result(_WAIT_S)
    complete.wait(_WAIT_S)
    receiver.stop()
    sender.stop()
    return Percentiles.of(latencies_s)


def enrol_locks(units: UnitsOfWork, locks: Sequence[SimulatedLock]) -> None:
    """Make the fleet known: registry, doors, keys."""
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit", device_id=lock.lock_id) for lock in locks])
        mount_locks(
            work,
            [LockEnrolment(lock.lock_id, f"door-{lock.lock_id}", "unit", lock.public_key) for lock in locks],
        )


class Ingest:
    """Connection, committer and inbox, as ``omsorgstid ingest`` runs them."""

    def __init__(self, address: BrokerAddress, units: UnitsOfWork) -> None:
        self.times = CommitTimes()
        handlers = {**presence_handlers(), **lock_handlers(SigningKey(_SERVICE_SEED), time.time)}
        inbox = Inbox(units, handlers, TENANT, known_devices, touch)
        self.committer = Committer(inbox, TENANT, units.clock, SystemLinkClock(), self.times.note)
        topics = [f"omsorgstid/v1/{TENANT}/lock/+/up/#"]
        self.connection = BrokerConnection(address, "ingest-load", topics, self.committer.offer)
        self.committer.attach(self.connection)
        self.committer.start()
        self.connection.start()
        if not self.connection.wait_up(_WAIT_S):
            raise RuntimeError("Expected the broker to take the ingest's connection.")

    def stop(self) -> None:
        """Commit what is there, then stop."""
        self.committer.wait_idle(_WAIT_S)
        self.connection.stop()
        self.committer.stop()


def measure(broker: BrokerProcess, database: Database, load: Load) -> dict[str, object]:
    """Run once. Returns the figures by name."""
    SQLModel.metadata.create_all(database.engine)
    units = UnitsOfWork(database, SystemWorldClock())
    locks = make_locks(load)
    enrol_locks(units, locks)
    alone = calibrate(broker.address, load)
    ingest = Ingest(broker.address, units)
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    fleet = spawning.Process(target=drive_fleet, args=(broker.address, load, theirs))
    fleet.start()
    up_count, connected_s, _settled = ours.recv()
    cpu_before_s = time.process_time()
    ours.send("go")
    published, watermarked, fleet_mb = ours.recv()
    cpu_ratio = (time.process_time() - cpu_before_s) / load.seconds
    broker_mb = resident_mb(broker.pid or 0)
    fleet.join(_WAIT_S)
    ingest.stop()
    committed = ingest.times.by_event(locks)
    latencies_s = [committed[lock, seq] - at_s for lock, seq, at_s in published if (lock, seq) in committed]
    return {
        "locks_connected": up_count,
        "connect_all_s": round(connected_s, 2),
        "events_published": len(published),
        "events_committed": len(latencies_s),
        "messages_quarantined": ingest.times.quarantined,
        "all_watermarks_received": watermarked,
        "calibration": alone,
        "publish_to_committed": Percentiles.of(latencies_s),
        "ingest_cpu_of_one_core_ratio": round(cpu_ratio, 3),
        "ingest_resident_mb": resident_mb(os.getpid()),
        "fleet_resident_mb": fleet_mb,
        "broker_resident_mb": broker_mb,
    }


def resident_mb(pid: int) -> float:
    """Resident memory of a process, megabytes; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return round(int(line.split()[1]) / 1024, 1)


def silence() -> None:
    """Only warnings: a line per lock would be measured too."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and end with 0 if the goal was reached and nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--devices", type=int, default=700)
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second in all")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", choices=["auto", "mosquitto", "iotcore"], default="auto")
    parser.add_argument("--database", help="URL of an empty database; a SQLite file where absent")
    chosen = parser.parse_args(arguments)
    silence()
    load = Load(chosen.devices, chosen.rate, chosen.seconds, chosen.seed)
    kind: BrokerKind = chosen.broker
    with tempfile.TemporaryDirectory(prefix="omsorgstid-load-") as name:
        directory = Path(name)
        broker = start_broker(directory / "broker", kind)
        database = Database(chosen.database or f"sqlite:///{directory / 'load.db'}")
        try:
            figures = measure(broker, database, load)
        finally:
            database.dispose()
            broker.stop()
    return report(load, broker.kind, database.engine.dialect.name, figures)


def report(load: Load, broker: str, database: str, figures: dict[str, object]) -> int:
    """Print the figures; 0 if the goal was reached and every event was committed, else 1."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {broker}, {database}, {load}")
    for name, value in figures.items():
        if isinstance(value, Percentiles):
            print(
                f"{name:32} n={value.count} p50={value.p50_ms:.2f} p95={value.p95_ms:.2f} "
                f"p99={value.p99_ms:.2f} max={value.max_ms:.2f} ms"
            )
        else:
            print(f"{name:32} {json.dumps(value)}")
    latency = figures["publish_to_committed"]
    complete = figures["events_published"] == figures["events_committed"]
    reached = isinstance(latency, Percentiles) and latency.p99_ms < GOAL_P99_MS and complete
    print(f"{'goal p99 < 100 ms, nothing lost':32} {'reached' if reached else 'NOT reached'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
