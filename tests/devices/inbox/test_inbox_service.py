from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from devices.inbox import counter_store, quarantine_store, report_store
from devices.inbox.errors import InboxError
from devices.inbox.message_work import MessageWork
from devices.inbox.model import Handler, Incoming, Outgoing, Reason, Refused, Report, require_not_future
from devices.inbox.report_store import store_reports
from devices.inbox.service import Inbox
from devices.inbox.tables import ReportRow
from devices.keys.control import read_ack
from devices.keys.cose import SigningKey, server_trust
from devices.keys.lock_events import lock_handlers
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol, presence_handlers, retire, touch
from devices.registry.store import find_device, known_devices
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.lock import SimulatedLock
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.tables import EventRow
from kernel.work import UnitsOfWork, Work

START_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
TENANT = "nord"
SERVICE_KEY = SigningKey(bytes(range(32)))


def make_inbox(units: UnitsOfWork, extra: dict[tuple[str, str], Handler] | None = None) -> Inbox:
    handlers = {**presence_handlers(), **lock_handlers(SERVICE_KEY, lambda: 0.0), **(extra or {})}
    return Inbox(units, handlers, TENANT, known_devices, touch)


def make_lock(units: UnitsOfWork, world: SimulatedWorldClock, lock_id: str = "lock-a") -> SimulatedLock:
    """A lock with a real chain, enrolled in the registry and mounted on a door."""
    trust = server_trust([], [SERVICE_KEY.verifying_key])
    lock = SimulatedLock(lock_id, trust, world=world, link=SystemLinkClock(), behaviour=FAULTLESS)
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit-1", device_id=lock_id, door_id="door-1")])
        mount_locks(work, [LockEnrolment(lock_id, f"door-{lock_id}", "unit-1", lock.public_key)])
    return lock


def messages(lock: SimulatedLock, out: Sequence[tuple[str, bytes, float]], tenant: str = TENANT) -> list[Incoming]:
    return [incoming(lock.lock_id, name, payload, tenant) for name, payload, _delay_s in out]


def incoming(device_id: str, name: str, payload: bytes, tenant: str = TENANT, kind: str = "lock") -> Incoming:
    return Incoming(tenant, kind, device_id, name, payload, START_AT)


def counts(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {outcome: count for outcome, count in counter_store.counts(session).items() if count}


def open_rows(database: Database) -> list[quarantine_store.Quarantined]:
    with database.reading() as session:
        return list(quarantine_store.quarantined(session).rows)


def events(database: Database, event_type: str) -> list[EventRow]:
    with database.reading() as session:
        return list(session.exec(select(EventRow).where(EventRow.event_type == event_type).order_by("id")))


def test_a_birth_and_its_events_are_taken_in_and_answered_with_a_watermark(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    lock = make_lock(units, world)
    accepted = make_inbox(units).accept(messages(lock, lock.power_on()))
    assert [(out.device_id, out.name) for out in accepted.outgoing] == [("lock-a", "ack")]
    lock.on_message("ack", accepted.outgoing[0].payload)
    assert lock.log.held == 0
    with database.reading() as session:
        device = find_device(session, "lock-a")
    assert device is not None
    assert (device.online, device.boot, device.last_seen_at) == (True, 1, START_AT)
    assert counts(database) == {"accepted": 2}


BrokenCase = Callable[[SimulatedLock, SimulatedWorldClock], Incoming]


def _of_a_stranger(lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    return incoming("nobody", "birth", lock.birth())


def _cut_short(lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    return incoming("lock-a", "birth", lock.birth()[:-3])


def _of_a_later_version(lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    body = cbor2.loads(lock.birth())
    return incoming("lock-a", "birth", cbor2.dumps({**body, "v": 2}, canonical=True))


def _from_the_future(lock: SimulatedLock, world: SimulatedWorldClock) -> Incoming:
    body = cbor2.loads(lock.birth())
    ahead_ms = int((world.now() + timedelta(minutes=2, seconds=1)).timestamp() * 1000)
    return incoming("lock-a", "birth", cbor2.dumps({**body, "ts": ahead_ms}, canonical=True))


def _for_another_tenant(lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    return incoming("lock-a", "birth", lock.birth(), tenant="syd")


def _on_a_topic_nobody_knows(lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    return incoming("lock-a", "gossip", lock.birth())


def _on_no_topic_at_all(_lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    return Incoming("", "", "", "spam/\x00/and/ham", b"", START_AT)


def _as_another_kind(_lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    return incoming("lock-a", "birth", b'{"v": 1, "device": "lock-a", "boot": 1, "firmware": "x"}', kind="lift")


def _speaking_for_another(lock: SimulatedLock, _world: SimulatedWorldClock) -> Incoming:
    body = cbor2.loads(lock.birth())
    return incoming("lock-a", "birth", cbor2.dumps({**body, "lock": "lock-b"}, canonical=True))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(_of_a_stranger, Reason.UNKNOWN_DEVICE, id="unknown device"),
        pytest.param(_cut_short, Reason.BROKEN_PAYLOAD, id="broken payload"),
        pytest.param(_of_a_later_version, Reason.WRONG_VERSION, id="wrong version"),
        pytest.param(_from_the_future, Reason.FUTURE_TIMESTAMP, id="future timestamp"),
        pytest.param(_for_another_tenant, Reason.FOREIGN_TENANT, id="another tenant"),
        pytest.param(_on_a_topic_nobody_knows, Reason.UNKNOWN_TOPIC, id="unknown message"),
        pytest.param(_on_no_topic_at_all, Reason.UNKNOWN_TOPIC, id="unknown topic"),
        pytest.param(_as_another_kind, Reason.UNKNOWN_DEVICE, id="another kind"),
        pytest.param(_speaking_for_another, Reason.BROKEN_PAYLOAD, id="another device's name inside"),
    ],
)
def test_bad_input_is_kept_with_its_reason_counted_told_and_does_not_block_the_rest(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database, make: BrokenCase, reason: Reason
) -> None:
    lock = make_lock(units, world)
    good = messages(lock, lock.power_on())
    bad = make(lock, world)
    accepted = make_inbox(units).accept([good[0], bad, *good[1:]])
    assert accepted.accepted == len(good)
    assert [setback.reason for setback in accepted.quarantined] == [reason]
    (row,) = open_rows(database)
    assert (row.reason, row.payload, row.times) == (reason.value, bad.payload, 1)
    assert row.expected
    assert row.found
    assert counts(database) == {"accepted": len(good), reason.value: 1}
    (event,) = events(database, "message.quarantined")
    assert event.data["reason"] == reason.value
    assert event.data["quarantine_id"] == row.quarantine_id


def test_a_duplicate_is_answered_like_the_first_time_counted_and_put_away(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    lock = make_lock(units, world)
    (event_batch,) = [m for m in messages(lock, lock.power_on()) if m.name == "evt"]
    inbox = make_inbox(units)
    first = inbox.accept([event_batch])
    again = inbox.accept([event_batch, event_batch])
    assert again.duplicates == 2
    assert [out.payload for out in again.outgoing] == [first.outgoing[0].payload], "one watermark a batch"
    assert counts(database) == {"accepted": 1, "duplicate": 2}
    with database.reading() as session:
        (row,) = quarantine_store.quarantined(session, state="dismissed").rows
        reports = session.exec(select(ReportRow)).all()
    assert (row.reason, row.times, row.payload) == ("duplicate", 2, event_batch.payload)
    assert len(reports) == 1
    assert open_rows(database) == []
    assert inbox.replay(row.quarantine_id).accepted
    assert counts(database)["duplicate"] == 3


def test_a_stranger_is_replayed_once_it_is_enrolled(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    trust = server_trust([], [SERVICE_KEY.verifying_key])
    lock = SimulatedLock("lock-a", trust, world=world, link=SystemLinkClock(), behaviour=FAULTLESS)
    inbox = make_inbox(units)
    early = inbox.accept(messages(lock, lock.power_on()))
    ids = [setback.quarantine_id for setback in early.quarantined]
    assert len(ids) == 2
    refused = inbox.replay(ids[0])
    assert (refused.accepted, refused.reason) == (False, Reason.UNKNOWN_DEVICE)
    with units.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit-1", device_id="lock-a")])
        mount_locks(work, [LockEnrolment("lock-a", "door-1", "unit-1", lock.public_key)])
    replayed = [inbox.replay(quarantine_id) for quarantine_id in ids]
    assert all(result.accepted for result in replayed)
    assert [out.name for result in replayed for out in result.outgoing] == ["ack"]
    assert open_rows(database) == []
    with database.reading() as session:
        rows = quarantine_store.quarantined(session, state="replayed").rows
        device = find_device(session, "lock-a")
    assert [row.replayed_at for row in rows] == [START_AT, START_AT]
    assert device is not None
    assert device.online


def test_what_is_settled_cannot_be_settled_again(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    lock = make_lock(units, world)
    inbox = make_inbox(units)
    (setback,) = inbox.accept([_cut_short(lock, world)]).quarantined
    inbox.dismiss(setback.quarantine_id)
    for act in (inbox.dismiss, inbox.replay):
        with pytest.raises(InboxError) as error:
            act(setback.quarantine_id)
        assert error.value.code == "quarantine_settled"
    with pytest.raises(KernelError):
        inbox.replay(setback.quarantine_id + 1)
    assert open_rows(database) == []


def test_the_same_bytes_over_and_over_are_one_row_and_one_event(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    lock = make_lock(units, world)
    inbox = make_inbox(units)
    bad = _cut_short(lock, world)
    for _ in range(3):
        inbox.accept([bad, bad])
    (row,) = open_rows(database)
    assert row.times == 6
    assert counts(database) == {"broken_payload": 6}
    assert len(events(database, "message.quarantined")) == 1


def test_a_dismissed_message_that_comes_back_is_open_again(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    lock = make_lock(units, world)
    inbox = make_inbox(units)
    bad = _cut_short(lock, world)
    (setback,) = inbox.accept([bad]).quarantined
    inbox.dismiss(setback.quarantine_id)
    inbox.accept([bad])
    assert [row.quarantine_id for row in open_rows(database)] == [setback.quarantine_id]


def test_a_retired_device_and_one_of_another_tenant_are_set_aside(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    retired, foreign = make_lock(units, world, "lock-a"), make_lock(units, world, "lock-b")
    with units.begin() as work:
        retire(work, "lock-a")
        work.session.execute(text("UPDATE device SET tenant = 'syd' WHERE device_id = 'lock-b'"))
    batch = [incoming(lock.lock_id, "birth", lock.birth()) for lock in (retired, foreign)]
    accepted = make_inbox(units).accept(batch)
    assert [s.reason for s in accepted.quarantined] == [Reason.UNKNOWN_DEVICE, Reason.FOREIGN_TENANT]
    assert {row.found for row in open_rows(database)} == {"a retired device", "a device of another tenant"}


def test_a_handler_with_a_fault_of_ours_loses_nothing_and_undoes_what_it_wrote(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    lock = make_lock(units, world)

    def half_way(work: Work, message: Incoming) -> Sequence[Outgoing]:
        assert isinstance(work, MessageWork)
        store_reports(work, [report(7), report(8)])
        work.answer_last("lock", message.device_id, "ack", lambda: b"all is home")
        raise KeyError("Expected to be contained.")

    inbox = make_inbox(units, {("lock", "half"): half_way})
    good = messages(lock, lock.power_on())
    accepted = inbox.accept([*good, incoming("lock-a", "half", b"precious")])
    assert accepted.accepted == len(good)
    trust = server_trust([], [SERVICE_KEY.verifying_key])
    (told,) = [out for out in accepted.outgoing if out.name == "ack"]
    assert read_ack(told.payload, trust).upto == 1, "of what was undone the device is told nothing"
    (row,) = open_rows(database)
    assert (row.reason, row.payload, row.found) == ("not_accepted", b"precious", "KeyError")
    with database.reading() as session:
        assert {r.seq for r in session.exec(select(ReportRow))} == {1}


def test_a_database_that_is_away_is_no_reason_to_set_a_message_aside(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    make_lock(units, world)

    def away(work: Work, message: Incoming) -> Sequence[Outgoing]:
        raise OperationalError("INSERT", {}, Exception("the server closed the connection"))

    with pytest.raises(OperationalError):
        make_inbox(units, {("lock", "away"): away}).accept([incoming("lock-a", "away", b"")])
    assert open_rows(database) == []
    assert counts(database) == {}


def test_pages_of_the_quarantine_hold_every_row_once_newest_first(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    make_inbox(units).accept([incoming(f"stranger-{number}", "birth", b"") for number in range(25)])
    seen: list[int] = []
    cursor: int | None = None
    with database.reading() as session:
        while True:
            page = quarantine_store.quarantined(session, limit=10, cursor=cursor)
            seen += [row.quarantine_id for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert len(seen) == 25
    assert seen == sorted(seen, reverse=True)


def test_only_what_is_new_is_stored_whoever_else_delivers_it_again(units: UnitsOfWork, database: Database) -> None:
    with units.begin() as work:
        assert store_reports(work, [report(1), report(2), report(2)]) == {("d", 1, 1), ("d", 1, 2)}
    with units.begin() as work:
        assert store_reports(work, [report(3), report(2)]) == {("d", 1, 3)}
        assert store_reports(work, []) == set()
    with database.reading() as session:
        assert [r.seq for r in report_store.reports_of(session, "d", (0, 0), 10)] == [1, 2, 3]
        assert [r.seq for r in report_store.reports_of(session, "d", (1, 1), 1)] == [2]


def test_thousands_of_reports_go_in_at_once(units: UnitsOfWork) -> None:
    many = [report(number) for number in range(1, 3_501)]
    with units.begin() as work:
        assert len(store_reports(work, many)) == 3_500
    with units.begin() as work:
        assert store_reports(work, [*many, report(3_501)]) == {("d", 1, 3_501)}
        mixed = [report(number) for number in range(3_400, 3_700, 3)]
        assert store_reports(work, mixed) == {row.key for row in mixed if row.seq > 3_501}


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 25, 7, 0, 0, 123_456, tzinfo=UTC),
        datetime(2026, 11, 25, 7, 5, tzinfo=UTC),
        datetime(2026, 7, 1, 9, 30, 1, 5, tzinfo=ZoneInfo("Europe/Copenhagen")),
    ],
)
def test_an_instant_of_many_rows_is_stored_as_that_of_one_is(units: UnitsOfWork, at: datetime) -> None:
    with units.begin() as work:
        store_reports(work, [report(1)._replace(received_at=at), report(2)])
        one = ReportRow(device_id="d", boot=1, seq=3, kind="lock", name="evt", received_at=at, payload=b"")
        work.session.add(one)
    with units.database.reading() as session:
        rows = session.exec(select(ReportRow.seq, ReportRow.received_at).where(ReportRow.received_at == at)).all()
    assert sorted(rows) == [(1, at), (3, at)]


def test_a_device_that_spoke_a_moment_ago_is_not_written_down_again(
    units: UnitsOfWork, world: SimulatedWorldClock, database: Database
) -> None:
    lock = make_lock(units, world)
    inbox = make_inbox(units)
    inbox.accept(messages(lock, lock.power_on()))

    def seen_after(seconds: int) -> datetime | None:
        at = START_AT + timedelta(seconds=seconds)
        inbox.accept([one._replace(received_at=at) for one in messages(lock, lock.observe("door_ajar"))])
        with database.reading() as session:
            device = find_device(session, "lock-a")
        return None if device is None else device.last_seen_at

    assert [seen_after(seconds) for seconds in (4, 5, 9, 10)] == [
        START_AT,
        START_AT + timedelta(seconds=5),
        START_AT + timedelta(seconds=5),
        START_AT + timedelta(seconds=10),
    ]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(batches=st.lists(st.lists(st.integers(1, 12), max_size=8), max_size=6), salt=st.integers(0, 2**40))
def test_however_reports_are_cut_and_repeated_each_is_new_exactly_once(
    units: UnitsOfWork, batches: list[list[int]], salt: int
) -> None:
    device = f"device-{salt}"
    told: list[int] = []
    before: set[int] = set()
    with units.begin() as work:
        work.session.execute(text("DELETE FROM device_report"))
        for batch in batches:
            new = store_reports(work, [report(seq, device) for seq in batch])
            told += [seq for _device, _boot, seq in new]
            assert {seq for _device, _boot, seq in new} == set(batch) - before
            before |= set(batch)
    assert sorted(told) == sorted(before)


def test_two_minutes_ahead_is_forgiven_and_a_second_more_is_not() -> None:
    require_not_future(START_AT + timedelta(minutes=2), START_AT)
    with pytest.raises(Refused) as refused:
        require_not_future(START_AT + timedelta(minutes=2, seconds=1), START_AT)
    assert refused.value.reason is Reason.FUTURE_TIMESTAMP


def report(seq: int, device_id: str = "d") -> Report:
    return Report(device_id, 1, seq, "lift", "evt", START_AT, b"raw")
