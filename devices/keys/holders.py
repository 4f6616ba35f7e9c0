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
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import capabilities_of
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
    VendorError
        ``vendor_never_for_two``: a promise the door could not keep is not made.
    """
    door = work.session.get(DoorRow, door_id, with_for_update=True)
    if door is None:
        raise KernelError("not_found", what="Døren")
    if door.holders == holders:
        return frozenset()
    if holders > 1 and not capabilities_of(door.vendor).dual:
        raise VendorError("vendor_never_for_two")
    door.holders = holders
    work.session.add(door)
    work.record(
        DoorHoldersChanged(at=work.now, unit_id=door.unit_id, door_id=door_id, holders=holders, by_role=by_role)
    )
    return void_grants(work, door_id)


def void_grants(work: Work, door_id: str) -> frozenset[str]:
    """Void every grant to a door. A stairwell on the way hears which are gone and stays open to its other homes.

    Returns the locks whose revocation list must be sent after commit.
    """
    own = store.locks_on_doors(work.session, [door_id]).get(door_id, ())
    for lock_id in own:
        raise_epoch(work, lock_id)
    on_way = {*store.locks_of_doors(work.session, [door_id]).get(door_id, ())} - {*own}
    store.raise_crl_version(work.session, on_way)
    return frozenset({*own, *on_way})


def door_of(session: Session, door_id: str) -> DoorRow:
    """One door. Raises ``not_found``."""
    door = session.get(DoorRow, door_id)
    if door is None:
        raise KernelError("not_found", what="Døren")
    return door
