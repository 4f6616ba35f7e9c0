"""Doors, locks and grants: mounting, asking the signer, handing grants to tablets, facts for the rules.

A grant is asked for in three steps, so that no transaction waits for the signer: :func:`wanted_grants` reads
what is missing, ``SignerClient.mint`` asks outside of any transaction, :func:`keep_grants` stores the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, select
from sqlmodel import Session, col

from devices.keys import grant_store, store
from devices.keys.chain import ChainState
from devices.keys.cose import VerifyingKey
from devices.keys.model import ClockState, DoorFacts, RightFacts
from devices.keys.schemas import GrantIssued, GrantsKept, LockEnrolment
from devices.keys.signer.model import Minted, MintRequest, MintResult
from devices.keys.tables import DoorRow, GrantRow, LockRow
from devices.keys.tap_facts import right_of
from devices.keys.vendors.store import native_locks
from kernel.errors import KernelError
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class GrantWanted:
    """A request to the signer, and the right it is for."""

    right_id: str
    request: MintRequest


def mount_locks(work: Work, enrolments: Sequence[LockEnrolment]) -> None:
    """Put locks on doors. A door that is new is made.

    The device registry tells the log (``DeviceEnrolled`` with the door): the signer reads there which lock
    hangs on which door, so enrol there in the same transaction.

    Raises
    ------
    ValueError
        If a public key is not one.
    """
    for enrolment in enrolments:
        VerifyingKey(enrolment.public_key)
    if not enrolments:
        return
    doors = {enrolment.door_id: enrolment for enrolment in enrolments}
    store.insert_ignoring(
        work.session,
        DoorRow,
        [
            {"door_id": door_id, "unit_id": e.unit_id, "vendor": "native", "enrolled_at": work.now}
            for door_id, e in doors.items()
        ],
        ["door_id"],
        ["door_id"],
    )
    rows = [
        {
            "lock_id": enrolment.lock_id,
            "door_id": enrolment.door_id,
            "public_key": enrolment.public_key,
            "epoch": 0,
            "chain_boot": 0,
            "chain_seq": 0,
            "chain_head": ChainState.start(enrolment.lock_id).head,
            "crl_version": 0,
            "crl_reported": 0,
            "cfg_version": 0,
            "cfg_reported": 0,
            "clock_state": ClockState.OK.value,
            "bolt_state": "unknown",
            "enrolled_at": work.now,
        }
        for enrolment in enrolments
    ]
    work.session.execute(insert(LockRow), rows)


def dismount_lock(work: Work, lock_id: str) -> None:
    """Take a lock off its door. Nothing it says is believed from now on, and nothing is minted for it.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    found = store.lock_for_update(work.session, lock_id)
    if found is None:
        raise KernelError("not_found", what=f"lock {lock_id}")
    found[0].retired_at = work.now
    work.session.flush()


def wanted_grants(
    session: Session, *, carer_id: str, day: date, shift_id: str, holder_thumbprint: bytes, now: datetime
) -> list[GrantWanted]:
    """What to ask the signer for, so that a shift's tablet can open every door of its route.

    Rights whose window is over, whose door has no lock, or that have a good grant for this shift and key
    already are left out, so asking again after a lost answer costs no quota.
    """
    rights = [right for right in store.active_rights(session, day, {carer_id}) if right.closes_at > now]
    locks = native_locks(session, {right.door_id for right in rights})
    epochs = _epochs(session, {lock_id for lock_ids in locks.values() for lock_id in lock_ids})
    good = {
        (grant.right_id, grant.epoch)
        for grant in tablet_grants(session, shift_id, now)
        if grant.holder_thumbprint == holder_thumbprint
    }
    wanted: list[GrantWanted] = []
    for right in rights:
        lock_ids = locks.get(right.door_id, ())
        epoch = max((epochs[lock_id] for lock_id in lock_ids), default=0)
        if not lock_ids or (right.right_id, epoch) in good:
            continue
        request = MintRequest(
            route_id=right.route_id,
            route_version=right.route_version,
            visit_id=right.visit_id,
            door_id=right.door_id,
            lock_ids=lock_ids,
            carer_id=carer_id,
            shift_id=shift_id,
            holder_thumbprint=holder_thumbprint,
            epoch=epoch,
        )
        wanted.append(GrantWanted(right.right_id, request))
    return wanted


def keep_grants(work: Work, wanted: Sequence[GrantWanted], results: Sequence[MintResult]) -> GrantsKept:
    """Store what the signer minted; refused ones are left out (the signer's log names the reason).

    A right that was withdrawn while the signer was asked gets its grant stored revoked, and its lock is among
    those to be told after commit: the grant exists, so it must be known.
    """
    issued = _issued(wanted, results)
    record_grants(work, issued)
    in_force = store.rights_in_force(work.session, {grant.right_id for grant in issued})
    gone = {grant.right_id for grant in issued} - in_force
    doors = grant_store.revoke_grants_of_rights(work.session, gone, work.now)
    mounted = store.locks_of_doors(work.session, doors)
    locks = frozenset(lock_id for some in mounted.values() for lock_id in some)
    store.raise_crl_version(work.session, locks)
    return GrantsKept(tuple(grant for grant in issued if grant.right_id in in_force), locks)


def keep_unplanned(work: Work, wanted: Sequence[GrantWanted], results: Sequence[MintResult]) -> GrantsKept:
    """Store what the signer minted for an emergency or a preparation: no right on a route stands behind it."""
    issued = _issued(wanted, results)
    record_grants(work, issued)
    return GrantsKept(tuple(issued), frozenset())


def _issued(wanted: Sequence[GrantWanted], results: Sequence[MintResult]) -> list[GrantIssued]:
    return [
        GrantIssued(
            cti=result.cti,
            right_id=want.right_id,
            door_id=want.request.door_id,
            visit_id=want.request.visit_id,
            carer_id=want.request.carer_id,
            unit_id=result.unit_id,
            shift_id=want.request.shift_id,
            holder_thumbprint=want.request.holder_thumbprint,
            epoch=want.request.epoch,
            minted_at=result.minted_at,
            expires_at=result.expires_at,
            token=result.token,
            basis=want.request.basis.value,
        )
        for want, result in zip(wanted, results, strict=True)
        if isinstance(result, Minted)
    ]


def record_grants(work: Work, grants: Sequence[GrantIssued]) -> None:
    """Write many grants at once, as they are."""
    rows = [
        {
            "cti": grant.cti,
            "right_id": grant.right_id,
            "door_id": grant.door_id,
            "visit_id": grant.visit_id,
            "carer_id": grant.carer_id,
            "unit_id": grant.unit_id,
            "shift_id": grant.shift_id,
            "holder_thumbprint": grant.holder_thumbprint,
            "epoch": grant.epoch,
            "minted_at": grant.minted_at,
            "expires_at": grant.expires_at,
            "revoked_at": None,
            "token": grant.token,
            "basis": grant.basis,
        }
        for grant in grants
    ]
    if rows:
        work.session.execute(insert(GrantRow), rows)


def tablet_grants(session: Session, shift_id: str, now: datetime) -> list[GrantIssued]:
    """The grants a shift's tablet may hold now: not revoked, not over; by expiry, of each the newest first.

    Fetching them again mints nothing.
    """
    return grant_store.grants_of_shift(session, shift_id, now)


def door_facts(session: Session, lock_id: str, battery_empty_mv: int) -> DoorFacts:
    """What the rules ask of the lock.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    lock = store.lock_facts(session, lock_id)
    if lock is None:
        raise KernelError("not_found", what=f"lock {lock_id}")
    return DoorFacts(lock.epoch, ClockState(lock.clock_state), lock.battery_mv, battery_empty_mv)


def right_facts(
    session: Session, *, carer_id: str, visit_id: str, door_id: str, shift_id: str, epoch: int
) -> RightFacts | None:
    """What the rules ask of the right behind the tap; ``None`` where none is in force.

    Parameters
    ----------
    epoch
        The lock's present epoch: what a grant that is not minted yet would carry.
    """
    found = grant_store.right_with_grants(
        session, carer_id=carer_id, visit_id=visit_id, door_id=door_id, shift_id=shift_id
    )
    return None if found is None else right_of(*found, epoch)


def _epochs(session: Session, lock_ids: set[str]) -> Mapping[str, int]:
    query = select(col(LockRow.lock_id), col(LockRow.epoch)).where(col(LockRow.lock_id).in_(sorted(lock_ids)))
    return {str(lock_id): int(epoch) for lock_id, epoch in session.execute(query)}
