"""A carer's day as the tablet shows it."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select

from devices.keys import store as keys
from devices.keys.rules import visit_window
from devices.keys.vendors.store import ActingLock, acting_locks
from gateway.usecases.driving import facts_of
from gateway.views.asides import aside_json
from gateway.views.reasons import reason_words
from gateway.views.services import service_name, tasks
from gateway.wire import iso, iso_or_none
from kernel.localtime import clock_text, local_day
from scheduling import publishing, shifts
from scheduling.board.route_asides import asides_on
from scheduling.consents import withdrawn_citizens
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import RouteRow, ShiftRow, VisitRow

BATTERY_LOW_MV = 4_800
_NEEDS_NETWORK = ("Låsen kan kun åbnes med net.", "The lock opens with a network only.")
_RING = ("Ring på. Der er ingen elektronisk nøgle.", "Ring the bell. There is no electronic key.")


def my_day(session: Session, carer_id: str, day: date, now: datetime, language: str) -> dict[str, Any]:
    """Shift, route and stops of a carer; ``shift`` and ``route`` are null where there is none.

    ``day`` is that of the shift: after midnight a night is of the date before, what citizens say is of today.
    """
    said_on = max(day, local_day(now))
    carer = session.get(CarerRow, carer_id)
    shift = shifts.shift_of(session, carer_id, day)
    route = publishing.route_of(session, carer_id, day)
    stops = publishing.stops_of(session, carer_id, day) if route else []
    return {
        "day": day.isoformat(),
        "carer": {"id": carer_id, "name": carer.name if carer else ""},
        "shift": _shift(shift) if shift else None,
        "route": _route(session, route, stops, carer, _planned_m(session, carer_id, day), said_on, language)
        | {"asides": _asides(session, shift, carer, stops)}
        if route
        else None,
    }


def visit_json(row: VisitRow) -> dict[str, Any]:
    """What a begin or end answers."""
    return {
        "visit": {
            "visit_id": row.id,
            "state": row.state,
            "begun_at": iso_or_none(row.begun_at),
            "ended_at": iso_or_none(row.ended_at),
            "outcome": row.outcome,
            "source": row.source,
        }
    }


def _shift(row: ShiftRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "kind": row.kind,
        "planned_start_at": iso(row.planned_start_at),
        "planned_end_at": iso(row.planned_end_at),
        "started_at": iso_or_none(row.started_at),
        "ended_at": iso_or_none(row.ended_at),
        "place": row.started_from,
        "holder_thumbprint": row.holder_thumbprint,
        # reported lost: the shift waits for another tablet's key
        "key_lost": row.state == "begun" and row.holder_thumbprint is None and row.lost_thumbprint is not None,
    }


def _route(
    session: Session,
    route: RouteRow,
    stops: list[VisitRow],
    carer: CarerRow | None,
    planned_m: Mapping[str, int],
    said_on: date,
    language: str,
) -> dict[str, Any]:
    changes = publishing.changes_since(session, route, max(route.acknowledged_version, 1))
    mentioned = {v for c in changes for v in (*c.came, *c.left)}
    citizens = _citizens(session, {v.citizen_id for v in stops} | _citizens_of(session, mentioned))
    places = _visit_texts(session, mentioned, citizens)
    # Who has taken the consent back is let in by no tablet: the stop says how one gets in instead.
    said_no = withdrawn_citizens(session, {v.citizen_id for v in stops}, "electronic_key", said_on)
    locks = keys.ways_through(session, _doors_of(stops, said_no))
    vendors = {d: lock for d, lock in acting_locks(session, _doors_of(stops, said_no)).items() if not lock.is_native}
    locks |= {door_id: (lock.lock_id,) for door_id, lock in vendors.items()}
    batteries = {f.lock_id: f.battery_mv for f in keys.facts_of_locks(session, {i[0] for i in locks.values()}).values()}
    transport = carer.transport if carer else "bike"
    return {
        "id": route.id,
        "version": route.version,
        "acknowledged_version": route.acknowledged_version,
        "changes": [
            {
                "at": iso(c.at),
                "reason": reason_words(c.reason, language),
                "came": sorted(places[v] for v in c.came if v in places),
                "left": sorted(places[v] for v in c.left if v in places),
            }
            for c in changes
        ],
        "stops": [
            _stop(v, citizens.get(v.citizen_id), locks, batteries, transport, planned_m.get(v.id, 0), language)
            | _by_vendor(v, vendors, language)
            for v in stops
        ],
    }


def _asides(
    session: Session, shift: ShiftRow | None, carer: CarerRow | None, stops: list[VisitRow]
) -> list[dict[str, Any]]:
    """Breaks and the ways to and from the car, where the route as it stands has them."""
    if shift is None or carer is None:
        return []
    found = asides_on(session, shift.day, [shift], {carer.id: carer}, {carer.id: stops})
    return [aside_json(aside) for aside in found.get(carer.id, ())]


def _stop(
    v: VisitRow,
    citizen: CitizenRow | None,
    locks: dict[str, tuple[str, ...]],
    batteries: Mapping[str, int | None],
    transport: str,
    planned_m: int,
    language: str,
) -> dict[str, Any]:
    start, end = v.start_at or v.window_open_at, v.end_at or v.window_close_at
    travel_min = v.travel_min or 0.0
    return {
        "visit_id": v.id,
        "citizen_id": v.citizen_id,
        "citizen_name": citizen.name if citizen else "?",
        "address": citizen.address if citizen else "?",
        "window_open_at": iso(v.window_open_at),
        "window_close_at": iso(v.window_close_at),
        "start_at": iso(start),
        "end_at": iso(end),
        "mode": v.mode,
        "service": v.service,
        "service_name": service_name(v.service, language),
        "tasks": tasks(v.service, language),
        "state": v.state,
        "begun_at": iso_or_none(v.begun_at),
        "ended_at": iso_or_none(v.ended_at),
        "outcome": v.outcome,
        "source": v.source,
        "why": reason_words(v.why, language) if v.why else None,
        "travel_min": round(travel_min),
        "travel_km": round(planned_m / 1000, 1),
        "transport": transport,
        "double": v.pair_id is not None,
        "key_note": _key_note(v, citizen, locked=v.door_id is not None and v.door_id in locks, language=language),
        "door": _door(v, citizen, locks, batteries, start, end),
    }


def _door(
    v: VisitRow,
    citizen: CitizenRow | None,
    locks: dict[str, tuple[str, ...]],
    batteries: Mapping[str, int | None],
    start: datetime,
    end: datetime,
) -> dict[str, Any] | None:
    if v.door_id is None or v.mode != "physical" or not locks.get(v.door_id):
        return None
    opens, closes = visit_window(start, end)
    lock_id = locks[v.door_id][0]
    battery = batteries.get(lock_id)
    return {
        "id": v.door_id,
        "lock_id": lock_id,
        "label": citizen.address.split(",")[0] if citizen else v.door_id,
        "opens_from_at": iso(opens),
        "opens_to_at": iso(closes),
        # opened in the same act, before the door: a stairwell
        "way": [{"lock_id": one} for one in locks[v.door_id][1:]],
        "battery_low": battery is not None and battery < BATTERY_LOW_MV,
    }


def _doors_of(stops: list[VisitRow], said_no: Collection[str]) -> list[str]:
    return [v.door_id for v in stops if v.door_id and v.citizen_id not in said_no]


def _by_vendor(v: VisitRow, vendors: Mapping[str, ActingLock], language: str) -> dict[str, Any]:
    """What a tablet has to know of another maker's lock: it waits for no signature, and it may need a network."""
    lock = vendors.get(v.door_id or "")
    if lock is None or v.mode != "physical":
        return {"by_vendor": False, "door_note": None}
    note = None if lock.keeps.offline else _NEEDS_NETWORK[0 if language == "da" else 1]
    return {"by_vendor": True, "door_note": note}


def _key_note(v: VisitRow, citizen: CitizenRow | None, *, locked: bool, language: str) -> str | None:
    if locked or v.mode != "physical" or citizen is None:
        return None
    if not citizen.formerly_key:
        return None if v.door_id is None else _RING[0 if language == "da" else 1]
    return "Nøgle hentes på basen" if language == "da" else "Fetch the key at the base"


def _planned_m(session: Session, carer_id: str, day: date) -> dict[str, int]:
    """Planned metres by visit, as the driving log will have them: minutes under way, without those to park."""
    facts = facts_of(session, day, [carer_id]).get(carer_id)
    return {stop.visit_id: stop.planned_m for stop in facts.stops} if facts else {}


def _citizens(session: Session, ids: set[str]) -> dict[str, CitizenRow]:
    rows = session.exec(select(CitizenRow).where(col(CitizenRow.id).in_(sorted(ids)))).all()
    return {r.id: r for r in rows}


def _citizens_of(session: Session, visit_ids: set[str]) -> set[str]:
    rows = session.exec(select(VisitRow).where(col(VisitRow.id).in_(sorted(visit_ids)))).all()
    return {r.citizen_id for r in rows}


def _visit_texts(session: Session, visit_ids: set[str], citizens: dict[str, CitizenRow]) -> dict[str, str]:
    rows = session.exec(select(VisitRow).where(col(VisitRow.id).in_(sorted(visit_ids)))).all()
    texts = {}
    for r in rows:
        citizen = citizens.get(r.citizen_id)
        name = citizen.name if citizen else "?"
        texts[r.id] = f"{clock_text(r.start_at or r.window_open_at)} {name}"
    return texts
