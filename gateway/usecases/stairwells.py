"""Doors behind a stairwell, and doors for two: said by a person, told to the locks after commit."""

from typing import Literal

import structlog
from sqlmodel import Session, select

from devices.inbox.model import Outgoing
from devices.keys import store
from devices.keys.holders import door_of, set_holders
from devices.keys.revocations import raise_issuer_epoch, revocation_lists
from devices.keys.signer.model import ISSUER
from devices.keys.stairwells import StairwellError, adopt_list, set_stairwell
from gateway.auth import Role
from gateway.parts import Parts
from gateway.usecases.citizens import note_access
from gateway.usecases.devices import MountError
from gateway.usecases.doors import tell_locks
from scheduling.register.tables import CitizenRow

log = structlog.get_logger(__name__)


def choose_stairwell(parts: Parts, door_id: str, stairwell_id: str | None, by_role: str) -> int:
    """Say which stairwell one goes through to a door, or none; how many locks were told.

    Raises
    ------
    KernelError
        ``not_found`` for either door.
    StairwellError
        Why this is no way to the door; nobody's home is a way to somebody else's.
    """
    with parts.units.begin() as work:
        if stairwell_id is not None and _is_home(work.session, stairwell_id):
            raise StairwellError("stairwell_is_home")
        locks = set_stairwell(work, door_id, stairwell_id, by_role)
    tell_locks(parts, locks)
    return len(locks)


def put_behind(parts: Parts, stairwell_id: str, citizen_number: int, by_role: str) -> int:
    """Say that one comes to a citizen's door through a stairwell; how many locks were told.

    Raises
    ------
    MountError
        ``citizen_number_unknown``.
    KernelError, StairwellError
        As :func:`choose_stairwell`, and ``home_without_lock``.
    """
    with parts.units.begin() as work:
        unit_id = door_of(work.session, stairwell_id).unit_id
        citizen = work.session.exec(
            select(CitizenRow).where(CitizenRow.short == citizen_number, CitizenRow.unit_id == unit_id)
        ).first()
        if citizen is None:
            raise MountError("citizen_number_unknown", found=citizen_number)
        if citizen.door_id is None:
            raise StairwellError("home_without_lock", found=citizen_number)
        note_access(work, Role.TECHNICIAN, citizen.id, "device", "mounting")
        door_id = citizen.door_id
    return choose_stairwell(parts, door_id, stairwell_id, by_role)


def choose_holders(parts: Parts, door_id: str, holders: Literal[1, 2], by_role: str) -> int:
    """Say how many carers a door needs; how many locks were told.

    Raises
    ------
    KernelError, VendorError
        As :func:`devices.keys.holders.set_holders`.
    StairwellError
        ``stairwell_for_two``: a grant is for two by the home it is for, so only a home can keep that.
    """
    with parts.units.begin() as work:
        if holders > 1 and not _is_home(work.session, door_id):
            raise StairwellError("stairwell_for_two")
        locks = set_holders(work, door_id, holders, by_role)
    tell_locks(parts, locks)
    return len(locks)


def take_list(parts: Parts, lock_id: str, message: bytes) -> str:
    """Keep and hand on the list of issuers of a lock that belongs to somebody else. Returns whose lock it is.

    Raises
    ------
    KernelError, MessageError, StairwellError
        As :func:`devices.keys.stairwells.adopt_list`.
    """
    with parts.units.begin() as work:
        outgoing: list[Outgoing] = [adopt_list(work, lock_id, message)]
        (lock,) = store.mounted_locks(work.session, [lock_id])
        owner = lock.owner or ISSUER
        outgoing += revocation_lists(work, [lock_id], parts.service_key)
    if not parts.doors.send(outgoing):
        log.warning("owners_list_not_sent", lock_id=lock_id)
    return owner


def void_issuer(parts: Parts, lock_id: str, issuer: str) -> int:
    """Void every grant of another administration at one lock. Returns its new epoch.

    Raises
    ------
    KernelError
        ``not_found``.
    StairwellError
        ``issuer_is_ours``.
    """
    if issuer == ISSUER:
        raise StairwellError("issuer_is_ours")
    with parts.units.begin() as work:
        epoch = raise_issuer_epoch(work, lock_id, issuer)
    tell_locks(parts, frozenset({lock_id}))
    return epoch


def _is_home(session: Session, door_id: str) -> bool:
    return session.exec(select(CitizenRow.id).where(CitizenRow.door_id == door_id)).first() is not None
