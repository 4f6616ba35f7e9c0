"""Doors that two carers open together: marked by a person, known to the signer from the log.

A door that needs two never gets a grant for one (:mod:`devices.keys.signer.statement`). What was minted before
the change is void at once: the epoch of its locks is raised.
"""

from typing import Literal

from sqlmodel import Session

from devices.events import DoorHoldersChanged
from devices.keys import store
from devices.keys.revocations import raise_epoch
from devices.keys.tables import DoorRow
from kernel.errors import KernelError
from kernel.work import Work


def set_holders(work: Work, door_id: str, holders: Literal[1, 2], by_role: str) -> frozenset[str]:
    """Say how many carers a door needs. Saying it again changes nothing.

    Returns
    -------
    frozenset
        Locks whose revocation list must be sent after commit.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    door = work.session.get(DoorRow, door_id, with_for_update=True)
    if door is None:
        raise KernelError("not_found", what="Døren")
    if door.holders == holders:
        return frozenset()
    door.holders = holders
    work.session.add(door)
    work.record(
        DoorHoldersChanged(at=work.now, unit_id=door.unit_id, door_id=door_id, holders=holders, by_role=by_role)
    )
    locks = store.locks_on_doors(work.session, [door_id]).get(door_id, ())
    for lock_id in locks:
        raise_epoch(work, lock_id)
    return frozenset(locks)


def door_of(session: Session, door_id: str) -> DoorRow:
    """One door. Raises ``not_found``."""
    door = session.get(DoorRow, door_id)
    if door is None:
        raise KernelError("not_found", what="Døren")
    return door
