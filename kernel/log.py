"""Reading the event log by position."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from kernel.events import StoredEvent
from kernel.tables import EventRow

_COLUMNS = (
    EventRow.position,
    EventRow.event_type,
    EventRow.version,
    EventRow.at,
    EventRow.unit_id,
    EventRow.carer_id,
    EventRow.data,
)


def read_after(
    session: Session, position: int, limit: int, event_types: Collection[str] | None = None
) -> list[StoredEvent]:
    """Events with a higher position, in order.

    Parameters
    ----------
    position
        The last position already seen; 0 reads from the start.
    limit
        At most this many events.
    event_types
        Only these types; all where absent.
    """
    # Columns, not rows of the table class: a ledger that reads a year does nothing else for two thirds of its time.
    query = select(*_COLUMNS).where(col(EventRow.position) > position)  # type: ignore[call-overload]
    if event_types is not None:
        # Through a function, so that SQLite reads on by position instead of by its index of types: measured,
        # the index makes a consumer's catching up quadratic in the length of the log.
        query = query.where(func.coalesce(EventRow.event_type, "").in_(sorted(event_types)))
    rows = session.exec(query.order_by(col(EventRow.position)).limit(limit)).all()
    return [
        StoredEvent(
            position=row[0], event_type=row[1], version=row[2], at=row[3], unit_id=row[4], carer_id=row[5], data=row[6]
        )
        for row in rows
    ]


def read_at(session: Session, positions: Iterable[int]) -> list[StoredEvent]:
    """The events at these positions, in order; positions that no longer exist are left out."""
    wanted = sorted(set(positions))
    rows = session.exec(
        select(EventRow).where(col(EventRow.position).in_(wanted)).order_by(col(EventRow.position))
    ).all()
    return [stored(row) for row in rows]


def latest_position(session: Session) -> int:
    """The highest position given so far, 0 for an empty log."""
    return session.exec(select(func.max(EventRow.position))).one() or 0


def log_mark(session: Session) -> tuple[int, int]:
    """What changes with every event that was told: the highest position, and the highest id not yet given one.

    State told of by events is as it was while its mark is: an event is seen by its id as soon as it is committed, and
    one that was committed late, below the highest id, still moves the position.
    """
    return latest_position(session), session.exec(select(func.max(EventRow.id))).one() or 0


def latest_at(session: Session) -> datetime | None:
    """World time of the event with the highest position."""
    return session.exec(
        select(EventRow.at).where(col(EventRow.position).is_not(None)).order_by(col(EventRow.position).desc()).limit(1)
    ).first()


def stored(row: EventRow) -> StoredEvent:
    """A sequenced row as its reader sees it."""
    if row.position is None:
        raise ValueError(f"Expected a sequenced event, got row {row.id} without a position.")
    return StoredEvent(
        position=row.position,
        event_type=row.event_type,
        version=row.version,
        at=row.at,
        unit_id=row.unit_id,
        carer_id=row.carer_id,
        data=row.data,
    )
