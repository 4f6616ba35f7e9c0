"""A vendor's log comes in: by the reply to an order, by webhook, or read from the cloud. Each entry counts once.

Nobody signs it but the connection it comes over, so what it says is told as ``vendor_log`` and never as a lock's own
word. Deliveries come twice, late and in any order; an entry is known by its vendor and its number.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session, col, select

from devices.alarms.model import NewAlarm
from devices.alarms.service import clear_for, raise_alarm
from devices.events import DoorOpened, LockReported
from devices.keys import opening_steps, opening_store, release, store
from devices.keys.model import LockResult
from devices.keys.opening import Answered
from devices.keys.schemas import DoorOpening
from devices.keys.signer.model import Basis
from devices.keys.tables import OpeningRow
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import LogEntry, OpenReply
from devices.keys.vendors.store import acting_locks, lock_by_ref
from devices.keys.vendors.tables import VendorAccessRow, VendorDeliveryRow, VendorEventRow, VendorLockRow
from kernel.work import Work

HeardBy = Literal["reply", "webhook", "log"]
#: the boot that stands for "not a lock's own numbering"
NO_BOOT = 0
#: a vendor's clock may be this far ahead of ours
_AHEAD = timedelta(minutes=5)
_RESULTS = {"opened": LockResult.OPENED, "denied": LockResult.DENIED, "jammed": LockResult.JAMMED}


def take_delivery(work: Work, vendor: str, delivery: str, wall_s: float) -> None:
    """Note a webhook by its id. Call it in the transaction that takes its entries in.

    Raises
    ------
    VendorError
        ``webhook_repeated``.
    """
    row = {"vendor": vendor, "delivery": delivery, "received_wall_s": wall_s}
    if not store.insert_ignoring(work.session, VendorDeliveryRow, [row], ["vendor", "delivery"], ["delivery"]):
        raise VendorError("webhook_repeated")


def take_in(work: Work, vendor: str, entries: Sequence[LogEntry], heard_by: HeardBy, wall_s: float) -> int:
    """Take log entries in. Returns how many were new; those known already change nothing."""
    by_number = {entry.number: entry for entry in entries}  # one delivery may hold an entry twice
    new = _store(work, vendor, by_number.values(), heard_by)
    for number in sorted(new):
        lock = lock_by_ref(work.session, vendor, by_number[number].lock_ref)
        if lock is not None:
            _tell(work, lock, by_number[number], wall_s)
    return len(new)


def settle_reply(work: Work, vendor: str, opening_id: str, reply: OpenReply, wall_s: float) -> None:
    """The vendor's own reply to an order, over the connection we opened to it."""
    if reply.entry is not None:
        take_in(work, vendor, [reply.entry], "reply", wall_s)
    if reply.state == "unreachable":
        release.nothing_left(work, opening_id, reply.code or "vendor_unreachable", wall_s)
    elif reply.state == "denied":
        row = opening_store.opening_for_update(work.session, opening_id)
        if row is not None:
            said = Answered(wall_s, LockResult.DENIED, reply.code or "no_access")
            opening_steps.settle(work, row, said, NO_BOOT, None, None)


def untapped_openings(
    session: Session, door_id: str, since_at: datetime, limit: int
) -> list[tuple[VendorEventRow, str]]:
    """Openings of a door that only its vendors' logs tell of, newest first, each with its visit (or empty)."""
    rows = session.exec(
        select(VendorEventRow, VendorAccessRow.visit_id)
        .join(
            VendorLockRow,
            (col(VendorLockRow.vendor) == col(VendorEventRow.vendor))
            & (col(VendorLockRow.lock_ref) == col(VendorEventRow.lock_ref)),
        )
        .join(VendorAccessRow, col(VendorAccessRow.access_id) == col(VendorEventRow.access_id), isouter=True)
        .join(OpeningRow, col(OpeningRow.opening_id) == col(VendorEventRow.request), isouter=True)
        .where(
            VendorLockRow.door_id == door_id,
            VendorEventRow.kind == "opened",
            col(VendorEventRow.at) >= since_at,
            col(OpeningRow.opening_id).is_(None),
        )
        .distinct()
        .order_by(col(VendorEventRow.number).desc())
        .limit(limit)
    ).all()
    return [(event, visit_id or "") for event, visit_id in rows]


def _store(work: Work, vendor: str, entries: Iterable[LogEntry], heard_by: HeardBy) -> set[int]:
    rows = [
        {
            "vendor": vendor,
            "number": entry.number,
            "lock_ref": entry.lock_ref,
            "kind": entry.kind,
            "at": entry.at,
            "request": entry.request,
            "access_id": entry.access_id,
            "code": entry.code,
            "heard_by": heard_by,
            "received_at": work.now,
        }
        for entry in entries
    ]
    told = store.insert_ignoring(work.session, VendorEventRow, rows, ["vendor", "number"], ["number"])
    return {int(number) for (number,) in told}


def _tell(work: Work, lock: VendorLockRow, entry: LogEntry, wall_s: float) -> None:
    row = _opening(work, lock, entry)
    access = work.session.get(VendorAccessRow, entry.access_id) if entry.access_id else None
    if access is not None and access.lock_id != lock.lock_id:
        access = None
    at = min(entry.at, work.now) if entry.at <= work.now + _AHEAD else work.now
    result = _RESULTS.get(entry.kind)
    if row is not None and result is not None:
        opening_steps.settle(work, row, Answered(wall_s, result, entry.code), NO_BOOT, entry.number, None)
    carer_id = row.ids.carer_id if row is not None else access.carer_id if access is not None else None
    acting = acting_locks(work.session, [lock.door_id]).get(lock.door_id)
    is_idle = acting is None or acting.lock_id != lock.lock_id
    if entry.kind == "opened" and is_idle and row is None:
        # The door has moved: nobody's visit begins by what its former lock's vendor says, and somebody has to look.
        facts = {"vendor": lock.vendor, "number": entry.number}
        raise_alarm(work, NewAlarm("idle_lock_opened", lock.unit_id, None, lock.door_id, "critical", facts))
        access = None
    if entry.kind == "opened":
        opening_id = None if row is None else row.opening_id
        store.first_told(work.session, lock.lock_id, {(NO_BOOT, entry.number): opening_id})
        work.record(
            DoorOpened(
                at=at,
                unit_id=lock.unit_id,
                carer_id=carer_id,
                lock_id=lock.lock_id,
                door_id=lock.door_id,
                boot=NO_BOOT,
                seq=entry.number,
                opening_id=opening_id,
                visit_id=_visit(row, access),
                shift_id=None if row is None else row.ids.shift_id,
                emergency_id=row.ids.visit_id if row is not None and row.basis != Basis.ROUTE else None,
                source="vendor_log",
            )
        )
    else:
        work.record(
            LockReported(
                at=at,
                unit_id=lock.unit_id,
                carer_id=carer_id,
                lock_id=lock.lock_id,
                door_id=lock.door_id,
                boot=NO_BOOT,
                seq=entry.number,
                kind=entry.kind,
            )
        )
    if entry.kind == "jammed":
        raise_alarm(work, NewAlarm("jam", lock.unit_id, lock.lock_id, lock.door_id, "critical", {"seq": entry.number}))
    elif entry.kind in ("opened", "locked"):
        clear_for(work, "jam", lock.lock_id)


def _visit(row: DoorOpening | None, access: VendorAccessRow | None) -> str | None:
    if row is not None:
        return row.ids.visit_id if row.basis == Basis.ROUTE else None
    return None if access is None else access.visit_id


def _opening(work: Work, lock: VendorLockRow, entry: LogEntry) -> DoorOpening | None:
    if entry.request is None:
        return None
    return opening_store.openings_for_update(work.session, lock.lock_id, {entry.request}).get(entry.request)
