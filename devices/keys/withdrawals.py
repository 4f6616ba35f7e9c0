"""Taking the right to a door away whatever the routes say: a consent withdrawn, a lock taken down.

Rights follow the route (:mod:`devices.keys.rights`); what is here goes against it and lasts until somebody with
reason gives them again.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from devices.events import DoorRightChanged
from devices.keys.rights import withdraw
from devices.keys.schemas import DoorRight, RightsChange
from devices.keys.tables import RightRow
from kernel.work import Work


def rights_to_door(session: Session, door_id: str, now: datetime) -> list[DoorRight]:
    """Rights in force to a door that could still open it, by opening time, then visit."""
    return _in_force(session, col(RightRow.door_id) == door_id, col(RightRow.closes_at) > now)


def _in_force(session: Session, *which: ColumnElement[bool]) -> list[DoorRight]:
    query = select(RightRow).where(*which, col(RightRow.state) == "active")
    rows = session.scalars(query.order_by(col(RightRow.opens_at), col(RightRow.visit_id)))
    return [
        DoorRight(
            right_id=row.right_id,
            door_id=row.door_id,
            visit_id=row.visit_id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            route_id=row.route_id,
            route_version=row.route_version,
            opens_at=row.opens_at,
            closes_at=row.closes_at,
        )
        for row in rows
    ]


def close_door(work: Work, door_id: str) -> RightsChange:
    """Withdraw every right to a door and revoke what was minted for it, with this transaction.

    Returns
    -------
    RightsChange
        How many were withdrawn, and the locks whose revocation list must be sent after commit.
    """
    return _close(work, rights_to_door(work.session, door_id, work.now))


def close_carer(work: Work, carer_id: str, from_at: datetime) -> RightsChange:
    """Withdraw every right of a carer who has left: those that begin later, or all that still hold if it is now.

    Returns
    -------
    RightsChange
        As :func:`close_door`.
    """
    of_hers = col(RightRow.carer_id) == carer_id
    bound = col(RightRow.closes_at) > work.now if from_at <= work.now else col(RightRow.opens_at) >= from_at
    return _close(work, _in_force(work.session, of_hers, bound))


def _close(work: Work, rights: list[DoorRight]) -> RightsChange:
    locks = withdraw(work, rights)
    work.record(
        *(
            DoorRightChanged(
                at=work.now,
                unit_id=right.unit_id,
                door_id=right.door_id,
                visit_id=right.visit_id,
                carer_id=right.carer_id,
                issued=False,
                route_version=right.route_version,
            )
            for right in rights
        )
    )
    return RightsChange(0, len(rights), locks)
