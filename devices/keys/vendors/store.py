"""Which lock acts on a door, and which hang there. Queries only."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from devices.keys import store as keys
from devices.keys.tables import DoorRow
from devices.keys.vendors.model import NATIVE, Capabilities, capabilities_of
from devices.keys.vendors.tables import VendorLinkRow, VendorLockRow
from kernel.work import Work

_CHUNK = 500
_NEW_LINK = {"log_number": 0, "webhook_number": 0, "next_look_wall_s": 0.0}


@dataclass(frozen=True, slots=True)
class ActingLock:
    """The lock a door is opened with now."""

    lock_id: str
    vendor: str
    #: the vendor's own number of it; empty for locks of our own protocol
    lock_ref: str = ""

    @property
    def is_native(self) -> bool:
        """Whether it speaks our own protocol and decides by itself."""
        return self.vendor == NATIVE

    @property
    def keeps(self) -> Capabilities:
        """What it can keep."""
        return capabilities_of(self.vendor)


def acting_locks(session: Session, door_ids: Iterable[str]) -> dict[str, ActingLock]:
    """The lock each door is opened with; doors whose vendor has none there are left out."""
    wanted = sorted(set(door_ids))
    elsewhere = doors_elsewhere(session, wanted)
    native = keys.locks_of_doors(session, [door_id for door_id in wanted if door_id not in elsewhere])
    found = {door_id: ActingLock(locks[0], NATIVE) for door_id, locks in native.items()}
    for row in _mounted(session, elsewhere):
        if elsewhere[row.door_id] == row.vendor:
            found[row.door_id] = ActingLock(row.lock_id, row.vendor, row.lock_ref)
    return found


def native_locks(session: Session, door_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Locks of our own protocol on those of these doors that are opened with them, ordered by id."""
    wanted = sorted(set(door_ids))
    elsewhere = doors_elsewhere(session, wanted)
    return keys.locks_of_doors(session, [door_id for door_id in wanted if door_id not in elsewhere])


def doors_elsewhere(session: Session, door_ids: Iterable[str]) -> dict[str, str]:
    """Those of these doors that another vendor's lock acts on, with the vendor."""
    wanted = sorted(set(door_ids))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = session.exec(
            select(DoorRow.door_id, DoorRow.vendor).where(
                col(DoorRow.door_id).in_(wanted[start : start + _CHUNK]), DoorRow.vendor != NATIVE
            )
        )
        found.update((door_id, vendor) for door_id, vendor in rows)
    return found


def vendor_locks(session: Session, door_id: str, *, retired: bool = False) -> list[VendorLockRow]:
    """Vendors' locks on a door, the oldest first; ``retired``: those that were taken down too."""
    query = select(VendorLockRow).where(VendorLockRow.door_id == door_id)
    if not retired:
        query = query.where(col(VendorLockRow.retired_at).is_(None))
    return list(session.exec(query.order_by(col(VendorLockRow.listed_at), col(VendorLockRow.lock_id))).all())


def locks_of_vendor(session: Session, vendor: str) -> list[VendorLockRow]:
    """The mounted locks of a vendor, by number."""
    query = select(VendorLockRow).where(VendorLockRow.vendor == vendor, col(VendorLockRow.retired_at).is_(None))
    return list(session.exec(query.order_by(col(VendorLockRow.lock_ref))).all())


def lock_by_ref(session: Session, vendor: str, lock_ref: str) -> VendorLockRow | None:
    """The lock with a vendor's number: the mounted one, else the one that was there last."""
    query = select(VendorLockRow).where(VendorLockRow.vendor == vendor, VendorLockRow.lock_ref == lock_ref)
    rows = session.exec(query.order_by(col(VendorLockRow.listed_at).desc())).all()
    return next((row for row in rows if row.retired_at is None), rows[0] if rows else None)


def link_of(work: Work, vendor: str) -> VendorLinkRow:
    """How we and a vendor hear of each other, held until the transaction ends; made where there is none."""
    keys.insert_ignoring(work.session, VendorLinkRow, [_NEW_LINK | {"vendor": vendor}], ["vendor"], ["vendor"])
    return work.session.exec(select(VendorLinkRow).where(VendorLinkRow.vendor == vendor).with_for_update()).one()


def _mounted(session: Session, door_ids: Iterable[str]) -> list[VendorLockRow]:
    wanted = sorted(set(door_ids))
    found: list[VendorLockRow] = []
    for start in range(0, len(wanted), _CHUNK):
        query = select(VendorLockRow).where(
            col(VendorLockRow.door_id).in_(wanted[start : start + _CHUNK]), col(VendorLockRow.retired_at).is_(None)
        )
        found.extend(session.exec(query.order_by(col(VendorLockRow.listed_at))).all())
    return found
