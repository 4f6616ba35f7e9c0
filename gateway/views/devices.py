"""Devices as a technician needs them: there or not, power, firmware, and what is wrong."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from devices.inbox.tables import QuarantineRow
from devices.keys.tables import LockRow
from devices.registry import store as registry
from devices.registry.battery_log import forecasts
from devices.registry.model import SPEAKING, Device, DeviceKind
from devices.registry.tables import BatteryForecastRow, DeviceRow
from devices.transfers.tables import TransferDeviceRow
from gateway.tables import IdentityRow
from gateway.usecases.door_facts import BATTERY_EMPTY_MV
from gateway.views.my_day import BATTERY_LOW_MV
from gateway.views.quarantine import reason_text
from gateway.wire import iso, iso_or_none
from scheduling.register.tables import CitizenRow, UnitRow

_MESSAGES_SHOWN = 20
#: more devices than any group of units has yet (a city: 12,000 citizens); beyond it the list itself has to do
_LOOKED_THROUGH = 20_000
#: up to here a statement names its devices; with more it reads them all
_NAMED_AT_ONCE = 500
_WORST = ("battery_empty", "battery_now", "clock_lost", "offline", "battery_low", "battery_soon")


def devices_json(session: Session, devices: Iterable[Device]) -> list[dict[str, Any]]:
    """Devices with their faults. No citizen and no address: those are told one device at a time."""
    shown = list(devices)
    ids = [d.device_id for d in shown]
    names = unit_names(session, {d.unit_id for d in shown if d.unit_id is not None})
    aside = _set_aside(session, ids)
    locks = _locks(session, ids)
    levels = _forecasts(session, ids)
    return [
        {
            "device_id": d.device_id,
            "kind": d.kind.value,
            "unit_id": d.unit_id,
            "unit_name": names.get(d.unit_id or "", ""),
            "state": d.state.value,
            "online": d.online if d.kind in SPEAKING else None,
            "last_seen_at": iso_or_none(d.last_seen_at),
            "battery_mv": d.battery_mv,
            "battery_level": battery_level(d.battery_mv),
            "battery_forecast": levels[d.device_id].level if d.device_id in levels else None,
            "battery_empty_on": _empty_on(levels.get(d.device_id)),
            "firmware": d.firmware,
            "model": d.model,
            "work_order": d.work_order,
            "enrolled_at": iso(d.enrolled_at),
            "faults": _faults(d, locks.get(d.device_id), aside.get(d.device_id, 0), levels.get(d.device_id)),
            "messages_set_aside": aside.get(d.device_id, 0),
        }
        for d in shown
    ]


def faulty_json(session: Session, unit_ids: Collection[str], kind: DeviceKind | None) -> list[dict[str, Any]]:
    """Devices in use that somebody should look at, the worst first: out of power, lost its clock, away, the rest."""
    page = registry.devices(session, _LOOKED_THROUGH, None, kind, unit_ids)
    found = [d for d in devices_json(session, page.devices) if d["faults"]]
    return sorted(found, key=lambda d: (min(_worst(f) for f in d["faults"]), d["device_id"]))


def _worst(fault: str) -> int:
    return _WORST.index(fault) if fault in _WORST else len(_WORST)


def place_of(session: Session, device: Device) -> CitizenRow | None:
    """At whose home a device is, if it is at anybody's."""
    if device.kind is DeviceKind.LOCK:
        door = session.exec(select(LockRow.door_id).where(LockRow.lock_id == device.device_id)).first()
        return None if door is None else session.exec(select(CitizenRow).where(CitizenRow.door_id == door)).first()
    if device.kind is DeviceKind.KIOSK:
        identity = session.get(IdentityRow, device.device_id)
        return session.get(CitizenRow, identity.citizen_id) if identity and identity.citizen_id else None
    mounted = session.get(TransferDeviceRow, device.device_id)
    return session.get(CitizenRow, mounted.citizen_id) if mounted and mounted.citizen_id else None


def door_of_lock(session: Session, device_id: str) -> str | None:
    """The door a lock hangs on; ``None`` for anything else and for a lock that was taken down."""
    return session.exec(
        select(LockRow.door_id).where(LockRow.lock_id == device_id, col(LockRow.retired_at).is_(None))
    ).first()


def messages_of(session: Session, device_id: str, language: str) -> list[dict[str, Any]]:
    """What a device sent that was set aside and still waits, newest first. To read, not to act on."""
    rows = session.exec(
        select(QuarantineRow)
        .where(QuarantineRow.device_id == device_id, QuarantineRow.state == "open")
        .order_by(col(QuarantineRow.id).desc())
        .limit(_MESSAGES_SHOWN)
    ).all()
    return [_message(r, language) for r in rows]


def messages_of_units(session: Session, unit_ids: Collection[str], language: str) -> list[dict[str, Any]]:
    """What devices of some units sent that was set aside and still waits, newest first."""
    rows = session.exec(
        select(QuarantineRow)
        .join(DeviceRow, col(DeviceRow.device_id) == col(QuarantineRow.device_id))
        .where(QuarantineRow.state == "open", col(DeviceRow.unit_id).in_(sorted(unit_ids)))
        .order_by(col(QuarantineRow.id).desc())
        .limit(_MESSAGES_SHOWN)
    ).all()
    return [_message(r, language) for r in rows]


def battery_level(battery_mv: int | None) -> str:
    """Three levels a technician acts on: ok, low (order a change), empty (change now)."""
    if battery_mv is None:
        return "unknown"
    if battery_mv < BATTERY_EMPTY_MV:
        return "empty"
    return "low" if battery_mv < BATTERY_LOW_MV else "ok"


def unit_names(session: Session, unit_ids: Collection[str]) -> dict[str, str]:
    """Names of units, in the order of the names."""
    rows = session.exec(select(UnitRow).where(col(UnitRow.id).in_(sorted(unit_ids)))).all()
    return {r.id: r.name for r in sorted(rows, key=lambda r: (r.name, r.id))}


def _faults(device: Device, lock: LockRow | None, set_aside: int, told: BatteryForecastRow | None) -> list[str]:
    found = []
    if device.kind in SPEAKING and not device.online:
        found.append("never_seen" if device.last_seen_at is None else "offline")
    level = battery_level(device.battery_mv)
    if level in ("low", "empty"):
        found.append(f"battery_{level}")
    if told is not None and told.level in ("soon", "now"):
        found.append(f"battery_{told.level}")
    if lock is not None and lock.clock_state != "ok":
        found.append(f"clock_{lock.clock_state}")
    if lock is not None and lock.crl_reported < lock.crl_version and device.online:
        found.append("list_behind")
    if set_aside:
        found.append("messages")
    return found


def _forecasts(session: Session, ids: list[str]) -> dict[str, BatteryForecastRow]:
    found: dict[str, BatteryForecastRow] = {}
    for start in range(0, len(ids), _NAMED_AT_ONCE):
        found |= forecasts(session, ids[start : start + _NAMED_AT_ONCE])
    return found


def _empty_on(told: BatteryForecastRow | None) -> str | None:
    return None if told is None or told.empty_on is None else told.empty_on.isoformat()


def _set_aside(session: Session, device_ids: Collection[str]) -> dict[str, int]:
    wanted = set(device_ids)
    query = (
        select(QuarantineRow.device_id, func.count())
        .where(QuarantineRow.state == "open")
        .group_by(col(QuarantineRow.device_id))
    )
    if len(wanted) <= _NAMED_AT_ONCE:
        query = query.where(col(QuarantineRow.device_id).in_(sorted(wanted)))
    return {device_id: int(number) for device_id, number in session.exec(query) if device_id in wanted}


def _locks(session: Session, device_ids: Collection[str]) -> dict[str, LockRow]:
    wanted = set(device_ids)
    query = select(LockRow)
    if len(wanted) <= _NAMED_AT_ONCE:
        query = query.where(col(LockRow.lock_id).in_(sorted(wanted)))
    return {r.lock_id: r for r in session.exec(query).all() if r.lock_id in wanted}


def _message(row: QuarantineRow, language: str) -> dict[str, Any]:
    return {
        "at": iso(row.last_received_at),
        "device_id": row.device_id,
        "reason": row.reason,
        "reason_text": reason_text(row.reason, language),
        "times": row.times,
    }
