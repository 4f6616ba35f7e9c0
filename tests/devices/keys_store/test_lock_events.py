"""What locks say is verified, taken in once, and acknowledged only when it is whole."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from devices.events import DoorOpened, LockReported
from devices.inbox.model import Accepted, Reason
from devices.inbox.tables import ReportRow
from devices.keys.chain import ChainEvent, ChainState, SignedEvent, commit, extend_chain, sign_event
from devices.keys.control import read_ack, read_time
from devices.keys.cose import SigningKey, server_trust
from devices.keys.holders import set_holders
from devices.keys.messages import Challenge, ChallengeRequest, EventBatch, LoggedEvent, TimeRequest, decode_message
from devices.keys.revocations import raise_epoch
from devices.keys.schemas import LockEnrolment
from devices.keys.service import dismount_lock, mount_locks
from devices.keys.tables import LockPayloadRow, LockRow
from devices.keys.topics import Direction
from devices.simulator.body import Outgoing
from devices.simulator.lock import SimulatedLock
from tests.devices.keys_store.town import UNIT, Town, stop

LOCK = "lock-1"
KEY = SigningKey(bytes([7]) * 32)


@pytest.fixture
def bare(town: Town) -> Town:
    """A town with a lock whose events the test signs itself."""
    with town.units.begin() as work:
        mount_locks(work, [LockEnrolment(LOCK, "door-1", UNIT, KEY.public_bytes)])
    town.locks[LOCK] = cast(SimulatedLock, None)  # only its id is looked at: nothing is told to it here
    return town


def _draft(kind: str, at: datetime | None, battery_mv: int = 5_900, commitment: bytes | None = None) -> ChainEvent:
    return ChainEvent(LOCK, 1, 0, at, 0, kind, None, None, battery_mv, b"", commitment)


def _chain(town: Town, count: int, key: SigningKey = KEY) -> tuple[list[SignedEvent], ChainState]:
    state = ChainState.start(LOCK)
    events: list[SignedEvent] = []
    for number in range(count):
        signed, state = extend_chain(state, _draft("tamper", town.clock.now(), 5_900 - number), key)
        events.append(signed)
    return events, state


def _hear(town: Town, events: Sequence[SignedEvent]) -> Accepted:
    batch = EventBatch(tuple(LoggedEvent(signed.raw) for signed in events)).encode()
    return _hear_raw(town, "evt", batch)


def _hear_raw(town: Town, name: str, payload: bytes) -> Accepted:
    incoming = town.incoming(LOCK, name, payload)
    return town.inbox.accept([incoming])


def _seqs(town: Town) -> list[int]:
    with town.database.reading() as session:
        return list(session.exec(select(ReportRow.seq).order_by(col(ReportRow.seq))))


def _row(town: Town) -> LockRow:
    with town.database.reading() as session:
        return session.exec(select(LockRow).where(LockRow.lock_id == LOCK)).one()


def _upto(town: Town, accepted: Accepted) -> int:
    (message,) = accepted.outgoing
    trust = server_trust([town.issuer_key.verifying_key], [town.service_key.verifying_key])
    return read_ack(message.payload, trust).upto


def test_a_batch_is_stored_told_and_acknowledged_up_to_its_end(bare: Town) -> None:
    events, state = _chain(bare, 5)
    assert _upto(bare, _hear(bare, events)) == 5
    row = _row(bare)
    assert (row.chain_seq, row.chain_head, row.battery_mv) == (5, state.head, 5_896)
    told = cast("list[LockReported]", bare.events("lock.reported"))
    assert [(event.seq, event.kind, event.door_id) for event in told] == [
        (number, "tamper", "door-1") for number in range(1, 6)
    ]


def test_a_batch_delivered_again_changes_nothing_and_gets_its_watermark_again(bare: Town) -> None:
    events, _ = _chain(bare, 5)
    _hear(bare, events[:3])
    again = _hear(bare, events[:3])
    assert (again.duplicates, _upto(bare, again)) == (1, 3)
    overlapping = _hear(bare, events[1:])
    assert (overlapping.accepted, _upto(bare, overlapping)) == (1, 5)
    assert _seqs(bare) == [1, 2, 3, 4, 5]
    assert len(bare.events("lock.reported")) == 5


def _gap(events: list[SignedEvent]) -> list[SignedEvent]:
    return events[3:]


def _cut(events: list[SignedEvent]) -> list[SignedEvent]:
    return [events[0], events[2]]


def _swapped(events: list[SignedEvent]) -> list[SignedEvent]:
    return [events[1], events[0]]


@pytest.mark.parametrize("damage", [_gap, _cut, _swapped])
def test_missing_events_are_set_aside_whole_and_the_rest_comes_when_the_lock_sends_all(
    bare: Town, damage: Callable[[list[SignedEvent]], list[SignedEvent]]
) -> None:
    events, _ = _chain(bare, 5)
    accepted = _hear(bare, damage(events))
    assert [setback.reason for setback in accepted.quarantined] == [Reason.CHAIN_GAP]
    assert (_seqs(bare), [message.name for message in accepted.outgoing]) == ([], ["ask"])
    assert _upto(bare, _hear(bare, events)) == 5


def test_another_history_of_the_same_lock_is_a_fork(bare: Town) -> None:
    events, _ = _chain(bare, 3)
    _hear(bare, events)
    bare.pass_s(1)
    other, _ = _chain(bare, 4)
    for forged in (other[3:], other[1:2]):
        accepted = _hear(bare, forged)
        assert [setback.reason for setback in accepted.quarantined] == [Reason.CHAIN_FORK]
    assert _seqs(bare) == [1, 2, 3]


def test_events_that_another_key_signed_are_not_believed(bare: Town) -> None:
    forged, _ = _chain(bare, 2, SigningKey(bytes([8]) * 32))
    accepted = _hear(bare, forged)
    assert [setback.reason for setback in accepted.quarantined] == [Reason.BAD_SIGNATURE]
    assert _row(bare).chain_seq == 0


def test_events_from_inside_a_gap_may_still_come_home_another_way(bare: Town) -> None:
    events, state = _chain(bare, 4)
    gap = ChainEvent(LOCK, 1, 3, None, 0, "gap", None, "overflow", 5_900, events[0].event.prev, None, 1, events[2].head)
    assert _upto(bare, _hear(bare, [sign_event(gap, KEY), events[3]])) == 4
    assert _row(bare).chain_head == state.head
    recovered = _hear(bare, events[:2])
    assert (recovered.accepted, _upto(bare, recovered)) == (1, 4)
    assert _seqs(bare) == [1, 2, 3, 4]


def test_an_event_from_the_future_is_set_aside(bare: Town) -> None:
    signed, _ = extend_chain(ChainState.start(LOCK), _draft("tamper", bare.clock.now() + timedelta(minutes=3)), KEY)
    assert [s.reason for s in _hear(bare, [signed]).quarantined] == [Reason.FUTURE_TIMESTAMP]


def test_a_lock_without_a_clock_is_told_at_the_time_it_was_heard(bare: Town) -> None:
    signed, _ = extend_chain(ChainState.start(LOCK), _draft("boot", None), KEY)
    _hear(bare, [signed])
    assert bare.events("lock.reported")[0].at == bare.clock.now()


def test_an_erasable_payload_is_kept_apart_and_must_be_the_one_committed_to(bare: Town) -> None:
    salt, payload = bytes(16), b"\xa0"
    signed, _ = extend_chain(
        ChainState.start(LOCK),
        _draft("tamper", bare.clock.now(), commitment=commit(salt, payload)),
        KEY,
    )
    other = EventBatch((LoggedEvent(signed.raw, salt, b"\xa1\x61x\x01"),)).encode()
    assert [s.reason for s in _hear_raw(bare, "evt", other).quarantined] == [Reason.BAD_SIGNATURE]
    right = EventBatch((LoggedEvent(signed.raw, salt, payload),)).encode()
    assert _upto(bare, _hear_raw(bare, "evt", right)) == 1
    with bare.database.reading() as session:
        (kept,) = session.exec(select(LockPayloadRow)).all()
    assert (kept.seq, kept.payload) == (1, payload)


def test_a_lock_that_asks_gets_the_signed_time_for_its_own_nonce(bare: Town) -> None:
    nonce = bytes(range(16))
    accepted = _hear_raw(bare, "time", TimeRequest(LOCK, nonce, 1).encode())
    (message,) = accepted.outgoing
    trust = server_trust([bare.issuer_key.verifying_key], [bare.service_key.verifying_key])
    told = read_time(message.payload, trust)
    assert (message.name, told.lock, told.nonce, told.time_at) == ("time", LOCK, nonce, bare.clock.now())


def test_a_lock_that_speaks_for_another_is_set_aside(bare: Town) -> None:
    accepted = _hear_raw(bare, "time", TimeRequest("lock-2", bytes(16), 1).encode())
    assert [setback.reason for setback in accepted.quarantined] == [Reason.BROKEN_PAYLOAD]


def test_a_dismounted_lock_is_not_believed(bare: Town) -> None:
    events, _ = _chain(bare, 1)
    with bare.units.begin() as work:
        dismount_lock(work, LOCK)
    assert [s.reason for s in _hear(bare, events).quarantined] == [Reason.UNKNOWN_DEVICE]


def test_a_lock_that_missed_its_revocations_gets_them_at_its_next_birth(town: Town) -> None:
    lock = town.mount(LOCK, "door-1")
    with town.units.begin() as work:
        raise_epoch(work, LOCK)
    assert lock.access.epoch == 0
    town.hear(LOCK, [("birth", lock.birth())])
    assert lock.access.epoch == 1
    assert _row(town).crl_reported == 1, "the lock reported the version it now has"
    assert town.inbox.accept([town.incoming(LOCK, "birth", lock.birth())]).outgoing == ()


def test_what_is_stored_is_recognised_by_its_bytes_and_by_nothing_else(bare: Town) -> None:
    events, _ = _chain(bare, 4)
    _hear(bare, events[:3])
    with bare.units.begin() as work:  # from now on no signature of the lock would hold
        work.session.execute(update(LockRow).values(public_key=SigningKey(bytes([8]) * 32).public_bytes))

    again, other = _hear(bare, events[:3]), _hear(bare, events[1:])

    assert (again.duplicates, _upto(bare, again)) == (1, 3)
    assert [setback.reason for setback in other.quarantined] == [Reason.BAD_SIGNATURE]
    assert _seqs(bare) == [1, 2, 3]


def test_a_door_two_open_beside_it_is_told_with_both_visits_whoever_brings_the_log_home(town: Town) -> None:
    lock = town.mount(LOCK, "door-1")
    with town.units.begin() as work:
        set_holders(work, "door-1", 2, "planner")
    carers = [town.begin_shift(f"carer-{name}", f"shift-{name}") for name in "ab"]
    for carer in carers:
        town.publish(carer, 1, [stop(f"visit-of-{carer.carer_id}", "door-1", 0)])
    said: list[Outgoing] = []
    for carer in carers:
        (grant,) = town.grants(carer)
        (given,) = lock.on_message("challenge", ChallengeRequest(carer.key.thumbprint[:16]).encode(), carer.carer_id)
        challenge = cast(Challenge, decode_message(Direction.UP, "challenge", given.payload))
        said += lock.on_message("open", carer.key.command(challenge, grant.token, grant.cti).encode(), carer.carer_id)

    town.hear(LOCK, [(one.name, one.payload) for one in said if one.name == "evt"])

    (opened,) = cast("list[DoorOpened]", town.events("door.opened"))
    assert (opened.visit_id, opened.carer_id) == ("visit-of-carer-b", "carer-b")
    assert (opened.with_visit_id, opened.with_carer_id) == ("visit-of-carer-a", "carer-a")
