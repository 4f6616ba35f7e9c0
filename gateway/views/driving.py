"""Driving logs as the tablet, the planner and the manager see them. Places are words and numbers, never positions.

There are no sums per carer here, and nothing is ordered by them: the log answers to the car's odometer and to the
route, not to who drove.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from devices.driving import store
from devices.driving.agreement import agreement
from devices.driving.corrections import Correction, is_explained, latest_of, unlocks_of
from devices.driving.legs import private_times
from devices.driving.logs import logs_now, week_text
from devices.driving.model import Leg, LegPurpose, Mode, RecordedTrip, TripState
from devices.driving.rows import recorded_trip
from devices.driving.tables import DrivingLogRow, VehicleAssignmentRow, VehicleRow, VehicleTripRow
from devices.driving.vehicles import goes_on
from devices.registry import store as registry
from gateway.usecases.driving import facts_of, open_days
from gateway.views.driving_said import correction_json, trail_json
from gateway.wire import iso, iso_or_none
from kernel.localtime import local_day
from scheduling import shifts
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.tables import VisitRow

_CHUNK = 2_000
_PLACES = {
    "da": {"home": "Hjem", "base": "Base", "citizen": "Hos borger", "visit": "Borger {short}", "gone": "Borger"},
    "en": {"home": "Home", "base": "Base", "citizen": "At a citizen's", "visit": "Citizen {short}", "gone": "Citizen"},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One carer's log of one day; without its row while it is open."""

    day: date
    carer_id: str
    transport: str
    row: DrivingLogRow | None
    legs: Sequence[Leg]


@dataclass(frozen=True, slots=True)
class Words:
    """What names and numbers a page needs, read once for all its rows."""

    language: str
    shorts: Mapping[str, int]
    regs: Mapping[str, str]
    trips: Mapping[str, RecordedTrip]
    #: names by visit, on the carer's own tablet only, where her route has them too
    names: Mapping[str, str] = field(default_factory=dict)
    #: what people said of trips, the latest of each
    said: Mapping[str, Correction] = field(default_factory=dict)
    #: who had the cars
    held: Sequence[VehicleAssignmentRow] = ()

    def explained(self, recorded: RecordedTrip) -> bool:
        """Whether a missing trip is explained."""
        return is_explained(recorded, self.said.get(recorded.trip_id))

    def identified(self, recorded: RecordedTrip) -> str | None:
        """How it is known who drove: chosen (on the tablet), planned, or said by somebody who corrected it."""
        said = self.said.get(recorded.trip_id)
        if said is not None and said.statement.carer_id is not None:
            return "corrected"
        at = recorded.trip.started_at
        for row in reversed(self.held):
            mine = row.vehicle_id == recorded.vehicle_id and row.carer_id == recorded.carer_id
            if mine and row.from_at <= at and (row.to_at is None or at < row.to_at):
                return row.how
        return None

    def driver(self, recorded: RecordedTrip) -> str | None:
        """Who drove: by correction, else by the time of the trip."""
        said = self.said.get(recorded.trip_id)
        return said.statement.carer_id if said and said.statement.carer_id else recorded.carer_id

    def untimed(self, recorded: RecordedTrip) -> bool:
        """Whether its times would tell of private driving: its own, or that beside a missing stretch."""
        trip = recorded.trip
        if trip.state is not TripState.MISSING:
            return trip.mode is Mode.PRIVATE
        beside = private_times(r.trip for r in self.trips.values() if r.vehicle_id == recorded.vehicle_id)
        return trip.started_at in beside or trip.ended_at in beside

    def place(self, place: str | None) -> str | None:
        """``Base``, ``Hjem`` or ``Borger 1042``; a name instead of the number where names are known."""
        if place is None:
            return None
        if place in self.names:
            return self.names[place]
        own = _PLACES[self.language]
        if place in ("home", "base", "citizen"):
            return own[place]
        short = self.shorts.get(place)
        return own["gone"] if short is None else own["visit"].format(short=short)


def my_log(session: Session, carer_id: str, unit_ids: Collection[str], now: datetime, language: str) -> dict[str, Any]:
    """The carer's own log of the shift she is in, else of today, her car, and the cars she may take."""
    today = shifts.day_now(session, carer_id, now)
    carer = session.get(CarerRow, carer_id)
    transport = carer.transport if carer else "bike"
    stored = store.log_of(session, carer_id, today)
    if stored is not None:
        legs: Sequence[Leg] = store.legs_of(session, [stored.id]).get(stored.id, [])
    else:
        now_of = logs_now(session, today, [carer_id], facts_of).get(carer_id)
        legs = now_of[1].legs if now_of else ()
    words = words_of(session, legs, store.trips_of_carers(session, [today], [carer_id]), language)
    words = replace(words, names=_own_citizens(session, carer_id, today))
    return {
        "day": today.isoformat(),
        "state": stored.state if stored else "open",
        "transport": transport,
        "shift": shifts.shift_of(session, carer_id, today) is not None,
        "vehicle": _own_vehicle(session, carer_id, today),
        "vehicles": vehicles_json(session, unit_ids, now) if transport == "car" else [],
        "legs": [leg_json(leg, words) for leg in legs],
    }


def vehicles_json(session: Session, unit_ids: Collection[str], now: datetime) -> list[dict[str, Any]]:
    """Cars of units: where the odometer stands and whether somebody has it now. Not who, and not where."""
    rows = store.vehicles(session, unit_ids)
    ids = [row.device_id for row in rows]
    odometers = store.latest_odometers(session, ids)
    taken = {
        held.vehicle_id: held.from_at
        for held in store.open_assignments(session, vehicle_ids=ids)
        if goes_on(held, now, lambda carer_id: shifts.day_now(session, carer_id, now))
    }
    aside = store.set_aside_counts(session, ids)
    return [_vehicle(session, row, odometers.get(row.device_id), taken, aside) for row in rows]


def week_view(
    session: Session, unit_ids: Collection[str], first_on: date, now: datetime, language: str
) -> dict[str, Any]:
    """A week of driving logs: days, carers in the order of their names, legs; what is open and what is missing."""
    last_on = first_on + timedelta(days=6)
    rows = store.logs_of_units(session, unit_ids, first_on, last_on)
    legs = store.legs_of(session, [row.id for row in rows])
    still_open = open_days(session, unit_ids, first_on, last_on, now)
    entries = [Entry(row.day, row.carer_id, row.transport, row, legs.get(row.id, [])) for row in rows]
    entries += _open_entries(session, still_open, local_day(now))
    trips = store.trips_of_units(session, unit_ids, first_on, last_on)
    words = words_of(session, [leg for entry in entries for leg in entry.legs], trips, language)
    names = _names(session, {entry.carer_id for entry in entries} | {carer_id for _, carer_id in still_open})
    return {
        "week": week_text(first_on),
        "first_on": first_on.isoformat(),
        "last_on": last_on.isoformat(),
        "units": units_json(session, unit_ids),
        "days": [_day(day, entries, trips_on, words, names) for day, trips_on in _by_day(first_on, words)],
        "open": [
            {"day": day.isoformat(), "carer_name": names.get(carer_id, "?")}
            for day, carer_id in sorted(still_open, key=lambda o: (o[0], names.get(o[1], "")))
        ],
        "open_days": sorted({day.isoformat() for day, _ in still_open}),
        "waiting": sum(row.state == "closed" for row in rows),
        "approved": sum(row.state == "approved" for row in rows),
        "missing": sum(r.trip.state is TripState.MISSING for r in words.trips.values()),
        "unexplained": sum(r.trip.state is TripState.MISSING and not words.explained(r) for r in words.trips.values()),
        "locked": bool(rows) and all(row.state == "approved" for row in rows),
        "unlocks": trail_json(unlocks_of(session, unit_ids, first_on)),
    }


def units_json(session: Session, unit_ids: Collection[str]) -> list[dict[str, str]]:
    """Units by name."""
    query = select(UnitRow.id, UnitRow.name).where(col(UnitRow.id).in_(sorted(unit_ids)))
    return [{"id": unit_id, "name": name} for unit_id, name in session.exec(query.order_by(col(UnitRow.name))).all()]


def leg_json(leg: Leg, words: Words) -> dict[str, Any]:
    """One leg. A private one has its kilometres and nothing else."""
    recorded = words.trips.get(leg.trip_id or "")
    return {
        "purpose": leg.purpose.value,
        "from": words.place(leg.from_place),
        "to": words.place(leg.to_place),
        "visit_id": leg.visit_id,
        "planned_departure_at": iso_or_none(leg.planned_departure_at),
        "planned_arrival_at": iso_or_none(leg.planned_arrival_at),
        "departed_at": iso_or_none(leg.departed_at),
        "arrived_at": iso_or_none(leg.arrived_at),
        "planned_km": None if leg.planned_m is None else round(leg.planned_m / 1000, 3),
        "driven_km": None if leg.driven_m is None else round(leg.driven_m / 1000, 3),
        "private": leg.private,
        "source": "tracker" if recorded else "route",
        "reg_no": words.regs.get(recorded.vehicle_id) if recorded else None,
        "doubts": sorted(doubt.value for doubt in recorded.trip.doubts) if recorded else [],
        "corrected": recorded.corrected if recorded else False,
        "trip_id": leg.trip_id,
        "correction": correction_json(words.said.get(leg.trip_id or "")),
        "explained": recorded is not None and words.explained(recorded),
    }


def words_of(session: Session, legs: Sequence[Leg], trips: Sequence[VehicleTripRow], language: str) -> Words:
    """Citizen numbers of visits, registration numbers, and the trips behind legs."""
    recorded = [recorded_trip(row) for row in trips]
    visit_ids = {leg.visit_id for leg in legs} | {leg.from_place for leg in legs} | {r.visit_id for r in recorded}
    regs = {row.device_id: row.reg_no for row in session.exec(select(VehicleRow)).all()}
    shorts = _shorts(session, {v for v in visit_ids if v is not None})
    said = latest_of(session, {r.trip_id for r in recorded})
    held: Sequence[VehicleAssignmentRow] = ()
    if recorded:
        first_at, last_at = min(r.trip.started_at for r in recorded), max(r.trip.ended_at for r in recorded)
        held = store.assignments(session, {r.vehicle_id for r in recorded}, first_at, last_at)
    return Words(language, shorts, regs, {r.trip_id: r for r in recorded}, said=said, held=held)


def _open_entries(session: Session, still_open: Sequence[tuple[date, str]], today: date) -> list[Entry]:
    found: list[Entry] = []
    for day in sorted({day for day, _ in still_open if day <= today}):
        carers = [carer_id for on, carer_id in still_open if on == day]
        for carer_id, (of, log) in logs_now(session, day, carers, facts_of).items():
            if of.started_at is not None:
                found.append(Entry(day, carer_id, of.transport, None, log.legs))
    return found


def _by_day(first_on: date, words: Words) -> list[tuple[date, list[RecordedTrip]]]:
    days = [first_on + timedelta(days=i) for i in range(7)]
    return [(day, [r for r in words.trips.values() if r.day == day]) for day in days]


def _day(
    day: date,
    entries: Sequence[Entry],
    trips: Sequence[RecordedTrip],
    words: Words,
    names: Mapping[str, str],
) -> dict[str, Any]:
    mine = sorted((e for e in entries if e.day == day), key=lambda e: (names.get(e.carer_id, ""), e.carer_id))
    shown = {leg.trip_id for entry in mine for leg in entry.legs}
    loose = [r for r in trips if r.carer_id is None or (r.trip_id not in shown and r.trip.state is TripState.MISSING)]
    return {
        "day": day.isoformat(),
        "logs": [_log(entry, trips, words, names) for entry in mine],
        "loose": [_loose(recorded, words) for recorded in loose],
    }


def _log(entry: Entry, trips: Sequence[RecordedTrip], words: Words, names: Mapping[str, str]) -> dict[str, Any]:
    row, legs, carer_id = entry.row, entry.legs, entry.carer_id
    own = [r for r in trips if r.carer_id == carer_id]
    return {
        "carer_id": carer_id,
        "carer_name": names.get(carer_id, "?"),
        "state": row.state if row else "open",
        "transport": entry.transport,
        "late_data": row.late_data if row else False,
        "closed_at": iso_or_none(row.closed_at) if row else None,
        "approved_at": iso_or_none(row.approved_at) if row else None,
        "missing": any(leg.purpose is LegPurpose.MISSING for leg in legs),
        "unexplained": any(r.trip.state is TripState.MISSING and not words.explained(r) for r in own),
        "vehicles": _odometers(own, words),
        "legs": [leg_json(leg, words) for leg in legs],
    }


def _odometers(trips: Sequence[RecordedTrip], words: Words) -> list[dict[str, Any]]:
    """The law's first demand: the odometer at the start and the end of the day's driving, by car.

    With it the second: whether the book agrees with the odometer. What the tracker's track adds up to may differ by
    two percent, and by what a fix every ten seconds cannot see.
    """
    by_car: dict[str, list[RecordedTrip]] = {}
    for recorded in trips:
        if recorded.trip.state is not TripState.MISSING:
            by_car.setdefault(recorded.vehicle_id, []).append(recorded)
    return [
        {
            "reg_no": words.regs.get(vehicle_id, "?"),
            "start_odometer_km": round(min(r.trip.start_odometer_m for r in found) / 1000, 1),
            "end_odometer_km": round(max(r.trip.end_odometer_m for r in found) / 1000, 1),
            **agreement(r.trip for r in found),
        }
        for vehicle_id, found in sorted(by_car.items(), key=lambda item: words.regs.get(item[0], ""))
    ]


def _loose(recorded: RecordedTrip, words: Words) -> dict[str, Any]:
    """A trip of nobody, or kilometres that nobody recorded: to be explained by a person."""
    private, untimed = recorded.trip.mode is Mode.PRIVATE, words.untimed(recorded)
    return {
        "reg_no": words.regs.get(recorded.vehicle_id, "?"),
        "state": recorded.trip.state.value,
        "started_at": None if untimed else iso(recorded.trip.started_at),
        "ended_at": None if untimed else iso(recorded.trip.ended_at),
        "km": round(recorded.trip.distance_m / 1000, 1),
        "private": private,
        "trip_id": recorded.trip_id,
        "correction": correction_json(words.said.get(recorded.trip_id)),
        "explained": words.explained(recorded),
    }


def _own_vehicle(session: Session, carer_id: str, today: date) -> dict[str, Any] | None:
    for held in store.open_assignments(session, carer_ids=[carer_id]):
        row = session.get(VehicleRow, held.vehicle_id)
        if row is not None and local_day(held.from_at) >= today:
            odometer_m = store.latest_odometers(session, [row.device_id]).get(row.device_id, held.odometer_m)
            return {
                "id": row.device_id,
                "reg_no": row.reg_no,
                "since_at": iso(held.from_at),
                "odometer_km": None if odometer_m is None else round(odometer_m / 1000, 1),
            }
    return None


def _vehicle(
    session: Session,
    row: VehicleRow,
    odometer_m: int | None,
    taken: Mapping[str, datetime],
    aside: Mapping[str, int],
) -> dict[str, Any]:
    device = registry.find_device(session, row.device_id)
    return {
        "id": row.device_id,
        "reg_no": row.reg_no,
        "unit_id": row.unit_id,
        "online": device.online if device else False,
        "last_seen_at": iso_or_none(device.last_seen_at) if device else None,
        "odometer_km": None if odometer_m is None else round(odometer_m / 1000, 1),
        "taken_since_at": iso_or_none(taken.get(row.device_id)),
        "fixes_set_aside": aside.get(row.device_id, 0),
    }


def _own_citizens(session: Session, carer_id: str, today: date) -> dict[str, str]:
    query = (
        select(VisitRow.id, CitizenRow.name)
        .join(CitizenRow, col(CitizenRow.id) == col(VisitRow.citizen_id))
        .where(VisitRow.carer_id == carer_id, VisitRow.day == today)
    )
    return dict(session.exec(query).all())


def _names(session: Session, carer_ids: Collection[str]) -> dict[str, str]:
    query = select(CarerRow.id, CarerRow.name).where(col(CarerRow.id).in_(sorted(carer_ids)))
    return dict(session.exec(query).all())


def _shorts(session: Session, visit_ids: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    wanted = sorted(visit_ids)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(VisitRow.id, CitizenRow.short)
            .join(CitizenRow, col(CitizenRow.id) == col(VisitRow.citizen_id))
            .where(col(VisitRow.id).in_(wanted[start : start + _CHUNK]))
        )
        found |= dict(session.exec(query).all())
    return found
