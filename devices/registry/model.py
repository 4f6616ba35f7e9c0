"""What a device is, and what it says of itself when it starts or is lost.

A lock says it in CBOR (:mod:`devices.keys.messages`); vehicles, lifts and turning systems say the same in
JSON: ``{"v": 1, "device": "…", "boot": 7, "firmware": "…", "battery_mv": 3600, "ts": 1764057600000}``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from devices.keys.cbor import MAX_BYTES, Cbor
from devices.keys.envelope import VERSION, Fields
from devices.keys.errors import MessageError
from devices.keys.messages import Birth, Death, decode_message
from devices.keys.topics import Direction


class DeviceKind(StrEnum):
    """The kinds of device. A kiosk speaks HTTPS and has no messages here; it is enrolled like the others."""

    LOCK = "lock"
    VEHICLE = "vehicle"
    LIFT = "lift"
    TURNING = "turning"
    KIOSK = "kiosk"


#: The kinds that speak MQTT.
SPEAKING = (DeviceKind.LOCK, DeviceKind.VEHICLE, DeviceKind.LIFT, DeviceKind.TURNING)


class DeviceState(StrEnum):
    """Whether a device is in use. A retired one is never enrolled again: it gets a new id."""

    ENROLLED = "enrolled"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its reader sees it. ``boot`` is its latest start, -1 before the first."""

    device_id: str
    kind: DeviceKind
    tenant: str
    unit_id: str | None
    model: str
    state: DeviceState
    enrolled_at: datetime
    online: bool
    boot: int
    last_seen_at: datetime | None
    firmware: str | None
    battery_mv: int | None
    work_order: str | None = None


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Devices in order of their ids, and the cursor of the next page (``None`` on the last)."""

    devices: tuple[Device, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Started:
    """What a birth says: start number ``boot``, and how the device is. ``ts_at`` is its own clock's word."""

    device_id: str
    boot: int
    firmware: str
    battery_mv: int | None
    ts_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lost:
    """What a last will says: the link of start ``boot`` broke."""

    device_id: str
    boot: int


def read_birth(kind: str, payload: bytes) -> Started:
    """Read ``up/birth`` of any kind of device.

    Raises
    ------
    MessageError
        ``message_malformed`` or ``message_version_unknown``.
    """
    if kind == DeviceKind.LOCK:
        birth = cast(Birth, decode_message(Direction.UP, "birth", payload))
        return Started(birth.lock, birth.boot, birth.firmware, birth.battery_mv, birth.ts_at)
    fields = unpack_json("up/birth", payload)
    return Started(
        device_id=fields.text("device"),
        boot=fields.uint("boot"),
        firmware=fields.text("firmware"),
        battery_mv=fields.optional_uint("battery_mv", 100_000),
        ts_at=fields.optional_instant("ts"),
    )


def read_death(kind: str, payload: bytes) -> Lost:
    """Read ``up/death`` of any kind of device. Raises as :func:`read_birth`."""
    if kind == DeviceKind.LOCK:
        death = cast(Death, decode_message(Direction.UP, "death", payload))
        return Lost(death.lock, death.boot)
    fields = unpack_json("up/death", payload)
    return Lost(fields.text("device"), fields.uint("boot"))


def unpack_json(name: str, payload: bytes) -> Fields:
    """Open one JSON message of the present version; unknown fields stay in ``rest()``.

    Raises
    ------
    MessageError
        ``message_malformed`` or ``message_version_unknown``.
    """
    if len(payload) > MAX_BYTES:
        raise _malformed(name, f"at most {MAX_BYTES} bytes", f"{len(payload)} bytes")
    try:
        body = json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _malformed(name, "JSON in UTF-8", type(error).__name__) from error
    if not isinstance(body, dict):
        raise _malformed(name, "an object", type(body).__name__)
    fields = Fields(name, cast("dict[str, Cbor]", body))
    version = fields.uint("v")
    if version != VERSION:
        raise MessageError("message_version_unknown", name=name, field="v", expected=VERSION, found=version)
    return fields


def pack_json(name: str, body: Mapping[str, Any]) -> bytes:
    """One JSON message of the present version, in ASCII.

    Raises
    ------
    MessageError
        ``message_malformed`` for what JSON has no form for: an infinite number in a field nobody here knows.
    """
    try:
        return json.dumps({"v": VERSION, **body}, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise _malformed(name, "finite numbers", type(error).__name__) from error


def _no_constant(text: str) -> None:
    raise ValueError(f"Expected a finite number, got {text}.")


def _malformed(name: str, expected: str, found: str) -> MessageError:
    return MessageError("message_malformed", name=name, field="", expected=expected, found=found)
