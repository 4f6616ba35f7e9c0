"""Cars: which there are, and who has which from when to when."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from sqlalchemy import insert

from devices.driving import store
from devices.driving.errors import DrivingError
from devices.driving.tables import VehicleAssignmentRow, VehicleRow
from kernel.localtime import clock_text, local_day, number_text
from kernel.work import Work

#: a carer reads whole kilometres from an instrument that need not agree with the tracker to the last one
READING_TOLERANCE_M = 1_000
#: more than a car of home care is driven between two shifts, even with a dead tracker
FAR_ABOVE_M = 200_000


DayNow: TypeAlias = Callable[[str], date]
"""The day whose shift a carer is in, else today: after midnight a night shift still is of the evening before."""


@dataclass(frozen=True, slots=True)
class NewVehicle:
    """A car to register. ``device_id`` is its tracker, enrolled in the registry."""

    device_id: str
    reg_no: str
    unit_id: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """Somebody has a car from ``from_at`` until ``to_at`` (absent: until it is given back)."""

    vehicle_id: str
    carer_id: str
    from_at: datetime
    to_at: datetime | None = None
    how: Literal["chosen", "planned"] = "planned"
    odometer_m: int | None = None


def register_vehicles(work: Work, vehicles: Sequence[NewVehicle]) -> None:
    """Register cars, in one statement.

    Raises
    ------
    DrivingError
        ``vehicle_exists`` if a tracker is registered already.
    """
    for vehicle in vehicles:
        if work.session.get(VehicleRow, vehicle.device_id) is not None:
            raise DrivingError("vehicle_exists", found=vehicle.reg_no)
    if vehicles:
        rows = [
            {"device_id": v.device_id, "reg_no": v.reg_no, "unit_id": v.unit_id, "ack_boot": -1, "ack_seq": 0}
            for v in vehicles
        ]
        work.session.execute(insert(VehicleRow), rows)


def assign_vehicles(work: Work, assignments: Sequence[Assignment]) -> None:
    """Give cars to carers, in one statement. Trips driven earlier than this is told keep their driver.

    Raises
    ------
    DrivingError
        ``assignments_overlap`` if a car would be in two hands at once.
    """
    if not assignments:
        return
    ids = {a.vehicle_id for a in assignments}
    first_at, last_at = min(a.from_at for a in assignments), max(a.to_at or a.from_at for a in assignments)
    rows = store.assignments(work.session, ids, first_at, last_at)
    held = [(row.vehicle_id, row.from_at, row.to_at) for row in rows]
    held += [(a.vehicle_id, a.from_at, a.to_at) for a in assignments]
    held.sort(key=lambda h: (h[0], h[1]))
    for i in range(1, len(held)):
        (vehicle, _, to_at), (other, from_at, _) = held[i - 1], held[i]
        if vehicle == other and (to_at is None or from_at < to_at):
            raise DrivingError("assignments_overlap", vehicle_id=vehicle, at=clock_text(from_at))
    work.session.execute(
        insert(VehicleAssignmentRow),
        [
            {
                "vehicle_id": a.vehicle_id,
                "carer_id": a.carer_id,
                "from_at": a.from_at,
                "to_at": a.to_at,
                "how": a.how,
                "odometer_m": a.odometer_m,
            }
            for a in assignments
        ],
    )


def choose_vehicle(
    work: Work,
    carer_id: str,
    unit_ids: Collection[str],
    vehicle_id: str,
    odometer_m: int,
    *,
    confirmed: bool,
    day_now: DayNow | None = None,
) -> VehicleRow:
    """A carer takes a car and says what its odometer shows. Taking the car one has again changes nothing.

    Raises
    ------
    DrivingError
        ``vehicle_unknown``, ``vehicle_taken``, ``odometer_below``, or ``odometer_far_above`` unless confirmed.
    """
    row = store.vehicle_for_update(work.session, vehicle_id)
    if row is None or row.unit_id not in unit_ids:
        raise DrivingError("vehicle_unknown")
    known_m = store.latest_odometers(work.session, [vehicle_id]).get(vehicle_id)
    _plausible(known_m, odometer_m, confirmed)
    held = store.open_assignments(work.session, vehicle_ids=[vehicle_id])
    for other in held:
        # Who forgot to give it back yesterday does not keep it today.
        if other.carer_id != carer_id and goes_on(other, work.now, day_now):
            raise DrivingError("vehicle_taken", reg_no=row.reg_no, clock=clock_text(other.from_at))
    if any(h.carer_id == carer_id and goes_on(h, work.now, day_now) for h in held):
        return row
    for other in [*held, *store.open_assignments(work.session, carer_ids=[carer_id])]:
        other.to_at = work.now
        work.session.add(other)
    work.session.flush()
    chosen = VehicleAssignmentRow(
        vehicle_id=vehicle_id, carer_id=carer_id, from_at=work.now, how="chosen", odometer_m=odometer_m
    )
    work.session.add(chosen)
    work.session.flush()
    return row


def goes_on(held: VehicleAssignmentRow, now: datetime, day_now: DayNow | None = None) -> bool:
    """Whether who took a car still is in the shift she took it for; without ``day_now`` midnight ends every shift."""
    taken_on = local_day(held.from_at)
    if taken_on == local_day(now):
        return True
    return day_now is not None and taken_on >= day_now(held.carer_id)


def hold_vehicles(work: Work, carer_ids: Collection[str], since_at: datetime) -> None:
    """Keep the trackers of these carers' cars from being taken in until this transaction ends.

    Whoever closes a log waits for the fixes that are being committed, and they for the log: neither misses the other.
    """
    store.vehicles_held_for_update(work.session, carer_ids, since_at)


def release_vehicles(work: Work, carer_ids: Collection[str], at: datetime) -> int:
    """Carers give back what they have, at the end of the shift. Returns how many cars."""
    held = store.open_assignments(work.session, carer_ids=carer_ids)
    for row in held:
        row.to_at = max(at, row.from_at)
        work.session.add(row)
    return len(held)


def _plausible(known_m: int | None, odometer_m: int, confirmed: bool) -> None:
    if known_m is None:
        return
    words = {"known_km": number_text(known_m / 1000), "found_km": number_text(odometer_m / 1000)}
    if odometer_m < known_m - READING_TOLERANCE_M:
        raise DrivingError("odometer_below", **words)
    if odometer_m > known_m + FAR_ABOVE_M and not confirmed:
        raise DrivingError("odometer_far_above", **words)
