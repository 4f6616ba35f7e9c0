"""Inspections that were made, faults that are open, and how much a device has worked.

Use is counted from the cycles the device itself reported: hours under load, the heaviest load, cycles above what it
is built for. Nothing here tells who was lifted or by whom.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from sqlmodel import Session, col, select

from devices.alarms import service as alarms
from devices.alarms import store as alarm_store
from devices.alarms.model import NewAlarm
from devices.events import DeviceInspected, TransferDevice
from devices.registry import orders
from devices.registry.model import DeviceState
from devices.registry.tables import DeviceRow
from devices.transfers import store
from devices.transfers.errors import TransferError
from devices.transfers.inspection import Aid, Inspected, due_on, inspection_state, problem_of
from devices.transfers.messages import Cycle
from devices.transfers.tables import TransferDeviceRow, TransferInspectionRow, TransferRow
from kernel.errors import KernelError
from kernel.localtime import local_day
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class NewInspection:
    """A main inspection that was made. ``every_months`` is the supplier's interval, ``rated_load_kg`` what the plate
    says; each is entered where it is given.
    """

    device_id: str
    on: date
    passed: bool
    note: str
    every_months: int | None = None
    rated_load_kg: float | None = None


def record_inspection(work: Work, new: NewInspection, role: str) -> TransferDeviceRow:
    """Enter an inspection. One that was passed ends the alarm, the order and an open fault; a failed one is an alarm.

    Raises
    ------
    KernelError
        ``not_found``.
    TransferError
        ``inspection_date``.
    """
    row = store.device_for_update(work.session, new.device_id)
    if row is None:
        raise KernelError("not_found", what="Enheden")
    today = local_day(work.now)
    if not row.mounted_on <= new.on <= today:
        raise TransferError("inspection_date", found=_day(new.on), earliest=_day(row.mounted_on), latest=_day(today))
    work.session.add(
        TransferInspectionRow(
            device_id=new.device_id, on=new.on, passed=new.passed, note=new.note, by_role=role, entered_at=work.now
        )
    )
    if new.every_months is not None:
        row.inspect_every_months = new.every_months
    if new.rated_load_kg is not None:
        row.rated_load_kg = new.rated_load_kg
    row.inspection_passed = new.passed
    if new.passed:
        row.inspected_on = max(new.on, row.inspected_on or new.on)
        for kind in ("inspection_due", "device_fault"):
            alarms.clear_for(work, kind, new.device_id)
        orders.settle_for(work, "inspect", new.device_id)
    else:
        facts = {"fault": "inspection_failed"}
        alarms.raise_alarm(work, NewAlarm("device_fault", row.unit_id, row.device_id, None, "critical", facts))
    work.session.flush()
    work.record(
        DeviceInspected(
            at=work.now,
            unit_id=row.unit_id,
            device_id=row.device_id,
            kind=cast(TransferDevice, row.kind),
            on=new.on.isoformat(),
            passed=new.passed,
            due_on=due_on(inspected_of(row)).isoformat(),
        )
    )
    return row


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def note_faults(work: Work, device_id: str, unit_id: str) -> None:
    """After cycles came in: the latest one says whether a fault is open. Cycles may come in any order."""
    latest = work.session.exec(
        select(TransferRow.fault)
        .where(TransferRow.device_id == device_id)
        .order_by(col(TransferRow.ended_at).desc(), col(TransferRow.seq).desc())
        .limit(1)
    ).first()
    known = alarm_store.open_for_update(work.session, f"device_fault/{device_id}")
    if latest is not None:
        if known is None:
            alarms.raise_alarm(work, NewAlarm("device_fault", unit_id, device_id, None, "warn", {"fault": latest}))
    elif known is not None and known.facts.get("fault") != "inspection_failed":
        alarms.clear_for(work, "device_fault", device_id)


def aids_of(session: Session, citizen_ids: Collection[str], today: date) -> dict[str, list[Aid]]:
    """Lifts and turning systems in use at these citizens, each with what speaks against using it alone."""
    query = (
        select(TransferDeviceRow)
        .join(DeviceRow, col(DeviceRow.device_id) == col(TransferDeviceRow.device_id))
        .where(
            col(TransferDeviceRow.citizen_id).in_(sorted(citizen_ids)), DeviceRow.state == DeviceState.ENROLLED.value
        )
        .order_by(col(TransferDeviceRow.device_id))
    )
    rows = session.exec(query).all()
    faulty = open_faults(session) if rows else set()
    found: dict[str, list[Aid]] = {}
    for row in rows:
        found.setdefault(row.citizen_id or "", []).append(aid_of(row, faulty, today))
    return found


def aid_of(row: TransferDeviceRow, faulty: Collection[str], today: date) -> Aid:
    """One device as a plan sees it."""
    known = inspected_of(row)
    problem = problem_of(known, today, fault_open=row.device_id in faulty)
    return Aid(row.device_id, cast(TransferDevice, row.kind), row.citizen_id, problem, due_on(known))


def open_faults(session: Session) -> set[str]:
    """Devices with an open fault."""
    return {a.device_id for a in alarm_store.open_of_kind(session, "device_fault") if a.device_id is not None}


def note_use(device: TransferDeviceRow, cycles: Iterable[Cycle]) -> None:
    """Add cycles that are new to what a device has done; a cycle that ended in a fault moved nobody all the way."""
    for cycle in cycles:
        if cycle.fault is not None:
            device.fault_count += 1
        else:
            device.cycle_count += 1
        device.running_s += round((cycle.ended_at - cycle.started_at).total_seconds())
        if cycle.load_kg is not None:
            device.heaviest_kg = max(cycle.load_kg, device.heaviest_kg or 0.0)
            if device.rated_load_kg is not None and cycle.load_kg > device.rated_load_kg:
                device.overload_count += 1


def devices_of_units(session: Session, unit_ids: Collection[str]) -> list[TransferDeviceRow]:
    """Lifts and turning systems in use in some units, the one with the nearest deadline first."""
    query = (
        select(TransferDeviceRow)
        .join(DeviceRow, col(DeviceRow.device_id) == col(TransferDeviceRow.device_id))
        .where(col(TransferDeviceRow.unit_id).in_(sorted(unit_ids)), DeviceRow.state == DeviceState.ENROLLED.value)
    )
    return sorted(session.exec(query).all(), key=lambda r: (due_on(inspected_of(r)), r.device_id))


def devices_due(session: Session, today: date) -> Sequence[TransferDeviceRow]:
    """Every lift and turning system in use whose inspection is to be ordered, or is late."""
    query = (
        select(TransferDeviceRow)
        .join(DeviceRow, col(DeviceRow.device_id) == col(TransferDeviceRow.device_id))
        .where(DeviceRow.state == DeviceState.ENROLLED.value)
        .order_by(col(TransferDeviceRow.device_id))
    )
    return [r for r in session.exec(query) if inspection_state(inspected_of(r), today) in ("due", "overdue")]


def inspected_of(row: TransferDeviceRow) -> Inspected:
    """What is known of a device's inspections."""
    usual = Inspected(row.mounted_on)
    every = usual.every_months if row.inspect_every_months is None else row.inspect_every_months
    return Inspected(row.mounted_on, row.inspected_on, row.inspection_passed is not False, every)
