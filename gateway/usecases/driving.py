"""Driving logs span two domains: trips are the devices', routes and visits are scheduling's.

The facts of a carer's day are read here, in the transaction of whoever asks, and handed to the rules frozen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlmodel import Session, col, select

from devices.driving import corrections, logs, store, vehicles
from devices.driving.distance import great_circle_m
from devices.driving.errors import DrivingError
from devices.driving.model import CarerDay, Position, StopFacts
from devices.driving.tracks.service import Imported
from devices.driving.tracks.service import import_track as import_track_file
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from kernel.localtime import at_local
from kernel.work import UnitsOfWork, Work
from scheduling.model import Transport
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.shifts import OVERTIME
from scheduling.tables import RouteRow, ShiftRow, VisitRow
from scheduling.travel import STANDARD_SPEEDS

week_text = logs.week_text
_SPEEDS = {mode.transport.value: mode for mode in STANDARD_SPEEDS}
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class VehicleMount:
    """A car whose tracker is mounted."""

    device_id: str
    reg_no: str
    unit_id: str
    model: str = ""


def mount_vehicles(work: Work, tenant: str, mounts: Sequence[VehicleMount]) -> None:
    """Enrol trackers and register their cars.

    Raises
    ------
    RegistryError
        ``device_exists``.
    DrivingError
        ``vehicle_exists``.
    """
    enrol(work, tenant, [Enrolment(DeviceKind.VEHICLE, m.unit_id, m.model, device_id=m.device_id) for m in mounts])
    vehicles.register_vehicles(work, [vehicles.NewVehicle(m.device_id, m.reg_no, m.unit_id) for m in mounts])


def facts_of(session: Session, day: date, carer_ids: Collection[str]) -> dict[str, CarerDay]:
    """What scheduling knows of carers on a day, in six statements however many they are."""
    shifts = session.exec(
        select(ShiftRow).where(
            ShiftRow.day == day, col(ShiftRow.carer_id).in_(sorted(carer_ids)), ShiftRow.state != "cancelled"
        )
    ).all()
    on_duty = sorted(s.carer_id for s in shifts)
    routes = {
        r.carer_id: r
        for r in session.exec(select(RouteRow).where(RouteRow.day == day, col(RouteRow.carer_id).in_(on_duty)))
    }
    visits = session.exec(
        select(VisitRow).where(VisitRow.day == day, col(VisitRow.carer_id).in_(on_duty), VisitRow.state != "cancelled")
    ).all()
    by_carer: dict[str, list[VisitRow]] = {}
    for visit in visits:
        by_carer.setdefault(visit.carer_id or "", []).append(visit)
    transports = dict(session.exec(select(CarerRow.id, CarerRow.transport).where(col(CarerRow.id).in_(on_duty))).all())
    places = _citizen_places(session, {v.citizen_id for v in visits})
    bases = dict(session.exec(select(UnitRow.id, UnitRow.base)).all())
    return {
        s.carer_id: _carer_day(
            s,
            routes.get(s.carer_id),
            by_carer.get(s.carer_id, []),
            transports.get(s.carer_id, Transport.BIKE.value),
            places,
            place_of(bases.get(s.unit_id)),
        )
        for s in shifts
    }


def close_logs(work: Work, day: date, carer_ids: Collection[str]) -> int:
    """Close the driving logs of carers whose shifts have ended, all of a day in a few statements.

    Returns
    -------
    int
        How many logs are new or changed.
    """
    return logs.close_logs(work, day, carer_ids, facts_of)


def end_driving(work: Work, day: date, carer_id: str, at: datetime) -> None:
    """The shift is over: the car is given back and the log is closed, on a bicycle too."""
    vehicles.hold_vehicles(work, [carer_id], at_local(day, time()))
    vehicles.release_vehicles(work, [carer_id], at)
    work.session.flush()
    close_logs(work, day, [carer_id])


def approve_week(work: Work, unit_id: str, week: str, approved_by: str, role: str) -> int:
    """Approve a unit's week, if no log of it is open and no missing trip unexplained; it is locked from then on.

    Returns how many logs were approved now.

    Raises
    ------
    DrivingError
        ``week_malformed``, ``days_open``, ``missing_unexplained`` or ``nothing_to_approve``.
    """
    first_on = logs.monday_of(week)
    open_on = open_days(work.session, [unit_id], first_on, first_on + timedelta(days=6), work.now)
    if not open_on:
        corrections.require_explained(work.session, unit_id, first_on)
    return logs.approve_week(work, unit_id, first_on, sorted({day for day, _ in open_on}), approved_by, role)


def unlock_week(work: Work, unit_id: str, week: str, reason: str, by: str, role: str) -> None:
    """Open an approved week again, with a reason that stays in the book; what came late comes in.

    Raises
    ------
    DrivingError
        ``week_malformed``, ``correction_reason_missing`` or ``week_not_locked``.
    """
    touched = corrections.unlock_week(work, unit_id, logs.monday_of(week), reason, by, role, facts_of)
    logs.follow_trips(work, touched, facts_of)


def correct_trip(
    work: Work,
    trip_id: str,
    unit_ids: Collection[str],
    statement: corrections.Statement,
    reason: str,
    by: str,
    role: str,
) -> corrections.Correction:
    """Say what a trip was; who drove it has to be of one's units.

    Raises
    ------
    DrivingError
        As :func:`devices.driving.corrections.correct_trip`, and ``carer_unknown``.
    """
    if statement.carer_id is not None:
        carer = work.session.get(CarerRow, statement.carer_id)
        if carer is None or carer.unit_id not in unit_ids:
            raise DrivingError("carer_unknown")
    return corrections.correct_trip(work, trip_id, unit_ids, statement, reason, by, role)


def import_track(
    units: UnitsOfWork,
    vehicle_id: str,
    unit_ids: Collection[str],
    content: bytes,
    odometer_km: float,
    by: str,
    role: str,
) -> Imported:
    """Read a track file in for a car. One that cannot be read is kept as refused, with what is wrong in it.

    Raises
    ------
    DrivingError
        As :func:`devices.driving.tracks.service.import_track`, and ``track_refused`` naming the line.
    """
    with units.begin() as work:
        found = import_track_file(
            work, vehicle_id, sorted(unit_ids), content, round(odometer_km * 1000), by, str(role), facts_of
        )
    if found.problem is not None:
        wrong = found.problem
        raise DrivingError("track_refused", line=wrong.line, expected=wrong.expected, found=wrong.found)
    return found


def open_days(
    session: Session, unit_ids: Collection[str], from_on: date, to_on: date, now: datetime
) -> list[tuple[date, str]]:
    """Days and carers whose log is not closed: a shift that is going on or still to come, or was never closed.

    A shift that nobody began and that is over has no log: nobody was there. Nor has one without a route, at a
    residence.
    """
    shifts = session.exec(
        select(ShiftRow).where(
            col(ShiftRow.unit_id).in_(sorted(unit_ids)),
            col(ShiftRow.day).between(from_on, to_on),
            ShiftRow.state != "cancelled",
        )
    ).all()
    kept = {
        (row.day, row.carer_id) for row in store.logs_of_units(session, unit_ids, from_on, to_on) if row.state != "open"
    }
    routes = select(col(RouteRow.day), col(RouteRow.carer_id)).where(col(RouteRow.day).between(from_on, to_on))
    routed = set(session.exec(routes).all())
    expected = {(s.day, s.carer_id) for s in shifts if s.state != "planned" or s.planned_end_at > now}
    return sorted((expected & routed) - kept)


def _carer_day(
    shift: ShiftRow,
    route: RouteRow | None,
    visits: Sequence[VisitRow],
    transport: str,
    places: Mapping[str, Position | None],
    base: Position | None,
) -> CarerDay:
    stops = _from_base(shift, [_stop(visit, transport, places) for visit in visits], transport, base)
    return CarerDay(
        carer_id=shift.carer_id,
        unit_id=shift.unit_id,
        day=shift.day,
        transport=transport,
        route_version=route.version if route else 0,
        started_at=shift.started_at,
        ended_at=shift.ended_at,
        start_place=shift.started_from,
        end_place=shift.ended_place,
        base=base,
        stops=stops,
        back_m=_back_m(shift, stops, transport, base),
        over_at=shift.ended_at or shift.planned_end_at + OVERTIME,
    )


def _stop(visit: VisitRow, transport: str, places: Mapping[str, Position | None]) -> StopFacts:
    travel_min = visit.travel_min or 0.0
    screen = visit.mode == "screen"
    return StopFacts(
        visit_id=visit.id,
        position=None if screen else places.get(visit.citizen_id),
        screen=screen,
        planned_start_at=visit.start_at or visit.window_open_at,
        planned_end_at=visit.end_at or visit.window_close_at,
        planned_travel_s=round(travel_min * 60),
        planned_m=_planned_m(travel_min, transport),
        begun_at=visit.begun_at,
        ended_at=visit.ended_at,
    )


def _from_base(
    shift: ShiftRow, stops: Sequence[StopFacts], transport: str, base: Position | None
) -> tuple[StopFacts, ...]:
    """The stops; where a route was planned from the first door but began at the base, the way to that door too."""
    physical = [stop for stop in stops if not stop.screen]
    if shift.started_from != "base" or base is None or not physical:
        return tuple(stops)
    first = min(physical, key=lambda s: (s.begun_at or s.planned_start_at, s.visit_id))
    if first.planned_m > 0 or first.position is None:
        return tuple(stops)
    way_m = _road_m(base, first.position, transport)
    return tuple(replace(stop, planned_m=way_m) if stop is first else stop for stop in stops)


def _road_m(start: Position, end: Position, transport: str) -> int:
    mode = _SPEEDS.get(transport, _SPEEDS[Transport.BIKE.value])
    return round(great_circle_m(start, end) * mode.detour_ratio)


def _planned_m(travel_min: float, transport: str) -> int:
    """Metres of a planned leg: its minutes under way at the speed the route was planned with."""
    mode = _SPEEDS.get(transport, _SPEEDS[Transport.BIKE.value])
    return round(max(0.0, travel_min - mode.stop_min) * mode.speed_km_h / 60 * 1000)


def _back_m(shift: ShiftRow, stops: Sequence[StopFacts], transport: str, base: Position | None) -> int | None:
    """From the last stop that was visited back to the base, where the shift ended there."""
    visited = [(stop.begun_at, stop.position) for stop in stops if stop.begun_at is not None]
    if shift.ended_place != "base" or base is None or not visited:
        return None
    last = max(visited, key=lambda found: found[0])[1]
    return None if last is None else _road_m(last, base, transport)


def _citizen_places(session: Session, citizen_ids: Collection[str]) -> dict[str, Position | None]:
    found: dict[str, Position | None] = {}
    wanted = sorted(citizen_ids)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        for citizen_id, place in session.exec(
            select(CitizenRow.id, CitizenRow.place).where(col(CitizenRow.id).in_(chunk))
        ).all():
            found[citizen_id] = place_of(place)
    return found


def place_of(place: Mapping[str, Any] | None) -> Position | None:
    """A place on earth; one on an invented plane has none."""
    if not place or place.get("lat_deg") is None or place.get("lon_deg") is None:
        return None
    return Position(float(place["lat_deg"]), float(place["lon_deg"]))
