"""What can happen on a running day, as a planner reports it, and the solutions there are for it. Reads only.

The day is read with everything that is known by now: what has begun and ended and when, who has reported a delay,
who is out. The rules and prices are those of ``scheduling``; nothing is decided here.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, cast

from sqlmodel import Session, col, select

from gateway.usecases import citizen_days
from gateway.usecases.citizen_days import CitizenDay
from gateway.usecases.lived_day import day_and_plan
from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from scheduling import absences, day_rows, day_store, shifts
from scheduling.consents import consent_holds
from scheduling.errors import SchedulingError
from scheduling.model import Carer, Day, Plan, Stop, Unallocated, Visit, VisitMode
from scheduling.reassignment import acts, citizens
from scheduling.reassignment.lived import Happened, Life, driven_to, running_day
from scheduling.reassignment.settings import settings_on
from scheduling.reassignment.situation import Situation, away_day, changed_day, retimed, shut_day
from scheduling.reassignment.situation import longer as with_longer_visit
from scheduling.reassignment.solution import Solution
from scheduling.reassignment.store import delays_that_hold
from scheduling.register.tables import CitizenRow
from scheduling.rules import COMPETENCE_OF
from scheduling.tables import ShiftRow, VisitRow

EventKind = Literal[
    "carer_away",
    "carer_late",
    "visit_longer",
    "door_shut",
    "urgent",
    "swap",
    "lend",
    "to_screen",
    "to_physical",
    "citizen_away",
    "citizen_home",
]


@dataclass(frozen=True, slots=True)
class WhatHappened:
    """One event as a planner reports it; which fields count depends on ``kind``.

    ``minutes`` is how late the carer is, how much longer the visit takes, until when the door is tried again,
    or how long the urgent visit takes. ``within_min`` is how soon the urgent visit has to begin.
    """

    kind: EventKind
    on: date
    carer_id: str | None = None
    visit_id: str | None = None
    citizen_id: str | None = None
    unit_id: str | None = None
    minutes: int = 0
    within_min: int = 30
    service: str = "nursing"
    skills: tuple[str, ...] = ()
    absence_kind: str = "sick"
    citizen_absence: str = "hospital"
    reported_at: datetime | None = None
    new_visit_id: str = "urgent"


@dataclass(frozen=True, slots=True)
class Found:
    """A situation read from the database: units, day and rows it was made from."""

    event: WhatHappened
    at: Situation
    units: frozenset[str]
    rows: dict[str, VisitRow]
    substitutes: tuple[Carer, ...] = ()
    free_at: datetime | None = None
    #: of a citizen who is admitted, goes away or comes home
    citizen: CitizenDay | None = None


def named(event: WhatHappened, visit_id: str) -> WhatHappened:
    """An urgent visit's event with the id the visit is to have."""
    return replace(event, new_visit_id=visit_id)


def read(session: Session, event: WhatHappened, now: datetime) -> Found:
    """The day as the event finds it.

    Raises
    ------
    SchedulingError
        ``no_shift_today``, ``shift_ended``, ``visit_begun``, ``not_your_visit``, ``visit_not_on_route``,
        ``screen_not_possible`` or ``no_citizen_there``: what was reported cannot be, or needs nothing done.
    """
    units = _units(session, event)
    day, plan = day_and_plan(session, event.on, units)
    rows = {row.id: row for row in day_store.visits_of(session, event.on, units)}
    citizen = None
    if event.kind == "urgent":
        day, plan = _with_urgent(session, day, plan, event, now)
    elif event.kind == "citizen_away":
        citizen = citizen_days.leaving(session, event.citizen_id or "", event.on, now)
    elif event.kind == "citizen_home":
        citizen, back = citizen_days.returning(session, event.citizen_id or "", event.on, now)
        day, plan = citizen_days.with_returning(session, day, plan, citizen.citizen_id, back)
        rows |= {row.id: row for row in back}
    told = _as_told(day, plan, rows)
    late_until = _late_until(event, told, rows)
    late = {CarerId(event.carer_id): late_until} if late_until is not None and event.carer_id is not None else {}
    happened = _happened(session, event.on, units, rows, now, late)
    longer = (VisitId(event.visit_id or ""), event.minutes * 60.0) if event.kind == "visit_longer" else None
    at = _situation(day, told, happened, longer)
    substitutes = _substitutes(session, event, day, told, now)
    return Found(event, at, frozenset(units), rows, substitutes, late_until, citizen)


def happened_so_far(session: Session, on: date, unit_ids: Collection[str], now: datetime) -> Situation:
    """The running day of some units with nothing new reported."""
    day, plan = day_and_plan(session, on, unit_ids)
    rows = {row.id: row for row in day_store.visits_of(session, on, unit_ids)}
    told = _as_told(day, plan, rows)
    return _situation(day, told, _happened(session, on, unit_ids, rows, now, {}), None)


def _happened(
    session: Session,
    on: date,
    units: Collection[str],
    rows: dict[str, VisitRow],
    now: datetime,
    late: dict[CarerId, datetime],
) -> Happened:
    lives = {VisitId(r.id): Life(r.begun_at, r.ended_at) for r in rows.values() if r.begun_at is not None}
    free_at = {CarerId(c): at for c, at in delays_that_hold(session, on, rows.values()).items()}
    return Happened(now, lives, free_at | late, {CarerId(c) for c in _out(session, on, units)})


def _situation(day: Day, told: Plan, happened: Happened, longer: tuple[VisitId, float] | None) -> Situation:
    routes = {str(r.carer_id): [s.visit_id for s in r.stops] for r in told.routes}
    lived = running_day(day, routes, happened)
    if longer is not None:
        lived = with_longer_visit(lived, *longer)
    return Situation(lived, told, driven_to(retimed(lived, told), happened), happened.now)


def solutions(found: Found, *, deep: bool) -> list[Solution]:
    """Whole solutions, best first; ``deep`` searches the unit as well."""
    event, at = found.event, found.at
    moves = at.settings.search_moves if deep else None
    seconds = at.settings.search_limit_s if deep else 0.0
    carer, visit = CarerId(event.carer_id or ""), VisitId(event.visit_id or "")
    match event.kind:
        case "carer_away":
            answer = acts.carer_away(at, carer, found.substitutes, seconds, moves)
        case "carer_late":
            answer = acts.carer_late(at, carer, seconds, moves)
        case "visit_longer":
            answer = acts.carer_late(at, at.told.carer_of[visit], seconds, moves)
        case "door_shut":
            answer = acts.door_shut(at, visit, at.now + timedelta(minutes=event.minutes))
        case "urgent":
            answer = acts.new_visit(at, VisitId(event.new_visit_id))
        case "swap":
            answer = acts.swap(at, visit)
        case "citizen_away" | "citizen_home":
            answer = _with_citizen(found)
        case "lend":
            answer = acts.lend(at, visit, UnitId(event.unit_id or ""))
        case _:
            answer = acts.change_mode(at, changed_visit(found))
    return answer


def day_of(found: Found, substitute_id: str | None = None) -> Day:
    """The day a chosen solution is timed and judged on."""
    event, at = found.event, found.at
    visit = VisitId(event.visit_id or "")
    match event.kind:
        case "carer_away":
            substitute = next((c for c in found.substitutes if c.id == substitute_id), None)
            return away_day(at, CarerId(event.carer_id or ""), substitute)
        case "door_shut":
            return shut_day(at, visit, at.now + timedelta(minutes=event.minutes))
        case "citizen_away" if found.citizen is not None:
            gone = found.citizen.visits
            return citizens.without_visits(at.held(*gone), gone)
        case "lend" | "to_screen" | "to_physical":
            return changed_day(at, changed_visit(found))
        case _:
            return at.held()


def told_of(found: Found, day: Day) -> Plan:
    """What people were told, as far as the day a solution is judged on knows it."""
    if found.event.kind == "citizen_away" and found.citizen is not None:
        return citizens.told_without(found.at, found.citizen.visits, day)
    return found.at.told


def _with_citizen(found: Found) -> list[Solution]:
    citizen = found.citizen
    if citizen is None:
        return []
    if found.event.kind == "citizen_away":
        return citizens.fall_away(found.at, citizen.visits)
    return citizens.come_back(found.at, citizen.visits, citizen.had)


def changed_visit(found: Found) -> Visit:
    """The visit as the event changes it: another unit's, by screen, or at the door."""
    event = found.event
    visit = found.at.day.visit_by_id[VisitId(event.visit_id or "")]
    if event.kind == "lend":
        return replace(visit, unit_id=UnitId(event.unit_id or ""))
    if event.kind == "to_screen":
        return replace(visit, mode=VisitMode.SCREEN, door_id=None)
    door = found.at.day.citizen_by_id[visit.citizen_id].door
    return replace(visit, mode=VisitMode.PHYSICAL, door_id=door.id if door is not None else None)


def _units(session: Session, event: WhatHappened) -> set[str]:
    if event.carer_id is not None:
        shift = shifts.shift_of(session, event.carer_id, event.on)
        if shift is None:
            raise SchedulingError("no_shift_today")
        if shift.state == "ended":
            raise SchedulingError("shift_ended")
        return {shift.unit_id}
    if event.kind in ("urgent", *citizen_days.KINDS):
        citizen = session.get(CitizenRow, event.citizen_id)
        if citizen is None:
            raise SchedulingError("no_citizen_there")
        # A neighbouring unit may have a visit of hers today.
        hers = select(VisitRow.unit_id).where(VisitRow.citizen_id == citizen.id, VisitRow.day == event.on)
        return {citizen.unit_id, *(session.exec(hers).all() if event.kind != "urgent" else ())}
    row = session.get(VisitRow, event.visit_id)
    if row is None or row.state == "cancelled":
        raise SchedulingError("not_your_visit")
    if row.state == "ended" or (row.state == "begun" and event.kind != "visit_longer"):
        raise SchedulingError("visit_begun")
    if row.carer_id is None and event.kind in ("visit_longer", "swap"):
        raise SchedulingError("visit_not_on_route")
    if event.kind in ("to_screen", "to_physical"):
        _require_mode(session, row, event)
    return {row.unit_id} | ({event.unit_id} if event.unit_id is not None else set())


def _require_mode(session: Session, row: VisitRow, event: WhatHappened) -> None:
    if event.kind == "to_screen":
        missing = [name for name, holds in screen_criteria(session, row).items() if not holds]
        if missing:
            raise SchedulingError("screen_not_possible", missing=",".join(missing))


def screen_criteria(session: Session, row: VisitRow) -> dict[str, bool]:
    """What has to hold before a visit may be made by screen, by the name of the criterion.

    The citizen has consented to it and has not said no to screens, nothing has to be lifted or turned, and one
    person is enough.
    """
    citizen = session.get(CitizenRow, row.citizen_id)
    hands_on = set(row.required_competences) & set(COMPETENCE_OF.values())
    return {
        "consent": consent_holds(session, row.citizen_id, "screen", row.day),
        "wish": citizen is not None and bool(citizen.preferences.get("screen_ok", False)),
        "no_transfer": not hands_on,
        "one_carer": row.pair_id is None,
    }


def _with_urgent(session: Session, day: Day, plan: Plan, event: WhatHappened, now: datetime) -> tuple[Day, Plan]:
    """The day with the urgent visit, on nobody's route yet."""
    citizen_id = CitizenId(event.citizen_id or "")
    citizen = day.citizen_by_id.get(citizen_id)
    if citizen is None:
        # Somebody with no visit today: the day knows only those it comes to.
        citizen = day_rows.citizen_model(session.get_one(CitizenRow, citizen_id), ())
        day = replace(day, citizens=(*day.citizens, citizen))
    visit = Visit(
        id=VisitId(event.new_visit_id),
        citizen_id=citizen_id,
        unit_id=citizen.unit_id,
        service=event.service,
        window_open_at=now,
        window_close_at=now + timedelta(minutes=event.within_min),
        duration_s=max(5, event.minutes or 30) * 60.0,
        door_id=DoorId(citizen.door.id) if citizen.door is not None else None,
        required_skills=frozenset(event.skills),
        priority=settings_on(event.on).urgent_priority,
    )
    waiting = (*plan.unallocated, Unallocated(visit.id, "not_planned"))
    return replace(day, visits=(*day.visits, visit)), replace(plan, unallocated=waiting)


def _as_told(day: Day, plan: Plan, rows: dict[str, VisitRow]) -> Plan:
    """The plan with the times people were told, not those that follow from it now."""

    def told(stop: Stop) -> Stop:
        row = rows[stop.visit_id]
        if row.start_at is None or row.end_at is None or row.begun_at is not None:
            return stop
        start = day.minute(row.start_at)
        return replace(stop, start_min=start, end_min=day.minute(row.end_at), travel_min=row.travel_min or 0.0)

    return replace(plan, routes=tuple(replace(r, stops=tuple(told(s) for s in r.stops)) for r in plan.routes))


def _late_until(event: WhatHappened, told: Plan, rows: dict[str, VisitRow]) -> datetime | None:
    """When a carer who is late can leave: so that her next visit begins that much later than it was told."""
    if event.kind != "carer_late" or event.carer_id is None:
        return None
    route = told.route_of.get(CarerId(event.carer_id))
    ahead = [s for s in route.stops if rows[s.visit_id].begun_at is None] if route is not None else []
    if not ahead:
        raise SchedulingError("nothing_to_move")
    return ahead[0].starts_at + timedelta(minutes=event.minutes - ahead[0].travel_min)


def _out(session: Session, on: date, units: Collection[str]) -> list[str]:
    query = select(ShiftRow.carer_id).where(
        ShiftRow.day == on, ShiftRow.state == "begun", col(ShiftRow.unit_id).in_(sorted(units))
    )
    return list(session.exec(query).all())


def _substitutes(session: Session, event: WhatHappened, day: Day, told: Plan, now: datetime) -> tuple[Carer, ...]:
    if event.kind != "carer_away" or event.carer_id is None:
        return ()
    shift = cast(ShiftRow, shifts.shift_of(session, event.carer_id, event.on))
    route = told.route_of.get(CarerId(event.carer_id))
    needed = {s for stop in (route.stops if route else ()) for s in day.visit_by_id[stop.visit_id].required_skills}
    return tuple(absences.substitutes_for(session, shift, needed, now))
