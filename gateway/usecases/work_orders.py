"""Ordering work on a device: the register says whose home it is, the registry keeps and signs the order."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, select

from devices.registry import orders
from devices.registry.model import DeviceKind, DeviceState
from devices.registry.orders import NewOrder, Place
from devices.registry.service import RegistryError
from devices.registry.store import find_device
from devices.registry.tables import WorkOrderRow
from gateway.usecases.devices import MountError
from gateway.usecases.replacements import spot_of
from kernel.errors import KernelError
from kernel.work import Work
from scheduling.register.tables import CitizenRow, UnitRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a planner orders. Mounting names unit, kind and citizen number; replacing names the device."""

    task: Literal["mount", "replace"]
    from_at: datetime
    until_at: datetime
    unit_id: str | None = None
    kind: DeviceKind | None = None
    citizen_number: int | None = None
    door_id: str | None = None
    device_id: str | None = None


def order_work(work: Work, at: Place, wanted: Wanted, unit_ids: Collection[str], role: str) -> WorkOrderRow:
    """Make out the order.

    Raises
    ------
    MountError
        ``unit_unknown``, ``kind_missing``, ``citizen_number_missing``, ``citizen_number_unknown``.
    KernelError
        ``not_found`` for a device of nobody's or another unit.
    RegistryError, ReplacementError, OrderError
        As the acts behind it.
    """
    if wanted.task == "replace":
        return orders.issue(work, at, _replacing(work.session, wanted, unit_ids), role)
    return orders.issue(work, at, _mounting(work.session, wanted), role)


def _mounting(session: Session, wanted: Wanted) -> NewOrder:
    if wanted.unit_id is None or session.get(UnitRow, wanted.unit_id) is None:
        raise MountError("unit_unknown", found=wanted.unit_id or "–")
    if wanted.kind is None:
        raise MountError("kind_missing")
    citizen_id = None
    if wanted.citizen_number is not None:
        query = select(CitizenRow.id).where(
            CitizenRow.short == wanted.citizen_number, col(CitizenRow.unit_id) == wanted.unit_id
        )
        citizen_id = session.exec(query).first()
        if citizen_id is None:
            raise MountError("citizen_number_unknown", found=wanted.citizen_number)
    elif wanted.kind in (DeviceKind.LOCK, DeviceKind.KIOSK):
        raise MountError("citizen_number_missing")
    return NewOrder(
        "mount",
        wanted.kind,
        wanted.unit_id,
        wanted.from_at,
        wanted.until_at,
        citizen_id=citizen_id,
        door_id=wanted.door_id,
    )


def _replacing(session: Session, wanted: Wanted, unit_ids: Collection[str]) -> NewOrder:
    device = find_device(session, wanted.device_id or "")
    if device is None or device.unit_id is None or device.unit_id not in unit_ids:
        raise KernelError("not_found", what="Enheden")
    if device.state is DeviceState.RETIRED:
        raise RegistryError("device_retired", device_id=device.device_id)
    spot = spot_of(session, device)
    return NewOrder(
        "replace",
        device.kind,
        device.unit_id,
        wanted.from_at,
        wanted.until_at,
        device_id=device.device_id,
        citizen_id=None if spot.citizen is None else spot.citizen.id,
        door_id=spot.door_id,
    )
