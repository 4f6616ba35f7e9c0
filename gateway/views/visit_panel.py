"""One visit with everything a planner asks about it."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from devices.keys import store as keys
from devices.keys.holders import door_of
from devices.keys.vendors.store import ActingLock, acting_locks
from gateway.usecases.bounds import bounds_of_visit
from gateway.views.board import visit_state
from gateway.views.my_day import BATTERY_LOW_MV
from gateway.views.services import service_name
from gateway.views.vendor_doors import keeps_json
from gateway.wire import iso, iso_or_none
from kernel.events import StoredEvent
from kernel.localtime import clock_text
from kernel.log import stored
from kernel.tables import EventRow
from scheduling import publishing
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import VisitRow

_HISTORY = {
    "visit.begun": ("Besøget er startet", "The visit began"),
    "visit.ended": ("Besøget er afsluttet", "The visit ended"),
    "visit.moved": ("Flyttet: {reason}", "Moved: {reason}"),
    "opening.requested": ("Døren er bedt om at åbne", "The door was asked to open"),
    "opening.settled": ("Døren: {state}", "Door: {state}"),
    "screen.answered": ("Borgeren svarede på skærmen", "The citizen answered on the screen"),
    "screen.unanswered": ("Ingen svarede på skærmen, forsøg {attempt}", "Nobody answered on the screen, try {attempt}"),
    "screen.trouble": ("Det var svært at høre eller se", "It was hard to hear or see"),
}
_ON_WAY = ("Opgang: {state}", "Stairwell: {state}")
_STATES = {
    "unlocked": ("låst op", "unlocked"),
    "refused": ("afvist", "refused"),
    "jammed": ("fastklemt", "jammed"),
    "expired": ("nåede ikke låsen", "did not reach the lock"),
    "unknown": ("låsen svarede ikke", "the lock did not answer"),
}


def visit_panel(session: Session, row: VisitRow, now: datetime, language: str) -> dict[str, Any]:
    """Facts, door, history and the route around a visit."""
    citizen = session.get(CitizenRow, row.citizen_id)
    carer = session.get(CarerRow, row.carer_id) if row.carer_id else None
    history = _history(session, row)
    return {
        "id": row.id,
        "short": str(citizen.short) if citizen else "?",
        "citizen_id": row.citizen_id,
        "citizen_name": citizen.name if citizen else "?",
        "address": citizen.address if citizen else "?",
        "service_name": service_name(row.service, language),
        "unit_id": row.unit_id,
        "carer_id": row.carer_id,
        "carer_name": carer.name if carer else None,
        "window_open_at": iso(row.window_open_at),
        "window_close_at": iso(row.window_close_at),
        "start_at": iso_or_none(row.start_at),
        "end_at": iso_or_none(row.end_at),
        "state": visit_state(row, now),
        "begun_at": iso_or_none(row.begun_at),
        "ended_at": iso_or_none(row.ended_at),
        "outcome": row.outcome,
        "source": row.source,
        "double": row.pair_id is not None,
        "door": _door(session, row, history, now, language),
        "history": [{"at": iso(e.at), "text": _text(e, language)} for e in history],
        "route": _route(session, row),
    }


def _history(session: Session, row: VisitRow) -> list[StoredEvent]:
    # The day's events of this unit bound the search; the visit id is inside the stored data.
    query = select(EventRow).where(
        col(EventRow.event_type).in_(sorted(_HISTORY)),
        EventRow.unit_id == row.unit_id,
        col(EventRow.at) >= row.window_open_at.replace(hour=0, minute=0),
        col(EventRow.position).is_not(None),
    )
    rows = session.exec(query.order_by(col(EventRow.position))).all()
    return [stored(r) for r in rows if r.data.get("visit_id") == row.id]


def _text(event: StoredEvent, language: str) -> str:
    da, en = _HISTORY[event.event_type]
    facts = dict(event.data)
    state = _STATES.get(str(facts.get("state")), (str(facts.get("state")),) * 2)
    facts["state"] = state[0] if language == "da" else state[1]
    if facts.get("on_way"):
        da, en = _ON_WAY  # the tap itself is told once
    return (da if language == "da" else en).format_map(facts)


def _keeps(acting: ActingLock, language: str) -> list[str]:
    if acting.is_native:
        return []
    return [f"{line['question']}: {line['answer']}" for line in keeps_json(acting.keeps, language)]


def _door(
    session: Session, row: VisitRow, history: list[StoredEvent], now: datetime, language: str
) -> dict[str, Any] | None:
    acting = acting_locks(session, [row.door_id]).get(row.door_id) if row.door_id else None
    if acting is None:
        return None
    facts = keys.lock_facts(session, acting.lock_id) if acting.is_native else None
    settled = [e for e in history if e.event_type == "opening.settled" and not e.data.get("on_way")]
    battery = facts.battery_mv if facts else None
    bounds = bounds_of_visit(session, row.id, now)
    return {
        "id": row.door_id,
        # how many carers it takes; another maker's lock opens for one
        "holders": door_of(session, row.door_id or "").holders if acting.is_native else None,
        "battery_low": battery is not None and battery < BATTERY_LOW_MV,
        # promises with their time: what opens without a network, and what was taken away but may still open
        "offline_until_at": iso_or_none(bounds.offline_until_at),
        # told where it is another maker's lock: what a planner may be used to is not to be had there
        "keeps": _keeps(acting, language),
        "withdrawn": bounds.withdrawn,
        "withdrawn_until_at": iso_or_none(bounds.withdrawn_until_at),
        "last_opening": {"state": settled[-1].data["state"], "at": iso(settled[-1].at)} if settled else None,
    }


def _route(session: Session, row: VisitRow) -> dict[str, Any] | None:
    if row.carer_id is None:
        return None
    route = publishing.route_of(session, row.carer_id, row.day)
    stops = publishing.stops_of(session, row.carer_id, row.day)
    citizens = {
        c.id: c
        for c in session.exec(
            select(CitizenRow).where(col(CitizenRow.id).in_(sorted({s.citizen_id for s in stops})))
        ).all()
    }
    points = []
    for stop in stops:
        citizen = citizens.get(stop.citizen_id)
        place = citizen.place if citizen else {}
        short = citizen.short if citizen else ""
        points.append(
            {
                "lat": place.get("lat_deg", place.get("y")),
                "lon": place.get("lon_deg", place.get("x")),
                "label": f"{clock_text(stop.start_at or stop.window_open_at)} {short}",
                "current": stop.id == row.id,
            }
        )
    return {"id": route.id if route else None, "version": route.version if route else 0, "points": points}
