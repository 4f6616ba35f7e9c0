"""Who can be at a visit first spans two domains: positions are the devices', routes and visits are scheduling's."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from devices.driving import store
from devices.driving.model import Position
from devices.driving.nearest import FRESH, Arrival, Basis, Pace, Whereabouts, arrivals
from gateway.usecases.driving import place_of
from scheduling.model import Transport
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.shifts import is_now
from scheduling.tables import ShiftRow, VisitRow
from scheduling.travel import STANDARD_SPEEDS

#: more names than this help nobody who has to ring one
SHOWN = 8
_PACES = {mode.transport.value: Pace(mode.speed_km_h, mode.detour_ratio, mode.stop_min) for mode in STANDARD_SPEEDS}


def nearest(session: Session, visit: VisitRow, now: datetime) -> list[Arrival]:
    """Who of a visit's unit is on duty and could be there when, first first; nobody where the place is not known."""
    citizen = session.get(CitizenRow, visit.citizen_id)
    target = place_of(citizen.place) if citizen else None
    if target is None:
        return []
    shifts = session.exec(
        select(ShiftRow).where(
            ShiftRow.unit_id == visit.unit_id,
            col(ShiftRow.started_at).is_not(None),
            col(ShiftRow.ended_at).is_(None),
            *is_now(now),
        )
    ).all()
    on_duty = sorted(shift.carer_id for shift in shifts)
    places = {carer_id: _by_position(found) for carer_id, found in _fixes(session, on_duty, now).items()}
    lived = _lived(session, shifts, now)
    unit = session.get(UnitRow, visit.unit_id)
    base = place_of(unit.base) if unit else None
    transports = dict(session.exec(select(CarerRow.id, CarerRow.transport).where(col(CarerRow.id).in_(on_duty))).all())
    known = []
    for shift in shifts:
        pace = _PACES.get(transports.get(shift.carer_id, ""), _PACES[Transport.BIKE.value])
        transport = transports.get(shift.carer_id, Transport.BIKE.value)
        place, basis, known_at, free_at = _whereabouts(shift, places, lived, base, now)
        if place is not None:
            known.append(Whereabouts(shift.carer_id, transport, place, basis, known_at, free_at, pace))
    return arrivals(target, known, now)[:SHOWN]


_Known = tuple[Position | None, Basis, datetime, datetime]


def _whereabouts(
    shift: ShiftRow,
    places: Mapping[str, tuple[Position, datetime]],
    lived: Mapping[str, _Known],
    base: Position | None,
    now: datetime,
) -> _Known:
    event = lived.get(shift.carer_id)
    # Who is in a visit leaves when it ends, wherever her car says that it is.
    free_at = now if event is None else event[3]
    if shift.carer_id in places:
        place, at = places[shift.carer_id]
        return place, Basis.POSITION, at, free_at
    if event is not None and event[0] is not None:
        return event
    return base, Basis.BASE, shift.started_at or shift.planned_start_at, now


def _by_position(found: tuple[float, float, datetime]) -> tuple[Position, datetime]:
    return Position(found[0], found[1]), found[2]


def _fixes(session: Session, carer_ids: Sequence[str], now: datetime) -> dict[str, tuple[float, float, datetime]]:
    """The fresh position of the car each carer has; cars driven privately have none."""
    held = {row.vehicle_id: row.carer_id for row in store.open_assignments(session, carer_ids=carer_ids)}
    latest = store.fresh_positions(session, list(held), now - FRESH)
    return {held[vehicle_id]: found for vehicle_id, found in latest.items()}


def _lived(session: Session, shifts: Sequence[ShiftRow], now: datetime) -> dict[str, _Known]:
    """The last visit each carer began in her shift: where she is, or left from, and until when."""
    rows = session.exec(
        select(VisitRow, CitizenRow.place)
        .join(CitizenRow, col(CitizenRow.id) == col(VisitRow.citizen_id))
        .where(
            col(VisitRow.day).in_(sorted({shift.day for shift in shifts})),
            col(VisitRow.shift_id).in_(sorted(shift.id for shift in shifts)),
            col(VisitRow.begun_at).is_not(None),
            VisitRow.mode != "screen",
        )
        .order_by(col(VisitRow.begun_at))
    ).all()
    found: dict[str, _Known] = {}
    for visit, place in rows:
        if visit.carer_id is None or visit.begun_at is None:
            continue
        if visit.ended_at is not None:
            found[visit.carer_id] = (place_of(place), Basis.EVENT, visit.ended_at, now)
        else:
            found[visit.carer_id] = (place_of(place), Basis.VISIT, visit.begun_at, max(now, _ends_at(visit)))
    return found


def _ends_at(visit: VisitRow) -> datetime:
    """When a visit that goes on should be over: as long as it was planned, from when it began."""
    begun_at = visit.begun_at or visit.window_open_at
    planned = (visit.end_at - visit.start_at) if visit.start_at and visit.end_at else timedelta(minutes=15)
    return begun_at + planned
