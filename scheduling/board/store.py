"""The visits of a day as a board needs them. Six thousand rows as objects cost four times what their columns do."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, select
from sqlmodel import Session, col

from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow


class BoardVisit(NamedTuple):
    """One visit: the columns of ``VisitRow`` that a board shows, and the number its citizen goes by there."""

    id: str
    citizen_id: str
    unit_id: str
    carer_id: str | None
    service: str
    window_open_at: datetime
    window_close_at: datetime
    duration_s: float
    travel_min: float | None
    mode: str
    pair_id: str | None
    pinned_carer_id: str | None
    door_id: str | None
    start_at: datetime | None
    end_at: datetime | None
    begun_at: datetime | None
    ended_at: datetime | None
    state: str
    unallocated_reason: str | None
    short: int | None


def visits_on(
    session: Session, day: date, unit_ids: Collection[str], carer_ids: Collection[str] | None = None
) -> list[BoardVisit]:
    """The visits of a day in these units that have not been cancelled, of all carers or of some, by id."""
    query = _of_day(day, unit_ids)
    if carer_ids is not None:
        query = query.where(col(VisitRow.carer_id).in_(sorted(carer_ids)))
    return sorted(BoardVisit(*row) for row in session.execute(query))


def waiting_on(session: Session, day: date, unit_ids: Collection[str]) -> list[BoardVisit]:
    """The visits of a day in these units that nobody does, by id."""
    query = _of_day(day, unit_ids).where(col(VisitRow.carer_id).is_(None))
    return sorted(BoardVisit(*row) for row in session.execute(query))


def _of_day(day: date, unit_ids: Collection[str]) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [getattr(VisitRow, name) for name in BoardVisit._fields[:-1]]
    return (
        select(*columns, col(CitizenRow.short))
        .join(CitizenRow, col(CitizenRow.id) == col(VisitRow.citizen_id), isouter=True)
        .where(col(VisitRow.day) == day, col(VisitRow.state) != "cancelled")
        .where(col(VisitRow.unit_id).in_(sorted(unit_ids)))
    )
