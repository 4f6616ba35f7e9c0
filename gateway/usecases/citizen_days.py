"""A citizen is admitted, goes away or comes home as an act on a running day: what it changes besides today's routes.

Today's routes are chosen among solutions like those of any other act (``gateway.usecases.reassignments``). Later days
have no solutions to choose among: visits fall away from their routes, or wait for a plan. Everything is taken back by
one undo, unless somebody has built on it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlmodel import Session, col, select

from gateway.usecases.plans import publish_routes
from gateway.usecases.taking_off import take_off
from kernel.ids import CarerId, CitizenId, VisitId
from kernel.localtime import local_day
from kernel.work import Work
from scheduling import citizen_absences as absences
from scheduling import day_rows, day_store, publishing
from scheduling.errors import SchedulingError
from scheduling.events import CitizenAbsenceKind, CitizenAway, CitizenHome, VisitCancelled, VisitRestored
from scheduling.model import Day, Plan, Unallocated
from scheduling.publishing import RouteDraft, StopDraft
from scheduling.reassignment.tables import ReassignmentRow
from scheduling.register.tables import CitizenRow
from scheduling.tables import CitizenAbsenceRow, VisitRow
from scheduling.tasks import NewTask, raise_task, settle_for_visit
from video.interruptions import stop_calls
from video.model import Room

AWAY, HOME = "citizen_away", "citizen_home"
KINDS = (AWAY, HOME)


@dataclass(frozen=True, slots=True)
class CitizenDay:
    """The visits of a citizen that fall away, or may come back: today's by id, later ones as a number."""

    citizen_id: str
    visits: tuple[VisitId, ...]
    #: who had today's visits before, where it is known
    had: Mapping[VisitId, CarerId]
    later_count: int


def leaving(session: Session, citizen_id: str, on: date, now: datetime) -> CitizenDay:
    """What falls away when a citizen is not at home from now on.

    Raises
    ------
    SchedulingError
        ``no_citizen_there``, or ``citizen_already_away`` where that is known.
    """
    if session.get(CitizenRow, citizen_id) is None:
        raise SchedulingError("no_citizen_there")
    if absences.present_absence(session, citizen_id, now) is not None:
        raise SchedulingError("citizen_already_away")
    rows = absences.visits_to_cancel(session, citizen_id, now, None, now)
    today = [row for row in rows if row.day == on]
    had = {VisitId(row.id): CarerId(row.carer_id) for row in today if row.carer_id is not None}
    return CitizenDay(citizen_id, tuple(VisitId(row.id) for row in today), had, len(rows) - len(today))


def returning(session: Session, citizen_id: str, on: date, now: datetime) -> tuple[CitizenDay, list[VisitRow]]:
    """What can still be made of the cancelled visits of a citizen who comes home, and today's rows of it.

    Raises
    ------
    SchedulingError
        ``no_citizen_there``, or ``citizen_not_away``.
    """
    if session.get(CitizenRow, citizen_id) is None:
        raise SchedulingError("no_citizen_there")
    absence = absences.present_absence(session, citizen_id, now)
    if absence is None:
        raise SchedulingError("citizen_not_away")
    rows = absences.visits_to_restore(session, absence, now)
    today = [row for row in rows if row.day == on]
    had = _had(session, absence, on)
    known = {VisitId(row.id): had[row.id] for row in today if row.id in had}
    visits = tuple(VisitId(row.id) for row in today)
    return CitizenDay(citizen_id, visits, known, len(rows) - len(today)), today


def with_returning(
    session: Session, day: Day, plan: Plan, citizen_id: str, rows: Sequence[VisitRow]
) -> tuple[Day, Plan]:
    """The day with visits that may come back, on nobody's route yet."""
    citizens = day.citizens
    if CitizenId(citizen_id) not in day.citizen_by_id:
        citizens = (*citizens, day_rows.citizen_model(session.get_one(CitizenRow, citizen_id), ()))
    visits, pairs = day_rows.visit_models(rows)
    waiting = tuple(Unallocated(visit.id, HOME) for visit in visits)
    return (
        replace(day, citizens=citizens, visits=(*day.visits, *visits), pairs=(*day.pairs, *pairs)),
        replace(plan, unallocated=(*plan.unallocated, *waiting)),
    )


def come_home(work: Work, citizen_id: str, before: dict[str, Any]) -> list[VisitRow]:
    """End the absence; the visits are wanted again. To be done before routes with them are published."""
    absence, visits = absences.end_absence(work, citizen_id)
    before["act"] = {
        "citizen_id": citizen_id,
        "citizen_absence_id": absence.absence_id,
        "restored": [visit.id for visit in visits],
    }
    return visits


def raise_left(work: Work, restored: Sequence[str], placed: Collection[str]) -> None:
    """A task for every visit that came back and that nobody has."""
    for visit in _held(work.session, restored):
        if visit.id not in placed:
            raise_task(work, NewTask("citizen_home", visit.unit_id, visit_id=visit.id, citizen_id=visit.citizen_id))


def go_away(
    work: Work, citizen_id: str, kind: CitizenAbsenceKind, on: date, before: dict[str, Any]
) -> tuple[frozenset[str], Sequence[Room]]:
    """Begin the absence, when today's routes have been published without the visits.

    Returns the locks and the calls to be told after the commit.
    """
    visits = absences.visits_to_cancel(work.session, citizen_id, work.now, None, work.now)
    later = [visit for visit in visits if visit.day != on and visit.carer_id is not None]
    days = _routes_of(work.session, later)
    locks = take_off(work, later, f"citizen_{kind}")
    for day, routes in days.items():
        for carer_id, kept in routes.items():
            route = publishing.route_of(work.session, carer_id, date.fromisoformat(day))
            kept["version"] = route.version if route is not None else 0
    citizen = work.session.get_one(CitizenRow, citizen_id)
    absence = absences.begin_absence(work, citizen, kind, work.now, None, visits)
    before["act"] = {"citizen_id": citizen_id, "citizen_absence_id": absence.absence_id, "days": days}
    return locks, stop_calls(work, citizen_id)


def before_taking_back(work: Work, row: ReassignmentRow) -> frozenset[str]:
    """She was not away after all: her visits are wanted again, and later days' routes as they were.

    Returns the locks to be told after the commit.

    Raises
    ------
    SchedulingError
        ``act_overtaken`` where somebody has built on it.
    """
    if row.kind != AWAY:
        return frozenset()
    act = row.before["act"]
    absence = work.session.get(CitizenAbsenceRow, act["citizen_absence_id"], with_for_update=True)
    if absence is None or absence.ended_at is not None:
        raise SchedulingError("act_overtaken")
    for visit in _held(work.session, absence.visit_ids):
        if visit.state != "cancelled":
            raise SchedulingError("act_overtaken")
        visit.state, visit.outcome = "planned", None
        work.session.add(visit)
        work.record(
            VisitRestored(
                at=work.now,
                unit_id=visit.unit_id,
                visit_id=visit.id,
                citizen_id=visit.citizen_id,
                day=visit.day.isoformat(),
            )
        )
    work.record(_home(work, absence))
    work.session.delete(absence)
    work.session.flush()
    return _later_as_they_were(work, act["days"])


def after_taking_back(work: Work, row: ReassignmentRow) -> None:
    """She is not home after all: when today's routes are as they were, the visits are cancelled again.

    Raises
    ------
    SchedulingError
        ``act_overtaken`` where one of them has begun, or has got a carer since.
    """
    if row.kind != HOME:
        return
    act = row.before["act"]
    absence = work.session.get(CitizenAbsenceRow, act["citizen_absence_id"], with_for_update=True)
    if absence is None:
        raise SchedulingError("act_overtaken")
    absence.ended_at = None
    work.session.add(absence)
    for visit in _held(work.session, act["restored"]):
        if visit.state != "planned" or visit.carer_id is not None:
            raise SchedulingError("act_overtaken")
        visit.state, visit.outcome, visit.unallocated_reason = "cancelled", absence.kind, None
        work.session.add(visit)
        settle_for_visit(work, visit.id, "citizen_home", "undone")
        work.record(
            VisitCancelled(
                at=work.now,
                unit_id=visit.unit_id,
                visit_id=visit.id,
                citizen_id=visit.citizen_id,
                day=visit.day.isoformat(),
                reason=cast("CitizenAbsenceKind", absence.kind),
            )
        )
    work.record(
        CitizenAway(
            at=work.now,
            unit_id=absence.unit_id,
            absence_id=absence.absence_id,
            citizen_id=absence.citizen_id,
            kind=cast("CitizenAbsenceKind", absence.kind),
            from_at=absence.from_at,
            until_at=absence.until_at,
        )
    )
    work.session.flush()


def _home(work: Work, absence: CitizenAbsenceRow) -> CitizenHome:
    return CitizenHome(
        at=work.now,
        unit_id=absence.unit_id,
        absence_id=absence.absence_id,
        citizen_id=absence.citizen_id,
        kind=cast("CitizenAbsenceKind", absence.kind),
    )


def _had(session: Session, absence: CitizenAbsenceRow, on: date) -> dict[str, CarerId]:
    """Who had the visits of a day before the act that began an absence."""
    query = select(ReassignmentRow).where(ReassignmentRow.kind == AWAY, ReassignmentRow.unit_id == absence.unit_id)
    # Noted after midnight it may be about the routes of the evening before.
    first_on = local_day(absence.noted_at) - timedelta(days=1)
    acts = session.exec(query.where(ReassignmentRow.day >= first_on).order_by(col(ReassignmentRow.at)))
    act = next((row for row in acts if row.before["act"].get("citizen_absence_id") == absence.absence_id), None)
    if act is None:
        return {}
    days = act.before["act"].get("days", {}) | {act.day.isoformat(): act.before["routes"]}
    routes = days.get(on.isoformat(), {})
    return {stop[0]: CarerId(carer_id) for carer_id, kept in routes.items() for stop in kept["stops"]}


def _routes_of(session: Session, visits: Sequence[VisitRow]) -> dict[str, Any]:
    """The routes some visits are on, by day and carer, as an undo needs them."""
    found: dict[str, Any] = {}
    for day, carer_id in sorted({(v.day, v.carer_id) for v in visits if v.carer_id is not None}):
        route = publishing.route_of(session, carer_id, day)
        unit_id = route.unit_id if route is not None else next(v.unit_id for v in visits if v.carer_id == carer_id)
        stops = [
            [v.id, v.start_at.isoformat(), v.end_at.isoformat(), v.travel_min or 0.0, v.plan_rank or 0]
            for v in publishing.stops_of(session, carer_id, day)
            if v.start_at is not None and v.end_at is not None
        ]
        found.setdefault(day.isoformat(), {})[carer_id] = {"unit_id": unit_id, "stops": stops}
    return found


def _later_as_they_were(work: Work, days: Mapping[str, Any]) -> frozenset[str]:
    locks: frozenset[str] = frozenset()
    for name, routes in sorted(days.items()):
        day = date.fromisoformat(name)
        publishing.hold_routes(work.session, day, {kept["unit_id"] for kept in routes.values()})
        stored = {r.carer_id: r.version for r in day_store.routes_of(work.session, day)}
        if any(stored.get(carer_id) != kept["version"] for carer_id, kept in routes.items()):
            raise SchedulingError("act_overtaken")
        drafts = [_draft(carer_id, kept) for carer_id, kept in sorted(routes.items())]
        _, change = publish_routes(work, day, drafts, reason="undone")
        locks |= change.locks_to_tell
    return locks


def _draft(carer_id: str, kept: Mapping[str, Any]) -> RouteDraft:
    stops = tuple(
        StopDraft(visit_id, datetime.fromisoformat(start), datetime.fromisoformat(end), travel, rank)
        for visit_id, start, end, travel, rank in kept["stops"]
    )
    return RouteDraft(carer_id, kept["unit_id"], stops)


def _held(session: Session, visit_ids: Sequence[str]) -> list[VisitRow]:
    query = select(VisitRow).where(col(VisitRow.id).in_(sorted(visit_ids))).with_for_update()
    return sorted(session.exec(query.execution_options(populate_existing=True)), key=lambda v: (v.day, v.id))
