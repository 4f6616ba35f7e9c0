"""Asking devices to say again that they are here and what nobody has acknowledged."""

from collections.abc import Callable

from sqlmodel import Session, col, select

from devices.broker import Publication
from devices.keys.messages import Ask, spec_of
from devices.keys.topics import Direction, Topic
from devices.registry.model import SPEAKING, DeviceKind, DeviceState
from devices.registry.tables import DeviceRow

#: What a device that speaks JSON is asked; it answers with its birth and all it has no watermark for.
ASK_JSON = b'{"v":1}'


def questions(session: Session, tenant: str, is_mine: Callable[[str], bool]) -> list[Publication]:
    """A ``dn/ask`` for each device of a tenant that speaks MQTT and is in use, ordered by id."""
    query = (
        select(DeviceRow.device_id, DeviceRow.kind)
        .where(
            DeviceRow.tenant == tenant,
            DeviceRow.state == DeviceState.ENROLLED.value,
            col(DeviceRow.kind).in_(sorted(kind.value for kind in SPEAKING)),
        )
        .order_by(col(DeviceRow.device_id))
    )
    expiry_s = spec_of(Direction.DOWN, "ask").expiry_s
    asked = []
    for device_id, kind in session.exec(query):
        if is_mine(device_id):
            payload = Ask().encode() if kind == DeviceKind.LOCK else ASK_JSON
            topic = Topic(tenant, kind, device_id, Direction.DOWN, "ask")
            asked.append(Publication(str(topic), payload, expiry_s=expiry_s))
    return asked
