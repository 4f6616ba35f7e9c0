"""Keeps one battery level per device and day from what devices report, and the forecast made of them."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from statistics import median

from sqlalchemy import Table, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from devices.events import DoorOpened, LockReported
from devices.registry.battery import LOOK_BACK, BatteryDay, BatteryForecast
from devices.registry.tables import BatteryDayRow, BatteryForecastRow, DeviceRow
from kernel.events import StoredEvent
from kernel.localtime import local_day
from kernel.work import Work

_CHUNK = 500


class BatteryLog:
    """A consumer of the log. A batch given again writes the same levels again."""

    name = "battery"
    event_types: Collection[str] | None = frozenset({DoorOpened.event_type, LockReported.event_type})

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:
        """Note the level of each device on each day: the latest batch's median, by the device's own time."""
        heard: dict[tuple[str, date], list[int]] = {}
        for stored in events:
            level_mv = stored.data.get("battery_mv")
            if isinstance(level_mv, int):
                heard.setdefault((str(stored.data["lock_id"]), local_day(stored.at)), []).append(level_mv)
        note_levels(work.session, {key: round(median(levels)) for key, levels in heard.items()})


def note_levels(session: Session, levels: dict[tuple[str, date], int]) -> None:
    """Keep levels by device and day; a later one of the same day replaces the one before."""
    if not levels:
        return
    table: Table = SQLModel.metadata.tables[str(BatteryDayRow.__tablename__)]
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    statement = statement.on_conflict_do_update(
        index_elements=["device_id", "on"], set_={"level_mv": statement.excluded.level_mv}
    )
    rows = [{"device_id": device, "on": on, "level_mv": level} for (device, on), level in sorted(levels.items())]
    session.connection().execute(statement, rows)


def heard_since(session: Session, on: date) -> list[str]:
    """Devices in use that reported a level on a day or after it, by id."""
    query = (
        select(BatteryDayRow.device_id)
        .join(DeviceRow, col(DeviceRow.device_id) == col(BatteryDayRow.device_id))
        .where(col(BatteryDayRow.on) >= on, DeviceRow.state == "enrolled")
        .distinct()
        .order_by(col(BatteryDayRow.device_id))
    )
    return list(session.exec(query))


def days_of(session: Session, device_ids: Sequence[str], today: date) -> dict[str, list[BatteryDay]]:
    """The levels of devices, in the order of time, as far back as a forecast looks."""
    found: dict[str, list[BatteryDay]] = {device_id: [] for device_id in device_ids}
    for start in range(0, len(device_ids), _CHUNK):
        query = (
            select(BatteryDayRow)
            .where(
                col(BatteryDayRow.device_id).in_(device_ids[start : start + _CHUNK]),
                col(BatteryDayRow.on) >= today - LOOK_BACK,
            )
            .order_by(col(BatteryDayRow.on))
        )
        for row in session.exec(query):
            found[row.device_id].append(BatteryDay(row.on, row.level_mv))
    return found


def keep_forecast(work: Work, device_id: str, made: BatteryForecast) -> None:
    """Keep the latest forecast of a device."""
    row = work.session.get(BatteryForecastRow, device_id) or BatteryForecastRow(
        device_id=device_id, level=made.level, days_seen=0, made_at=work.now
    )
    row.level, row.days_seen, row.made_at = made.level, made.days_seen, work.now
    row.fall_mv_per_day, row.empty_on = made.fall_mv_per_day, made.empty_on
    work.session.add(row)


def forecasts(session: Session, device_ids: Collection[str]) -> dict[str, BatteryForecastRow]:
    """Forecasts by device; none where a device never reported a level."""
    query = select(BatteryForecastRow).where(col(BatteryForecastRow.device_id).in_(sorted(device_ids)))
    return {row.device_id: row for row in session.exec(query)}


def forget_levels(session: Session, today: date) -> int:
    """Delete levels that no forecast looks at any more. Returns how many."""
    # twice as long as is looked back on: a device that was away for a season still has its own
    oldest_on = today - 2 * LOOK_BACK - timedelta(days=1)
    done = session.connection().execute(delete(BatteryDayRow).where(col(BatteryDayRow.on) < oldest_on))
    return done.rowcount
