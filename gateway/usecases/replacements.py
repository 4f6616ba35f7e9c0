"""A technician changes a device for another: the new one enrolled, the old one retired, the rights kept, in one act.

The new lock hangs on the door before the old one comes off, so the door rights are never withdrawn; what the old
lock would still open for is put on its last revocation list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sqlmodel import Session, select

from devices.inbox.model import Outgoing
from devices.keys import store as keys_store
from devices.keys.cose import SigningKey
from devices.registry import orders
from devices.registry.model import Device, DeviceKind, DeviceState
from devices.registry.service import RegistryError
from devices.registry.store import find_device
from devices.transfers.tables import TransferDeviceRow
from gateway.auth import Role
from gateway.tables import IdentityRow
from gateway.usecases.citizens import note_access
from gateway.usecases.devices import House, NewDevice, hang, retire_device
from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError
from kernel.work import Work
from scheduling.register.tables import CitizenRow, UnitRow


class ReplacementError(DomainError):
    """What cannot be changed for another."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "vehicle_not_replaced": ErrorText(
            ErrorKind.CONFLICT,
            "En sporingsenhed følger bilens nummerplade. Tag den gamle ud af drift, og opret den nye bagefter.",
            "A tracker follows the car's number plate. Retire the old one and enrol the new one afterwards.",
        ),
        "device_homeless": ErrorText(
            ErrorKind.CONFLICT,
            "Enheden {device_id} hører ikke til noget sted mere. Opret den nye under en ny arbejdsordre.",
            "The device {device_id} belongs to no place any more. Enrol the new one under a new work order.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new device: the order's code, and what its kind asks for (:class:`gateway.usecases.devices.NewDevice`)."""

    work_order: str
    model: str = ""
    device_answer: str | None = None
    own_key_tried: bool = False
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """The new device and the old one. ``lists`` and ``locks_to_tell`` are for after the commit."""

    device: Device
    retired: Device
    lists: tuple[Outgoing, ...] = ()
    locks_to_tell: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a device is: the home it belongs to, and the door where that is not the home's own."""

    citizen: CitizenRow | None
    door_id: str | None = None


def replace_device(work: Work, house: House, device_id: str, new: Replacement, service_key: SigningKey) -> Replaced:
    """Change one device for another of its kind, under a work order for exactly that.

    Raises
    ------
    KernelError
        ``not_found``.
    RegistryError
        ``device_retired``.
    ReplacementError, OrderError, MountError
        What is missing or does not fit; nothing is changed then.
    """
    old = find_device(work.session, device_id)
    if old is None or old.unit_id is None:
        raise KernelError("not_found", what="Enheden")
    if old.state is DeviceState.RETIRED:
        raise RegistryError("device_retired", device_id=device_id)
    spot = spot_of(work.session, old)
    unit = work.session.get_one(UnitRow, old.unit_id)
    use = orders.Use("replace", old.kind, unit.id, spot.citizen.id if spot.citizen else None, spot.door_id, device_id)
    order = orders.redeem(work, new.work_order, house.services, house.tenant, use)
    if spot.citizen is not None:
        note_access(work, Role.TECHNICIAN, spot.citizen.id, "device", "mounting")
    wanted = NewDevice(
        kind=old.kind,
        unit_id=unit.id,
        work_order=new.work_order,
        model=new.model or old.model,
        door_id=spot.door_id,
        device_answer=new.device_answer,
        own_key_tried=new.own_key_tried,
        pin=new.pin,
    )
    mounted = hang(work, house.tenant, wanted, order, unit, spot.citizen)
    if spot.citizen is not None and old.kind is not DeviceKind.LOCK:
        # The home's list keeps one device where there was one.
        spot.citizen.devices = [d for d in spot.citizen.devices if d["id"] != device_id]
    retired = retire_device(work, device_id, "replaced", service_key)
    orders.settle_enrolled(work, order, mounted.device.device_id, Role.TECHNICIAN.value)
    return Replaced(mounted.device, retired.device, retired.lists, mounted.locks_to_tell)


def spot_of(session: Session, device: Device) -> Spot:
    """Where a device is.

    Raises
    ------
    ReplacementError
        ``vehicle_not_replaced``, ``device_homeless``.
    """
    if device.kind is DeviceKind.VEHICLE:
        raise ReplacementError("vehicle_not_replaced")
    homeless = ReplacementError("device_homeless", device_id=device.device_id)
    if device.kind is DeviceKind.LOCK:
        facts = keys_store.lock_facts(session, device.device_id)
        if facts is None:
            raise homeless
        return _home_of_door(session, facts.door_id)
    if device.kind is DeviceKind.KIOSK:
        identity = session.get(IdentityRow, device.device_id)
        citizen = session.get(CitizenRow, identity.citizen_id) if identity and identity.citizen_id else None
        if citizen is None:
            raise homeless
        return Spot(citizen)
    mounted = session.get(TransferDeviceRow, device.device_id)
    if mounted is None:
        raise homeless
    return Spot(session.get(CitizenRow, mounted.citizen_id) if mounted.citizen_id else None)


def _home_of_door(session: Session, door_id: str) -> Spot:
    own = session.exec(select(CitizenRow).where(CitizenRow.door_id == door_id)).first()
    return Spot(own) if own is not None else Spot(None, door_id)
