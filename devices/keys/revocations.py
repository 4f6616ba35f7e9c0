"""Revocation lists: what a lock must no longer accept, signed for it, and how a lock's epoch is raised."""

from collections.abc import Iterable

from devices.inbox.model import Outgoing
from devices.keys import store
from devices.keys.control import Crl, sign_crl
from devices.keys.cose import SigningKey
from devices.keys.tables import LockRow
from kernel.errors import KernelError
from kernel.work import Work


def revocation_lists(work: Work, lock_ids: Iterable[str], service_key: SigningKey) -> list[Outgoing]:
    """The present list of each mounted lock among these, to be published retained after commit.

    Call it in the transaction that changed the rights, or in any later one: the version is stored, and a
    lock ignores a list that is not newer than its own.
    """
    lists: list[Outgoing] = []
    for lock_id in sorted(set(lock_ids)):
        lock = work.session.get(LockRow, lock_id, populate_existing=True)
        if lock is None or lock.retired_at is not None:
            continue
        crl = Crl(
            lock=lock_id,
            version=lock.crl_version,
            epoch=lock.epoch,
            ctis=store.revoked_ctis(work.session, lock.door_id, lock.epoch, work.now),
        )
        lists.append(Outgoing("lock", lock_id, "crl", sign_crl(crl, service_key)))
    return lists


def raise_epoch(work: Work, lock_id: str) -> int:
    """Void every grant minted for a lock so far, at once and for good. Returns the new epoch.

    The new epoch lies above that of every lock on the same door: a grant carries the highest of them, and
    must fall below. The lock hears of it by its next revocation list. Carers need new grants.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    found = store.lock_for_update(work.session, lock_id)
    if found is None:
        raise KernelError("not_found", what=f"lock {lock_id}")
    lock, _ = found
    lock.epoch = store.highest_epoch(work.session, lock.door_id) + 1
    lock.crl_version += 1
    work.session.flush()
    store.revoke_grants_below(work.session, lock.door_id, lock.epoch, work.now)
    return lock.epoch
