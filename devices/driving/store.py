"""Queries of vehicles, fixes, trips and driving logs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Table, bindparam, delete, func, insert, or_, update
from sqlmodel import Session, SQLModel, col, select

from devices.driving.model import Doubt, Fix, FixKey, Leg, TripState
from devices.driving.rows import fix_of, fix_values, leg_of, leg_values
from devices.driving.tables import (
    DrivingLogLegRow,
    DrivingLogRow,
    VehicleAssignmentRow,
    VehicleFixRow,
    VehicleRow,
    VehicleTripRow,
)
from kernel.localtime import at_local

_CHUNK = 500
#: a car whose last trip is over and that stood this long has begun nothing new: longer than a stop and a silence
_STANDS = timedelta(minutes=15)
#: a trip that begins this many places after the newest fix cannot be changed by it
_UNTOUCHED_AFTER = 3


@dataclass(frozen=True, slots=True)
class Around:
    """Stored trips that may change. ``before`` is the trip they follow: it does not change."""

    before: VehicleTripRow | None
    rows: tuple[VehicleTripRow, ...]
    #: from which fix on they are worked out anew: the first one where absent
    from_at: datetime | None
    #: the end of the last of them where later trips stay as they are
    to_at: datetime | None


def vehicle_for_update(session: Session, vehicle_id: str) -> VehicleRow | None:
    """One vehicle, held until the transaction ends."""
    return session.exec(select(VehicleRow).where(VehicleRow.device_id == vehicle_id).with_for_update()).first()


def vehicles(session: Session, unit_ids: Collection[str]) -> list[VehicleRow]:
    """Vehicles of units, by registration number."""
    query = select(VehicleRow).where(col(VehicleRow.unit_id).in_(sorted(unit_ids)))
    return list(session.exec(query.order_by(col(VehicleRow.reg_no))).all())


def latest_odometers(session: Session, vehicle_ids: Collection[str]) -> dict[str, int]:
    """What the odometer of each vehicle showed at the end of its latest trip, metres; without trips it is missing.

    Not the highest ever: an instrument may have been replaced.
    """
    of_trip = _table(VehicleTripRow)
    latest = (
        select(of_trip.c.end_odometer_m)
        .where(of_trip.c.vehicle_id == VehicleRow.device_id, of_trip.c.state != TripState.WITHDRAWN.value)
        .order_by(of_trip.c.started_at.desc(), of_trip.c.ended_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(VehicleRow.device_id, latest).where(col(VehicleRow.device_id).in_(sorted(vehicle_ids)))
    return {vehicle_id: int(found) for vehicle_id, found in session.exec(query).all() if found is not None}


def add_fixes(session: Session, vehicle_id: str, fixes: Sequence[Fix]) -> None:
    """Insert fixes that the inbox has found to be new."""
    if fixes:
        session.execute(insert(VehicleFixRow), [fix_values(vehicle_id, fix) for fix in fixes])


def trips_around(
    session: Session, vehicle_id: str, from_at: datetime, to_at: datetime, kept_from_at: datetime | None = None
) -> Around:
    """The stored trips that fixes of this stretch of time may change.

    Parameters
    ----------
    kept_from_at
        Fixes before this instant are deleted: trips that began before it stay as they are.
    """
    base = select(VehicleTripRow).where(
        VehicleTripRow.vehicle_id == vehicle_id, VehicleTripRow.state != TripState.WITHDRAWN.value
    )
    real = base.where(VehicleTripRow.state != TripState.MISSING.value)
    began = col(VehicleTripRow.started_at)
    # The stop before the trip the first fix falls into is where segmentation can begin anew: at the trip before.
    before = session.exec(real.where(began <= from_at).order_by(began.desc()).limit(2)).all()
    after = session.exec(real.where(began > to_at).order_by(began).limit(_UNTOUCHED_AFTER)).all()
    first = before[1] if len(before) == 2 else None
    begin_at = None if first is None else first.ended_at
    if before and before[0].state == TripState.CLOSED.value:
        # A car that has stood since Friday: its last trip is over, and what it told while it stood says nothing new.
        stood_at = _standing_at(session, vehicle_id, before[0].ended_at, from_at - _STANDS)
        if stood_at is not None:
            first, begin_at = before[0], stood_at
    if kept_from_at is not None:
        frozen = session.exec(real.where(began < kept_from_at).order_by(began.desc()).limit(1)).first()
        if frozen is not None and (first is None or frozen.started_at > first.started_at):
            first, begin_at = frozen, frozen.ended_at
    last = after[-1] if len(after) == _UNTOUCHED_AFTER else None
    query = base
    if first is not None:
        query = query.where(began >= first.ended_at, VehicleTripRow.id != first.id)
    if last is not None:
        query = query.where(began <= last.started_at)
    rows = session.exec(query.order_by(began, col(VehicleTripRow.ended_at), col(VehicleTripRow.id))).all()
    return Around(first, tuple(rows), begin_at, None if last is None else last.ended_at)


def _standing_at(session: Session, vehicle_id: str, after: datetime, upto: datetime) -> datetime | None:
    """The latest fix that is believed in a stretch of time in which no trip began."""
    row = _table(VehicleFixRow)
    query = row.select().with_only_columns(row.c.ts_at)
    query = query.where(row.c.vehicle_id == vehicle_id, row.c.ts_at > after, row.c.ts_at <= upto)
    return session.execute(
        query.where(row.c.set_aside.is_(None), row.c.ignition.is_(False)).order_by(row.c.ts_at.desc()).limit(1)
    ).scalar()


def fixes_between(session: Session, vehicle_id: str, from_at: datetime | None, to_at: datetime | None) -> list[Fix]:
    """Fixes of a vehicle in a stretch of time, both ends included, open where absent."""
    row = _table(VehicleFixRow)
    query = row.select().where(row.c.vehicle_id == vehicle_id)
    if from_at is not None:
        query = query.where(row.c.ts_at >= from_at)
    if to_at is not None:
        query = query.where(row.c.ts_at <= to_at)
    return [fix_of(found) for found in session.execute(query.order_by(row.c.ts_at, row.c.boot, row.c.seq)).mappings()]


def fresh_positions(
    session: Session, vehicle_ids: Collection[str], since_at: datetime
) -> dict[str, tuple[float, float, datetime]]:
    """Where vehicles were last, degrees and when, if it is not longer ago than an instant and not private."""
    row = _table(VehicleFixRow)
    found: dict[str, tuple[float, float, datetime]] = {}
    for vehicle_id in sorted(vehicle_ids):
        query = row.select().with_only_columns(row.c.lat_deg, row.c.lon_deg, row.c.ts_at)
        query = query.where(row.c.vehicle_id == vehicle_id, row.c.ts_at >= since_at, row.c.set_aside.is_(None))
        last = session.execute(query.order_by(row.c.ts_at.desc()).limit(1)).one_or_none()
        if last is not None and last[0] is not None:
            found[vehicle_id] = (float(last[0]), float(last[1]), last[2])
    return found


def mark_set_aside(
    session: Session, vehicle_id: str, looked_at: Sequence[Fix], set_aside: Mapping[FixKey, Doubt]
) -> None:
    """Note which of the fixes looked at are not believed, and that the others are."""
    if not looked_at:
        return
    row = _table(VehicleFixRow)
    known = {
        (int(boot), int(seq)): str(reason)
        for boot, seq, reason in session.execute(
            row.select()
            .with_only_columns(row.c.boot, row.c.seq, row.c.set_aside)
            .where(
                row.c.vehicle_id == vehicle_id,
                row.c.set_aside.is_not(None),
                row.c.ts_at >= min(fix.ts_at for fix in looked_at),
                row.c.ts_at <= max(fix.ts_at for fix in looked_at),
            )
        )
    }
    keys = {fix.key for fix in looked_at}
    wanted = {key: doubt.value for key, doubt in set_aside.items()}
    changed = [key for key in keys if known.get(key) != wanted.get(key)]
    if changed:
        statement = (
            update(row)
            .where(row.c.vehicle_id == vehicle_id, row.c.boot == bindparam("of_boot"), row.c.seq == bindparam("of_seq"))
            .values(set_aside=bindparam("reason"))
        )
        session.connection().execute(
            statement,
            [{"of_boot": boot, "of_seq": seq, "reason": wanted.get((boot, seq))} for boot, seq in sorted(changed)],
        )


def set_aside_counts(session: Session, vehicle_ids: Collection[str]) -> dict[str, int]:
    """How many fixes of each vehicle are not believed."""
    query = (
        select(VehicleFixRow.vehicle_id, func.count())
        .where(col(VehicleFixRow.vehicle_id).in_(sorted(vehicle_ids)), col(VehicleFixRow.set_aside).is_not(None))
        .group_by(col(VehicleFixRow.vehicle_id))
    )
    return {vehicle_id: int(number) for vehicle_id, number in session.exec(query).all()}


def assignments(
    session: Session, vehicle_ids: Collection[str], from_at: datetime, to_at: datetime
) -> list[VehicleAssignmentRow]:
    """Who had these vehicles at any time between two instants, in order of time."""
    query = select(VehicleAssignmentRow).where(
        col(VehicleAssignmentRow.vehicle_id).in_(sorted(vehicle_ids)),
        col(VehicleAssignmentRow.from_at) <= to_at,
        or_(col(VehicleAssignmentRow.to_at).is_(None), col(VehicleAssignmentRow.to_at) > from_at),
    )
    return list(session.exec(query.order_by(col(VehicleAssignmentRow.from_at), col(VehicleAssignmentRow.id))).all())


def vehicles_held_for_update(session: Session, carer_ids: Collection[str], from_at: datetime) -> list[VehicleRow]:
    """Vehicles these carers had at any time since an instant, held until the transaction ends."""
    held = select(VehicleAssignmentRow.vehicle_id).where(
        col(VehicleAssignmentRow.carer_id).in_(sorted(carer_ids)),
        or_(col(VehicleAssignmentRow.to_at).is_(None), col(VehicleAssignmentRow.to_at) > from_at),
    )
    query = select(VehicleRow).where(col(VehicleRow.device_id).in_(held))
    return list(session.exec(query.order_by(col(VehicleRow.device_id)).with_for_update()).all())


def open_assignments(
    session: Session, vehicle_ids: Collection[str] | None = None, carer_ids: Collection[str] | None = None
) -> list[VehicleAssignmentRow]:
    """Assignments that have not ended, of these vehicles or carers."""
    query = select(VehicleAssignmentRow).where(col(VehicleAssignmentRow.to_at).is_(None))
    if vehicle_ids is not None:
        query = query.where(col(VehicleAssignmentRow.vehicle_id).in_(sorted(vehicle_ids)))
    if carer_ids is not None:
        query = query.where(col(VehicleAssignmentRow.carer_id).in_(sorted(carer_ids)))
    return list(session.exec(query.order_by(col(VehicleAssignmentRow.id))).all())


def trips_of_carers(session: Session, days: Collection[date], carer_ids: Collection[str]) -> list[VehicleTripRow]:
    """What carers drove on these days, withdrawn trips excepted, in order of time."""
    query = select(VehicleTripRow).where(
        col(VehicleTripRow.day).in_(sorted(days)),
        col(VehicleTripRow.carer_id).in_(sorted(carer_ids)),
        VehicleTripRow.state != TripState.WITHDRAWN.value,
    )
    return list(session.exec(query.order_by(col(VehicleTripRow.started_at), col(VehicleTripRow.id))).all())


def trips_of_units(session: Session, unit_ids: Collection[str], from_on: date, to_on: date) -> list[VehicleTripRow]:
    """Trips of the units' vehicles from one day to another, both included; by vehicle, then in order of time."""
    query = select(VehicleTripRow).where(
        col(VehicleTripRow.unit_id).in_(sorted(unit_ids)),
        col(VehicleTripRow.day).between(from_on, to_on),
        VehicleTripRow.state != TripState.WITHDRAWN.value,
    )
    order = (VehicleTripRow.vehicle_id, VehicleTripRow.started_at, VehicleTripRow.ended_at, VehicleTripRow.id)
    return list(session.exec(query.order_by(*(col(field) for field in order))).all())


def locked_weeks(session: Session, unit_id: str, days: Collection[date]) -> set[date]:
    """Mondays of the weeks of these days that are approved: nothing of a unit's book changes in them."""
    mondays = {day - timedelta(days=day.weekday()) for day in days}
    if not mondays:
        return set()
    query = (
        select(col(DrivingLogRow.day))
        .where(
            DrivingLogRow.unit_id == unit_id,
            col(DrivingLogRow.day).between(min(mondays), max(mondays) + timedelta(days=6)),
            DrivingLogRow.state == "approved",
        )
        .distinct()
    )
    return {day - timedelta(days=day.weekday()) for day in session.exec(query)} & mondays


def fix_span(session: Session, vehicle_id: str, from_on: date, to_on: date) -> tuple[datetime, datetime] | None:
    """The first and the last fix of a vehicle from one day to another, both included; absent without one.

    The morning after the last day is in it: its night shift drives until then.
    """
    row = _table(VehicleFixRow)
    first_at, last_at = session.execute(
        row.select()
        .with_only_columns(func.min(row.c.ts_at), func.max(row.c.ts_at))
        .where(
            row.c.vehicle_id == vehicle_id,
            row.c.ts_at >= at_local(from_on, time()),
            row.c.ts_at < at_local(to_on + timedelta(days=1), time(12)),
        )
    ).one()
    return None if first_at is None else (first_at, last_at)


def mark_late(session: Session, carers_on_days: Collection[tuple[str, date]]) -> None:
    """Note on approved logs that late data came: the book stands as it was approved."""
    for carer_id, day in sorted(carers_on_days):
        session.execute(
            update(DrivingLogRow)
            .where(
                col(DrivingLogRow.carer_id) == carer_id,
                col(DrivingLogRow.day) == day,
                col(DrivingLogRow.state) == "approved",
            )
            .values(late_data=True)
        )


def logs_of_units(
    session: Session, unit_ids: Collection[str], from_on: date, to_on: date, *, lock: bool = False
) -> list[DrivingLogRow]:
    """Driving logs of units from one day to another, both included, by day and carer id; held where ``lock`` is set."""
    query = select(DrivingLogRow).where(
        col(DrivingLogRow.unit_id).in_(sorted(unit_ids)), col(DrivingLogRow.day).between(from_on, to_on)
    )
    query = query.order_by(col(DrivingLogRow.day), col(DrivingLogRow.carer_id))
    return list(session.exec(query.with_for_update() if lock else query).all())


def log_of(session: Session, carer_id: str, day: date) -> DrivingLogRow | None:
    """A carer's log of a day, once it is closed."""
    query = select(DrivingLogRow).where(DrivingLogRow.carer_id == carer_id, DrivingLogRow.day == day)
    return session.exec(query).first()


def logs_for_update(session: Session, day: date, carer_ids: Collection[str]) -> dict[str, DrivingLogRow]:
    """Logs of carers on a day, by carer, held until the transaction ends."""
    query = select(DrivingLogRow).where(DrivingLogRow.day == day, col(DrivingLogRow.carer_id).in_(sorted(carer_ids)))
    return {row.carer_id: row for row in session.exec(query.order_by(col(DrivingLogRow.id)).with_for_update()).all()}


def legs_of(session: Session, log_ids: Collection[str]) -> dict[str, list[Leg]]:
    """Legs of logs, in order."""
    found: dict[str, list[Leg]] = {}
    wanted = sorted(log_ids)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(DrivingLogLegRow)
            .where(col(DrivingLogLegRow.log_id).in_(wanted[start : start + _CHUNK]))
            .order_by(col(DrivingLogLegRow.log_id), col(DrivingLogLegRow.rank))
        )
        for row in session.exec(query):
            found.setdefault(row.log_id, []).append(leg_of(row))
    return found


def replace_legs(session: Session, legs: Mapping[str, Sequence[Leg]]) -> None:
    """Give logs their legs anew."""
    table = _table(DrivingLogLegRow)
    wanted = sorted(legs)
    for start in range(0, len(wanted), _CHUNK):
        session.execute(delete(table).where(table.c.log_id.in_(wanted[start : start + _CHUNK])))
    rows = [leg_values(log_id, rank, leg) for log_id in wanted for rank, leg in enumerate(legs[log_id])]
    if rows:
        session.execute(insert(DrivingLogLegRow), rows)


def _table(row: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(row.__tablename__)]
