"""What a vendor has to be told of who may open: an outbox of facts, filled with the change of rights itself.

One row for a right and a lock says what we want and what the vendor has confirmed. Somebody tells the vendor until
both agree (:mod:`gateway.vendor_desk`), so a withdrawal outlives every crash and every outage on either side.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from devices.keys.tables import RightRow
from devices.keys.vendors.model import NATIVE, AccessWindow
from devices.keys.vendors.store import acting_locks
from devices.keys.vendors.tables import VendorAccessRow, VendorLockRow
from kernel.ids import new_id
from kernel.work import Work

ISSUED, WITHDRAWN = "issued", "withdrawn"
#: how long one teller has a row to itself; longer than a vendor may take to answer twice
TELL_WITHIN_S = 30.0
LONGEST_PAUSE_S = 60.0
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class ToTell:
    """One fact for a vendor. ``wanted`` is what it says."""

    vendor: str
    window: AccessWindow
    wanted: str
    attempts: int


def issue_windows(work: Work, rights: Sequence[Mapping[str, Any]]) -> None:
    """Rights were issued: their doors' vendors have to know. ``rights`` are rows of ``door_right``."""
    acting = acting_locks(work.session, {str(right["door_id"]) for right in rights}) if rights else {}
    for right in rights:
        lock = acting.get(str(right["door_id"]))
        if lock is not None and lock.vendor != NATIVE:
            _want(work, lock.lock_id, right)
    work.session.flush()


def withdraw_windows(work: Work, right_ids: Iterable[str]) -> None:
    """Rights are in force no more, whichever vendor knows of them."""
    ids = sorted(set(right_ids))
    for start in range(0, len(ids), _CHUNK):
        _withdraw(work, col(VendorAccessRow.right_id).in_(ids[start : start + _CHUNK]))


def follow_door(work: Work, door_id: str) -> tuple[int, int]:
    """The door's lock was changed: issue every right in force at the lock that acts, withdraw it at the others.

    Returns how many are to be issued and withdrawn.
    """
    lock = acting_locks(work.session, [door_id]).get(door_id)
    present = None if lock is None or lock.is_native else lock.lock_id
    withdrawn = _withdraw(
        work,
        (col(VendorAccessRow.door_id) == door_id) & (col(VendorAccessRow.lock_id) != (present or "")),
    )
    if present is None:
        return 0, withdrawn
    rights = work.session.exec(
        select(RightRow).where(
            RightRow.door_id == door_id, RightRow.state == "active", col(RightRow.closes_at) > work.now
        )
    ).all()
    for right in rights:
        _want(work, present, right.model_dump())
    work.session.flush()
    return len(rights), withdrawn


def access_for(session: Session, lock_id: str, visit_id: str, carer_id: str) -> VendorAccessRow | None:
    """What a vendor was told of a carer's right to a visit's door."""
    query = select(VendorAccessRow).where(
        VendorAccessRow.lock_id == lock_id,
        VendorAccessRow.visit_id == visit_id,
        VendorAccessRow.carer_id == carer_id,
        VendorAccessRow.wanted == ISSUED,
    )
    return session.exec(query.order_by(col(VendorAccessRow.wanted_at).desc())).first()


def anything_to_tell(session: Session, wall_s: float) -> bool:
    """Whether :func:`take_to_tell` would find something, without holding anything."""
    return session.exec(_due(wall_s).limit(1)).first() is not None


def take_to_tell(work: Work, wall_s: float, limit: int = 50) -> list[ToTell]:
    """What vendors have to be told now, withdrawals first. Nobody else gets the same for a while."""
    rows = work.session.exec(_due(wall_s).limit(limit).with_for_update(skip_locked=True)).all()
    locks = {
        row.lock_id: row
        for row in work.session.exec(
            select(VendorLockRow).where(col(VendorLockRow.lock_id).in_(sorted({row.lock_id for row in rows})))
        )
    }
    found = []
    for row in rows:
        if row.closes_at <= work.now:
            row.settled = True  # over by itself: nothing to issue and nothing to take back
            continue
        row.next_wall_s = wall_s + TELL_WITHIN_S
        lock = locks[row.lock_id]
        found.append(ToTell(lock.vendor, _window(row, lock), row.wanted, row.attempts))
    work.session.flush()
    return found


def note_told(work: Work, told: ToTell) -> None:
    """The vendor has confirmed. What was wanted meanwhile stays to be told."""
    row = work.session.get(VendorAccessRow, told.window.access_id, with_for_update=True)
    if row is None:
        return
    row.confirmed, row.confirmed_at = told.wanted, work.now
    row.settled, row.attempts, row.next_wall_s = row.wanted == told.wanted, 0, 0.0
    work.session.flush()


def note_not_told(work: Work, told: ToTell, wall_s: float) -> None:
    """The vendor was away: again after 1, 2, 4 … seconds, at most a minute."""
    row = work.session.get(VendorAccessRow, told.window.access_id, with_for_update=True)
    if row is None:
        return
    # It may have been heard all the same, and after what was confirmed meanwhile.
    row.settled, row.attempts = False, told.attempts + 1
    row.next_wall_s = wall_s + min(LONGEST_PAUSE_S, 2.0 ** min(told.attempts, 10))
    work.session.flush()


def user_ref(vendor: str, carer_id: str) -> str:
    """What a vendor calls a carer: one name per vendor, and none that stands anywhere else."""
    return hashlib.sha256(f"omsorgstid {vendor} {carer_id}".encode()).hexdigest()[:24]


def _due(wall_s: float) -> Any:
    return (
        select(VendorAccessRow)
        .where(col(VendorAccessRow.settled).is_(False), col(VendorAccessRow.next_wall_s) <= wall_s)
        .order_by(col(VendorAccessRow.wanted).desc(), col(VendorAccessRow.wanted_at), col(VendorAccessRow.access_id))
    )


def _want(work: Work, lock_id: str, right: Mapping[str, Any]) -> None:
    known = work.session.exec(
        select(VendorAccessRow)
        .where(VendorAccessRow.right_id == right["right_id"], VendorAccessRow.lock_id == lock_id)
        .with_for_update()
    ).first()
    if known is not None:
        if known.wanted != ISSUED:
            known.wanted, known.wanted_at = ISSUED, work.now
            known.settled, known.attempts, known.next_wall_s = False, 0, 0.0
        return
    work.session.add(
        VendorAccessRow(
            access_id=new_id(),
            right_id=right["right_id"],
            lock_id=lock_id,
            door_id=right["door_id"],
            visit_id=right["visit_id"],
            carer_id=right["carer_id"],
            opens_at=right["opens_at"],
            closes_at=right["closes_at"],
            wanted=ISSUED,
            wanted_at=work.now,
        )
    )


def _withdraw(work: Work, which: Any) -> int:
    done = work.session.execute(
        update(VendorAccessRow)
        .where(which, col(VendorAccessRow.wanted) == ISSUED, col(VendorAccessRow.closes_at) > work.now)
        .values(wanted=WITHDRAWN, wanted_at=work.now, settled=False, attempts=0, next_wall_s=0.0)
        .returning(col(VendorAccessRow.access_id))
    )
    return len(done.all())


def _window(row: VendorAccessRow, lock: VendorLockRow) -> AccessWindow:
    user = user_ref(lock.vendor, row.carer_id)
    return AccessWindow(row.access_id, lock.lock_ref, user, row.opens_at, row.closes_at)
