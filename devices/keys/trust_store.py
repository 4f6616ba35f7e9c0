"""The trust lists the signer has signed for our locks: kept, handed on, and compared with what locks say they have."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, select

from devices.inbox.model import Outgoing
from devices.keys import store
from devices.keys.cose import MessageKind, signer_of, unverified_payload
from devices.keys.envelope import unpack
from devices.keys.signer.model import SignedTrust
from devices.keys.tables import GrantRow, LockRow, LockTrustRow
from devices.keys.trust_list import list_of
from kernel.work import Work


def keep_trust(work: Work, lists: Sequence[SignedTrust]) -> None:
    """Store what the signer signed; an older version never replaces a newer one."""
    mounted = {lock.lock_id for lock in store.mounted_locks(work.session, [each.lock_id for each in lists])}
    for each in lists:
        row = work.session.get(LockTrustRow, each.lock_id, with_for_update=True)
        if each.lock_id not in mounted or (row is not None and row.version >= each.version):
            continue
        row = row or LockTrustRow(lock_id=each.lock_id, version=0, message=b"", signed_at=work.now)
        row.version, row.message, row.signed_at = each.version, each.message, work.now
        work.session.add(row)
    work.session.flush()


def void_grants(work: Work, lists: Sequence[SignedTrust]) -> int:
    """Void the grants of issuer keys that these lists leave out, so that tablets ask for new ones; how many.

    The locks refuse them anyway as soon as they have the list.
    """
    believed = {each.lock_id: _believed(each) for each in lists}
    doors: dict[str, set[bytes]] = {}
    for lock in store.mounted_locks(work.session, believed):
        doors[lock.door_id] = doors.get(lock.door_id, believed[lock.lock_id]) & believed[lock.lock_id]
    query = select(GrantRow).where(col(GrantRow.revoked_at).is_(None), col(GrantRow.expires_at) > work.now)
    voided = 0
    for grant in work.session.exec(query):
        keys = doors.get(grant.door_id)
        if keys is not None and grant.token and signer_of(MessageKind.GRANT, bytes(grant.token)) not in keys:
            grant.revoked_at = work.now
            voided += 1
    work.session.flush()
    return voided


def _believed(signed: SignedTrust) -> set[bytes]:
    # Unverified: it was signed for us a moment ago, and the locks check it for themselves.
    fields = unpack("trust", unverified_payload(MessageKind.TRUST, signed.message))
    return {key.kid for key in list_of(fields).believed()}


def present_trust(session: Session, lock_ids: Iterable[str]) -> list[Outgoing]:
    """``dn/trust`` for each of these locks that has a list."""
    rows = session.exec(select(LockTrustRow).where(col(LockTrustRow.lock_id).in_(sorted(set(lock_ids)))))
    return [
        Outgoing("lock", row.lock_id, "trust", bytes(row.message)) for row in sorted(rows, key=lambda row: row.lock_id)
    ]


def missed_trust(session: Session, lock_id: str, reported: int) -> list[Outgoing]:
    """The lock's list, if it says it has an older one."""
    row = session.get(LockTrustRow, lock_id)
    return present_trust(session, [lock_id]) if row is not None and row.version > reported else []


def locks_without_trust(session: Session, version: int, limit: int) -> list[str]:
    """Mounted locks for which no list of this version, or a later one, is kept; ordered, at most ``limit``."""
    query = (
        select(LockRow.lock_id)
        .outerjoin(LockTrustRow, col(LockTrustRow.lock_id) == col(LockRow.lock_id))
        .where(
            col(LockRow.retired_at).is_(None),
            # whose grants another administration's lock believes is said by that administration
            col(LockRow.owner).is_(None),
            col(LockTrustRow.version).is_(None) | (col(LockTrustRow.version) < version),
        )
        .order_by(col(LockRow.lock_id))
        .limit(limit)
    )
    return list(session.exec(query))
