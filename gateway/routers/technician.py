"""A technician's devices: look, mount, take down; those of her units only."""

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlmodel import Session

from devices.registry import store as registry
from devices.registry.model import Device, DeviceKind
from devices.registry.order_messages import MAX_TEXT
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases.citizens import note_look
from gateway.usecases.devices import House, Mounted, NewDevice, Retired, RetireReason, mount_device, retire_device
from gateway.usecases.doors import tell_locks
from gateway.usecases.replacements import Replaced, Replacement, replace_device
from gateway.views.devices import devices_json, messages_of, place_of
from kernel.errors import KernelError

router = Router(prefix="/api/v1/devices", tags=["technician"])
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]
PAGE = 50


class Enrol(BaseModel):
    """A device to mount under a work order, given by its signed code.

    A lock needs a citizen's number, its own answer to the order, and that the citizen's own key was tried; a kiosk a
    citizen's number and a PIN; a car's tracker its number plate.
    """

    kind: DeviceKind
    unit_id: str = Field(max_length=64)
    work_order: str = Field(min_length=1, max_length=MAX_TEXT)
    model: str = Field(default="", max_length=64)
    citizen_number: int | None = Field(default=None, ge=1, le=2**31 - 1)
    door_id: str | None = Field(default=None, pattern=r"^[^/?#%\\\x00-\x1f]{1,64}$")
    device_answer: str | None = Field(default=None, max_length=MAX_TEXT)
    own_key_tried: bool = False
    pin: str | None = Field(default=None, pattern=r"^[0-9]{4,8}$")
    reg_no: str | None = Field(default=None, pattern=r"^[A-Za-z0-9ÆØÅæøå]{2,8}$")
    rated_load_kg: float | None = Field(default=None, ge=20, le=1000, description="Of a lift or turning system.")


class Replace(BaseModel):
    """The device that comes instead, under a work order for changing exactly this one."""

    work_order: str = Field(min_length=1, max_length=MAX_TEXT)
    model: str = Field(default="", max_length=64)
    device_answer: str | None = Field(default=None, max_length=MAX_TEXT)
    own_key_tried: bool = False
    pin: str | None = Field(default=None, pattern=r"^[0-9]{4,8}$")


class Retire(BaseModel):
    """Why the device is taken out of use."""

    reason: RetireReason


@router.get("")
def devices(
    who: Technician,
    read: ReadDep,
    kind: DeviceKind | None = None,
    unit: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    """Devices in use in the units somebody sees, by id."""
    if unit is not None:
        require_unit(who, unit)
    page = registry.devices(read, PAGE, cursor, kind, (unit,) if unit is not None else who.unit_ids)
    return {"items": devices_json(read, page.devices), "next": page.next_cursor}


@router.get("/{device_id}")
def device(device_id: str, who: Technician, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """One device, where it is, and what it sent that was set aside. Looking at the address is noted for its citizen."""
    found = own_device(read, who, device_id)
    return device_at_home(parts, read, who, found)


@router.post("", status_code=201)
def enrol(body: Enrol, who: Technician, parts: PartsDep) -> dict[str, Any]:
    """Mount a device."""
    require_unit(who, body.unit_id)
    mounted = mount(parts, new_device(body))
    with parts.database.reading() as session:
        return {"device": devices_json(session, [mounted.device])[0]}


@router.post("/{device_id}/retirement")
def retirement(device_id: str, body: Retire, who: Technician, parts: PartsDep) -> dict[str, Any]:
    """Take a device out of use for good. A lock's door rights go with it."""
    with parts.database.reading() as session:
        own_device(session, who, device_id)
    retired = take_down(parts, device_id, body.reason)
    with parts.database.reading() as session:
        shown = devices_json(session, [retired.device])[0]
    return {"device": shown, "rights_withdrawn": retired.rights_withdrawn}


@router.post("/{device_id}/replacement", status_code=201)
def replacement(device_id: str, body: Replace, who: Technician, parts: PartsDep) -> dict[str, Any]:
    """Change a device for another in one act: the door keeps its rights, the old device opens nothing any more."""
    with parts.database.reading() as session:
        own_device(session, who, device_id)
    replaced = put_in_place(parts, device_id, Replacement(**body.model_dump()))
    with parts.database.reading() as session:
        new, old = devices_json(session, [replaced.device, replaced.retired])
    return {"device": new, "retired": old}


def mount(parts: Parts, new: NewDevice) -> Mounted:
    """Mount a device; the locks are told after the commit."""
    with parts.units.begin() as work:
        mounted = mount_device(work, house_of(parts), new)
    tell_locks(parts, mounted.locks_to_tell)
    return mounted


def put_in_place(parts: Parts, device_id: str, new: Replacement) -> Replaced:
    """Change a device for another; both locks are told after the commit."""
    with parts.units.begin() as work:
        replaced = replace_device(work, house_of(parts), device_id, new, parts.service_key)
    parts.doors.send(replaced.lists)
    tell_locks(parts, replaced.locks_to_tell)
    return replaced


def house_of(parts: Parts) -> House:
    """This municipality and the service that signs its work orders."""
    return House(parts.settings.mqtt.tenant, (parts.service_key.verifying_key,))


def take_down(parts: Parts, device_id: str, reason: RetireReason) -> Retired:
    """Retire a device; its last revocation list leaves after the commit."""
    with parts.units.begin() as work:
        retired = retire_device(work, device_id, reason, parts.service_key)
    parts.doors.send(retired.lists)
    return retired


def own_device(session: Session, who: Who, device_id: str) -> Device:
    """A device of one's units. Raises ``not_found`` for any other."""
    found = registry.find_device(session, device_id)
    if found is None or not _is_own(who, found):
        raise KernelError("not_found", what="Enheden")
    return found


def device_at_home(parts: Parts, session: Session, who: Who, found: Device) -> dict[str, Any]:
    """A device with its place and its messages."""
    citizen = place_of(session, found)
    if citizen is not None:
        note_look(parts, session, who, citizen.id, "device", "maintenance")
    return {
        "device": devices_json(session, [found])[0],
        "place": None if citizen is None else {"address": citizen.address, "citizen_number": citizen.short},
        "messages": messages_of(session, found.device_id, who.language),
    }


def require_unit(who: Who, unit_id: str) -> None:
    """Raises ``other_unit`` for a unit that is not one's own."""
    if unit_id not in who.unit_ids:
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")


def _is_own(who: Who, found: Device) -> bool:
    return found.unit_id in who.unit_ids or (found.unit_id is None and who.role is Role.OPERATIONS)


def new_device(body: Enrol) -> NewDevice:
    """What a request asks to mount."""
    return NewDevice(
        kind=body.kind,
        unit_id=body.unit_id,
        work_order=body.work_order,
        model=body.model,
        citizen_number=body.citizen_number,
        door_id=body.door_id,
        device_answer=body.device_answer,
        own_key_tried=body.own_key_tried,
        pin=body.pin,
        reg_no=body.reg_no,
        rated_load_kg=body.rated_load_kg,
    )
