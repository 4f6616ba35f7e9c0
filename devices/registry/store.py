"""Queries of the device registry."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from devices.inbox.model import Known
from devices.registry.model import Device, DeviceKind, DevicePage, DeviceState
from devices.registry.tables import DeviceRow
from kernel.statements import Prepared, table_of

_KNOWN = "SELECT device_id, kind, tenant, state, last_seen_at FROM device WHERE device_id"
_RETIRED = DeviceState.RETIRED.value
_C = table_of(DeviceRow).c
_KNOWN_ONE = Prepared(
    sql_select(_C.device_id, _C.kind, _C.tenant, _C.state, _C.last_seen_at).where(
        _C.device_id == bindparam("device_id")
    )
)
_SPOKE = Prepared(update(table_of(DeviceRow)).where(_C.device_id == bindparam("of_device")))


def add_devices(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert devices; every row names ``device_id``, ``kind``, ``tenant``, ``unit_id``, ``model`` and
    ``enrolled_at``."""
    if rows:
        defaults = {"state": DeviceState.ENROLLED.value, "online": False, "boot": -1}
        session.execute(insert(DeviceRow), [{**defaults, **row} for row in rows])


def find_device(session: Session, device_id: str) -> Device | None:
    """One device."""
    row = session.exec(select(DeviceRow).where(col(DeviceRow.device_id) == device_id)).first()
    return None if row is None else _seen(row)


def device_for_update(session: Session, device_id: str) -> DeviceRow | None:
    """One device, held until the transaction ends."""
    return session.exec(select(DeviceRow).where(col(DeviceRow.device_id) == device_id).with_for_update()).first()


def known_devices(session: Session, device_ids: Collection[str]) -> dict[str, Known]:
    """What the inbox needs of the senders of a batch; unknown ids are left out.

    It is asked in every transaction of the inbox: as plain text with one value, whatever the number of devices, it
    takes a third of what the compiler takes over a list of parameters.
    """
    connection, wanted = session.connection(), sorted(set(device_ids))
    if len(wanted) == 1:  # somebody waits at its door
        known = _KNOWN_ONE.rows(session, {"device_id": wanted[0]})
        return {row[0]: Known(row[0], row[1], row[2], row[3] == _RETIRED, row[4]) for row in known}
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"{_KNOWN} IN (SELECT value FROM json_each(?))", (json.dumps(wanted),))
    else:
        rows = connection.exec_driver_sql(f"{_KNOWN} = ANY(%s)", (wanted,))
    return {row[0]: Known(row[0], row[1], row[2], row[3] == _RETIRED, _instant(row[4])) for row in rows}


def _instant(value: datetime | str | None) -> datetime | None:
    """An instant as the driver gives it: PostgreSQL's has a zone, SQLite's is the text of a time in UTC."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return None if value is None else value.astimezone(UTC)


def devices(
    session: Session,
    limit: int = 50,
    cursor: str | None = None,
    kind: DeviceKind | None = None,
    unit_ids: Collection[str] | None = None,
    online: bool | None = None,
    state: DeviceState | None = DeviceState.ENROLLED,
) -> DevicePage:
    """One page of devices in order of their ids.

    Parameters
    ----------
    cursor
        ``next_cursor`` of the page before; the first page where absent.
    kind, unit_ids, online, state
        Only devices like this; any where ``None``.
    """
    query = select(DeviceRow).order_by(col(DeviceRow.device_id)).limit(limit + 1)
    if cursor is not None:
        query = query.where(col(DeviceRow.device_id) > cursor)
    if kind is not None:
        query = query.where(col(DeviceRow.kind) == kind.value)
    if unit_ids is not None:
        query = query.where(col(DeviceRow.unit_id).in_(sorted(unit_ids)))
    if online is not None:
        query = query.where(col(DeviceRow.online) == online)
    if state is not None:
        query = query.where(col(DeviceRow.state) == state.value)
    found = [_seen(row) for row in session.exec(query)]
    return DevicePage(tuple(found[:limit]), found[limit - 1].device_id if len(found) > limit else None)


def device_counts(session: Session) -> dict[tuple[DeviceKind, bool], int]:
    """How many enrolled devices of each kind are online (``True``) and not (``False``)."""
    query = (
        select(DeviceRow.kind, DeviceRow.online, func.count())
        .where(col(DeviceRow.state) == DeviceState.ENROLLED.value)
        .group_by(col(DeviceRow.kind), col(DeviceRow.online))
    )
    return {(DeviceKind(kind), bool(online)): int(number) for kind, online, number in session.exec(query)}


def note_own_key(session: Session, device_id: str, at: datetime) -> None:
    """The citizen's own key was tried in the door this lock hangs on, and works."""
    row = device_for_update(session, device_id)
    if row is not None:
        row.own_key_tried_at = at
        session.flush()


def mark_seen(session: Session, seen: Mapping[str, datetime]) -> None:
    """Note when devices last spoke for themselves."""
    # In one order everywhere, so that two writers never wait for each other in a ring.
    _SPOKE.run(session, *({"of_device": device_id, "last_seen_at": seen[device_id]} for device_id in sorted(seen)))


def _seen(row: DeviceRow) -> Device:
    return Device(
        device_id=row.device_id,
        kind=DeviceKind(row.kind),
        tenant=row.tenant,
        unit_id=row.unit_id,
        model=row.model,
        state=DeviceState(row.state),
        enrolled_at=row.enrolled_at,
        online=row.online,
        boot=row.boot,
        last_seen_at=row.last_seen_at,
        firmware=row.firmware,
        battery_mv=row.battery_mv,
        work_order=row.work_order,
    )
