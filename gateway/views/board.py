"""The planner's board: carers times hours, what is unallocated, what needs somebody."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from devices.keys.prepared import designated_carers
from gateway.views.reasons import reason_words
from gateway.views.services import service_name
from gateway.wire import iso, iso_or_none
from kernel.localtime import clock_text
from kernel.log import latest_position
from scheduling import absences, day_store, shifts
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.tables import RouteChangeRow, RouteRow, ShiftRow, VisitRow

LATE_AFTER = timedelta(minutes=10)
_CAME = ("Borger {} kom til", "Citizen {} came")
_LEFT = ("Borger {} blev taget fra", "Citizen {} left")
_REASONS = {
    "no_room_in_shifts": ("Ingen har tid i tidsrummet", "Nobody has time in the window"),
    "nobody_able": ("Ingen på vagt har kompetencen", "Nobody on duty has the competence"),
    "removed": ("Taget af en rute", "Taken off a route"),
    "not_planned": ("Ikke planlagt endnu", "Not planned yet"),
    "cancelled": ("Planlægningen blev stoppet", "Planning was stopped"),
    "carer_left": ("Medarbejderen er stoppet", "The carer has left"),
    "citizen_home": ("Borgeren er hjemme igen", "The citizen is home again"),
}


def board(session: Session, day: date, unit_ids: Collection[str], now: datetime, language: str) -> dict[str, Any]:
    """Everything the board draws, of the units its planner sees."""
    units = session.exec(select(UnitRow).where(col(UnitRow.id).in_(sorted(unit_ids)))).all()
    visits = day_store.visits_of(session, day, unit_ids)
    short = shorts(session, visits)
    shown = lanes(session, day, unit_ids, now, visits=visits, short=short)
    left_over = unallocated(visits, short, language)
    states = Counter(v["state"] for lane in shown for v in lane["visits"])
    return {
        "day": day.isoformat(),
        "position": latest_position(session),
        "units": [{"id": u.id, "name": u.name} for u in sorted(units, key=lambda u: (u.name, u.id))],
        "attention": {
            "not_started": states["not_started"],
            "late": states["late"],
            "unallocated": len(left_over),
            "ill": len(absences.absent_on(session, day, unit_ids)),
        },
        "lanes": shown,
        "unallocated": left_over,
    }


def lanes(
    session: Session,
    day: date,
    unit_ids: Collection[str],
    now: datetime,
    *,
    carer_ids: Collection[str] | None = None,
    visits: list[VisitRow] | None = None,
    short: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """One lane per carer on duty, of some or all of the units' carers."""
    rows = visits if visits is not None else day_store.visits_of(session, day, unit_ids)
    numbers = short if short is not None else shorts(session, rows)
    routes = {r.carer_id: r for r in day_store.routes_of(session, day, unit_ids)}
    designated = set(designated_carers(session, unit_ids))
    on_duty = [s for s in shifts.shifts_on(session, day) if s.unit_id in unit_ids]
    if carer_ids is not None:
        on_duty = [s for s in on_duty if s.carer_id in carer_ids]
    carers = {c.id: c for c in session.exec(select(CarerRow)).all()}
    mine: dict[str, list[VisitRow]] = {}
    for v in rows:
        if v.carer_id is not None:
            mine.setdefault(v.carer_id, []).append(v)
    return [
        _lane(s, carers[s.carer_id], routes.get(s.carer_id), mine.get(s.carer_id, []), numbers, now)
        | {"offline_tablet": s.carer_id in designated}
        for s in sorted(on_duty, key=lambda s: (s.unit_id, carers[s.carer_id].name, s.carer_id))
    ]


def unallocated(visits: list[VisitRow], short: Mapping[str, int], language: str) -> list[dict[str, Any]]:
    """Visits nobody does, earliest window first, each with the reason."""
    rows = [v for v in visits if v.carer_id is None]
    return [
        {
            "id": v.id,
            "short": str(short.get(v.citizen_id, "?")),
            "unit_id": v.unit_id,
            "window_open_at": iso(v.window_open_at),
            "window_close_at": iso(v.window_close_at),
            "duration_min": round(v.duration_s / 60),
            "service_name": service_name(v.service, language),
            "reason": reason_text(v.unallocated_reason, language),
        }
        for v in sorted(rows, key=lambda v: (v.window_open_at, v.id))
    ]


def reason_text(code: str | None, language: str) -> str:
    """Why nobody does a visit, in a sentence."""
    da, en = _REASONS.get(code or "not_planned", (code or "", code or ""))
    return da if language == "da" else en


def last_change(session: Session, route: RouteRow, language: str) -> dict[str, Any] | None:
    """The latest change of a route, for the planner whose own change did not hold."""
    row = session.exec(
        select(RouteChangeRow)
        .where(RouteChangeRow.route_id == route.id)
        .order_by(col(RouteChangeRow.version).desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    words = reason_words(row.reason, language)
    moved = [*_named(session, row.came, _CAME, language), *_named(session, row.left, _LEFT, language)]
    said = ", ".join(moved) or words
    return {"reason": words, "at": iso(row.at), "text": f"{said} (kl. {clock_text(row.at)})"}


def _named(session: Session, visit_ids: list[str], text: tuple[str, str], language: str) -> list[str]:
    rows = session.exec(select(VisitRow).where(col(VisitRow.id).in_(visit_ids))).all()
    numbers = shorts(session, rows)
    return [text[0 if language == "da" else 1].format(numbers.get(v.citizen_id, "?")) for v in rows]


def visit_state(v: VisitRow, now: datetime) -> str:
    """planned, begun, ended; late or not_started where the clock says so."""
    if v.state in ("begun", "ended") or v.start_at is None:
        return v.state
    if now > v.start_at + LATE_AFTER:
        return "not_started" if now > v.window_close_at + LATE_AFTER else "late"
    return v.state


def _lane(
    shift: ShiftRow,
    carer: CarerRow,
    route: RouteRow | None,
    visits: list[VisitRow],
    short: Mapping[str, int],
    now: datetime,
) -> dict[str, Any]:
    ordered = sorted(visits, key=lambda v: (v.start_at or v.window_open_at, v.id))
    return {
        "carer_id": carer.id,
        "name": carer.name,
        "unit_id": shift.unit_id,
        "shift": {
            "id": shift.id,
            "state": shift.state,
            "planned_start_at": iso(shift.planned_start_at),
            "planned_end_at": iso(shift.planned_end_at),
        },
        "transport": carer.transport,
        "route_id": route.id if route else f"{shift.day.isoformat()}.{carer.id}",
        "version": route.version if route else 0,
        "delivered_version": route.delivered_version if route else 0,
        "acknowledged_version": route.acknowledged_version if route else 0,
        "visits": [_bar(v, short, now) for v in ordered],
    }


def _bar(v: VisitRow, short: Mapping[str, int], now: datetime) -> dict[str, Any]:
    begun = v.begun_at or now
    delay = round((begun - v.start_at).total_seconds() / 60) if v.start_at and v.state != "ended" else 0
    return {
        "id": v.id,
        "short": str(short.get(v.citizen_id, "?")),
        "start_at": iso_or_none(v.start_at),
        "end_at": iso_or_none(v.end_at),
        "begun_at": iso_or_none(v.begun_at),
        "ended_at": iso_or_none(v.ended_at),
        "state": visit_state(v, now),
        "mode": v.mode,
        "double": v.pair_id is not None,
        "pinned": v.pinned_carer_id is not None,
        "has_door": v.door_id is not None,
        "delay_min": max(0, delay),
    }


def shorts(session: Session, visits: Iterable[VisitRow]) -> dict[str, int]:
    """The numbers planners use instead of names, by citizen id."""
    wanted = sorted({v.citizen_id for v in visits})
    found: dict[str, int] = {}
    for start in range(0, len(wanted), 5_000):
        chunk = wanted[start : start + 5_000]
        query = select(CitizenRow.id, CitizenRow.short).where(col(CitizenRow.id).in_(chunk))
        found |= {row[0]: row[1] for row in session.exec(query).all()}
    return found
