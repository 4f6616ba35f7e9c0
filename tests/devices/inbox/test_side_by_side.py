"""Several ingest processes: each device's messages in order, nothing lost or twice, whoever is killed."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import select, text

from devices.broker import Publication
from devices.broker_process import BrokerProcess
from devices.connections import BrokerConnection
from devices.inbox import leases, quarantine_store
from devices.inbox.errors import InboxError
from devices.inbox.ingest import Ingest
from devices.inbox.leases import Lease, Pulse
from devices.inbox.shards import session_of, shard_of
from devices.keys.cose import SigningKey, server_trust
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.fleet import Fleet
from devices.simulator.lock import SimulatedLock
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import UnitsOfWork
from tests.devices.inbox.one_ingest import SERVICE_SEED, TENANT, make_ingest

SCRIPT = Path(__file__).with_name("one_ingest.py")
ROOT = SCRIPT.parents[3]
WAIT_S = 30.0
SHARDS = 6
LIFTS = [f"lift-{n}" for n in range(12)]
LOCKS = [f"lock-{n}" for n in range(4)]
EACH = 40


def eventually(holds: Callable[[], object], what: str) -> None:
    until_s = monotonic() + WAIT_S
    while not holds():
        assert monotonic() < until_s, f"Expected {what}."
        sleep(0.02)


class Process:
    """A real ingest process, and what it says it runs."""

    def __init__(self, broker: BrokerProcess, database: Database, said: Path, shards: int = SHARDS) -> None:
        url = database.url.render_as_string(hide_password=False)
        command = [sys.executable, str(SCRIPT), str(broker.address.port), url, str(shards)]
        self._said = said
        self._out = said.open("wb")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._child = subprocess.Popen(command, stdout=self._out, env=environment, cwd=ROOT)

    @property
    def shards(self) -> set[int] | None:
        lines = [line for line in self._said.read_text().splitlines() if line.startswith("runs")]
        return {int(n) for n in lines[-1].split()[1:]} if lines else None

    def kill(self) -> None:
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()
        self._out.close()


@pytest.fixture
def start(broker: BrokerProcess, database: Database, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    started: list[Process] = []

    def make() -> Process:
        started.append(Process(broker, database, tmp_path / f"said-{len(started)}.txt"))
        return started[-1]

    yield make
    for process in started:
        process.kill()


@pytest.fixture
def sender(broker: BrokerProcess) -> Iterator[BrokerConnection]:
    connection = BrokerConnection(broker.address, "sender", [], lambda _delivery: None)
    connection.start()
    assert connection.wait_up(WAIT_S)
    yield connection
    connection.stop()


def number(sender: BrokerConnection, lift: str, seq: int) -> None:
    topic = f"omsorgstid/v1/{TENANT}/lift/{lift}/up/evt"
    sender.publish(Publication(topic, b'{"v": 1, "seq": %d}' % seq)).result(WAIT_S)


def make_fleet(broker: BrokerProcess, units: UnitsOfWork, world: SimulatedWorldClock) -> Fleet:
    trust = server_trust([], [SigningKey(SERVICE_SEED).verifying_key])
    locks = [
        SimulatedLock(lock, trust, world=world, link=SystemLinkClock(), behaviour=FAULTLESS, seed=1) for lock in LOCKS
    ]
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LIFT, "unit-1", device_id=lift) for lift in LIFTS])
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit-1", device_id=lock) for lock in LOCKS])
        mount_locks(work, [LockEnrolment(x.lock_id, f"door-{x.lock_id}", "unit-1", x.public_key) for x in locks])
    return Fleet(broker.address, TENANT, locks, SystemLinkClock(), delay_ratio=0)


def told(database: Database) -> dict[str, list[int]]:
    """The numbers of each device as the log was told them."""
    found: dict[str, list[int]] = defaultdict(list)
    with database.reading() as session:
        query = select(EventRow.data).where(EventRow.event_type == "lock.reported").order_by(EventRow.id)
        for (data,) in session.execute(query):
            found[data["lock_id"]].append(data["seq"])
    return found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_of_three_processes_one_is_killed_and_every_device_is_told_whole_in_order_and_once(
    units: UnitsOfWork,
    database: Database,
    broker: BrokerProcess,
    sender: BrokerConnection,
    world: SimulatedWorldClock,
    start: Callable[[], Process],
) -> None:
    fleet = make_fleet(broker, units, world)
    processes = [start(), start(), start()]
    eventually(lambda: all(p.shards is not None and len(p.shards) == 2 for p in processes), "two shards each")
    fleet.start()
    assert fleet.wait_up(WAIT_S)
    for seq in range(1, EACH + 1):
        for lift in LIFTS:
            number(sender, lift, seq)
        if seq % 4 == 0:
            for lock in LOCKS:
                fleet.act(lock, lambda lock: lock.observe("door_ajar"))
        if seq == EACH // 2:
            processes[1].kill()
    eventually(lambda: all(len(told(database)[lift]) == EACH for lift in LIFTS), f"{EACH} reports of each lift")
    assert fleet.wait_idle(WAIT_S), "every lock has the watermark of all its events"
    log = told(database)
    assert all(log[lift] == list(range(1, EACH + 1)) for lift in LIFTS)
    assert all(log[lock] == sorted(set(log[lock])) and len(log[lock]) >= EACH // 4 for lock in LOCKS)
    survivors = (processes[0], processes[2])
    eventually(lambda: set[int]().union(*(p.shards or set() for p in survivors)) == set(range(SHARDS)), "no shard left")
    with database.reading() as session:
        kept = {row.reason for row in quarantine_store.quarantined(session, state=None).rows}
    assert kept <= {"duplicate"}
    fleet.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_broker_killed_at_once_three_times_loses_no_event_of_a_lock_whatever_it_had_confirmed(
    units: UnitsOfWork, database: Database, broker: BrokerProcess, world: SimulatedWorldClock
) -> None:
    fleet = make_fleet(broker, units, world)
    url = database.url.render_as_string(hide_password=False)
    ingest = make_ingest(broker.address.port, url, 2, "alone")
    ingest.start()
    fleet.start()
    assert fleet.wait_up(WAIT_S)
    for _ in range(3):
        for _ in range(10):
            for lock in LOCKS:
                fleet.act(lock, lambda lock: lock.observe("door_ajar"))
        # Not after the second in which mosquitto writes; iotcore never does.
        broker.kill()
        broker.restart()
        eventually(lambda: fleet.up_count == len(LOCKS), "all locks to come back")
    assert fleet.wait_idle(WAIT_S), "every lock has the watermark of all its events"
    log = told(database)
    for lock in LOCKS:
        count = fleet.locks[lock].log.next_seq - 1
        assert log[lock] == list(range(count - len(log[lock]) + 1, count + 1))
        assert len(log[lock]) >= 30
    fleet.stop()
    ingest.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_was_taken_over_from_commits_nothing_more(
    units: UnitsOfWork, database: Database, broker: BrokerProcess, sender: BrokerConnection
) -> None:
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LIFT, "unit-1", device_id="lift-1")])
    url = database.url.render_as_string(hide_password=False)
    first = make_ingest(broker.address.port, url, 1, "first")
    first.start()
    number(sender, "lift-1", 1)
    eventually(lambda: told(database)["lift-1"] == [1], "the first report")
    with units.begin() as work:
        work.session.execute(text("UPDATE ingest_lease SET holder = 'another', generation = generation + 1"))
        leases.say_alive(work.session, "another", Pulse(), 4e9)
    number(sender, "lift-1", 2)
    eventually(lambda: not first.shards, "the first to stand back")
    assert told(database)["lift-1"] == [1]
    first.stop()
    with units.begin() as work:
        leases.leave(work.session, "another")
    second = make_ingest(broker.address.port, url, 1, "second")
    second.start()
    eventually(lambda: told(database)["lift-1"] == [1, 2], "what was never acknowledged")
    second.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_another_number_of_shards_empties_the_old_sessions_first(
    units: UnitsOfWork, database: Database, broker: BrokerProcess, sender: BrokerConnection
) -> None:
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LIFT, "unit-1", device_id=lift) for lift in LIFTS])
    url = database.url.render_as_string(hide_password=False)

    def ingest(shards: int) -> Ingest:
        made = make_ingest(broker.address.port, url, shards, f"of-{shards}")
        made.start()
        return made

    one = ingest(1)
    with pytest.raises(InboxError) as refused:
        ingest(3)
    assert refused.value.code == "shards_differ"
    one.stop()
    for lift in LIFTS:
        number(sender, lift, 1)
    three = ingest(3)
    assert three.shards == {0, 1, 2}
    for lift in LIFTS:
        number(sender, lift, 2)
    eventually(lambda: all(told(database)[lift] == [1, 2] for lift in LIFTS), "old and new reports in order")
    three.stop()
    left: list[bytes] = []
    old = BrokerConnection(broker.address, "ingest", [], lambda delivery: left.append(delivery.payload))
    old.start()
    assert old.wait_up(WAIT_S)
    number(sender, LIFTS[0], 3)
    assert left == [], "nobody queues for the old session any more"
    old.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_session_the_broker_lost_makes_every_device_say_again_that_it_is_here(
    units: UnitsOfWork, database: Database, broker: BrokerProcess, world: SimulatedWorldClock
) -> None:
    fleet = make_fleet(broker, units, world)
    url = database.url.render_as_string(hide_password=False)
    fleet.start()
    assert fleet.wait_up(WAIT_S)
    asked: list[str] = []
    topics = [f"omsorgstid/v1/{TENANT}/+/+/dn/ask"]
    listener = BrokerConnection(broker.address, "listener", topics, lambda d: asked.append(d.topic), acknowledge=True)
    listener.start()
    assert listener.wait_up(WAIT_S)
    ingest = make_ingest(broker.address.port, url, 2, "new")
    ingest.start()
    eventually(lambda: len(asked) == len(LIFTS) + len(LOCKS), "a question to each device")
    assert len(set(asked)) == len(asked)
    ingest.stop()
    again = make_ingest(broker.address.port, url, 2, "same sessions")
    again.start()
    assert again.wait_idle(WAIT_S)
    assert len(asked) == len(LIFTS) + len(LOCKS), "a session that was kept needs nobody asked"
    again.stop()
    listener.stop()
    fleet.stop()


def test_a_device_has_one_shard_and_all_shards_have_devices() -> None:
    spread = [shard_of(f"{n:032x}", 8) for n in range(800)]
    assert spread == [shard_of(f"{n:032x}", 8) for n in range(800)]
    assert {spread.count(shard) > 60 for shard in range(8)} == {True}
    assert session_of(0, 1) == "ingest"
    assert session_of(2, 3) != session_of(2, 4)
    with pytest.raises(ValueError, match="at least one shard"):
        shard_of("a", 0)


def test_shards_are_shared_evenly_taken_from_the_dead_and_given_to_newcomers(units: UnitsOfWork) -> None:
    def share(holder: str, now_s: float) -> set[int]:
        with units.begin() as work:
            leases.say_alive(work.session, holder, Pulse(), now_s)
            leases.take(work.session, holder, leases.share_of(work.session, holder, now_s).free)
            found = leases.share_of(work.session, holder, now_s)
            leases.release(work.session, holder, [lease.shard for lease in found.too_many])
        return {lease.shard for lease in found.hold if lease not in found.too_many}

    with units.begin() as work:
        leases.lay_out(work.session, 5)
    assert share("one", 100.0) == {0, 1, 2, 3, 4}
    assert share("two", 100.0) == set(), "nothing is free yet"
    assert share("one", 101.0) == {0, 1, 2}
    assert share("two", 101.0) == {3, 4}
    with units.begin() as work:
        leases.require_held(work.session, "one", Lease(0, 1))
    late_s = 101.0 + leases.TTL_S + 1
    assert share("two", late_s) == {0, 1, 2, 3, 4}, "one has not said anything for too long"
    with units.begin() as work, pytest.raises(leases.LeaseLostError):
        leases.require_held(work.session, "one", Lease(0, 1))
    with units.database.reading() as session:
        crew = leases.crew(session, late_s)
    assert (crew.processes, crew.shards, crew.held) == (1, 5, 5)


def test_a_process_of_this_machine_that_ended_is_not_waited_for(units: UnitsOfWork) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    mine = leases.holder_name("x")
    dead = mine.replace(f" {os.getpid()} ", f" {int(ended.stdout)} ")
    with units.begin() as work:
        leases.lay_out(work.session, 1)
        leases.say_alive(work.session, dead, Pulse(), 100.0)
        leases.take(work.session, dead, [Lease(0, 0)])
        assert leases.share_of(work.session, mine, 100.1).free == (Lease(0, 1),)
