"""What a planner and a technician do before a device is enrolled: the order on paper, the lock's answer to it."""

import secrets
from typing import Any

from devices.alarms.model import NewAlarm
from devices.alarms.service import raise_alarm
from devices.keys.cose import SigningKey
from devices.registry import orders
from devices.registry.model import DeviceKind
from devices.registry.order_messages import from_text, order_shown, prove_key, to_text
from gateway.runtime import Runtime
from scheduling.register.tables import CitizenRow
from scheduling.transfer_plans import NewTransfer, survey
from tests.gateway.web import Person


def order_code(planner: Person, **body: Any) -> str:
    """The signed code of a new order."""
    made = planner.post("/api/v1/work-orders", body)
    assert made.status == 201, made.content
    return str(made.json["order"]["code"])


def answer_to(code: str, key: SigningKey | None = None) -> str:
    """What a lock with this key, or with a key of its own, answers to an order it is shown."""
    return to_text(prove_key(order_shown(from_text(code)), key or SigningKey(secrets.token_bytes(32))))


def work_and_alarm(runtime: Runtime, device_id: str, unit_id: str, citizen_id: str) -> dict[str, str]:
    """An order, an alarm and a surveyed transfer of a unit: ids for the matrix."""
    with runtime.units.begin() as work:
        order = orders.ensure(work, "battery", device_id, DeviceKind.LIFT, unit_id)
        assert order is not None
        alarm_id = raise_alarm(work, NewAlarm("device_fault", unit_id, device_id))
        number = work.session.get_one(CitizenRow, citizen_id).short
        plan = survey(work, NewTransfer(unit_id, number, "bath", "lift", 1))
    return {"order_id": order.order_id, "alarm_id": alarm_id, "plan_id": plan.plan_id, "code": "transfer_lift"}
