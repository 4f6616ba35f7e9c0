"""The planner's board: carers times hours, what is unallocated, what needs somebody."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from devices.keys.prepared import designated_carers
from gateway.views.asides import aside_json
from gateway.views.breaches import TEXTS as RULES
from gateway.views.reasons import reason_words
from gateway.views.services import service_name
from gateway.wire import iso
from kernel.localtime import clock_text
from kernel.log import latest_position
from scheduling import absences, day_store, shifts
from scheduling.board.asides import Aside
from scheduling.board.route_asides import asides_on
from scheduling.board.store import BoardVisit, visits_on
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.tables import RouteChangeRow, RouteRow, ShiftRow, VisitRow

#: a visit as stored, or the columns of one
Shown = VisitRow | BoardVisit

LATE_AFTER = timedelta(minutes=10)
_CAME = ("Borger {} kom til", "Citizen {} came")
_LEFT = ("Borger {} blev taget fra", "Citizen {} left")
_REASONS = {
    "no_room_in_shifts": ("Ingen har tid i tidsrummet", "Nobody has time in the window"),
    "nobody_able": ("Ingen på vagt har kompetencen", "Nobody on duty has the competence"),
    "outside_every_shift": (
        "Besøget kan ikke nås inden for nogen vagt, heller ikke alene",
        "The visit fits into no shift, not even alone",
    ),
    "gap_impossible": (
        "De to besøg kan ikke holde den aftalte afstand",
        "The two visits cannot keep the agreed gap",
    ),
    "no_travel_time": ("Ingen kender vejen dertil: køretiden mangler", "No travel time is known to this place"),
    "pattern_changed": ("Grundplanen er ændret", "The weekly plan has changed"),
    "carer_absent": ("Medarbejderen er fraværende", "The carer is absent"),
    "removed": ("Taget af en rute", "Taken off a route"),
    "not_planned": ("Ikke planlagt endnu", "Not planned yet"),
    "cancelled": ("Planlægningen blev stoppet", "Planning was stopped"),
    "carer_left": ("Medarbejderen er stoppet", "The carer has left"),
    "citizen_home": ("Borgeren er hjemme igen", "The citizen is home again"),
    "door_shut": ("Døren kunne ikke åbnes", "The door could not be opened"),
}


def board(session: Session, day: date, unit_ids: Collection[str], now: datetime, language: str) -> dict[str, Any]:
    """Everything the board draws, of the units its planner sees."""
    position = latest_position(session)  # read first: what is newer than it comes again, what is older is here
    visits = visits_on(session, day, unit_ids)
    shown = lanes(session, day, unit_ids, now, visits=visits, short=_numbers(visits))
    left_over = unallocated(visits, _numbers(visits), language)
    states = Counter(v["state"] for lane in shown for v in lane["visits"])
    return {
        "day": day.isoformat(),
        "position": position,
        "units": [{"id": u.id, "name": u.name} for u in units_of(session, unit_ids)],
        "attention": attention(session, day, unit_ids, states, len(left_over)),
        "lanes": shown,
        "unallocated": left_over,
    }


def units_of(session: Session, unit_ids: Collection[str]) -> list[UnitRow]:
    """A planner's units, by name."""
    units = session.exec(select(UnitRow).where(col(UnitRow.id).in_(sorted(unit_ids)))).all()
    return sorted(units, key=lambda u: (u.name, u.id))


def attention(
    session: Session, day: date, unit_ids: Collection[str], states: Mapping[str, int], waiting: int
) -> dict[str, int]:
    """How much of what needs somebody, by kind."""
    return {
        "not_started": states.get("not_started", 0),
        "late": states.get("late", 0),
        "unallocated": waiting,
        "ill": len(absences.absent_on(session, day, unit_ids)),
    }


def lanes(
    session: Session,
    day: date,
    unit_ids: Collection[str],
    now: datetime,
    *,
    carer_ids: Collection[str] | None = None,
    visits: Sequence[Shown] | None = None,
    short: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """One lane per carer on duty, of some or all of the units' carers."""
    rows = visits if visits is not None else visits_on(session, day, unit_ids, carer_ids)
    numbers = short if short is not None else shorts(session, rows)
    return [
        _lane(one, numbers, now, day) | {"offline_tablet": one.offline_tablet}
        for one in on_duty(session, day, unit_ids, rows, carer_ids)
    ]


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A carer of the day with shift, route and visits, the visits in order of time."""

    shift: ShiftRow
    carer: CarerRow
    route: RouteRow | None
    visits: list[Shown]
    offline_tablet: bool
    #: breaks and the ways to and from the car
    asides: tuple[Aside, ...] = ()


def on_duty(
    session: Session,
    day: date,
    unit_ids: Collection[str],
    visits: Sequence[Shown],
    carer_ids: Collection[str] | None = None,
) -> list[OnDuty]:
    """The carers on duty by unit and name, of some or all carers."""
    routes = {r.carer_id: r for r in day_store.routes_of(session, day, unit_ids)}
    designated = set(designated_carers(session, unit_ids))
    rows = [s for s in shifts.shifts_on(session, day) if s.unit_id in unit_ids]
    if carer_ids is not None:
        rows = [s for s in rows if s.carer_id in carer_ids]
    wanted = sorted({s.carer_id for s in rows})
    carers = {c.id: c for c in session.exec(select(CarerRow).where(col(CarerRow.id).in_(wanted))).all()}
    mine: dict[str, list[Shown]] = {}
    for v in visits:
        if v.carer_id is not None:
            mine.setdefault(v.carer_id, []).append(v)
    for route in mine.values():
        route.sort(key=lambda v: (v.start_at or v.window_open_at, v.id))
    asides = asides_on(session, day, rows, carers, mine)
    return [
        OnDuty(
            shift,
            carers[shift.carer_id],
            routes.get(shift.carer_id),
            mine.get(shift.carer_id, []),
            shift.carer_id in designated,
            asides.get(shift.carer_id, ()),
        )
        for shift in sorted(rows, key=lambda s: (s.unit_id, carers[s.carer_id].name, s.carer_id))
    ]


def unallocated(visits: Sequence[Shown], short: Mapping[str, int], language: str) -> list[dict[str, Any]]:
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
    known = code or "not_planned"
    rule = RULES.get(known)
    da, en = _REASONS.get(known, rule[0] if rule is not None else (known, known))
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


def visit_state(v: Shown, now: datetime) -> str:
    """planned, begun, ended; late or not_started where the clock says so."""
    if v.state in ("begun", "ended") or v.start_at is None:
        return v.state
    if now > v.start_at + LATE_AFTER:
        return "not_started" if now > v.window_close_at + LATE_AFTER else "late"
    return v.state


def delay_min(v: Shown, now: datetime) -> int:
    """How late a visit began, or would if it began now; 0 where it is over or nobody does it."""
    if v.start_at is None or v.state == "ended":
        return 0
    return max(0, round(((v.begun_at or now) - v.start_at).total_seconds() / 60))


def _lane(one: OnDuty, short: Mapping[str, int], now: datetime, day: date) -> dict[str, Any]:
    shift, carer, route = one.shift, one.carer, one.route
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
        "skills": sorted(carer.skills),
        "route_id": route.id if route else f"{day.isoformat()}.{carer.id}",
        "version": route.version if route else 0,
        "delivered_version": route.delivered_version if route else 0,
        "acknowledged_version": route.acknowledged_version if route else 0,
        "visits": [_bar(v, short, now) for v in one.visits],
        "asides": [aside_json(aside) for aside in one.asides],
    }


def to_the_second(at: datetime) -> datetime:
    """As exact as a board is: a plan's times have fractions that no bar shows."""
    return at.replace(microsecond=0)


def _bar(v: Shown, short: Mapping[str, int], now: datetime) -> dict[str, Any]:
    times = {"start_at": v.start_at, "end_at": v.end_at, "begun_at": v.begun_at, "ended_at": v.ended_at}
    return {
        "id": v.id,
        "short": str(short.get(v.citizen_id, "?")),
        **{name: None if at is None else iso(to_the_second(at)) for name, at in times.items()},
        "state": visit_state(v, now),
        "mode": v.mode,
        "double": v.pair_id is not None,
        "pinned": v.pinned_carer_id is not None,
        "has_door": v.door_id is not None,
        "delay_min": delay_min(v, now),
    }


def _numbers(visits: Iterable[BoardVisit]) -> dict[str, int]:
    return {v.citizen_id: v.short for v in visits if v.short is not None}


def shorts(session: Session, visits: Iterable[Shown]) -> dict[str, int]:
    """The numbers planners use instead of names, by citizen id."""
    wanted = sorted({v.citizen_id for v in visits})
    found: dict[str, int] = {}
    for start in range(0, len(wanted), 5_000):
        chunk = wanted[start : start + 5_000]
        query = select(CitizenRow.id, CitizenRow.short).where(col(CitizenRow.id).in_(chunk))
        found |= {row[0]: row[1] for row in session.exec(query).all()}
    return found
