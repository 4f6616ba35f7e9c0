"""Doors whose lock is another maker's: opening them through the vendor, its webhooks, and moving a door to and fro."""

import secrets
import time
from dataclasses import dataclass

from sqlmodel import Session, select

from devices.keys import openings, release
from devices.keys.model import Operation, RefusalCode
from devices.keys.proof import NONCE_BYTES, proof_input, verify_proof
from devices.keys.schemas import DoorOpening, OpeningIds
from devices.keys.tables import DoorRow, LockRow
from devices.keys.vendors import listening
from devices.keys.vendors.access import access_for
from devices.keys.vendors.cloud_wire import entries_of, verify_webhook
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.facts import vendor_door_facts, vendor_right_facts
from devices.keys.vendors.log import take_delivery
from devices.keys.vendors.model import CLOUD, NATIVE, OpenOrder
from devices.keys.vendors.store import ActingLock, acting_locks
from devices.keys.vendors.swap import Moved, NewVendorLock, list_vendor_lock, put_in_charge, take_down
from devices.keys.vendors.tables import VendorLockRow
from devices.keys.withdrawals import close_door
from gateway.auth import Role
from gateway.parts import Parts
from gateway.usecases.citizens import note_access
from gateway.usecases.days import TECHNOLOGY
from gateway.usecases.devices import MountError
from gateway.usecases.doors import own_opening, tell_locks, visit_facts
from gateway.usecases.plans import restore_rights
from gateway.usecases.visits import begin_opened
from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.work import Work
from scheduling import shifts
from scheduling.errors import SchedulingError
from scheduling.events import CitizenEnrolled, CitizenLeft
from scheduling.register.tables import CitizenRow
from scheduling.tables import ShiftRow, VisitRow


@dataclass(frozen=True, slots=True)
class NewLock:
    """A vendor's lock a technician has put on a citizen's door. ``lock_ref`` is the number that stands on it."""

    vendor: str
    unit_id: str
    citizen_number: int
    lock_ref: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A vendor's lock on its door."""

    lock_id: str
    door_id: str
    moved: Moved


def request_opening(parts: Parts, carer_id: str, door_id: str, visit_id: str) -> DoorOpening | None:
    """A carer tapped *Lås op* at a door another maker's lock acts on; ``None`` at every other door.

    Judged and stored. That lock asks for nobody's signature, so the server does: a session alone opens no door.

    Raises
    ------
    SchedulingError
        ``shift_not_begun``.
    KernelError
        ``not_found`` where the visit is not at this door.
    """
    tapped_s = time.time()
    with parts.units.begin() as work:
        lock = acting_locks(work.session, [door_id]).get(door_id)
        if lock is None or lock.is_native:
            return None
        opening = _tapped(work, carer_id, door_id, visit_id, lock, tapped_s)
        if opening.state != "requested":
            return opening
        return openings.challenged_by_us(work, opening.opening_id, secrets.token_bytes(NONCE_BYTES), time.time())


def give_proof(parts: Parts, carer_id: str, opening_id: str, *, holder_key: bytes, proof: bytes) -> DoorOpening:
    """The shift's key has signed: the order leaves after the commit, once, on a thread of its own.

    For an opening at a vendor's lock. It is judged again by what holds now.

    Raises
    ------
    KernelError
        ``not_found`` where the opening is not this carer's.
    ProofError
        The signature is not that of the shift's key. The opening stays as it is and expires by itself.
    """
    with parts.units.begin() as work:
        opening = own_opening(work.session, carer_id, opening_id)
        if opening.state != "challenged" or opening.nonce is None:
            return opening
        ids = opening.ids
        shift = work.session.get(ShiftRow, ids.shift_id)
        lock = acting_locks(work.session, [ids.door_id]).get(ids.door_id)
        access = access_for(work.session, ids.lock_id, ids.visit_id, carer_id)
        thumbprint = shift.holder_thumbprint if shift is not None and shift.state == "begun" else None
        if thumbprint is None or access is None or lock is None or lock.lock_id != ids.lock_id:
            return release.nothing_left(work, opening_id, RefusalCode.EPOCH_REVOKED.value, time.time())
        signed = proof_input(ids.lock_id, Operation.OPEN, openings.request_id(opening_id), opening.nonce)
        verify_proof(holder_key, bytes.fromhex(thumbprint), proof, signed)
        order = OpenOrder(opening_id, lock.lock_ref, access.access_id)
    parts.vendors.open(opening, order)
    with parts.database.reading() as session:
        return openings.find_opening(session, opening_id)


def take_webhook(parts: Parts, vendor: str, timestamp: str, delivery: str, signature: str, body: bytes) -> int:
    """A vendor's webhook: believed only by its signature, and only once. Returns how many entries were new.

    Raises
    ------
    KernelError
        ``not_found`` where no webhooks of such a vendor are expected.
    VendorError
        ``webhook_forged``, ``webhook_old``, ``webhook_repeated``, or ``vendor_unclear``.
    """
    secret = parts.settings.vendor_cloud.webhook_secret
    if vendor != CLOUD or secret is None or parts.vendors.vendor(vendor) is None:
        raise KernelError("not_found", what="Leverandøren")
    now_s = time.time()
    verify_webhook(secret.get_secret_value().encode(), timestamp, delivery, signature, body, now_s)
    entries = entries_of(body)
    with parts.units.begin() as work:
        take_delivery(work, vendor, delivery, now_s)
        new = listening.heard_webhook(work, vendor, entries, now_s)
        begin_opened(work, work.recorded)
    return new


def put_vendor_lock(parts: Parts, new: NewLock) -> Listed:
    """List a vendor's lock on a citizen's door, once the vendor says that it knows it.

    Raises
    ------
    MountError
        ``citizen_number_unknown``.
    VendorError
        What does not fit; nothing is listed then.
    """
    vendor = parts.vendors.vendor(new.vendor)
    if vendor is None:
        raise VendorError("vendor_not_set_up")
    if new.lock_ref not in {lock.lock_ref for lock in vendor.health()}:
        raise VendorError("vendor_lock_unknown", found=new.lock_ref)
    with parts.units.begin() as work:
        listed = _listed(work, new)
    tell_locks(parts, listed.moved.locks_to_tell)
    parts.vendors.wake()
    return listed


def move_door(parts: Parts, door_id: str, vendor: str, by_role: str) -> Moved:
    """Let another vendor's lock act on a door from now on, rights and all. Raises as ``put_in_charge``.

    Raises
    ------
    VendorError
        Also ``vendor_not_set_up``.
    """
    if vendor != NATIVE and parts.vendors.vendor(vendor) is None:
        raise VendorError("vendor_not_set_up")
    with parts.units.begin() as work:
        moved = put_in_charge(work, door_id, vendor, by_role)
    tell_locks(parts, moved.locks_to_tell)
    parts.vendors.wake()
    return moved


def take_vendor_lock_down(parts: Parts, lock_id: str) -> int:
    """Take a vendor's lock down. The door's last lock takes the rights to it with it. Returns how many."""
    with parts.units.begin() as work:
        row = take_down(work, lock_id)
        closed = 0
        if row.door_id not in acting_locks(work.session, [row.door_id]):
            closed = close_door(work, row.door_id).withdrawn
            _leave(work, row)
    parts.vendors.wake()
    return closed


def vendor_lock(session: Session, lock_id: str) -> VendorLockRow:
    """A vendor's lock, mounted or taken down. Raises ``not_found``."""
    row = session.get(VendorLockRow, lock_id)
    if row is None:
        raise KernelError("not_found", what="Låsen")
    return row


def door_row(session: Session, door_id: str) -> DoorRow:
    """A door. Raises ``not_found``."""
    row = session.get(DoorRow, door_id)
    if row is None:
        raise KernelError("not_found", what="Døren")
    return row


def _tapped(work: Work, carer_id: str, door_id: str, visit_id: str, lock: ActingLock, tapped_s: float) -> DoorOpening:
    shift = shifts.shift_now(work.session, carer_id, work.now)
    if shift is None or shift.state != "begun":
        raise SchedulingError("shift_not_begun")
    visit = work.session.get(VisitRow, visit_id)
    if visit is None or visit.door_id != door_id:
        raise KernelError("not_found", what="Døren")
    if door_row(work.session, door_id).holders > 1 and not lock.keeps.dual:
        raise VendorError("vendor_never_for_two")
    right = vendor_right_facts(
        work.session,
        carer_id=carer_id,
        visit_id=visit_id,
        door_id=door_id,
        key_lost_at=work.now if shift.holder_thumbprint is None else None,
    )
    ids = OpeningIds(door_id, lock.lock_id, visit_id, shift.id, carer_id, visit.unit_id)
    facts = visit_facts(work, carer_id, shift, visit, vendor_door_facts(), right)
    return openings.request_opening(work, facts=facts, ids=ids, wall_s=tapped_s, vendor=lock.vendor)


def _listed(work: Work, new: NewLock) -> Listed:
    citizen = work.session.exec(
        select(CitizenRow).where(CitizenRow.short == new.citizen_number, CitizenRow.unit_id == new.unit_id)
    ).first()
    if citizen is None:
        raise MountError("citizen_number_unknown", found=new.citizen_number)
    note_access(work, Role.TECHNICIAN, citizen.id, "device", "mounting")
    door_id = citizen.door_id or new_id()
    is_first = not _ever_had_a_lock(work.session, door_id)
    lock_id, moved = list_vendor_lock(
        work, NewVendorLock(new.vendor, new.lock_ref, door_id, new.unit_id), Role.TECHNICIAN.value
    )
    citizen.door_id = door_id
    if acting_locks(work.session, [door_id])[door_id].lock_id == lock_id:
        citizen.lock_device_id = lock_id
        if is_first:
            work.record(
                CitizenEnrolled(at=work.now, unit_id=citizen.unit_id, citizen_id=citizen.id, technology=TECHNOLOGY)
            )
        work.session.flush()
        restore_rights(work, door_id, shifts.days_now(work.session, work.now))
    return Listed(lock_id, door_id, moved)


def _ever_had_a_lock(session: Session, door_id: str) -> bool:
    native = session.exec(select(LockRow.lock_id).where(LockRow.door_id == door_id)).first()
    return native is not None or (
        session.exec(select(VendorLockRow.lock_id).where(VendorLockRow.door_id == door_id)).first() is not None
    )


def _leave(work: Work, row: VendorLockRow) -> None:
    citizen = work.session.exec(select(CitizenRow).where(CitizenRow.door_id == row.door_id)).first()
    if citizen is not None:
        citizen.lock_device_id = None
        work.record(CitizenLeft(at=work.now, unit_id=citizen.unit_id, citizen_id=citizen.id, technology=TECHNOLOGY))
