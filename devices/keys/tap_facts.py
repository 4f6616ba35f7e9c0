"""What a tap has to know of a door: the locks on the way through it, and the right to it. Pure but for the joins.

The joins go into one question with what other domains know of the visit; somebody stands in front of the door.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, or_

from devices.keys.model import ClockState, DoorFacts, RightFacts
from devices.keys.store import ACTIVE
from devices.keys.tables import DoorRow, GrantRow, LockRow, RightRow
from devices.keys.vendors.model import NATIVE
from kernel.statements import table_of

_DOOR, _LOCK = table_of(DoorRow), table_of(LockRow)
_RIGHT, _GRANT = table_of(RightRow), table_of(GrantRow)

#: what :func:`way_in` and :func:`right_in` read, in this order
COLUMNS: tuple[ColumnElement[Any], ...] = (
    _DOOR.c.vendor,
    _LOCK.c.lock_id,
    _LOCK.c.door_id,
    _LOCK.c.epoch,
    _LOCK.c.clock_state,
    _LOCK.c.battery_mv,
    _RIGHT.c.closes_at,
    _GRANT.c.minted_at,
    _GRANT.c.cti,
    _GRANT.c.epoch,
    _GRANT.c.revoked_at,
)


@dataclass(frozen=True, slots=True)
class Way:
    """The locks one tap at a door opens: the door's own first, then those of its stairwell.

    Attributes
    ----------
    locks
        Facts by lock id, in that order; empty where the door has no lock of its own.
    epoch
        The epoch a grant for the door must carry now: one grant is for every lock on the way.
    vendor
        Whose lock acts on the door; where it is another maker's, ``locks`` are those that hang there besides.
    """

    locks: dict[str, DoorFacts]
    epoch: int
    vendor: str


def joined(
    rows: FromClause,
    *,
    door_id: ColumnElement[str],
    visit_id: ColumnElement[str],
    carer_id: ColumnElement[str],
    shift_id: ColumnElement[str],
) -> FromClause:
    """Rows with the door, every mounted lock on the way, the right in force, and what a shift was minted for it."""
    on_way = or_(_LOCK.c.door_id == _DOOR.c.door_id, _LOCK.c.door_id == _DOOR.c.stairwell_id)
    in_force = and_(
        _RIGHT.c.visit_id == visit_id,
        _RIGHT.c.carer_id == carer_id,
        _RIGHT.c.door_id == door_id,
        _RIGHT.c.state == ACTIVE,
    )
    return (
        rows.outerjoin(_DOOR, _DOOR.c.door_id == door_id)
        .outerjoin(_LOCK, and_(on_way, _LOCK.c.retired_at.is_(None)))
        .outerjoin(_RIGHT, in_force)
        .outerjoin(_GRANT, and_(_GRANT.c.right_id == _RIGHT.c.right_id, _GRANT.c.shift_id == shift_id))
    )


def way_in(rows: Sequence[Sequence[Any]], door_id: str, battery_empty_mv: int) -> Way:
    """The way through a door, by rows of :data:`COLUMNS`, each lock any number of times."""
    locks = {row[1]: row for row in rows if row[1] is not None}
    own = sorted(lock_id for lock_id, row in locks.items() if row[2] == door_id)
    others = sorted(lock_id for lock_id, row in locks.items() if row[2] != door_id)
    return Way(
        {
            lock_id: DoorFacts(locks[lock_id][3], ClockState(locks[lock_id][4]), locks[lock_id][5], battery_empty_mv)
            for lock_id in ([*own[:1], *others] if own else [])
        },
        max((row[3] for row in locks.values()), default=0),
        next((row[0] for row in rows if row[0] is not None), NATIVE),
    )


def right_in(rows: Sequence[Sequence[Any]], epoch: int) -> RightFacts | None:
    """The right behind a tap, by the same rows; ``None`` where none is in force. ``epoch`` as of :class:`Way`."""
    closes_at = next((row[6] for row in rows if row[6] is not None), None)
    if closes_at is None:
        return None
    grants = sorted({(row[7], bytes(row[8])): (row[9], row[10]) for row in rows if row[8] is not None}.items())
    return right_of(closes_at, [grant for _, grant in grants], epoch)


def right_of(closes_at: datetime, grants: Sequence[tuple[int, datetime | None]], epoch: int) -> RightFacts:
    """What the rules ask of a right in force.

    Parameters
    ----------
    grants
        What was minted for it in the shift, oldest first: epoch, and since when it is revoked.
    epoch
        The lowest a grant may carry now: what one that is not minted yet would carry.
    """
    # What a raised epoch has voided says nothing about the right: a new grant is to be had for it.
    present = [(of_epoch, revoked_at) for of_epoch, revoked_at in grants if of_epoch >= epoch]
    good = [of_epoch for of_epoch, revoked_at in present if revoked_at is None]
    if present and not good:
        of_epoch, revoked_at = present[-1]
        return RightFacts(of_epoch, closes_at, revoked_at)
    return RightFacts(good[-1] if good else epoch, closes_at, None)
