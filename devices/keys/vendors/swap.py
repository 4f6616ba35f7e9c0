"""Two makers of locks on one door while locks are changed: listing, moving the door, taking down.

Which lock acts is one word with the door. Moving it takes the rights from one vendor and gives them to the other in
the same transaction; everything either lock has said stays where it is.
"""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from devices.events import DoorVendorChanged
from devices.keys import store as keys
from devices.keys.holders import void_grants
from devices.keys.opening import OpeningState
from devices.keys.tables import DoorRow, OpeningRow
from devices.keys.vendors.access import follow_door
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import NATIVE, capabilities_of
from devices.keys.vendors.store import acting_locks, lock_by_ref, vendor_locks
from devices.keys.vendors.tables import VendorLockRow
from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.work import Work

#: tapped, and no last word yet: who moves the door then takes it out of a carer's hand
_UNDER_WAY = (OpeningState.REQUESTED, OpeningState.CHALLENGED, OpeningState.SENT)


@dataclass(frozen=True, slots=True)
class NewVendorLock:
    """A vendor's lock that hangs on a door; ``lock_ref`` is the number that stands on it."""

    vendor: str
    lock_ref: str
    door_id: str
    unit_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What moving a door did. The locks need their revocation list once the change is committed."""

    rights_issued: int = 0
    rights_withdrawn: int = 0
    locks_to_tell: frozenset[str] = frozenset()


def list_vendor_lock(work: Work, new: NewVendorLock, by_role: str) -> tuple[str, Moved]:
    """List a vendor's lock on a door, made where it is new. It acts at once where no other lock does.

    Returns our own id of it, and what it changed.

    Raises
    ------
    VendorError
        ``vendor_lock_taken``, ``vendor_lock_there``.
    """
    capabilities_of(new.vendor)
    known = lock_by_ref(work.session, new.vendor, new.lock_ref)
    if known is not None and known.retired_at is None:
        raise VendorError("vendor_lock_taken", found=new.lock_ref)
    if any(row.vendor == new.vendor for row in vendor_locks(work.session, new.door_id)):
        raise VendorError("vendor_lock_there")
    acts = new.door_id in acting_locks(work.session, [new.door_id])
    door = {"door_id": new.door_id, "unit_id": new.unit_id, "vendor": NATIVE, "enrolled_at": work.now, "holders": 1}
    keys.insert_ignoring(work.session, DoorRow, [door], ["door_id"], ["door_id"])
    lock_id = new_id()
    work.session.add(
        VendorLockRow(
            lock_id=lock_id,
            vendor=new.vendor,
            lock_ref=new.lock_ref,
            door_id=new.door_id,
            unit_id=new.unit_id,
            listed_at=work.now,
        )
    )
    work.session.flush()
    return lock_id, Moved() if acts else put_in_charge(work, new.door_id, new.vendor, by_role)


def put_in_charge(work: Work, door_id: str, vendor: str, by_role: str) -> Moved:
    """Let another vendor's lock act on a door from now on. Saying it again changes nothing.

    Moved away from our own protocol, every grant to the door is void at once (the epoch of its locks is raised);
    moved to it, tablets get grants when they next ask. A vendor's accesses follow through its outbox.

    Raises
    ------
    KernelError
        ``not_found``.
    VendorError
        ``vendor_not_for_two``, ``vendor_not_for_stairwell``: what the door promises, the vendor cannot keep;
        ``vendor_lock_missing``; ``vendor_door_in_use`` while somebody has tapped and no lock has answered.
    """
    door = work.session.get(DoorRow, door_id, with_for_update=True)
    if door is None:
        raise KernelError("not_found", what="Døren")
    _require_kept(work.session, door, vendor)
    if not _has_lock_of(work.session, door_id, vendor):
        raise VendorError("vendor_lock_missing")
    if door.vendor == vendor:
        return Moved()
    if _is_being_opened(work.session, door_id):
        raise VendorError("vendor_door_in_use")
    was_native = door.vendor == NATIVE
    door.vendor = vendor
    work.session.add(door)
    work.session.flush()
    told = void_grants(work, door_id) if was_native else frozenset[str]()
    issued, withdrawn = follow_door(work, door_id)
    work.record(
        DoorVendorChanged(
            at=work.now,
            unit_id=door.unit_id,
            door_id=door_id,
            vendor=vendor,
            by_role=by_role,
            rights_issued=issued,
            rights_withdrawn=withdrawn,
        )
    )
    return Moved(issued, withdrawn, told)


def take_down(work: Work, lock_id: str) -> VendorLockRow:
    """Take a vendor's lock off its door. The last lock of a door closes it: do that first, or move the door.

    Raises
    ------
    KernelError
        ``not_found``.
    VendorError
        ``vendor_lock_in_charge`` where the door has another lock that could act instead.
    """
    row = work.session.get(VendorLockRow, lock_id, with_for_update=True)
    if row is None or row.retired_at is not None:
        raise KernelError("not_found", what="Låsen")
    acting = acting_locks(work.session, [row.door_id]).get(row.door_id)
    others = keys.locks_of_doors(work.session, [row.door_id]).get(row.door_id, ())
    if acting is not None and acting.lock_id == lock_id:
        if others:
            raise VendorError("vendor_lock_in_charge")
        door = work.session.get_one(DoorRow, row.door_id)
        door.vendor = NATIVE  # whatever is mounted next acts at once
        work.session.add(door)
    row.retired_at = work.now
    work.session.add(row)
    work.session.flush()
    return row


def _require_kept(session: Session, door: DoorRow, vendor: str) -> None:
    """What the door promises now has to be kept by the lock that acts then."""
    keeps = capabilities_of(vendor)
    if door.holders > 1 and not keeps.dual:
        raise VendorError("vendor_not_for_two")
    is_on_way = door.stairwell_id is not None or bool(keys.doors_behind(session, [door.door_id]))
    if is_on_way and not keeps.stairwell:
        raise VendorError("vendor_not_for_stairwell")


def _is_being_opened(session: Session, door_id: str) -> bool:
    query = select(OpeningRow.opening_id).where(
        OpeningRow.door_id == door_id, col(OpeningRow.state).in_([state.value for state in _UNDER_WAY])
    )
    return session.exec(query).first() is not None


def _has_lock_of(session: Session, door_id: str, vendor: str) -> bool:
    if vendor == NATIVE:
        return bool(keys.locks_of_doors(session, [door_id]).get(door_id))
    return any(row.vendor == vendor for row in vendor_locks(session, door_id))
