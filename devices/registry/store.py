"""Queries of the device registry."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, update
from sqlmodel import Session, SQLModel, col, select

from devices.inbox.model import Known
from devices.registry.model import Device, DeviceKind, DevicePage, DeviceState
from devices.registry.tables import DeviceRow

_CHUNK = 500


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
    """What the inbox needs of the senders of a batch; unknown ids are left out."""
    found: dict[str, Known] = {}
    wanted = sorted(set(device_ids))
    for start in range(0, len(wanted), _CHUNK):
        query = select(DeviceRow.device_id, DeviceRow.kind, DeviceRow.tenant, DeviceRow.state).where(
            col(DeviceRow.device_id).in_(wanted[start : start + _CHUNK])
        )
        for device_id, kind, tenant, state in session.exec(query):
            found[device_id] = Known(device_id, kind, tenant, state == DeviceState.RETIRED)
    return found


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
    table = SQLModel.metadata.tables[str(DeviceRow.__tablename__)]
    # In one order everywhere, so that two writers never wait for each other in a ring.
    rows = [{"of_device": device_id, "at": seen[device_id]} for device_id in sorted(seen)]
    statement = update(table).where(table.c.device_id == bindparam("of_device"))
    session.connection().execute(statement.values(last_seen_at=bindparam("at")), rows)


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
