"""Revocation lists: what a lock must no longer accept, signed for it, and how a lock's epoch is raised."""

from collections.abc import Iterable

from devices.inbox.model import Outgoing
from devices.keys import store
from devices.keys.control import Crl, sign_crl
from devices.keys.cose import SigningKey
from kernel.errors import KernelError
from kernel.work import Work


def revocation_lists(work: Work, lock_ids: Iterable[str], service_key: SigningKey) -> list[Outgoing]:
    """The present list of each mounted lock among these, to be published retained after commit.

    Call it in the transaction that changed the rights, or in any later one: the version is stored, and a
    lock ignores a list that is not newer than its own.
    """
    locks = store.mounted_locks(work.session, lock_ids)
    revoked = store.revoked_ctis(work.session, {lock.door_id for lock in locks}, work.now)
    lists: list[Outgoing] = []
    for lock in locks:
        # A grant below the lock's epoch is void without being named.
        ctis = tuple(sorted(cti for epoch, cti in revoked.get(lock.door_id, ()) if epoch >= lock.epoch))
        crl = Crl(lock=lock.lock_id, version=lock.crl_version, epoch=lock.epoch, ctis=ctis)
        lists.append(Outgoing("lock", lock.lock_id, "crl", sign_crl(crl, service_key)))
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
