"""Inspections that fall due: an order a month ahead, an alarm, and a graver one when the deadline has passed."""

from datetime import datetime

from devices.alarms import service as alarms
from devices.alarms import store as alarm_store
from devices.alarms.model import NewAlarm, is_worse, open_key
from devices.events import AlarmSeverity
from devices.registry import orders
from devices.registry.model import DeviceKind
from devices.transfers.inspection import due_on, inspection_state
from devices.transfers.upkeep import devices_due, inspected_of
from kernel.localtime import local_day
from kernel.work import UnitsOfWork


def look_after_inspections(units: UnitsOfWork, now: datetime) -> int:
    """Order and raise what is due. Returns how many devices are due or late."""
    today = local_day(now)
    with units.database.reading() as session:
        if not devices_due(session, today):
            return 0
    with units.begin() as work:
        rows = devices_due(work.session, today)
        for row in rows:
            known = inspected_of(row)
            severity: AlarmSeverity = "critical" if inspection_state(known, today) == "overdue" else "warn"
            orders.ensure(work, "inspect", row.device_id, DeviceKind(row.kind), row.unit_id)
            is_open = alarm_store.open_for_update(work.session, open_key("inspection_due", row.device_id, None, None))
            if is_open is None or is_worse(severity, is_open.severity):
                facts = {"due_on": due_on(known).isoformat()}
                new = NewAlarm("inspection_due", row.unit_id, row.device_id, None, severity, facts)
                alarms.raise_alarm(work, new)
    return len(rows)
