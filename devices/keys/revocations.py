"""Revocation lists: what a lock must no longer accept, signed for it, and how a lock's epoch is raised."""

from collections.abc import Iterable, Mapping

from devices.inbox.model import Outgoing
from devices.keys import grant_store, store
from devices.keys.control import Crl, sign_crl
from devices.keys.cose import SigningKey
from devices.keys.signer.model import ISSUER
from devices.keys.tables import LockIssuerEpochRow, LockRow
from kernel.errors import KernelError
from kernel.work import Work

CONFIRM_WITHIN_S = 5.0
"""How long a lock has to say that it runs with a list that must not be missed; later its epoch is raised."""


def revocation_lists(work: Work, lock_ids: Iterable[str], service_key: SigningKey) -> list[Outgoing]:
    """The present list of each mounted lock among these, to be published retained after commit.

    Call it in the transaction that changed the rights, or in any later one: the version is stored, and a
    lock ignores a list that is not newer than its own.
    """
    locks = store.mounted_locks(work.session, lock_ids)
    doors = {lock.door_id for lock in locks}
    behind = store.doors_behind(work.session, doors, also_former=True)
    revoked = grant_store.revoked_ctis(work.session, doors.union(*behind.values()), work.now)
    others = store.issuer_epochs(work.session, {lock.lock_id for lock in locks})
    lists: list[Outgoing] = []
    for lock in locks:
        concerned = (lock.door_id, *behind.get(lock.door_id, ()))
        # A grant below the lock's epoch is void without being named.
        ctis = {cti for door in concerned for epoch, cti in revoked.get(door, ()) if epoch >= lock.epoch}
        crl = _list(lock, others.get(lock.lock_id, {}), tuple(sorted(ctis)))
        lists.append(Outgoing("lock", lock.lock_id, "crl", sign_crl(crl, service_key)))
    return lists


def _list(lock: LockRow, others: Mapping[str, int], ctis: tuple[bytes, ...]) -> Crl:
    """Every issuer's epoch by its name; ``epoch`` repeats that of the administration the lock belongs to."""
    epochs = {**others, ISSUER: lock.epoch}
    own = lock.owner or ISSUER
    return Crl(lock=lock.lock_id, version=lock.crl_version, epoch=epochs.get(own, 0), ctis=ctis, epochs=epochs)


def raise_epoch(work: Work, lock_id: str) -> int:
    """Void every grant minted for a lock so far, at once and for good. Returns the new epoch.

    The new epoch lies above that of every lock that may stand in one grant with it, on the same door, before it
    or behind it: a grant carries the highest of them, and must fall below. The lock hears of it by its next
    revocation list. Carers need new grants.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    found = store.lock_for_update(work.session, lock_id)
    if found is None:
        raise KernelError("not_found", what=f"lock {lock_id}")
    lock, _ = found
    voided = [lock.door_id, *store.doors_behind(work.session, [lock.door_id]).get(lock.door_id, ())]
    before = store.stairwells(work.session, [lock.door_id]).values()
    lock.epoch = store.highest_epoch(work.session, [*voided, *before]) + 1
    lock.crl_version += 1
    work.session.flush()
    grant_store.revoke_grants_below(work.session, voided, lock.epoch, work.now)
    return lock.epoch


def raise_issuer_epoch(work: Work, lock_id: str, issuer: str) -> int:
    """Void every grant another administration has minted for a lock so far. Ours stay good. Returns the new epoch.

    The lock hears of it by its next revocation list. A name the lock believes nothing of voids nothing.

    Raises
    ------
    KernelError
        ``not_found``.
    ValueError
        If it is our own issuer: :func:`raise_epoch` is for that.
    """
    if issuer == ISSUER:
        raise ValueError(f"Expected another issuer than {ISSUER!r}, got it.")
    found = store.lock_for_update(work.session, lock_id)
    if found is None:
        raise KernelError("not_found", what=f"lock {lock_id}")
    row = work.session.get(LockIssuerEpochRow, (lock_id, issuer))
    row = row or LockIssuerEpochRow(lock_id=lock_id, issuer=issuer, epoch=0)
    row.epoch += 1
    work.session.add(row)
    found[0].crl_version += 1
    work.session.flush()
    return row.epoch


def await_lists(work: Work, lock_ids: Iterable[str], due_wall_s: float) -> None:
    """Expect these locks to say in their signed log, by a moment of link time, that they run with their present list.

    Call it in the transaction that raised the lists. :func:`raise_unconfirmed` looks at it when it is due.
    """
    for lock in store.mounted_locks(work.session, lock_ids):
        lock.crl_awaited, lock.crl_due_wall_s = lock.crl_version, due_wall_s
    work.session.flush()


def raise_unconfirmed(work: Work, wall_s: float) -> frozenset[str]:
    """Raise the epoch of every lock that has not confirmed its list in time.

    A list can be taken back by whoever holds the service key, an epoch cannot; and a lock that was away hears
    of both by the same message. Raised once a list: then the lock is left alone until it is heard of.

    Returns
    -------
    frozenset
        Locks whose list must be sent after commit.
    """
    raised = set()
    for lock in store.locks_with_list_due(work.session, wall_s):
        confirmed = lock.crl_awaited is None or (lock.crl_signed or 0) >= lock.crl_awaited
        lock.crl_awaited, lock.crl_due_wall_s = None, None
        work.session.flush()
        if not confirmed:
            raise_epoch(work, lock.lock_id)
            raised.add(lock.lock_id)
    return frozenset(raised)
