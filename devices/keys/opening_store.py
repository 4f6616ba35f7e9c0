"""Queries on openings, and how a stored one is handed out. No decisions here, and no commits."""

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Select, select
from sqlmodel import Session, col

from devices.keys.opening import OpeningState
from devices.keys.schemas import DoorOpening, Observation, OpeningIds
from devices.keys.tables import OpeningRow


def opening_for_update(session: Session, opening_id: str) -> OpeningRow | None:
    """An opening, held until the transaction ends."""
    return session.scalars(select(OpeningRow).where(col(OpeningRow.opening_id) == opening_id).with_for_update()).first()


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


def any_awaiting(session: Session, states: Collection[OpeningState], tapped_before_s: float) -> bool:
    """Whether :func:`openings_awaiting` would find any, without holding anything."""
    query = (
        select(col(OpeningRow.opening_id))
        .where(col(OpeningRow.state).in_(sorted(states)), col(OpeningRow.tapped_wall_s) < tapped_before_s)
        .limit(1)
    )
    return session.scalars(query).first() is not None


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
    """Openings at one lock, held until the transaction ends; ids of others are left out."""
    if not opening_ids:
        return {}
    rows = session.scalars(
        select(OpeningRow)
        .where(col(OpeningRow.opening_id).in_(sorted(opening_ids)), col(OpeningRow.lock_id) == lock_id)
        .order_by(col(OpeningRow.opening_id))
        .with_for_update()
    )
    return {row.opening_id: row for row in rows}


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
