"""What the log is told of a door by its lock's signed word: an opening once, everything else as it is said."""

from datetime import datetime

from devices.events import DoorOpened, LockReported
from devices.keys.chain import ChainEvent
from devices.keys.held_lock import HeldLock
from devices.keys.model import Bolt, LockResult
from devices.keys.schemas import GrantIssued
from devices.keys.signer.model import Basis

OPENED_BY_KEY, LOCKED_BY_KEY = "opened_by_key", "locked_by_key"
"""The bolt was moved by a mechanical key: the citizen's own always works, and is no business of any grant."""

OPENINGS = frozenset({LockResult.OPENED.value, OPENED_BY_KEY})
"""Event types that say that the door was opened."""

BOLT_AFTER = {
    OPENED_BY_KEY: Bolt.UNLOCKED,
    LOCKED_BY_KEY: Bolt.LOCKED,
    LockResult.OPENED.value: Bolt.UNLOCKED,
    LockResult.LOCKED.value: Bolt.LOCKED,
    LockResult.JAMMED.value: Bolt.UNKNOWN,
}
"""Where the bolt is after an event of this type."""


def lock_reported(lock: HeldLock, event: ChainEvent, grant: GrantIssued | None, now: datetime) -> LockReported:
    """Anything but an opening by grant, as the lock says it."""
    return LockReported(
        at=event.ts_at or now,
        unit_id=lock.unit_id if grant is None else grant.unit_id,
        carer_id=None if grant is None else grant.carer_id,
        lock_id=lock.lock_id,
        door_id=lock.door_id,
        boot=event.boot,
        seq=event.seq,
        kind=event.type,
        battery_mv=event.battery_mv,
    )


def door_opened(
    lock: HeldLock,
    at: datetime,
    boot: int,
    seq: int,
    battery_mv: int,
    opening_id: str | None,
    grant: GrantIssued | None,
    other: GrantIssued | None = None,
) -> DoorOpened:
    """An opening by grant, whichever of answer and event told of it first.

    ``other``: of two holders the grant of the first, where the lock's event names it.
    """
    at_own_door = grant is not None and grant.door_id == lock.door_id
    unplanned = grant is not None and grant.basis != Basis.ROUTE
    beside = other if other is not None and other.door_id == lock.door_id and other.basis == Basis.ROUTE else None
    return DoorOpened(
        at=at,
        unit_id=lock.unit_id if grant is None else grant.unit_id,
        carer_id=None if grant is None else grant.carer_id,
        lock_id=lock.lock_id,
        door_id=lock.door_id,
        boot=boot,
        seq=seq,
        opening_id=opening_id,
        visit_id=grant.visit_id if grant is not None and at_own_door and not unplanned else None,
        shift_id=None if grant is None else grant.shift_id,
        emergency_id=grant.right_id if grant is not None and unplanned else None,
        behind_door_id=grant.door_id if grant is not None and unplanned and not at_own_door else None,
        with_visit_id=None if beside is None else beside.visit_id,
        with_carer_id=None if beside is None else beside.carer_id,
        battery_mv=battery_mv,
    )
