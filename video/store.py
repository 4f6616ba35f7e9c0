"""Queries of rooms and quality sums."""

from collections.abc import Collection
from typing import Any, cast

from sqlmodel import Session, col, or_, select

from video.events import CallOutcome
from video.model import TALKING, AnsweredBy, CallState, Room, Side
from video.rules import LONGEST_TALK_S
from video.tables import QualityRow, RoomRow

_TALKING = tuple(sorted(s.value for s in TALKING))
_ON = (CallState.RINGING.value, *_TALKING)
#: what a lock waited for has changed meanwhile: never what this session read before it
_AS_STORED: dict[str, Any] = {"execution_options": {"populate_existing": True}}


def room_view(row: RoomRow) -> Room:
    """A row as callers get it."""
    return Room(
        room_id=row.room_id,
        visit_id=row.visit_id,
        citizen_id=row.citizen_id,
        carer_id=row.carer_id,
        unit_id=row.unit_id,
        state=CallState(row.state),
        attempt=row.attempt,
        begun_at=row.begun_at,
        ring_until_at=row.ring_until_at,
        ring_until_s=row.ring_until_s,
        live=row.live,
        next_try_at=row.next_try_at,
        declined=row.declined,
        answered_at=row.answered_at,
        answered_by=cast(AnsweredBy | None, row.answered_by),
        citizen_key=row.citizen_key,
        hung_up_at=row.hung_up_at,
        talk_s=row.talk_s,
        outcome=cast(CallOutcome | None, row.outcome),
        trouble=row.trouble,
    )


def room_of(session: Session, room_id: str) -> Room | None:
    """One room."""
    row = session.get(RoomRow, room_id)
    return None if row is None else room_view(row)


def room_of_visit(session: Session, visit_id: str) -> Room | None:
    """The room of a visit, if it was ever rung."""
    row = session.exec(select(RoomRow).where(RoomRow.visit_id == visit_id)).first()
    return None if row is None else room_view(row)


def held_room(session: Session, room_id: str) -> RoomRow | None:
    """A room, held until the transaction ends."""
    return session.exec(select(RoomRow).where(RoomRow.room_id == room_id).with_for_update(), **_AS_STORED).first()


def held_room_of_visit(session: Session, visit_id: str) -> RoomRow | None:
    """The same, by its visit."""
    return session.exec(select(RoomRow).where(RoomRow.visit_id == visit_id).with_for_update(), **_AS_STORED).first()


def held_rooms_of_citizen(session: Session, citizen_id: str) -> list[RoomRow]:
    """Calls of a citizen whose outcome is still to be said, held."""
    query = select(RoomRow).where(RoomRow.citizen_id == citizen_id, col(RoomRow.outcome).is_(None))
    return list(session.exec(query.order_by(col(RoomRow.room_id)).with_for_update(), **_AS_STORED))


def room_at_citizen(session: Session, citizen_id: str) -> Room | None:
    """The call that is on at a citizen's: ringing or talking, the newest first."""
    query = select(RoomRow).where(RoomRow.citizen_id == citizen_id, col(RoomRow.state).in_(_ON))
    row = session.exec(query.order_by(col(RoomRow.ring_until_s).desc())).first()
    return None if row is None else room_view(row)


def last_room_of(session: Session, citizen_id: str, key: str) -> Room | None:
    """The citizen's call that a browser answered last, however it ended."""
    query = select(RoomRow).where(RoomRow.citizen_id == citizen_id, RoomRow.citizen_key == key)
    row = session.exec(query.order_by(col(RoomRow.ring_until_s).desc())).first()
    return None if row is None else room_view(row)


def waiting_rooms(session: Session, wall_s: float) -> list[Room]:
    """Rooms that ring, wait for another try or talk for ever: what may become due by itself."""
    for_ever = col(RoomRow.state).in_(_TALKING) & (col(RoomRow.ring_until_s) <= wall_s - LONGEST_TALK_S)
    query = select(RoomRow).where(
        or_(RoomRow.state == CallState.RINGING.value, col(RoomRow.next_try_at).is_not(None), for_ever)
    )
    return [room_view(r) for r in session.exec(query.order_by(col(RoomRow.begun_at), col(RoomRow.visit_id)))]


def rooms_of_visits(session: Session, visit_ids: Collection[str]) -> dict[str, Room]:
    """Rooms by visit."""
    rows = session.exec(select(RoomRow).where(col(RoomRow.visit_id).in_(sorted(visit_ids)))).all()
    return {r.visit_id: room_view(r) for r in rows}


def quality_for_update(session: Session, room_id: str, side: Side) -> QualityRow:
    """The sums of one side; made where there are none."""
    query = select(QualityRow).where(QualityRow.room_id == room_id, QualityRow.side == side)
    row = session.exec(query.with_for_update()).first()
    if row is None:
        row = QualityRow(room_id=room_id, side=side)
        session.add(row)
    return row


def qualities(session: Session, room_id: str) -> list[QualityRow]:
    """The sums of both sides."""
    query = select(QualityRow).where(QualityRow.room_id == room_id)
    return list(session.exec(query.order_by(col(QualityRow.side))).all())
