"""What the log tells of a period, for baselines that are measured from it."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, select

from kernel.events import Event, StoredEvent
from kernel.localtime import at_local
from kernel.tables import EventRow

#: What belongs to a day by its beginning may be told to have ended so much after it.
LATEST_END = timedelta(days=1)


def told(
    session: Session,
    events: Collection[type[Event]],
    from_on: date,
    to_on: date,
    *,
    unit_id: str | None = None,
    ahead: timedelta = timedelta(),
) -> Iterable[tuple[int, Event]]:
    """Events of these classes in a period, by position; a long period is never in memory at once.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; what ended within a day after them is told too.
    unit_id
        Of one unit only.
    ahead
        How long before the period its events may have been told: routes are published days ahead.
    """
    columns = (EventRow.position, EventRow.event_type, EventRow.version, EventRow.at, EventRow.unit_id)
    first_at: datetime = at_local(from_on, time()) - ahead
    until_at: datetime = at_local(to_on + timedelta(days=1), time()) + LATEST_END
    query = select(*columns, EventRow.carer_id, EventRow.data).where(  # type: ignore[call-overload]
        col(EventRow.position).is_not(None),
        col(EventRow.event_type).in_(sorted(event.event_type for event in events)),
        EventRow.at >= first_at,
        EventRow.at < until_at,
    )
    if unit_id is not None:
        query = query.where(EventRow.unit_id == unit_id)
    for row in session.exec(query.order_by(col(EventRow.position)).execution_options(yield_per=2_000)):
        position, event_type, version, at, unit, carer_id, data = row
        stored = StoredEvent(
            position=position,
            event_type=event_type,
            version=version,
            at=at,
            unit_id=unit,
            carer_id=carer_id,
            data=data,
        )
        yield position, stored.event()
