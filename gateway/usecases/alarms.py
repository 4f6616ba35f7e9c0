"""What is found by going round: doors left unlocked, batteries that run out, inspections that fall due.

Each round reads first and writes only where something is to be raised or ended, so that a quiet day costs nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from devices.alarms import service as alarms
from devices.alarms import store as alarm_store
from devices.alarms.model import NewAlarm, open_key
from devices.alarms.tables import LockHabitRow
from devices.events import AlarmSeverity
from devices.keys.model import Bolt
from devices.keys.tables import LockRow
from devices.registry import battery_log, orders
from devices.registry.battery import BatteryForecast, forecast
from devices.registry.model import DeviceKind
from devices.registry.tables import DeviceRow
from gateway.usecases.door_facts import BATTERY_EMPTY_MV
from kernel.localtime import local_day
from kernel.work import UnitsOfWork, Work
from scheduling.tables import VisitRow

_LOOKED_BACK = timedelta(hours=12)
#: a battery level this old says nothing of today
_HEARD_WITHIN = timedelta(days=7)
_AT_ONCE = 200
_BATTERY_SEVERITY: dict[str, AlarmSeverity] = {"soon": "warn", "now": "critical"}


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A lock that tells when it is locked, and has not since a visit ended."""

    lock_id: str
    door_id: str
    unit_id: str
    visit_id: str
    ended_at: datetime


def find_unlocked(session: Session, now: datetime, after: timedelta) -> list[Unlocked]:
    """Doors nobody locked after the last visit, by lock.

    A door somebody is behind is left alone, and so is a lock that never says when it is locked: it may be, and
    nobody could know. What a person has looked at and cleared stays cleared until the next visit.
    """
    query = (
        select(LockRow)
        .join(LockHabitRow, col(LockHabitRow.lock_id) == col(LockRow.lock_id))
        .where(LockRow.bolt_state == Bolt.UNLOCKED.value, col(LockRow.retired_at).is_(None))
    )
    locks = session.exec(query.order_by(col(LockRow.lock_id))).all()
    due = _last_visits(session, now, {lock.door_id for lock in locks}) if locks else {}
    found = []
    for lock in locks:
        visit = due.get(lock.door_id)
        ended_at = None if visit is None else visit.ended_at
        if visit is None or ended_at is None or ended_at > now - after:
            continue
        known = alarm_store.alarms(
            session, [visit.unit_id], 1, only_open=False, kind="not_locked_after_visit", device_id=lock.lock_id
        )
        if not known.alarms or known.alarms[0].raised_at < ended_at:
            found.append(Unlocked(lock.lock_id, lock.door_id, visit.unit_id, visit.id, ended_at))
    return found


def raise_unlocked(work: Work, found: Sequence[Unlocked]) -> None:
    """Raise an alarm for each."""
    for one in found:
        minutes = round((work.now - one.ended_at).total_seconds() / 60)
        facts = {"visit_id": one.visit_id, "since_min": minutes}
        alarms.raise_alarm(
            work, NewAlarm("not_locked_after_visit", one.unit_id, one.lock_id, one.door_id, "warn", facts)
        )


def look_after_batteries(units: UnitsOfWork, now: datetime) -> int:
    """Forecast every battery heard of lately; order a change and raise an alarm where it is due. Returns how many.

    A battery that was changed shows it by its own level: the order and the alarm end by themselves.
    """
    today = local_day(now)
    with units.database.reading() as session:
        device_ids = battery_log.heard_since(session, today - _HEARD_WITHIN)
    for start in range(0, len(device_ids), _AT_ONCE):
        some = device_ids[start : start + _AT_ONCE]
        with units.database.reading() as session:
            days = battery_log.days_of(session, some, today)
        made = {device_id: forecast(days[device_id], BATTERY_EMPTY_MV, today) for device_id in some}
        with units.begin() as work:
            _act_on_batteries(work, made, today)
    with units.begin() as work:
        battery_log.forget_levels(work.session, today)
    return len(device_ids)


def _act_on_batteries(work: Work, made: dict[str, BatteryForecast], today: date) -> None:
    open_keys = alarm_store.open_keys(work.session)
    rows = work.session.exec(select(DeviceRow).where(col(DeviceRow.device_id).in_(sorted(made)))).all()
    for row in rows:
        told = made[row.device_id]
        battery_log.keep_forecast(work, row.device_id, told)
        severity = _BATTERY_SEVERITY.get(told.level)
        key = open_key("battery_low", row.device_id, None, None)
        if severity is None:
            if key in open_keys and told.level in ("good", "too_little_data"):
                alarms.clear_for(work, "battery_low", row.device_id)
                orders.settle_for(work, "battery", row.device_id)
            continue
        _order_change(work, row, told, severity, today, is_known=key in open_keys)


def _order_change(
    work: Work, row: DeviceRow, told: BatteryForecast, severity: AlarmSeverity, today: date, *, is_known: bool
) -> None:
    if row.unit_id is None:
        return
    orders.ensure(work, "battery", row.device_id, DeviceKind(row.kind), row.unit_id)
    if is_known and not _is_worse_than_open(work.session, row.device_id, severity):
        return
    left = None if told.empty_on is None else max(0, (told.empty_on - today).days)
    door_id = work.session.exec(select(LockRow.door_id).where(LockRow.lock_id == row.device_id)).first()
    facts = {"level": told.level, "days_left": left}
    alarms.raise_alarm(work, NewAlarm("battery_low", row.unit_id, row.device_id, door_id, severity, facts))


def _is_worse_than_open(session: Session, device_id: str, severity: AlarmSeverity) -> bool:
    known = alarm_store.open_for_update(session, open_key("battery_low", device_id, None, None))
    return known is not None and known.severity == "warn" and severity == "critical"


def _last_visits(session: Session, now: datetime, door_ids: Collection[str]) -> dict[str, VisitRow]:
    """The latest visit of late behind each of these doors; doors somebody is behind are missing."""
    query = select(VisitRow).where(
        col(VisitRow.day).in_(sorted({local_day(now), local_day(now - _LOOKED_BACK)})),
        col(VisitRow.door_id).in_(sorted(door_ids)),
        col(VisitRow.begun_at).is_not(None),
        VisitRow.mode == "physical",
    )
    latest: dict[str, VisitRow] = {}
    occupied: set[str] = set()
    for row in session.exec(query.order_by(col(VisitRow.begun_at), col(VisitRow.id))):
        door_id = row.door_id or ""
        if row.ended_at is None:
            occupied.add(door_id)
        elif row.ended_at > now - _LOOKED_BACK:
            latest[door_id] = row
    return {door_id: row for door_id, row in latest.items() if door_id not in occupied}
