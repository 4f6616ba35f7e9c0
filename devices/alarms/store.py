"""Queries of the alarms."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, func, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from devices.alarms.model import Alarm, AlarmPage
from devices.alarms.tables import AlarmRow, LockHabitRow
from devices.events import AlarmSeverity


def add_open(session: Session, values: dict[str, Any]) -> bool:
    """Insert an open alarm. ``False`` where one of the same kind and subject is open already."""
    table: Table = SQLModel.metadata.tables[str(AlarmRow.__tablename__)]
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = make(table).on_conflict_do_nothing(index_elements=["open_key"]).returning(table.c.alarm_id)
    return session.connection().execute(statement, [values]).first() is not None


def open_for_update(session: Session, key: str) -> AlarmRow | None:
    """The open alarm of a kind and subject, held until the transaction ends."""
    return session.exec(select(AlarmRow).where(AlarmRow.open_key == key).with_for_update()).first()


def open_keys(session: Session) -> set[str]:
    """Kind and subject of every open alarm."""
    found = session.exec(select(AlarmRow.open_key).where(col(AlarmRow.open_key).is_not(None)))
    return {key for key in found if key is not None}


def for_update(session: Session, alarm_id: str) -> AlarmRow | None:
    """One alarm, held until the transaction ends."""
    return session.exec(select(AlarmRow).where(AlarmRow.alarm_id == alarm_id).with_for_update()).first()


def find(session: Session, alarm_id: str) -> Alarm | None:
    """One alarm."""
    row = session.exec(select(AlarmRow).where(AlarmRow.alarm_id == alarm_id)).first()
    return None if row is None else seen(row)


def alarms(
    session: Session,
    unit_ids: Collection[str],
    limit: int = 50,
    cursor: int | None = None,
    *,
    only_open: bool = True,
    also_without_unit: bool = False,
    kind: str | None = None,
    device_id: str | None = None,
) -> AlarmPage:
    """One page of alarms of some units, the newest first.

    Parameters
    ----------
    cursor
        ``next_cursor`` of the page before; the first page where absent.
    also_without_unit
        Whether those that belong to the whole installation are among them.
    """
    query = select(AlarmRow).where(_of_units(unit_ids, also_without_unit))
    if only_open:
        query = query.where(col(AlarmRow.cleared_at).is_(None))
    if cursor is not None:
        query = query.where(col(AlarmRow.number) < cursor)
    if kind is not None:
        query = query.where(AlarmRow.kind == kind)
    if device_id is not None:
        query = query.where(AlarmRow.device_id == device_id)
    rows = session.exec(query.order_by(col(AlarmRow.number).desc()).limit(limit + 1)).all()
    found = tuple(seen(row) for row in rows[:limit])
    return AlarmPage(found, found[-1].number if len(rows) > limit else None)


def open_counts(session: Session, unit_ids: Collection[str], *, also_without_unit: bool = False) -> dict[str, int]:
    """How many alarms of some units are open, by severity."""
    query = (
        select(AlarmRow.severity, func.count())
        .where(_of_units(unit_ids, also_without_unit), col(AlarmRow.cleared_at).is_(None))
        .group_by(col(AlarmRow.severity))
    )
    return {severity: int(number) for severity, number in session.exec(query)}


def open_of_kind(session: Session, kind: str) -> list[Alarm]:
    """Every open alarm of a kind, the oldest first."""
    query = select(AlarmRow).where(AlarmRow.kind == kind, col(AlarmRow.cleared_at).is_(None))
    return [seen(row) for row in session.exec(query.order_by(col(AlarmRow.number)))]


def note_locked(session: Session, lock_id: str, at: datetime) -> None:
    """A lock said that it threw its bolt: it is one that tells."""
    row = session.get(LockHabitRow, lock_id)
    if row is None:
        session.add(LockHabitRow(lock_id=lock_id, locked_at=at))
    else:
        row.locked_at = max(row.locked_at, at)
    session.flush()


def seen(row: AlarmRow) -> Alarm:
    """A row as its reader sees it."""
    return Alarm(
        number=row.number or 0,
        alarm_id=row.alarm_id,
        kind=row.kind,
        severity=cast(AlarmSeverity, row.severity),
        unit_id=row.unit_id,
        device_id=row.device_id,
        door_id=row.door_id,
        facts=row.facts,
        times=row.times,
        raised_at=row.raised_at,
        last_at=row.last_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by_role=row.acknowledged_by_role,
        owner_id=row.owner_id,
        owner_role=row.owner_role,
        cleared_at=row.cleared_at,
        cleared_by_role=row.cleared_by_role,
        note=row.note,
    )


def owned_at(session: Session, alarm_id: str) -> datetime | None:
    """When somebody took an alarm."""
    return session.exec(select(AlarmRow.owned_at).where(AlarmRow.alarm_id == alarm_id)).first()


def _of_units(unit_ids: Collection[str], also_without_unit: bool) -> ColumnElement[bool]:
    own = col(AlarmRow.unit_id).in_(sorted(unit_ids))
    return or_(own, col(AlarmRow.unit_id).is_(None)) if also_without_unit else own
