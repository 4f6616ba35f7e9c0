"""The driving book as a file for the tax authority: one row a trip, by day and car, in the order it was driven.

The fields are those of Ligningsvejledningen A.F.3.4.1: the odometer at the start and the end, the date, private or
business with destination and purpose; it must agree with the car's odometer. A citizen stands in it by number: the
municipality can look her up, whoever else holds the file cannot. Bicycles have times and planned kilometres only.
"""

import csv
import io
from collections.abc import Collection
from datetime import date, timedelta

from sqlmodel import Session, col, select

from devices.driving import store
from devices.driving.agreement import agreement
from devices.driving.corrections import Correction
from devices.driving.model import Leg, LegPurpose, Mode, Purpose, RecordedTrip, TripState
from devices.driving.tables import DrivingLogRow
from gateway.views.driving import Words, words_of
from kernel.localtime import clock_text, local_day
from scheduling.register.tables import CarerRow

HEADINGS = (
    "Dato",
    "Registreringsnummer",
    "Kilometertæller start",
    "Kilometertæller slut",
    "Tid start",
    "Tid slut",
    "Fra",
    "Til",
    "Formål",
    "Erhverv/privat",
    "Km",
    "Kilde",
    "Rettelse",
    "Fører",
    "Godkendt",
    "Fører identificeret ved",
    "Sporer km",
    "Afvigelse",
)
_DOUBTS = {"jump": "spring i position sat til side", "odometer_backwards": "kilometertæller gik baglæns"}
_IDENTIFIED = {
    "chosen": "tog bilen på tabletten (PIN)",
    "planned": "tildelt bilen i planen",
    "corrected": "oplyst ved rettelse",
}
_ROLES = {"planner": "planlægger", "manager": "leder"}
_PURPOSES = {
    LegPurpose.VISIT: "Besøg",
    LegPurpose.BASE: "Til basen",
    LegPurpose.HOME: "Til hjemmet",
    LegPurpose.OTHER: "Ikke oplyst",
}


def week_csv(session: Session, unit_ids: Collection[str], first_on: date) -> str:
    """A week of driving as CSV: semicolons, Danish decimals, headings in the first row."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADINGS)
    writer.writerows(week_rows(session, unit_ids, first_on))
    return out.getvalue()


def week_rows(session: Session, unit_ids: Collection[str], first_on: date) -> list[list[str]]:
    """The rows below :data:`HEADINGS`: cars in the order they were driven, then what was planned on bicycles."""
    last_on = first_on + timedelta(days=6)
    logs = store.logs_of_units(session, unit_ids, first_on, last_on)
    legs = store.legs_of(session, [log.id for log in logs])
    words = words_of(
        session,
        [leg for own in legs.values() for leg in own],
        store.trips_of_units(session, unit_ids, first_on, last_on),
        "da",
    )
    carers = {log.carer_id for log in logs} | {words.driver(r) or "" for r in words.trips.values()}
    names = dict(session.exec(select(CarerRow.id, CarerRow.name).where(col(CarerRow.id).in_(sorted(carers)))).all())
    log_of = {(log.carer_id, log.day): log for log in logs}
    leg_of = {leg.trip_id: leg for own in legs.values() for leg in own if leg.trip_id is not None}
    driven = sorted(
        words.trips.values(),
        key=lambda r: (r.day, words.regs.get(r.vehicle_id, ""), r.trip.started_at, r.trip.ended_at),
    )
    rows = []
    for recorded in driven:
        log = log_of.get((recorded.carer_id or "", recorded.day))
        rows.append(_trip_row(recorded, leg_of.get(recorded.trip_id), words, names, log))
    for log in logs:
        if log.driven_m is None:
            on_route = [leg for leg in legs.get(log.id, []) if leg.trip_id is None]
            rows += [_leg_row(leg, log, words, names) for leg in on_route]
    return rows


def _trip_row(
    recorded: RecordedTrip, leg: Leg | None, words: Words, names: dict[str, str], log: DrivingLogRow | None
) -> list[str]:
    trip = recorded.trip
    missing, said = trip.state is TripState.MISSING, words.said.get(recorded.trip_id)
    private, untimed = trip.mode is Mode.PRIVATE, words.untimed(recorded)
    gone_from, gone_to, purpose, kind = _as_recorded(recorded, leg, words)
    if said is not None:
        statement = said.statement
        kind = "Privat" if statement.purpose == "private" else "Erhverv"
        gone_from, gone_to = statement.from_place or gone_from, statement.to_place or gone_to
        purpose = f"MANGLENDE TUR: {statement.note}".rstrip(": ") if missing else statement.note or purpose
        if statement.purpose == "private":
            gone_from, gone_to, purpose = "", "", "MANGLENDE TUR" if missing else ""
    compared = agreement([trip])
    return [
        recorded.day.isoformat(),
        words.regs.get(recorded.vehicle_id, ""),
        _km(trip.start_odometer_m),
        _km(trip.end_odometer_m),
        "" if untimed else clock_text(trip.started_at),
        "" if untimed else clock_text(trip.ended_at),
        gone_from,
        gone_to,
        purpose,
        kind,
        _km(trip.distance_m),
        "Kilometertæller" if missing else "Sporer",
        _remarks(recorded, said),
        names.get(words.driver(recorded) or "", ""),
        _approved(log),
        _IDENTIFIED.get(words.identified(recorded) or "", ""),
        "" if missing or private else _km(trip.track_m),
        "over 2 %" if compared["deviates"] else "",
    ]


def _as_recorded(recorded: RecordedTrip, leg: Leg | None, words: Words) -> tuple[str, str, str, str]:
    """From, to, purpose and business or private, by the word of tracker and route."""
    if recorded.trip.state is TripState.MISSING:
        return "", "", "MANGLENDE TUR", "Ikke oplyst"
    if recorded.trip.mode is Mode.PRIVATE:
        return "", "", _purpose(recorded, leg), "Privat"
    start = "" if leg is None else words.place(leg.from_place) or ""
    return start, _destination(recorded, leg, words), _purpose(recorded, leg), "Erhverv"


def _leg_row(leg: Leg, log: DrivingLogRow, words: Words, names: dict[str, str]) -> list[str]:
    return [
        log.day.isoformat(),
        "",
        "",
        "",
        "" if leg.departed_at is None else clock_text(leg.departed_at),
        "" if leg.arrived_at is None else clock_text(leg.arrived_at),
        words.place(leg.from_place) or "",
        words.place(leg.to_place) or "",
        _PURPOSES.get(leg.purpose, ""),
        "Erhverv",
        "" if leg.planned_m is None else _km(leg.planned_m),
        "Rute (planlagt)",
        "",
        names.get(log.carer_id, ""),
        _approved(log),
        "Rute og besøg",
        "",
        "",
    ]


def _destination(recorded: RecordedTrip, leg: Leg | None, words: Words) -> str:
    if recorded.visit_id is not None:
        return words.place(recorded.visit_id) or ""
    if leg is not None and leg.to_place is not None:
        return words.place(leg.to_place) or ""
    return "Base" if recorded.purpose is Purpose.BUSINESS else ""


def _purpose(recorded: RecordedTrip, leg: Leg | None) -> str:
    if recorded.purpose is Purpose.PRIVATE:
        return ""
    if recorded.visit_id is not None:
        return _PURPOSES[LegPurpose.VISIT]
    if leg is not None and leg.purpose in _PURPOSES:
        return _PURPOSES[leg.purpose]
    return _PURPOSES[LegPurpose.BASE if recorded.purpose is Purpose.BUSINESS else LegPurpose.OTHER]


def _remarks(recorded: RecordedTrip, said: Correction | None) -> str:
    found = [_DOUBTS[doubt.value] for doubt in sorted(recorded.trip.doubts)]
    if recorded.corrected:
        found.append(f"rettet, udgave {recorded.revision}")
    if said is not None:
        on, role = local_day(said.at).isoformat(), _ROLES.get(said.role, said.role)
        found.append(f"rettet {on} {clock_text(said.at)} af {role}: {said.reason}")
    return ", ".join(found)


def _approved(log: DrivingLogRow | None) -> str:
    return "" if log is None or log.approved_at is None else local_day(log.approved_at).isoformat()


def _km(metres: int) -> str:
    return f"{metres / 1000:.2f}".replace(".", ",")
