import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Event

import cbor2
import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from devices.broker import Delivery, Publication
from devices.broker_process import BrokerProcess
from devices.connections import BrokerConnection
from devices.inbox import counter_store, quarantine_store
from devices.inbox.committer import GIVE_UP_S, Committer
from devices.inbox.model import Accepted, Handler, Incoming, Outgoing, Report
from devices.inbox.report_store import store_reports
from devices.inbox.service import Inbox
from devices.inbox.tables import ReportRow
from devices.keys.cose import SigningKey, server_trust
from devices.keys.lock_events import lock_handlers
from devices.keys.messages import Birth
from devices.keys.model import ClockState
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.registry.model import DeviceKind, unpack_json
from devices.registry.service import Enrolment, enrol, presence_handlers, touch
from devices.registry.store import find_device, known_devices
from devices.simulator.behaviour import FAULTLESS, LockBehaviour
from devices.simulator.fleet import Fleet
from devices.simulator.lock import SimulatedLock
from kernel.clock import ManualLinkClock, SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.work import UnitsOfWork, Work

WAIT_S = 20.0
ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("dying_ingest.py")
TENANT = "nord"
SERVICE_KEY = SigningKey(bytes(range(32)))


def count_report(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
    """A small device: its report is a number, its watermark the number again."""
    fields = unpack_json("up/evt", incoming.payload)
    seq = fields.uint("seq")
    row = Report(incoming.device_id, 1, seq, incoming.kind, "evt", incoming.received_at, incoming.payload)
    store_reports(work, [row])
    return (Outgoing(incoming.kind, incoming.device_id, "ack", b"%d" % seq),)


class Wire:
    """A connection in memory: notes in which order things are asked of it."""

    def __init__(self, said: Callable[[], object] = lambda: None) -> None:
        self.said: list[tuple[str, object]] = []
        self.database_then: list[object] = []
        self._look = said
        self._changed = Condition()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self._note("ack", [delivery.mid for delivery in deliveries])

    def publish(self, publication: Publication) -> "Future[None]":
        self._note("publish", publication.topic)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def reconnect(self) -> None:
        self._note("reconnect", None)

    def pause(self, paused: bool) -> None:
        self._note("pause" if paused else "resume", None)

    def wait_for(self, what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(name == what for name, _ in self.said), WAIT_S)

    def _note(self, what: str, about: object) -> None:
        self.database_then.append(self._look())
        with self._changed:
            self.said.append((what, about))
            self._changed.notify_all()


def delivery(seq: int, device_id: str = "lift-1") -> Delivery:
    payload = b'{"v": 1, "seq": %d}' % seq
    return Delivery(f"omsorgstid/v1/{TENANT}/lift/{device_id}/up/evt", payload, False, 1, seq)


def reports(database: Database) -> list[int]:
    with database.reading() as session:
        return sorted(row.seq for row in session.exec(select(ReportRow)))


def enrol_lift(units: UnitsOfWork) -> None:
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LIFT, "unit-1", device_id="lift-1")])


def make_inbox(units: UnitsOfWork, handler: Handler = count_report) -> Inbox:
    return Inbox(units, {**presence_handlers(), ("lift", "evt"): handler}, TENANT, known_devices, touch)


@pytest.fixture
def committer_of(world: SimulatedWorldClock) -> Iterator[Callable[[Inbox], Committer]]:
    made: list[Committer] = []

    def make(inbox: Inbox) -> Committer:
        committer = Committer(inbox, TENANT, world, SystemLinkClock())
        made.append(committer)
        return committer

    yield make
    for committer in made:
        committer.stop()


def test_nothing_is_acknowledged_or_answered_before_it_is_committed(
    units: UnitsOfWork, database: Database, committer_of: Callable[[Inbox], Committer]
) -> None:
    enrol_lift(units)
    wire = Wire(said=lambda: reports(database))
    committer = committer_of(make_inbox(units))
    committer.attach(wire)
    for seq in (1, 2, 3):
        committer.offer(delivery(seq))
    committer.start()
    assert committer.wait_idle(WAIT_S)
    acknowledged = [mids for name, mids in wire.said if name == "ack"]
    assert acknowledged == [[1, 2, 3]]
    assert [name for name, _ in wire.said] == ["ack", "publish", "publish", "publish"]
    assert wire.database_then[0] == [1, 2, 3]
    assert committer.committed_total == 3


def test_a_topic_that_is_none_of_ours_is_kept_too(
    units: UnitsOfWork, database: Database, committer_of: Callable[[Inbox], Committer]
) -> None:
    wire = Wire()
    committer = committer_of(make_inbox(units))
    committer.attach(wire)
    for topic in ("spam", f"omsorgstid/v1/{TENANT}/lift/lift-1/dn/evt", "omsorgstid/v1/a/b/c/up/d/e", ""):
        committer.offer(Delivery(topic, b"x", False, 1, 1))
    committer.start()
    assert committer.wait_idle(WAIT_S)
    with database.reading() as session:
        rows = quarantine_store.quarantined(session).rows
    assert [row.reason for row in rows] == ["unknown_topic"] * 4
    assert wire.said[0][0] == "ack"


@dataclass
class _Away:
    """A handler whose database can be taken away."""

    is_away: bool = True
    tries: int = 0

    def __call__(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        self.tries += 1
        if self.is_away:
            raise OperationalError("INSERT", {}, Exception("the server closed the connection"))
        return count_report(work, incoming)


def test_while_the_database_is_away_nothing_is_acknowledged_and_then_everything_is(
    units: UnitsOfWork, database: Database, committer_of: Callable[[Inbox], Committer]
) -> None:
    enrol_lift(units)
    wire, away = Wire(), _Away()
    committer = committer_of(make_inbox(units, away))
    committer.attach(wire)
    committer.offer(delivery(1))
    committer.start()
    until_s = time.monotonic() + WAIT_S
    while away.tries < 3:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert wire.said == []
    assert not committer.idle
    assert committer.oldest_unacknowledged_s > 0
    away.is_away = False
    assert committer.wait_idle(WAIT_S)
    assert wire.said[0] == ("ack", [1])
    assert reports(database) == [1]
    assert committer.oldest_unacknowledged_s == 0


def test_a_database_that_stays_away_makes_the_link_be_cut_so_that_all_comes_again(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    enrol_lift(units)
    clock, away = ManualLinkClock(), _Away()
    wire = Wire()
    committer = Committer(make_inbox(units, away), TENANT, world, clock)
    committer.attach(wire)
    committer.offer(delivery(1))
    committer.start()
    while away.tries < 1:
        time.sleep(0.01)
    clock.advance(GIVE_UP_S + 1)
    wire.wait_for("reconnect")
    assert committer.wait_idle(WAIT_S)
    assert [name for name, _ in wire.said] == ["reconnect"]
    away.is_away = False
    committer.offer(delivery(1))
    assert committer.wait_idle(WAIT_S)
    assert ("ack", [1]) in wire.said
    assert reports(database) == [1]
    committer.stop()


class Ingest:
    """Connection, committer and inbox together, as the ingest process runs them."""

    def __init__(self, broker: BrokerProcess, inbox: Inbox, world: SimulatedWorldClock) -> None:
        self.batches: list[Accepted] = []
        self._changed = Condition()
        self.committer = Committer(inbox, TENANT, world, SystemLinkClock(), self._note)
        topics = ["omsorgstid/v1/+/+/+/up/#"]
        self.connection = BrokerConnection(broker.address, "ingest-1", topics, self.committer.offer)
        self.committer.attach(self.connection)
        self.committer.start()
        self.connection.start()
        assert self.connection.wait_up(WAIT_S)

    def wait_for(self, ends: int) -> None:
        """Wait until so many messages have met an end."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ends() >= ends, WAIT_S), self._ends()

    def stop(self) -> None:
        self.connection.stop()
        self.committer.stop()

    def _ends(self) -> int:
        return sum(b.accepted + b.duplicates + len(b.quarantined) for b in self.batches)

    def _note(self, _batch: Sequence[Incoming], accepted: Accepted) -> None:
        with self._changed:
            self.batches.append(accepted)
            self._changed.notify_all()


@pytest.fixture
def sender(broker: BrokerProcess) -> Iterator[BrokerConnection]:
    connection = BrokerConnection(broker.address, "sender", [], lambda _delivery: None)
    connection.start()
    assert connection.wait_up(WAIT_S)
    yield connection
    connection.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_was_not_committed_when_the_ingest_died_is_delivered_to_the_next_one_and_counts_once(
    units: UnitsOfWork,
    database: Database,
    broker: BrokerProcess,
    sender: BrokerConnection,
    world: SimulatedWorldClock,
) -> None:
    enrol_lift(units)
    entered, never = Event(), Event()

    def commit_then_die(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        if b'"seq": 4' in incoming.payload:
            entered.set()
            never.wait(WAIT_S)
            raise OperationalError("INSERT", {}, Exception("the process is being killed"))
        return count_report(work, incoming)

    first = Ingest(broker, make_inbox(units, commit_then_die), world)
    for seq in (1, 2, 3):
        sender.publish(Publication(delivery(seq).topic, delivery(seq).payload)).result(WAIT_S)
    first.wait_for(3)
    for seq in (4, 5, 6):
        sender.publish(Publication(delivery(seq).topic, delivery(seq).payload)).result(WAIT_S)
    assert entered.wait(WAIT_S)
    # The link goes while the transaction is open, as when the process is killed between commit and ack.
    first.connection.stop()
    assert reports(database) == [1, 2, 3]
    never.set()
    first.committer.stop()
    second = Ingest(broker, make_inbox(units), world)
    second.wait_for(3)
    assert reports(database) == [1, 2, 3, 4, 5, 6]
    second.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_message_committed_but_not_acknowledged_is_recognised_when_it_comes_again(
    units: UnitsOfWork,
    database: Database,
    broker: BrokerProcess,
    sender: BrokerConnection,
    world: SimulatedWorldClock,
) -> None:
    enrol_lift(units)
    inbox = make_inbox(units)
    received: list[Delivery] = []
    came = Event()

    def take(one: Delivery) -> None:
        received.append(one)
        came.set()

    dying = BrokerConnection(broker.address, "ingest-1", ["omsorgstid/v1/+/+/+/up/#"], take)
    dying.start()
    assert dying.wait_up(WAIT_S)
    sender.publish(Publication(delivery(1).topic, delivery(1).payload)).result(WAIT_S)
    assert came.wait(WAIT_S)
    inbox.accept([Incoming(TENANT, "lift", "lift-1", "evt", received[0].payload, world.now())])
    dying.stop()
    second = Ingest(broker, inbox, world)
    second.wait_for(1)
    assert [(b.accepted, b.duplicates) for b in second.batches] == [(0, 1)]
    assert reports(database) == [1]
    second.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("moment", "kept"), [("before", [1, 2]), ("after", [1, 2, 3])])
def test_a_process_killed_around_its_commit_loses_nothing_and_counts_nothing_twice(
    units: UnitsOfWork,
    database: Database,
    broker: BrokerProcess,
    sender: BrokerConnection,
    world: SimulatedWorldClock,
    moment: str,
    kept: list[int],
) -> None:
    enrol_lift(units)
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, str(SCRIPT), str(broker.address.port), url, moment]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"up\n"
        for seq in (1, 2):
            sender.publish(Publication(delivery(seq).topic, delivery(seq).payload)).result(WAIT_S)
        wait_until(lambda: reports(database) == [1, 2])
        sender.publish(Publication(delivery(3).topic, delivery(3).payload)).result(WAIT_S)
        assert dying.wait(WAIT_S) == -signal.SIGKILL
    assert reports(database) == kept
    second = Ingest(broker, make_inbox(units), world)
    second.wait_for(1)
    wait_until(lambda: reports(database) == [1, 2, 3])
    second.stop()
    assert sum(batch.accepted for batch in second.batches) == 3 - len(kept)
    assert [batch.quarantined for batch in second.batches if batch.quarantined] == []


def a_birth(lock: str, at: datetime) -> bytes:
    birth = Birth(lock, 1, "fw", 1, 0, 0, 0, 0, ClockState.OK, at, 6000)
    return birth.encode()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_kind_of_bad_input_comes_through_a_real_broker_into_the_quarantine(
    units: UnitsOfWork,
    database: Database,
    broker: BrokerProcess,
    sender: BrokerConnection,
    world: SimulatedWorldClock,
) -> None:
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit-1", device_id="lock-a")])
    enrol_lift(units)
    good = a_birth("lock-a", world.now())
    later_version = cbor2.dumps({**cbor2.loads(good), "v": 9}, canonical=True)
    ahead = a_birth("lock-a", datetime(2026, 11, 25, 7, 3, tzinfo=UTC))
    to_lock = f"omsorgstid/v1/{TENANT}/lock/lock-a/up/birth"
    cases = [
        (f"omsorgstid/v1/{TENANT}/lock/nobody/up/birth", good, "unknown_device"),
        (to_lock, b"\xff\x00 not CBOR", "broken_payload"),
        (to_lock, later_version, "wrong_version"),
        (to_lock, ahead, "future_timestamp"),
        ("omsorgstid/v1/syd/lock/lock-a/up/birth", good, "foreign_tenant"),
        (delivery(1).topic, delivery(1).payload, "duplicate"),
    ]
    ingest = Ingest(broker, make_inbox(units), world)
    sender.publish(Publication(delivery(1).topic, delivery(1).payload)).result(WAIT_S)
    for topic, payload, _reason in cases:
        sender.publish(Publication(topic, payload)).result(WAIT_S)
    sender.publish(Publication(to_lock, good)).result(WAIT_S)
    ingest.wait_for(len(cases) + 2)
    ingest.stop()
    with database.reading() as session:
        rows = quarantine_store.quarantined(session, state=None).rows
        counted = counter_store.counts(session)
        device = find_device(session, "lock-a")
    assert sorted((row.reason, row.payload) for row in rows) == sorted((r, p) for _t, p, r in cases)
    assert {reason: counted[reason] for _t, _p, reason in cases} == {reason: 1 for _t, _p, reason in cases}
    assert counted["accepted"] == 2
    assert device is not None
    assert device.online


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_fleet_of_locks_is_born_reports_and_is_relieved_of_its_events(
    units: UnitsOfWork, database: Database, broker: BrokerProcess, world: SimulatedWorldClock
) -> None:
    trust = server_trust([], [SERVICE_KEY.verifying_key])
    link = SystemLinkClock()
    locks = [SimulatedLock(f"lock-{n}", trust, world=world, link=link, behaviour=FAULTLESS) for n in range(20)]
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "u", device_id=x.lock_id) for x in locks])
        mount_locks(work, [LockEnrolment(x.lock_id, f"door-{x.lock_id}", "u", x.public_key) for x in locks])
    handlers = {**presence_handlers(), **lock_handlers(SERVICE_KEY, lambda: 0.0)}
    ingest = Ingest(broker, Inbox(units, handlers, TENANT, known_devices, touch), world)
    fleet = Fleet(broker.address, TENANT, locks, link, delay_ratio=0)
    fleet.start()
    assert fleet.wait_idle(WAIT_S)
    assert ingest.committer.wait_idle(WAIT_S)
    assert [lock.log.held for lock in locks] == [0] * 20
    fleet.lose("lock-3")
    assert fleet.wait_idle(WAIT_S)
    fleet.act("lock-3", lambda lock: lock.observe("door_ajar"))
    fleet.act("lock-4", lambda lock: lock.observe("door_ajar"))
    assert fleet.wait_idle(WAIT_S)
    wait_until(lambda: is_online(database, "lock-3") is False)
    assert (locks[3].log.held, locks[4].log.held) == (1, 0)
    fleet.restore("lock-3")
    assert fleet.wait_idle(WAIT_S)
    assert locks[3].log.held == 0
    wait_until(lambda: is_online(database, "lock-3") is True)
    assert fleet.stuck == frozenset()
    fleet.stop()
    ingest.stop()
    with database.reading() as session:
        assert counter_store.counts(session)["accepted"] > 40
        assert quarantine_store.quarantined(session).rows == []


def test_lost_networks_come_at_the_same_world_time_for_the_same_seed(
    broker: BrokerProcess, world: SimulatedWorldClock
) -> None:
    def outages(seed: int) -> list[tuple[datetime, Sequence[str]]]:
        shaky = LockBehaviour(outages_per_day=20.0)
        trust = server_trust([], [SERVICE_KEY.verifying_key])
        link = SystemLinkClock()
        locks = [
            SimulatedLock(f"lock-{n}", trust, world=world, link=link, behaviour=shaky, seed=seed) for n in range(5)
        ]
        fleet = Fleet(broker.address, TENANT, locks, link, outages_from=world.now())
        told = []
        for _ in range(30):
            due_at = fleet.next_change_at
            assert due_at is not None
            told.append((due_at, fleet.advance_to(due_at)))
        fleet.stop()
        return told

    assert outages(1) == outages(1)
    assert outages(1) != outages(2)


def is_online(database: Database, device_id: str) -> bool:
    with database.reading() as session:
        device = find_device(session, device_id)
    assert device is not None
    return device.online


def wait_until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.01)
