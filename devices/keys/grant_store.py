"""Grants as they are stored: what a ``cti`` stands for, what a tap's right has been minted, what is revoked.

No decisions here, and no commits.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, select, update
from sqlmodel import Session, col

from devices.keys.schemas import GrantIssued
from devices.keys.store import ACTIVE, chunks
from devices.keys.tables import GrantRow, RightRow
from kernel.statements import Prepared, ask, table_of

_LEEWAY = timedelta(seconds=60)
"""A lock forgives this much clock drift at the end of a grant, so its revocation lives as much longer."""

_C = table_of(GrantRow).c

#: what :func:`grant_in` reads, in its order
COLUMNS = (
    _C.cti,
    _C.right_id,
    _C.door_id,
    _C.visit_id,
    _C.carer_id,
    _C.unit_id,
    _C.shift_id,
    _C.holder_thumbprint,
    _C.epoch,
    _C.minted_at,
    _C.expires_at,
    _C.token,
    _C.basis,
    _C.revoked_at,
)
_THIS = Prepared(select(*COLUMNS).where(_C.cti == bindparam("cti")))
_THESE = select(*COLUMNS).where(_C.cti.in_(bindparam("ctis", expanding=True)))
_OF_SHIFT = Prepared(
    select(*COLUMNS)
    .where(_C.shift_id == bindparam("shift_id"), _C.revoked_at.is_(None), _C.expires_at > bindparam("now"))
    .order_by(_C.expires_at, _C.visit_id, _C.minted_at.desc())
)


def grant_in(row: Sequence[Any]) -> GrantIssued:
    """The grant that columns like :data:`COLUMNS` hold."""
    return GrantIssued(
        cti=bytes(row[0]),
        right_id=row[1],
        door_id=row[2],
        visit_id=row[3],
        carer_id=row[4],
        unit_id=row[5],
        shift_id=row[6],
        holder_thumbprint=bytes(row[7]),
        epoch=row[8],
        minted_at=row[9],
        expires_at=row[10],
        token=bytes(row[11]),
        basis=row[12],
        revoked_at=row[13],
    )


def grants(session: Session, ctis: Collection[bytes]) -> dict[bytes, GrantIssued]:
    """What these ctis stand for; unknown ones are left out."""
    if len(ctis) == 1:  # of one act at a door
        return {grant.cti: grant for grant in map(grant_in, _THIS.rows(session, {"cti": next(iter(ctis))}))}
    found: dict[bytes, GrantIssued] = {}
    for chunk in chunks(sorted(set(ctis))):
        for row in ask(session, _THESE, {"ctis": chunk}):
            grant = grant_in(row)
            found[grant.cti] = grant
    return found


def grants_of_shift(session: Session, shift_id: str, now: datetime) -> list[GrantIssued]:
    """The grants of a shift that are not revoked and not over; by expiry, of each visit the newest first."""
    return [grant_in(row) for row in _OF_SHIFT.rows(session, {"shift_id": shift_id, "now": now})]


def right_with_grants(
    session: Session, *, carer_id: str, visit_id: str, door_id: str, shift_id: str
) -> tuple[datetime, list[tuple[int, datetime | None]]] | None:
    """When the right in force of this carer to this door for this visit closes, and what was minted for it in a shift.

    Returns
    -------
    tuple
        Closing instant, and of each grant, oldest first, its epoch and since when it is revoked; ``None`` without
        such a right.
    """
    rows = session.execute(
        select(col(RightRow.closes_at), col(GrantRow.epoch), col(GrantRow.revoked_at))
        .select_from(RightRow)
        .outerjoin(GrantRow, and_(col(GrantRow.right_id) == col(RightRow.right_id), col(GrantRow.shift_id) == shift_id))
        .where(
            col(RightRow.visit_id) == visit_id,
            col(RightRow.carer_id) == carer_id,
            col(RightRow.door_id) == door_id,
            col(RightRow.state) == ACTIVE,
        )
        .order_by(col(GrantRow.minted_at), col(GrantRow.cti))
    ).all()
    if not rows:
        return None
    return rows[0].closes_at, [(row.epoch, row.revoked_at) for row in rows if row.epoch is not None]


def revoke_grants_of_rights(session: Session, right_ids: Iterable[str], now: datetime) -> set[str]:
    """Revoke every grant of these rights that could still open. Returns the doors concerned."""
    doors: set[str] = set()
    for chunk in chunks(list(right_ids)):
        doors |= _revoke(session, col(GrantRow.right_id).in_(chunk), now)
    return doors


def revoke_grants_of_shift(session: Session, shift_id: str, now: datetime) -> set[str]:
    """Revoke every grant of a shift that could still open. Returns the doors concerned."""
    return _revoke(session, col(GrantRow.shift_id) == shift_id, now)


def revoke_grants_below(session: Session, door_ids: Iterable[str], epoch: int, now: datetime) -> None:
    """Revoke the grants to doors that a raised epoch has voided already, so that nobody hands them out."""
    for chunk in chunks(sorted(set(door_ids))):
        _revoke(session, and_(col(GrantRow.door_id).in_(chunk), col(GrantRow.epoch) < epoch), now)


def revoked_ctis(session: Session, door_ids: Iterable[str], now: datetime) -> dict[str, list[tuple[int, bytes]]]:
    """Revoked grants to each door that are not over yet, each with its epoch."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    for chunk in chunks(sorted(set(door_ids))):
        rows = session.execute(
            select(col(GrantRow.door_id), col(GrantRow.epoch), col(GrantRow.cti)).where(
                col(GrantRow.door_id).in_(chunk),
                col(GrantRow.expires_at) > now - _LEEWAY,
                col(GrantRow.revoked_at).is_not(None),
            )
        )
        for door_id, epoch, cti in rows:
            found.setdefault(door_id, []).append((epoch, bytes(cti)))
    return found


def _revoke(session: Session, which: Any, now: datetime) -> set[str]:
    revoked = session.execute(
        update(GrantRow)
        .where(which, col(GrantRow.revoked_at).is_(None), col(GrantRow.expires_at) > now - _LEEWAY)
        .values(revoked_at=now)
        .returning(col(GrantRow.door_id))
    )
    return set(revoked.scalars())
