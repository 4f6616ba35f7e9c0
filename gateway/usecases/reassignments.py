"""A planner answers what happened: one act changes routes, doors and tablets, and one act takes it back (design §3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlmodel import Session, col, select

from gateway.usecases import citizen_days
from gateway.usecases.happenings import change_what_happened, restore_shift, restore_visits
from gateway.usecases.plans import publish_routes
from gateway.usecases.situations import Found, WhatHappened, day_of, read, told_of
from kernel.ids import CarerId, VisitId, new_id
from kernel.work import Work
from scheduling import day_store, publishing
from scheduling.errors import SchedulingError
from scheduling.events import CitizenAbsenceKind, DayReassigned, ReassignmentUndone, VisitMoved
from scheduling.model import Day, Plan
from scheduling.publishing import RouteDraft, StopDraft
from scheduling.reassignment.acts import DOOR_SHUT
from scheduling.reassignment.check import newly_broken
from scheduling.reassignment.situation import retimed
from scheduling.reassignment.solution import changed_routes
from scheduling.reassignment.tables import ReassignmentRow
from scheduling.routes import plan_from_routes
from scheduling.rules import Breach
from scheduling.tables import VisitRow
from video.model import Room

NO_ROOM = "no_room_in_shifts"


@dataclass(frozen=True, slots=True)
class Choice:
    """The solution a planner chose: whole routes by carer, and the substitute it calls in."""

    routes: Mapping[str, Sequence[str]]
    reason: str
    substitute_id: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did. ``locks`` are to be told after the commit."""

    reassignment_id: str
    unit_id: str
    carers: tuple[str, ...]
    locks: frozenset[str]
    left_over: int
    #: calls that were ended with it, to be told after the commit
    rooms: tuple[Room, ...] = ()


class ChoiceBreaksRuleError(SchedulingError):
    """A choice that breaks rules, with the breaches for the page."""

    def __init__(self, breaches: Sequence[Breach]) -> None:
        super().__init__("move_breaks_rule", rule=", ".join(sorted({b.code for b in breaches})))
        self.breaches = tuple(breaches)


def carry_out(work: Work, event: WhatHappened, choice: Choice, seen: Mapping[str, int]) -> Done:
    """Carry a chosen solution out: routes, rights, tablets and what the event itself changes, all or nothing.

    The routes are timed anew and judged by the rules as the day is at this moment.

    Raises
    ------
    SchedulingError
        ``reason_missing``, ``versions_missing``, ``route_stale``, ``choice_incomplete`` or what reading the
        situation raises; :class:`ChoiceBreaksRuleError` if a rule forbids it. Nothing is saved then.
    """
    if not choice.reason.strip():
        raise SchedulingError("reason_missing")
    first = read(work.session, event, work.now)
    # Whoever changes a route of these units waits here; what was read before it may be old by then.
    publishing.hold_routes(work.session, event.on, first.units)
    found = read(work.session, event, work.now)
    _require_seen(work.session, event, found, choice, seen)
    day = day_of(found, choice.substitute_id)
    after = _timed(found, day, choice)
    told = told_of(found, day)
    untouched = retimed(day, told) if event.kind != "carer_away" else after
    broken = newly_broken(day, told, untouched, after)
    if broken:
        raise ChoiceBreaksRuleError(broken)
    return _publish(work, found, day, after, choice)


def undo(work: Work, reassignment_id: str, unit_ids: Sequence[str] | None) -> Done:
    """Take an act back: every route as it was, in a new version with its reason.

    Raises
    ------
    SchedulingError
        ``act_unknown``, ``act_undone``, ``act_overtaken`` if a route has changed or a visit has begun since;
        nothing is saved then.
    """
    row = work.session.get(ReassignmentRow, reassignment_id, with_for_update=True)
    if row is None or (unit_ids is not None and row.unit_id not in unit_ids):
        raise SchedulingError("act_unknown")
    if row.undone_at is not None:
        raise SchedulingError("act_undone")
    publishing.hold_routes(work.session, row.day, set(row.before["units"]))
    routes = {r.carer_id: r for r in day_store.routes_of(work.session, row.day)}
    if any(c not in routes or routes[c].version != version for c, version in row.versions.items()):
        raise SchedulingError("act_overtaken")
    locks = restore_shift(work, row) | citizen_days.before_taking_back(work, row)
    restore_visits(work, row)
    work.session.flush()
    drafts = [_draft_of(carer_id, kept) for carer_id, kept in sorted(row.before["routes"].items())]
    try:
        _, rights = publish_routes(
            work, row.day, drafts, reason="undone", unallocated=_still_waiting(work, row), why=row.before["why"]
        )
    except SchedulingError as err:
        raise SchedulingError("act_overtaken") from err
    citizen_days.after_taking_back(work, row)
    row.undone_at = work.now
    work.session.add(row)
    work.record(
        ReassignmentUndone(at=work.now, reassignment_id=row.reassignment_id, unit_id=row.unit_id, kind=row.kind)
    )
    return Done(row.reassignment_id, row.unit_id, tuple(d.carer_id for d in drafts), rights.locks_to_tell | locks, 0)


def _still_waiting(work: Work, row: ReassignmentRow) -> dict[str, str]:
    """What nobody had before an act, but for visits that have got a carer since on a route the act is not about."""
    waiting: dict[str, str] = row.before["waiting"]
    stored = work.session.exec(
        select(VisitRow.id, VisitRow.carer_id).where(col(VisitRow.id).in_(sorted(waiting)))
    ).all()
    return {v: waiting[v] for v, carer_id in stored if carer_id is None or carer_id in row.versions}


def _require_seen(session: Session, event: WhatHappened, found: Found, choice: Choice, seen: Mapping[str, int]) -> None:
    carers = set(choice.routes) | ({event.carer_id} if event.kind == "carer_away" and event.carer_id else set())
    stored = {r.carer_id: r for r in day_store.routes_of(session, event.on, found.units)}
    ids = {c: stored[c].id if c in stored else f"{event.on.isoformat()}.{c}" for c in carers}
    missing = sorted(i for i in ids.values() if i not in seen)
    if missing:
        raise SchedulingError("versions_missing", missing=", ".join(missing))
    for carer_id, route_id in sorted(ids.items()):
        now = stored[carer_id].version if carer_id in stored else 0
        if seen[route_id] != now:
            raise SchedulingError("route_stale", route_id=route_id, expected=seen[route_id], found=now)


def _timed(found: Found, day: Day, choice: Choice) -> Plan:
    """The chosen routes beside the untouched ones, as they would be driven from now on.

    Raises ``choice_incomplete`` where a visit is on two routes, unknown, or a carer is not on the day.
    """
    told = found.at.told
    routes = {str(r.carer_id): [s.visit_id for s in r.stops] for r in told.routes if r.carer_id in day.carer_by_id}
    routes |= {c: [VisitId(v) for v in visits] for c, visits in choice.routes.items()}
    placed = [v for visits in routes.values() for v in visits]
    known = all(v in day.visit_by_id for v in placed) and all(CarerId(c) in day.carer_by_id for c in routes)
    if not known or len(placed) != len(set(placed)):
        raise SchedulingError("choice_incomplete")
    on = set(placed)
    reasons = {u.visit_id: u.reason for u in told.unallocated}
    why = DOOR_SHUT if found.event.kind == "door_shut" else NO_ROOM
    reasons |= {v: why for v in told.carer_of if v not in on}
    try:
        return plan_from_routes(day, routes, reasons)
    except ValueError as err:
        raise SchedulingError("choice_incomplete") from err


def _publish(work: Work, found: Found, day: Day, after: Plan, choice: Choice) -> Done:
    event, told = found.event, found.at.told
    touched = {str(r.carer_id) for r in changed_routes(told, after)} | set(choice.routes)
    if event.kind == "carer_away" and event.carer_id is not None:
        touched.add(event.carer_id)
    before = _before(work.session, found, sorted(touched))
    left = {str(v): after_reason for v, after_reason in _left(told, after)}
    locks = change_what_happened(work, found, choice.substitute_id, before, len(left))
    unit_of: dict[str, str] = {str(c.id): c.unit_id for c in day.carers}
    if event.carer_id is not None:
        unit_of.setdefault(event.carer_id, next(iter(found.units)))
    drafts = [_as_begun(d, found.rows) for d in publishing.drafts_of(after, unit_of, touched)]
    missing = sorted(touched - {d.carer_id for d in drafts})
    drafts += [RouteDraft(c, unit_of[c], ()) for c in missing]
    handed = [v for v, c in after.carer_of.items() if told.carer_of.get(v) != c]
    published, rights = publish_routes(
        work, event.on, drafts, reason=choice.reason, unallocated=left, why=dict.fromkeys(handed, choice.reason)
    )
    freed, rooms = _citizen_followed(work, found, after, before)
    _tell_moves(work, found, after, [*handed, *(VisitId(v) for v in left)], choice.reason)
    row = ReassignmentRow(
        reassignment_id=new_id(),
        day=event.on,
        unit_id=_unit_id(found),
        kind=event.kind,
        at=work.now,
        reason=choice.reason,
        versions={p.row.carer_id: p.row.version for p in published},
        before=before,
    )
    work.session.add(row)
    work.record(
        DayReassigned(
            at=work.now,
            reassignment_id=row.reassignment_id,
            unit_id=row.unit_id,
            day=event.on.isoformat(),
            kind=event.kind,
            handed_count=len(handed),
            left_count=len(left),
        )
    )
    all_locks = rights.locks_to_tell | locks | freed
    return Done(row.reassignment_id, row.unit_id, tuple(sorted(touched)), all_locks, len(left), tuple(rooms))


def _citizen_followed(
    work: Work, found: Found, after: Plan, before: dict[str, Any]
) -> tuple[frozenset[str], Sequence[Room]]:
    """What a citizen's going and coming changes once the routes are published."""
    event = found.event
    if event.kind == citizen_days.AWAY:
        kind = cast("CitizenAbsenceKind", event.citizen_absence)
        return citizen_days.go_away(work, cast(str, event.citizen_id), kind, event.on, before)
    if event.kind == citizen_days.HOME:
        citizen_days.raise_left(work, before["act"]["restored"], set(after.carer_of))
    return frozenset(), ()


def _unit_id(found: Found) -> str:
    """The unit the act belongs to: the one the visit or carer was in before it."""
    row = found.rows.get(found.event.visit_id or "")
    return row.unit_id if row is not None else min(found.units)


def _left(told: Plan, after: Plan) -> list[tuple[VisitId, str]]:
    return [(u.visit_id, u.reason) for u in after.unallocated if u.visit_id in told.carer_of]


def _before(session: Session, found: Found, touched: Sequence[str]) -> dict[str, Any]:
    """Everything an undo needs: the routes as stored, and fields of visits and shifts the event changes."""
    stored = {r.carer_id: r for r in day_store.routes_of(session, found.event.on)}
    shift_unit = {c: day_store.shift_unit(session, found.event.on, c) for c in touched}
    routes = {}
    for carer_id in touched:
        stops = publishing.stops_of(session, carer_id, found.event.on)
        unit_id = stored[carer_id].unit_id if carer_id in stored else shift_unit[carer_id]
        routes[carer_id] = {
            "unit_id": unit_id or min(found.units),
            "stops": [_stop_json(v) for v in stops if v.start_at is not None and v.end_at is not None],
        }
    back = found.citizen.visits if found.citizen is not None and found.event.kind == citizen_days.HOME else ()
    waiting = {
        v.id: v.unallocated_reason or "not_planned"
        for v in found.rows.values()
        if v.carer_id is None and v.id not in back
    }
    why = {v.id: v.why for v in found.rows.values() if v.carer_id in touched and v.why}
    return {"units": sorted(found.units), "routes": routes, "waiting": waiting, "why": why, "visits": {}, "act": {}}


def _stop_json(v: VisitRow) -> list[Any]:
    start, end = cast(datetime, v.start_at), cast(datetime, v.end_at)
    return [v.id, start.isoformat(), end.isoformat(), v.travel_min or 0.0, v.plan_rank or 0]


def _draft_of(carer_id: str, kept: Mapping[str, Any]) -> RouteDraft:
    stops = tuple(
        StopDraft(visit_id, datetime.fromisoformat(start), datetime.fromisoformat(end), travel, rank)
        for visit_id, start, end, travel, rank in kept["stops"]
    )
    return RouteDraft(carer_id, kept["unit_id"], stops)


def _as_begun(draft: RouteDraft, rows: Mapping[str, VisitRow]) -> RouteDraft:
    """What has begun keeps the times it was planned for: when it really began is told elsewhere."""

    def stop(s: StopDraft) -> StopDraft:
        row = rows.get(s.visit_id)
        if row is None or row.begun_at is None or row.start_at is None or row.end_at is None:
            return s
        return replace(s, start_at=row.start_at, end_at=row.end_at, travel_min=row.travel_min or 0.0)

    return replace(draft, stops=tuple(stop(s) for s in draft.stops))


def _tell_moves(work: Work, found: Found, after: Plan, moved: Sequence[VisitId], reason: str) -> None:
    starts = {s.visit_id: s.starts_at for r in after.routes for s in r.stops}
    old = {s.visit_id: s.starts_at for r in found.at.told.routes for s in r.stops}
    visits = found.at.day.visit_by_id
    work.record(
        *(
            VisitMoved(
                at=work.now,
                visit_id=v,
                citizen_id=visits[v].citizen_id,
                unit_id=visits[v].unit_id,
                day=found.event.on.isoformat(),
                from_carer_id=found.at.told.carer_of.get(v),
                to_carer_id=after.carer_of.get(v),
                from_start_at=old.get(v),
                to_start_at=starts.get(v),
                reason=reason,
            )
            for v in sorted(moved)
        )
    )
