"""Work orders as planner and technician see them. The citizen's number is on them, never a name."""

from typing import Any

from sqlmodel import Session

from devices.registry.order_messages import to_text
from devices.registry.tables import WorkOrderRow
from gateway.wire import iso, iso_or_none
from scheduling.register.tables import CitizenRow, UnitRow

_TASKS = {
    "mount": ("Montér", "Mount"),
    "replace": ("Skift ud", "Replace"),
    "battery": ("Skift batteri", "Change the battery"),
    "inspect": ("Hovedeftersyn", "Main inspection"),
}


def order_json(session: Session, row: WorkOrderRow, language: str, *, with_code: bool = False) -> dict[str, Any]:
    """An order; its code only for those who issue orders."""
    citizen = session.get(CitizenRow, row.citizen_id) if row.citizen_id else None
    unit = session.get(UnitRow, row.unit_id)
    return {
        "order_id": row.order_id,
        "number": row.number,
        "task": row.task,
        "task_text": _TASKS[row.task][0 if language == "da" else 1],
        "device_kind": row.device_kind,
        "device_id": row.made_device_id or row.device_id,
        "unit_id": row.unit_id,
        "unit_name": unit.name if unit else "",
        "citizen_number": citizen.short if citizen else None,
        "door_id": row.door_id,
        "state": row.state,
        "from_at": iso(row.from_at),
        "until_at": iso(row.until_at),
        "automatic": row.issued_by_role is None,
        "settled_at": iso_or_none(row.settled_at),
        "note": row.note,
        "code": to_text(row.signed) if with_code and row.signed is not None and row.state == "open" else None,
    }
