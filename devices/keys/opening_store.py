"""Queries on openings, and how a stored one is handed out. No decisions here, and no commits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col

from devices import events
from devices.events import OpeningSettled
from devices.keys.model import ClockState, DoorFacts
from devices.keys.opening import OpeningState
from devices.keys.schemas import DoorOpening, Observation, OpeningIds
from devices.keys.tables import DoorRow, GrantRow, LockRow, OpeningRow
from devices.keys.vendors.model import NATIVE

_HELD = "omsorgstid_held_openings"


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


def way_through(session: Session, door_id: str, battery_empty_mv: int) -> Way:
    """What a tap has to know of a door's locks, in one question: somebody stands in front of it and waits."""
    rows = session.execute(
        select(
            col(LockRow.lock_id),
            col(LockRow.door_id),
            col(LockRow.epoch),
            col(LockRow.clock_state),
            col(LockRow.battery_mv),
            col(DoorRow.vendor),
        )
        .select_from(DoorRow)
        .outerjoin(
            LockRow,
            and_(
                or_(col(LockRow.door_id) == col(DoorRow.door_id), col(LockRow.door_id) == col(DoorRow.stairwell_id)),
                col(LockRow.retired_at).is_(None),
            ),
        )
        .where(col(DoorRow.door_id) == door_id)
        .order_by(col(LockRow.lock_id))
    ).all()
    vendor = next((row.vendor for row in rows), NATIVE)
    rows = [row for row in rows if row.lock_id is not None]
    own = [row for row in rows if row.door_id == door_id]
    on_way = [*own[:1], *(row for row in rows if row.door_id != door_id)] if own else []
    return Way(
        {
            row.lock_id: DoorFacts(row.epoch, ClockState(row.clock_state), row.battery_mv, battery_empty_mv)
            for row in on_way
        },
        max((row.epoch for row in rows), default=0),
        vendor,
    )


def grant_held(session: Session, shift_id: str, token: bytes, now: datetime) -> GrantRow | None:
    """The grant a shift's tablet shows, if it may hold it now: not revoked, not over."""
    return session.scalars(
        select(GrantRow).where(
            col(GrantRow.shift_id) == shift_id,
            col(GrantRow.token) == token,
            col(GrantRow.revoked_at).is_(None),
            col(GrantRow.expires_at) > now,
        )
    ).first()


def opening_for_update(session: Session, opening_id: str) -> OpeningRow | None:
    """An opening, held until the transaction ends."""
    return session.scalars(select(OpeningRow).where(col(OpeningRow.opening_id) == opening_id).with_for_update()).first()


def keep_nonce(session: Session, opening_id: str, nonce: bytes) -> bool:
    """Let an opening that still waits for its challenge have it. Returns whether it did wait."""
    challenged = (
        update(OpeningRow)
        .where(col(OpeningRow.opening_id) == opening_id, col(OpeningRow.state) == OpeningState.REQUESTED.value)
        .values(state=OpeningState.CHALLENGED.value, nonce=nonce)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", session.execute(challenged)).rowcount == 1


def openings_awaiting(session: Session, states: Collection[OpeningState], tapped_before_s: float) -> list[OpeningRow]:
    """Openings in these states that were tapped before a moment of link time, oldest first. Holds none of them."""
    return list(session.scalars(_awaiting(states, tapped_before_s)))


def openings_free_for_update(
    session: Session, states: Collection[OpeningState], tapped_before_s: float
) -> list[OpeningRow]:
    """The same, held until the transaction ends. One that somebody else holds is being settled: it is left out."""
    return list(session.scalars(_awaiting(states, tapped_before_s).with_for_update(skip_locked=True)))


def _awaiting(states: Collection[OpeningState], tapped_before_s: float) -> Select[Any]:
    return (
        select(OpeningRow)
        .where(col(OpeningRow.state).in_(sorted(states)), col(OpeningRow.tapped_wall_s) < tapped_before_s)
        .order_by(col(OpeningRow.tapped_wall_s), col(OpeningRow.opening_id))
    )


def latest_opening(session: Session, visit_id: str, shift_id: str) -> OpeningRow | None:
    """The last opening of a shift at a visit's door itself."""
    return session.scalars(
        select(OpeningRow)
        .where(
            col(OpeningRow.visit_id) == visit_id,
            col(OpeningRow.shift_id) == shift_id,
            col(OpeningRow.on_way).is_(False),
        )
        .order_by(col(OpeningRow.tapped_wall_s).desc(), col(OpeningRow.opening_id))
        .limit(1)
    ).first()


def openings_for_update(session: Session, lock_id: str, opening_ids: Collection[str]) -> dict[str, OpeningRow]:
    """Openings at one lock, held until the transaction ends; ids of others are left out.

    What the transaction holds already is not asked for again, except in a savepoint: that lets go what it holds.
    """
    held: dict[str, OpeningRow] = {} if session.in_nested_transaction() else session.info.setdefault(_HELD, {})
    unmet = [opening_id for opening_id in sorted(opening_ids) if opening_id not in held]
    if unmet:
        rows = session.scalars(
            select(OpeningRow)
            .where(col(OpeningRow.opening_id).in_(unmet), col(OpeningRow.lock_id) == lock_id)
            .order_by(col(OpeningRow.opening_id))
            .with_for_update()
        )
        held.update((row.opening_id, row) for row in rows)
    found = (held.get(opening_id) for opening_id in sorted(opening_ids))
    return {row.opening_id: row for row in found if row is not None and row.lock_id == lock_id}


def opening_view(row: OpeningRow) -> DoorOpening:
    """A stored opening as the services hand it out."""
    return DoorOpening(
        opening_id=row.opening_id,
        ids=OpeningIds(row.door_id, row.lock_id, row.visit_id, row.shift_id, row.carer_id, row.unit_id),
        state=OpeningState(row.state),
        requested_at=row.requested_at,
        tapped_wall_s=row.tapped_wall_s,
        code=row.code,
        facts=row.facts,
        by_lock=row.by_lock,
        late=row.late,
        settled_at=row.settled_at,
        sent_wall_s=row.sent_wall_s,
        cti=row.cti,
        nonce=row.nonce,
        motor_ms=row.motor_ms,
        observation=cast("Observation | None", row.observation),
        second_by_wall_s=row.second_by_wall_s,
        basis=row.basis,
        vendor=row.vendor,
        act_id=row.act_id,
        on_way=row.on_way,
    )


def settled_event(row: OpeningRow, now: datetime) -> OpeningSettled:
    """What the log is told when an opening has come to its end."""
    return OpeningSettled(
        at=now,
        opening_id=row.opening_id,
        door_id=row.door_id,
        visit_id=row.visit_id,
        shift_id=row.shift_id,
        carer_id=row.carer_id,
        unit_id=row.unit_id,
        state=cast(events.OpeningState, row.state),
        code=row.code,
        late=row.late,
        elapsed_ms=round((now - row.requested_at).total_seconds() * 1000),
        on_way=row.on_way,
    )
