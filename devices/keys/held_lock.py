"""A mounted lock as the inbox holds it: one writer extends a chain.

Read in columns and written in those that changed, because an answer is waited for at the door.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from devices.keys.cose import Trust, VerifyingKey, lock_trust
from devices.keys.store import chunks
from devices.keys.tables import DoorRow, LockRow
from kernel.statements import Prepared, ask, table_of


@dataclass(slots=True)
class HeldLock:
    """A lock and the unit of its door, as they stand in this transaction."""

    lock_id: str
    door_id: str
    public_key: bytes
    chain_boot: int
    chain_seq: int
    chain_head: bytes
    crl_version: int
    crl_reported: int
    crl_signed: int | None
    cfg_version: int
    cfg_reported: int
    trust_reported: int
    battery_mv: int | None
    clock_state: str
    bolt_state: str
    unit_id: str

    @property
    def trust(self) -> Trust:
        """What is believed of it."""
        return _trust(self.public_key)


_LOCK, _DOOR = table_of(LockRow), table_of(DoorRow)
_FIELDS = tuple(name for name in HeldLock.__slots__ if name != "unit_id")
_MOUNTED = (
    select(*(_LOCK.c[name] for name in _FIELDS), _DOOR.c.unit_id)
    .select_from(_LOCK.join(_DOOR, _DOOR.c.door_id == _LOCK.c.door_id))
    .where(_LOCK.c.retired_at.is_(None))
    .with_for_update(of=_LOCK)
)
_ONE = Prepared(_MOUNTED.where(_LOCK.c.lock_id == bindparam("lock_id")))
_MANY = _MOUNTED.where(_LOCK.c.lock_id.in_(bindparam("lock_ids", expanding=True))).order_by(_LOCK.c.lock_id)
#: of the columns it is given
_CHANGE = Prepared(update(_LOCK).where(_LOCK.c.lock_id == bindparam("of_lock")))


def held_lock(session: Session, lock_id: str) -> HeldLock | None:
    """A mounted lock, held until the transaction ends."""
    row = _ONE.first(session, {"lock_id": lock_id})
    return None if row is None else HeldLock(*row)


def held_locks(session: Session, lock_ids: Collection[str]) -> dict[str, HeldLock]:
    """Many at once, by id; those not mounted are left out."""
    locks: dict[str, HeldLock] = {}
    for chunk in chunks(sorted(lock_ids)):
        locks |= {row[0]: HeldLock(*row) for row in ask(session, _MANY, {"lock_ids": chunk})}
    return locks


def change(session: Session, lock: HeldLock, **now: Any) -> None:
    """Write what is different now, and nothing where nothing is."""
    changed = {name: value for name, value in now.items() if getattr(lock, name) != value}
    if not changed:
        return
    _CHANGE.run(session, {"of_lock": lock.lock_id, **changed})
    for name, value in changed.items():
        setattr(lock, name, value)


@lru_cache(maxsize=4_096)
def _trust(public_key: bytes) -> Trust:
    return lock_trust(VerifyingKey(public_key))
