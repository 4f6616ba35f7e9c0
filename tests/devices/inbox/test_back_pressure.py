"""What waits is bounded: batches in size, the queue in memory, silence in time; and somebody is told."""

import time
from collections.abc import Iterator, Sequence
from threading import Event

import pytest
from sqlalchemy import event, text

from devices.alarms import store as alarms
from devices.broker import Delivery, Publication
from devices.broker_process import BrokerProcess
from devices.connections import BrokerConnection
from devices.inbox import leases
from devices.inbox.committer import QUEUE_BYTES, Committer
from devices.inbox.ingest import STALE_S, Ingest
from devices.inbox.lanes import BATCH
from devices.inbox.model import Accepted, Incoming, Outgoing, Report
from devices.inbox.report_store import store_reports
from devices.inbox.service import Inbox
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from devices.registry.store import known_devices
from kernel.clock import ManualLinkClock, SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.work import UnitsOfWork, Work

TENANT = "nord"
TOPIC = f"omsorgstid/v1/{TENANT}/lift/lift-1/up/evt"
WAIT_S = 20.0


class Keeper:
    """A handler that keeps numbers, and stands still while it is told to."""

    def __init__(self) -> None:
        self.entered, self.go_on = Event(), Event()
        self.go_on.set()

    def __call__(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        self.entered.set()
        assert self.go_on.wait(WAIT_S)
        seq = int(incoming.payload[:8])
        store_reports(work, [Report("lift-1", 1, seq, "lift", "evt", incoming.received_at, b"")])
        return ()


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper()
    yield made
    made.go_on.set()


@pytest.fixture
def inbox(units: UnitsOfWork, keeper: Keeper) -> Inbox:
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LIFT, "unit-1", device_id="lift-1")])
    return Inbox(units, {("lift", "evt"): keeper}, TENANT, known_devices)


def wait_until(holds: object) -> None:
    until_s = time.monotonic() + WAIT_S
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < until_s
        time.sleep(0.01)


def kept(database: Database) -> int:
    with database.reading() as session:
        return int(session.connection().execute(text("SELECT count(*) FROM device_report")).scalar_one())


def test_a_batch_holds_at_most_five_hundred_and_a_lone_message_is_not_made_to_wait(
    inbox: Inbox, world: SimulatedWorldClock, keeper: Keeper
) -> None:
    sizes: list[int] = []

    def note(batch: Sequence[Incoming], _accepted: Accepted) -> None:
        sizes.append(len(batch))

    # A clock that stands still: whoever waited for the five milliseconds would wait for ever.
    committer = Committer(inbox, TENANT, world, ManualLinkClock(), note)
    for seq in range(2 * BATCH + 100):
        committer.offer(Delivery(TOPIC, b"%08d" % seq, False, 1, seq))
    committer.start()
    assert committer.wait_idle(WAIT_S)
    assert sizes == [BATCH, BATCH, 100]
    committer.offer(Delivery(TOPIC, b"%08d" % 9_999, False, 1, 1))
    assert committer.wait_idle(WAIT_S)
    assert sizes[-1] == 1
    committer.stop()


def test_many_reports_are_a_handful_of_statements_and_not_a_row_object_each(
    units: UnitsOfWork, database: Database
) -> None:
    statements: list[tuple[str, bool]] = []

    def note(_c: object, _cursor: object, statement: str, _p: object, _context: object, many: bool) -> None:
        if statement.startswith("INSERT INTO device_report"):
            statements.append((statement, many))

    event.listen(database.engine, "before_cursor_execute", note)
    with units.begin() as work:
        rows = [Report("lift-1", 1, seq, "lift", "evt", work.now, b"x") for seq in range(1, 501)]
        assert len(store_reports(work, rows)) == 500
    event.remove(database.engine, "before_cursor_execute", note)
    # SQLite takes runs of 256, 128 … rows, so that a dozen texts stay prepared; PostgreSQL an array a column.
    assert len(statements) == (1 if database.engine.dialect.name == "postgresql" else 6)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_while_the_database_stands_still_memory_is_bounded_and_the_broker_keeps_the_rest(
    inbox: Inbox, database: Database, world: SimulatedWorldClock, broker: BrokerProcess, keeper: Keeper
) -> None:
    body, count = bytes(60_000), 600
    keeper.go_on.clear()
    committer = Committer(inbox, TENANT, world, SystemLinkClock())
    connection = BrokerConnection(broker.address, "ingest", [TOPIC], committer.offer)
    sender = BrokerConnection(broker.address, "sender", [], lambda _delivery: None)
    committer.attach(connection)
    committer.start()
    for one in (connection, sender):
        one.start()
        assert one.wait_up(WAIT_S)
    for seq in range(count):
        sender.publish(Publication(TOPIC, b"%08d" % seq + body)).result(WAIT_S)
    assert keeper.entered.wait(WAIT_S)
    room = QUEUE_BYTES // len(body)
    # iotcore has a hundred in flight at most, whatever it is allowed.
    wait_until(lambda: committer.waiting > (room if broker.kind == "mosquitto" else 50))
    # Everything is at the broker; what came here beyond the bound was in one burst of the socket.
    assert committer.waiting < room + 80 < count
    assert committer.oldest_unacknowledged_s > 0
    keeper.go_on.set()
    wait_until(lambda: kept(database) == count)
    assert committer.wait_idle(WAIT_S)
    for one in (connection, sender):
        one.stop()
    committer.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_message_that_waits_longer_than_five_seconds_is_an_alarm_until_it_is_in(
    inbox: Inbox, units: UnitsOfWork, database: Database, broker: BrokerProcess, keeper: Keeper
) -> None:
    link = ManualLinkClock()
    wall_s = [1_000.0]
    ingest = Ingest(inbox, broker.address, TENANT, units, link, lambda: wall_s[0], "one")
    ingest.start()
    sender = BrokerConnection(broker.address, "sender", [], lambda _delivery: None)
    sender.start()
    assert sender.wait_up(WAIT_S)

    def open_alarms() -> list[str]:
        with database.reading() as session:
            return [
                f"{alarm.severity} {alarm.facts['oldest_s']}" for alarm in alarms.open_of_kind(session, "ingest_stale")
            ]

    assert open_alarms() == []
    keeper.go_on.clear()
    sender.publish(Publication(TOPIC, b"%08d" % 1)).result(WAIT_S)
    assert keeper.entered.wait(WAIT_S)
    link.advance(STALE_S + 2)
    keeper.go_on.set()
    wait_until(lambda: kept(database) == 1)
    wait_until(lambda: open_alarms() == ["critical 7"])
    with database.reading() as session:
        assert leases.crew(session, wall_s[0]).oldest_s == pytest.approx(7, abs=0.1)
    wait_until(lambda: open_alarms() == [])
    with database.reading() as session:
        (told,) = alarms.alarms(session, [], only_open=False, also_without_unit=True).alarms
    assert (told.kind, told.facts, told.cleared_by_role) == ("ingest_stale", {"oldest_s": 7}, None)
    sender.stop()
    ingest.stop()
