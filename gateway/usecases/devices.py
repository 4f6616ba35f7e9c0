"""A technician mounts a device and takes one down: registry, keys, register and sign-in in one act."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from sqlmodel import Session, col, select

from devices.driving.errors import DrivingError
from devices.driving.tables import VehicleRow
from devices.driving.vehicles import NewVehicle, register_vehicles
from devices.inbox.model import Outgoing
from devices.keys import revocations, service, store
from devices.keys.cose import SigningKey, VerifyingKey
from devices.keys.schemas import LockEnrolment
from devices.keys.tables import LockRow
from devices.keys.vendors.store import doors_elsewhere, vendor_locks
from devices.keys.withdrawals import close_door
from devices.registry import orders
from devices.registry import store as registry_store
from devices.registry.model import Device, DeviceKind
from devices.registry.order_errors import OrderError
from devices.registry.service import Enrolment, enrol, retire
from devices.registry.tables import DeviceRow, WorkOrderRow
from devices.transfers.service import Mounting, mount_devices
from gateway.auth import Role
from gateway.pins import hash_pin
from gateway.sessions import end_sessions
from gateway.tables import IdentityRow
from gateway.usecases.citizens import note_access
from gateway.usecases.days import TECHNOLOGY
from gateway.usecases.plans import restore_rights
from kernel.errors import DomainError, ErrorKind, ErrorText
from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.events import CitizenEnrolled, CitizenLeft
from scheduling.model import UnitKind
from scheduling.register.tables import CitizenRow, UnitRow
from scheduling.shifts import days_now

RetireReason = Literal["replaced", "broken", "taken_down", "stolen", "other"]


class MountError(DomainError):
    """What can be wrong with a device a technician wants to enrol."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "citizen_number_unknown": ErrorText(
            ErrorKind.INVALID,
            "Ingen borger i enheden har nummer {found}. Se nummeret på arbejdsordren.",
            "No citizen of the unit has number {found}. See the number on the work order.",
        ),
        "citizen_number_missing": ErrorText(
            ErrorKind.INVALID,
            "Skriv borgerens nummer fra arbejdsordren.",
            "Type the citizen's number from the work order.",
        ),
        "public_key_taken": ErrorText(
            ErrorKind.CONFLICT,
            "Nøglen hører til en lås, der allerede er oprettet. Læs den af igen.",
            "The key belongs to a lock that is enrolled already. Read it again.",
        ),
        "door_elsewhere": ErrorText(
            ErrorKind.INVALID,
            "Døren er ikke borgerens og ikke en opgang i enheden. Lad feltet være tomt, eller se på arbejdsordren.",
            "The door is neither the citizen's nor a stairwell of the unit. Leave it empty or see the work order.",
        ),
        "pin_missing": ErrorText(
            ErrorKind.INVALID,
            "Vælg en kode på 4 til 8 cifre til skærmen.",
            "Choose a code of 4 to 8 digits for the screen.",
        ),
        "reg_no_missing": ErrorText(
            ErrorKind.INVALID,
            "Skriv bilens nummerplade.",
            "Type the car's number plate.",
        ),
        "kind_missing": ErrorText(
            ErrorKind.INVALID,
            "Vælg, hvad der skal monteres.",
            "Choose what is to be mounted.",
        ),
        "unit_unknown": ErrorText(
            ErrorKind.INVALID,
            "Enheden {found} findes ikke. Vælg en af dine enheder.",
            "There is no unit {found}. Choose one of yours.",
        ),
    }


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device to enrol under a work order.

    ``work_order`` is the order's signed code. ``citizen_number`` is the number planners use; a lock and a kiosk need
    it. ``device_answer`` is the lock's answer to the order, which proves its key; ``own_key_tried`` says that the
    citizen's own key was tried in the door. ``pin`` opens the kiosk; ``reg_no`` is the car a tracker sits in.
    ``rated_load_kg`` is what the plate of a lift or turning system says.
    ``door_id`` names another door than the citizen's own (a stairwell).
    """

    kind: DeviceKind
    unit_id: str
    work_order: str
    model: str = ""
    citizen_number: int | None = None
    door_id: str | None = None
    device_answer: str | None = None
    own_key_tried: bool = False
    pin: str | None = None
    reg_no: str | None = None
    rated_load_kg: float | None = None


@dataclass(frozen=True, slots=True)
class House:
    """Whose devices these are, and whose signature makes a work order ours."""

    tenant: str
    services: tuple[VerifyingKey, ...]


@dataclass(frozen=True, slots=True)
class Mounted:
    """An enrolled device, and the locks to be told after the commit."""

    device: Device
    locks_to_tell: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Retired:
    """A device taken out of use. ``lists`` are its last revocation lists, to be published after the commit."""

    device: Device
    rights_withdrawn: int = 0
    lists: tuple[Outgoing, ...] = ()


def mount_device(work: Work, house: House, new: NewDevice) -> Mounted:
    """Enrol a device under its work order; a lock hangs on its door at once, a kiosk can sign in at once.

    Raises
    ------
    MountError
        What is missing or does not fit; nothing is enrolled then, and the order can still be used.
    OrderError
        What is wrong with the order or with the device's answer to it.
    """
    unit = work.session.get(UnitRow, new.unit_id)
    if unit is None:
        raise MountError("unit_unknown", found=new.unit_id)
    citizen = _citizen(work.session, new)
    if citizen is not None:
        note_access(work, Role.TECHNICIAN, citizen.id, "device", "mounting")
    elif new.kind in (DeviceKind.LOCK, DeviceKind.KIOSK):
        raise MountError("citizen_number_missing")
    use = orders.Use("mount", new.kind, new.unit_id, None if citizen is None else citizen.id, new.door_id)
    order = orders.redeem(work, new.work_order, house.services, house.tenant, use)
    mounted = hang(work, house.tenant, new, order, unit, citizen)
    orders.settle_enrolled(work, order, mounted.device.device_id, Role.TECHNICIAN.value)
    return mounted


def hang(
    work: Work, tenant: str, new: NewDevice, order: WorkOrderRow, unit: UnitRow, citizen: CitizenRow | None
) -> Mounted:
    """Enrol a device where its order says. Raises as :func:`mount_device`."""
    if new.kind is DeviceKind.LOCK:
        return _mount_lock(work, tenant, new, order, citizen if new.door_id else _required(citizen))
    if new.kind is DeviceKind.KIOSK:
        return _mount_kiosk(work, tenant, new, order, _required(citizen))
    if new.kind is DeviceKind.VEHICLE:
        return _mount_tracker(work, tenant, new, order)
    return _mount_transfer_device(work, tenant, new, order, unit, citizen)


def retire_device(work: Work, device_id: str, reason: RetireReason, service_key: SigningKey) -> Retired:
    """Take a device out of use for good.

    A lock's door rights are withdrawn, unless another lock still hangs on the door, and the lock gets a list of
    every grant that could still open it: it may be lying in a bag. A kiosk is signed out.

    Raises
    ------
    KernelError
        ``not_found``.
    RegistryError
        ``device_retired`` if it is already.
    """
    device = retire(work, device_id, reason)
    if device.kind is DeviceKind.KIOSK:
        end_sessions(work, [device_id], "device_retired")
        row = work.session.get(IdentityRow, device_id)
        if row is not None:
            work.session.delete(row)
    if device.kind is not DeviceKind.LOCK:
        return Retired(device)
    return _retire_lock(work, device, reason, service_key)


def _retire_lock(work: Work, device: Device, reason: RetireReason, service_key: SigningKey) -> Retired:
    facts = store.lock_facts(work.session, device.device_id)
    if facts is None:
        return Retired(device)
    hanging = store.locks_on_doors(work.session, [facts.door_id]).get(facts.door_id, ())
    revocations.raise_epoch(work, device.device_id)
    lists = tuple(revocations.revocation_lists(work, [device.device_id], service_key))
    service.dismount_lock(work, device.device_id)
    if len(hanging) > 1 or doors_elsewhere(work.session, [facts.door_id]):
        return Retired(device, 0, lists)
    change = close_door(work, facts.door_id)
    citizen = work.session.exec(select(CitizenRow).where(CitizenRow.door_id == facts.door_id)).first()
    if citizen is not None:
        citizen.lock_device_id = None
        if reason == "taken_down":
            work.record(CitizenLeft(at=work.now, unit_id=citizen.unit_id, citizen_id=citizen.id, technology=TECHNOLOGY))
    return Retired(device, change.withdrawn, lists)


def _mount_lock(work: Work, tenant: str, new: NewDevice, order: WorkOrderRow, citizen: CitizenRow | None) -> Mounted:
    key = orders.proved_key(order, new.device_answer)
    if not new.own_key_tried:
        raise OrderError("own_key_untried")
    if work.session.exec(select(LockRow.lock_id).where(LockRow.public_key == key)).first() is not None:
        raise MountError("public_key_taken")
    own_door = None if citizen is None else citizen.door_id
    if new.door_id is not None and new.door_id != own_door:
        _require_common_door(work.session, new.door_id, new.unit_id)
    door_id = new.door_id or own_door or new_id()
    had_vendors = vendor_locks(work.session, door_id, retired=True)
    is_first = not had_vendors and (
        work.session.exec(select(LockRow.lock_id).where(LockRow.door_id == door_id)).first() is None
    )
    device_id = _enrol(work, tenant, new, order, door_id)
    registry_store.note_own_key(work.session, device_id, work.now)
    service.mount_locks(work, [LockEnrolment(device_id, door_id, new.unit_id, key)])
    if store.doors_behind(work.session, [door_id]):
        revocations.raise_epoch(work, device_id)  # what was minted for the homes behind names it not
    if citizen is not None and new.door_id in (None, own_door):
        citizen.door_id, citizen.lock_device_id = door_id, device_id
        if is_first:
            work.record(
                CitizenEnrolled(at=work.now, unit_id=citizen.unit_id, citizen_id=citizen.id, technology=TECHNOLOGY)
            )
    work.session.flush()
    change = restore_rights(work, door_id, days_now(work.session, work.now))
    return Mounted(_device(work.session, device_id), change.locks_to_tell)


def _require_common_door(session: Session, door_id: str, unit_id: str) -> None:
    """A stairwell of the unit: no other home's own door, and none where another unit's locks hang."""
    home = session.exec(select(CitizenRow.id).where(CitizenRow.door_id == door_id)).first()
    units = session.exec(
        select(DeviceRow.unit_id)
        .join(LockRow, col(LockRow.lock_id) == col(DeviceRow.device_id))
        .where(LockRow.door_id == door_id)
    ).all()
    if home is not None or any(unit != unit_id for unit in units):
        raise MountError("door_elsewhere")


def _mount_tracker(work: Work, tenant: str, new: NewDevice, order: WorkOrderRow) -> Mounted:
    reg_no = (new.reg_no or "").upper()
    if not reg_no:
        raise MountError("reg_no_missing")
    if work.session.exec(select(VehicleRow.device_id).where(VehicleRow.reg_no == reg_no)).first() is not None:
        raise DrivingError("vehicle_exists", found=reg_no)
    device_id = _enrol(work, tenant, new, order)
    register_vehicles(work, [NewVehicle(device_id, reg_no, new.unit_id)])
    return Mounted(_device(work.session, device_id))


def _mount_transfer_device(
    work: Work, tenant: str, new: NewDevice, order: WorkOrderRow, unit: UnitRow, citizen: CitizenRow | None
) -> Mounted:
    mounting = Mounting(
        "lift" if new.kind is DeviceKind.LIFT else "turning",
        new.unit_id,
        None if citizen is None else citizen.id,
        unit.kind == UnitKind.RESIDENCE,
        local_day(work.now),
        new.model,
        rated_load_kg=new.rated_load_kg,
    )
    (device_id,) = mount_devices(work, tenant, [mounting])
    row = registry_store.device_for_update(work.session, device_id)
    if row is not None:
        row.work_order = order.number
        work.session.flush()
    if citizen is not None:
        citizen.devices = [*citizen.devices, {"id": device_id, "kind": new.kind.value}]
    return Mounted(_device(work.session, device_id))


def _mount_kiosk(work: Work, tenant: str, new: NewDevice, order: WorkOrderRow, citizen: CitizenRow) -> Mounted:
    if new.pin is None:
        raise MountError("pin_missing")
    device_id = _enrol(work, tenant, new, order)
    citizen.devices = [*citizen.devices, {"id": device_id, "kind": new.kind.value}]
    work.session.add(
        IdentityRow(
            id=device_id,
            role=Role.KIOSK.value,
            name="Skærm",
            citizen_id=citizen.id,
            unit_ids=[citizen.unit_id],
            pin_hash=hash_pin(new.pin),
        )
    )
    return Mounted(_device(work.session, device_id))


def _enrol(work: Work, tenant: str, new: NewDevice, order: WorkOrderRow, door_id: str | None = None) -> str:
    enrolment = Enrolment(new.kind, new.unit_id, new.model, door_id, None, order.number)
    (device_id,) = enrol(work, tenant, [enrolment])
    return device_id


def _citizen(session: Session, new: NewDevice) -> CitizenRow | None:
    if new.citizen_number is None:
        return None
    query = select(CitizenRow).where(CitizenRow.short == new.citizen_number, col(CitizenRow.unit_id) == new.unit_id)
    found = session.exec(query).first()
    if found is None:
        raise MountError("citizen_number_unknown", found=new.citizen_number)
    return found


def _required(citizen: CitizenRow | None) -> CitizenRow:
    if citizen is None:
        raise MountError("citizen_number_missing")
    return citizen


def _device(session: Session, device_id: str) -> Device:
    found = registry_store.find_device(session, device_id)
    if found is None:
        raise ValueError(f"Expected the device just enrolled, got none with id {device_id}.")
    return found
