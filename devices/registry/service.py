"""Enrolling and retiring devices, and hearing of their births and deaths.

Who is there is decided by the start number a device counts itself: a last will that belongs to an older
start arrives late and is ignored, and so is what the broker had kept of a start we already know about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from devices.events import DeviceEnrolled, DeviceRetired, DeviceSeen
from devices.inbox.model import Handler, Incoming, Outgoing, Reason, Refused, require_not_future
from devices.registry import store
from devices.registry.model import (
    SPEAKING,
    Device,
    DeviceKind,
    DeviceState,
    read_birth,
    read_death,
)
from devices.registry.tables import DeviceRow
from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError
from kernel.ids import new_id
from kernel.work import Work


class RegistryError(DomainError):
    """What a technician can do wrong."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "device_exists": ErrorText(
            ErrorKind.CONFLICT,
            "Enheden {device_id} er allerede oprettet.",
            "The device {device_id} is enrolled already.",
        ),
        "device_retired": ErrorText(
            ErrorKind.CONFLICT,
            "Enheden {device_id} er taget ud af drift og kan ikke bruges igen. Opret den som ny.",
            "The device {device_id} is retired and cannot be used again. Enrol it anew.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device to enrol. A random id is given where none is named.

    ``door_id`` is only passed on in the event; which lock hangs on which door is kept with the keys.
    """

    kind: DeviceKind
    unit_id: str | None
    model: str = ""
    door_id: str | None = None
    device_id: str | None = None
    work_order: str | None = None


def enrol(work: Work, tenant: str, enrolments: Sequence[Enrolment]) -> list[str]:
    """Enrol devices of a tenant. Returns their ids in the order given.

    Raises
    ------
    RegistryError
        ``device_exists`` if a named id is taken.
    """
    named = {enrolment.device_id for enrolment in enrolments if enrolment.device_id is not None}
    for device_id in sorted(store.known_devices(work.session, named)):
        raise RegistryError("device_exists", device_id=device_id)
    ids = [enrolment.device_id or new_id() for enrolment in enrolments]
    store.add_devices(
        work.session,
        [
            {
                "device_id": device_id,
                "kind": enrolment.kind.value,
                "tenant": tenant,
                "unit_id": enrolment.unit_id,
                "model": enrolment.model,
                "enrolled_at": work.now,
                "work_order": enrolment.work_order,
            }
            for device_id, enrolment in zip(ids, enrolments, strict=True)
        ],
    )
    work.record(
        *(
            DeviceEnrolled(
                at=work.now,
                unit_id=enrolment.unit_id,
                device_id=device_id,
                kind=enrolment.kind.value,
                door_id=enrolment.door_id,
            )
            for device_id, enrolment in zip(ids, enrolments, strict=True)
        )
    )
    return ids


def retire(work: Work, device_id: str, reason: str = "other") -> Device:
    """Take a device out of use for good. What it sends from now on is set aside.

    Raises
    ------
    KernelError
        ``not_found``.
    RegistryError
        ``device_retired`` if it is already.
    """
    row = store.device_for_update(work.session, device_id)
    if row is None:
        raise KernelError("not_found", what=f"device {device_id}")
    if row.state == DeviceState.RETIRED:
        raise RegistryError("device_retired", device_id=device_id)
    was_online = row.online
    row.state, row.online, row.retired_at = DeviceState.RETIRED.value, False, work.now
    row.retired_reason = reason
    work.session.flush()
    if was_online:
        _tell(work, row)
    work.record(DeviceRetired(at=work.now, unit_id=row.unit_id, device_id=row.device_id, kind=row.kind, reason=reason))
    device = store.find_device(work.session, device_id)
    if device is None:
        raise KernelError("not_found", what=f"device {device_id}")
    return device


def touch(work: Work, seen: Mapping[str, datetime]) -> None:
    """Note when devices last spoke for themselves; the inbox calls it once per batch."""
    store.mark_seen(work.session, seen)


def presence_handlers(also: Mapping[str, Handler] | None = None) -> dict[tuple[str, str], Handler]:
    """Handlers for ``up/birth`` and ``up/death`` of every kind that speaks MQTT.

    Parameters
    ----------
    also
        Kind to a handler that is given each birth as well, after the registry has taken it in.
    """
    births = {kind.value: _birth_handler((also or {}).get(kind.value)) for kind in SPEAKING}
    deaths: dict[tuple[str, str], Handler] = {(kind.value, "death"): take_death for kind in SPEAKING}
    return {**{(kind, "birth"): handler for kind, handler in births.items()}, **deaths}


def take_birth(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
    """A device says that it is here."""
    birth = read_birth(incoming.kind, incoming.payload)
    _require_own(incoming, birth.device_id)
    if birth.ts_at is not None:
        require_not_future(birth.ts_at, work.now)
    row = _device(work, incoming)
    if incoming.ferried:
        return ()  # a tablet met it; that does not bring it to the network
    if birth.boot < row.boot:
        return ()
    if incoming.retained and birth.boot == row.boot:
        return ()  # the broker had kept this; whether the device has gone since, we know better
    is_news = not row.online or birth.boot != row.boot
    row.online, row.boot = True, birth.boot
    row.firmware, row.battery_mv = birth.firmware, birth.battery_mv
    work.session.flush()
    if is_news:
        _tell(work, row)
    return ()


def take_death(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
    """The broker says that a device's link broke.

    An empty payload only clears what the broker had kept: a device does that when it is back.
    """
    if not incoming.payload:
        return ()
    death = read_death(incoming.kind, incoming.payload)
    _require_own(incoming, death.device_id)
    row = _device(work, incoming)
    if death.boot < row.boot or not row.online:
        row.boot = max(row.boot, death.boot)
        work.session.flush()
        return ()
    row.online, row.boot = False, death.boot
    work.session.flush()
    _tell(work, row)
    return ()


def _birth_handler(also: Handler | None) -> Handler:
    if also is None:
        return take_birth

    def take_both(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        return (*take_birth(work, incoming), *also(work, incoming))

    return take_both


def _device(work: Work, incoming: Incoming) -> DeviceRow:
    row = store.device_for_update(work.session, incoming.device_id)
    if row is None:
        raise Refused(Reason.UNKNOWN_DEVICE, "an enrolled device", "a device nobody enrolled")
    return row


def _require_own(incoming: Incoming, named: str) -> None:
    if named != incoming.device_id:
        raise Refused(Reason.BROKEN_PAYLOAD, f"the device of the topic, {incoming.device_id}", f"device {named}")


def _tell(work: Work, row: DeviceRow) -> None:
    work.record(
        DeviceSeen(
            at=work.now,
            unit_id=row.unit_id,
            device_id=row.device_id,
            kind=row.kind,
            online=row.online,
            boot=row.boot,
        )
    )
