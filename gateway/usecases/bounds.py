"""What was promised at which door and by when it holds, read from what locks have confirmed (devices.keys.bounds)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from devices.keys import store
from devices.keys.bounds import LEEWAY, DoorBound, DoorStand, GrantEnd, offline_until, withdrawn_by
from devices.keys.tables import GrantRow, LockRow
from devices.keys.vendors.access import WITHDRAWN
from devices.keys.vendors.model import capabilities_of
from devices.keys.vendors.tables import VendorAccessRow, VendorLockRow
from scheduling.register.tables import CitizenRow
from scheduling.tables import ShiftRow


@dataclass(frozen=True, slots=True)
class WithdrawnDoor:
    """A door something was withdrawn at. ``until_at`` ``None``: its lock has confirmed."""

    door_id: str
    address: str
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class VisitBounds:
    """Of a visit's door: until when a tablet without network opens it, and until when one that lost the visit does."""

    offline_until_at: datetime | None
    withdrawn: bool
    withdrawn_until_at: datetime | None


def withdrawn_of_shifts(session: Session, shift_ids: Sequence[str], now: datetime) -> list[WithdrawnDoor]:
    """Doors at which grants of these shifts were withdrawn before they were over, by address."""
    rows = session.exec(
        select(GrantRow).where(
            col(GrantRow.shift_id).in_(shift_ids),
            col(GrantRow.revoked_at).is_not(None),
            col(GrantRow.expires_at) > now - LEEWAY,
        )
    ).all()
    carers = select(ShiftRow.carer_id).where(col(ShiftRow.id).in_(shift_ids))
    told = session.exec(
        select(VendorAccessRow).where(
            col(VendorAccessRow.carer_id).in_(carers),
            VendorAccessRow.wanted == WITHDRAWN,
            col(VendorAccessRow.closes_at) > now,
        )
    ).all()
    stands = door_stands(session, {row.door_id for row in rows})
    bounds = [*withdrawn_by(_ends(rows), stands, now), *_by_vendors(session, told, now)]
    doors = sorted(bound.door_id for bound in bounds)
    citizens = session.exec(select(CitizenRow).where(col(CitizenRow.door_id).in_(doors))).all()
    address = {row.door_id: row.address for row in citizens}
    found = [WithdrawnDoor(b.door_id, address.get(b.door_id, b.door_id), b.until_at) for b in bounds]
    return sorted(found, key=lambda door: (door.address, door.door_id))


def bounds_of_visit(session: Session, visit_id: str, now: datetime) -> VisitBounds:
    """The bounds of one visit's door."""
    rows = session.exec(select(GrantRow).where(GrantRow.visit_id == visit_id)).all()
    ends = _ends(rows)
    told = session.exec(select(VendorAccessRow).where(VendorAccessRow.visit_id == visit_id)).all()
    stands = door_stands(session, {row.door_id for row in rows})
    bounds = [*withdrawn_by(ends, stands, now), *_by_vendors(session, told, now)]
    until = [bound.until_at for bound in bounds if bound.until_at is not None]
    return VisitBounds(offline_until(ends, now), bool(bounds), max(until, default=None))


def door_stands(session: Session, door_ids: Iterable[str]) -> dict[str, DoorStand]:
    """What the mounted locks of doors and on the way to them have confirmed, signed: a report could be anybody's."""
    locks = store.locks_of_doors(session, door_ids)
    named = sorted({lock_id for some in locks.values() for lock_id in some})
    rows = session.exec(select(LockRow).where(col(LockRow.lock_id).in_(named))).all()
    confirmed = {row.lock_id for row in rows if (row.crl_signed or 0) >= row.crl_version}
    return {door_id: DoorStand(confirmed=confirmed.issuperset(some)) for door_id, some in locks.items()}


def _by_vendors(session: Session, rows: Sequence[VendorAccessRow], now: datetime) -> list[DoorBound]:
    """The bounds of what vendors were told, or still have to be: unheard, an access ends with its window."""
    gone = [row for row in rows if row.wanted == WITHDRAWN]
    vendors = {
        lock.lock_id: lock.vendor
        for lock in session.exec(
            select(VendorLockRow).where(col(VendorLockRow.lock_id).in_(sorted({row.lock_id for row in gone})))
        )
    }
    unheard = {row.door_id for row in gone if not row.settled}
    stands = {
        row.door_id: DoorStand(
            confirmed=False,
            decides_itself=row.door_id in unheard,
            revocation_delay_s=capabilities_of(vendors[row.lock_id]).revocation_delay_s,
        )
        for row in gone
    }
    return withdrawn_by(
        (GrantEnd(row.door_id, row.closes_at, row.confirmed_at or row.wanted_at) for row in gone), stands, now
    )


def _ends(rows: Iterable[GrantRow]) -> list[GrantEnd]:
    return [GrantEnd(row.door_id, row.expires_at, row.revoked_at) for row in rows]
