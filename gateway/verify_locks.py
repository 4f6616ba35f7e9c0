"""Walks the chain of every lock as it came home: signatures, links, payloads, and where the chain ends."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from devices.inbox.tables import ReportRow
from devices.keys.chain import SALT_BYTES, ChainEvent, SignedEvent, commit, genesis, read_event
from devices.keys.cose import Trust, VerifyingKey, lock_trust
from devices.keys.errors import MessageError, SignatureError
from devices.keys.lock_events import KIND
from devices.keys.tables import LockPayloadRow, LockRow
from kernel.seals_check import Fault
from kernel.tables import ReceiptRow

#: the data type under which reports of locks are emptied
LOCK_REPORTS = "lock_reports"
_BATCH = 2_000


@dataclass(slots=True)
class LocksChecked:
    """What was looked at."""

    locks: int = 0
    events: int = 0
    emptied: int = 0


def check_locks(session: Session, checked: LocksChecked) -> Iterator[Fault]:
    """Verify what every lock ever reported; a lock is named by its id."""
    for lock in session.exec(select(LockRow).order_by(col(LockRow.lock_id))).all():
        checked.locks += 1
        yield from _check_lock(session, lock, checked)
    receipted = session.exec(select(func.sum(ReceiptRow.count)).where(col(ReceiptRow.data_type) == LOCK_REPORTS)).one()
    if checked.emptied > (receipted or 0):
        yield Fault(
            "report_missing",
            "reports of locks",
            f"{checked.emptied} are empty, and receipts speak of {receipted or 0}",
        )


def _check_lock(session: Session, lock: LockRow, checked: LocksChecked) -> Iterator[Fault]:
    trust = lock_trust(VerifyingKey(bytes(lock.public_key)))
    #: number to the hash the next event has to carry; ``None`` where a report was emptied
    heads: dict[int, bytes | None] = {0: genesis(lock.lock_id)}
    upto = 0
    for seq, raw in _reports(session, lock.lock_id):
        checked.events += 1
        if not raw:
            checked.emptied += 1
            heads[seq], upto = None, max(upto, seq)
            continue
        where = f"lock {lock.lock_id} event {seq}"
        signed = _read(raw, trust)
        if isinstance(signed, str):
            yield Fault("lock_signature", where, signed)
            heads[seq], upto = None, max(upto, seq)
            continue
        yield from _check_event(lock.lock_id, seq, signed.event, heads, where)
        yield from _check_payload(session, signed.event, where)
        heads[seq], upto = signed.head, max(upto, seq)
        heads.pop(seq - _BATCH, None)
    head = heads.get(upto)
    if (upto, head or bytes(lock.chain_head)) != (lock.chain_seq, bytes(lock.chain_head)):
        yield Fault(
            "lock_chain_end", f"lock {lock.lock_id}", f"ends at {upto}, and was acknowledged to {lock.chain_seq}"
        )


def _check_event(
    lock_id: str, seq: int, event: ChainEvent, heads: dict[int, bytes | None], where: str
) -> Iterator[Fault]:
    if (event.lock, event.seq) != (lock_id, seq):
        yield Fault("lock_signature", where, f"is event {event.seq} of lock {event.lock}")
        return
    before = (event.from_seq if event.from_seq is not None else seq) - 1
    if before not in heads:
        yield Fault("lock_chain", where, f"event {before} is not there")
    elif (head := heads[before]) is not None and head != event.prev:
        yield Fault("lock_chain", where, f"does not follow event {before}")


def _check_payload(session: Session, event: ChainEvent, where: str) -> Iterator[Fault]:
    if event.commitment is None:
        return
    kept = session.get(LockPayloadRow, (event.lock, event.seq))
    if kept is None:
        return
    salt = bytes(kept.salt)
    if len(salt) != SALT_BYTES or commit(salt, bytes(kept.payload)) != event.commitment:
        yield Fault("lock_payload", where, "its payload is not the one the lock committed to")
    session.expunge(kept)


def _read(raw: bytes, trust: Trust) -> SignedEvent | str:
    try:
        return read_event(raw, trust)
    except (SignatureError, MessageError) as err:
        return str(err)


def _reports(session: Session, lock_id: str) -> Iterator[tuple[int, bytes]]:
    after = -1
    while True:
        query = (
            select(ReportRow.seq, ReportRow.payload)
            .where(
                col(ReportRow.device_id) == lock_id,
                col(ReportRow.kind) == KIND,
                col(ReportRow.name) == "evt",
                col(ReportRow.seq) > after,
            )
            .order_by(col(ReportRow.seq))
            .limit(_BATCH)
        )
        found = session.exec(query).all()
        for seq, raw in found:
            yield seq, bytes(raw)
        if len(found) < _BATCH:
            return
        after = found[-1][0]
