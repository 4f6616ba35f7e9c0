"""Routes in versions: published, delivered to the tablet, acknowledged by the carer (design §3).

A route is the visits of one carer on one day. Publishing replaces it whole and raises its version; what a
planner saw must still hold, or nothing is saved.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.events import Mode, RouteAcknowledged, RouteDelivered, RoutePublished, RouteStop
from scheduling.model import Plan
from scheduling.tables import RouteChangeRow, RouteRow, VisitRow

_IN_CHUNK = 5_000
#: What was waited for may have changed meanwhile: a row read before is read again with its lock.
_AS_STORED = {"populate_existing": True}


@dataclass(frozen=True, slots=True)
class StopDraft:
    """One stop to be published. ``travel_min`` leads to it; ``rank`` is its place in the plan's order."""

    visit_id: str
    start_at: datetime
    end_at: datetime
    travel_min: float
    rank: int


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """A carer's whole route to be published."""

    carer_id: str
    unit_id: str
    stops: tuple[StopDraft, ...]


@dataclass(frozen=True, slots=True)
class PublishedRoute:
    """A route as it now stands."""

    row: RouteRow
    stops: tuple[RouteStop, ...]


def drafts_of(plan: Plan, unit_of: Mapping[str, str], carer_ids: Collection[str] | None = None) -> list[RouteDraft]:
    """The routes of a plan, of all or some carers, ready to be published."""
    rank = {visit_id: place for place, visit_id in enumerate(plan.order)}
    return [
        RouteDraft(
            route.carer_id,
            unit_of[route.carer_id],
            tuple(
                StopDraft(s.visit_id, s.starts_at, s.ends_at, s.travel_min, rank.get(s.visit_id, len(rank)))
                for s in route.stops
            ),
        )
        for route in plan.routes
        if carer_ids is None or route.carer_id in carer_ids
    ]


def publish(
    work: Work,
    day: date,
    drafts: Sequence[RouteDraft],
    *,
    reason: str,
    unallocated: Mapping[str, str] | None = None,
    expected: Mapping[str, int] | None = None,
    why: Mapping[str, str] | None = None,
) -> list[PublishedRoute]:
    """Give every drafted route its new version, all or none.

    Parameters
    ----------
    unallocated
        Visits nobody does any more, with the reason code.
    expected
        Route versions by carer that the change started from; 0 where there was no route.
    why
        A sentence per visit for the carer who gets it.

    Raises
    ------
    SchedulingError
        ``route_stale`` if an expected version no longer holds; ``visit_begun`` if a visit that has begun
        would leave its carer.
    """
    carer_ids = {d.carer_id for d in drafts}
    routes = _locked(work.session, day, carer_ids | set(expected or {}))
    for carer_id, version in (expected or {}).items():
        found = routes[carer_id].version if carer_id in routes else 0
        if found != version:
            raise SchedulingError("route_stale", carer_id=carer_id, expected=version, found=found)
    before = _visits_by_carer(work.session, day, carer_ids)
    visits = {v.id: v for mine in before.values() for v in mine}
    placed = {s.visit_id for d in drafts for s in d.stops}
    visits |= {v.id: v for v in _visits(work.session, (placed | set(unallocated or {})) - set(visits))}
    published = []
    for draft in drafts:
        row = routes.get(draft.carer_id) or _new_route(work, day, draft)
        row.version, row.changed_at = row.version + 1, work.now
        if row.version > 1:
            old = {v.id for v in before.get(draft.carer_id, ())}
            _note_change(work, row, reason, old, {s.visit_id for s in draft.stops})
        published.append(_publish_one(work, row, draft, visits, reason, why or {}))
    for visit_id in sorted(set(visits) - placed):
        _unallocate(visits[visit_id], (unallocated or {}).get(visit_id, "removed"))
    return published


def deliver(work: Work, row: RouteRow, stops: Iterable[VisitRow]) -> bool:
    """The route reached its carer's tablet. Returns whether this version was new there."""
    if row.delivered_version >= row.version:
        return False
    row.delivered_version, row.delivered_at = row.version, work.now
    physical = [v for v in stops if v.mode == "physical"]
    work.session.add(row)
    work.record(
        RouteDelivered(
            at=work.now,
            route_id=row.id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            day=row.day.isoformat(),
            route_version=row.version,
            stop_count=len(physical),
            key_stop_count=sum(v.formerly_key for v in physical),
        )
    )
    return True


def acknowledge(work: Work, carer_id: str, day: date, version: int) -> None:
    """The carer has seen the change. An older version than already seen changes nothing."""
    row = route_of(work.session, carer_id, day)
    if row is None:
        raise SchedulingError("no_shift_today")
    seen = min(version, row.version)
    if seen <= row.acknowledged_version:
        return
    row.acknowledged_version = seen
    work.session.add(row)
    work.record(
        RouteAcknowledged(
            at=work.now,
            route_id=row.id,
            carer_id=carer_id,
            unit_id=row.unit_id,
            day=day.isoformat(),
            route_version=seen,
        )
    )


def hold_routes(session: Session, day: date, unit_ids: Collection[str]) -> None:
    """Let nobody else change the routes of these units on this day until the transaction ends.

    Take it before anything is read that a change is worked out from: whoever waited here then reads what the
    other one left.
    """
    _held(session, select(RouteRow).where(RouteRow.day == day, col(RouteRow.unit_id).in_(sorted(unit_ids))))


def route_of(session: Session, carer_id: str, day: date) -> RouteRow | None:
    """A carer's route of a day."""
    return session.exec(select(RouteRow).where(RouteRow.carer_id == carer_id, RouteRow.day == day)).first()


def stops_of(session: Session, carer_id: str, day: date) -> list[VisitRow]:
    """The visits of a carer's route, in the order they are driven."""
    rows = session.exec(
        select(VisitRow).where(VisitRow.carer_id == carer_id, VisitRow.day == day, VisitRow.state != "cancelled")
    ).all()
    return sorted(rows, key=lambda v: (v.start_at or v.window_open_at, v.plan_rank or 0, v.id))


def changes_since(session: Session, row: RouteRow, version: int) -> list[RouteChangeRow]:
    """Changes of a route after a version, oldest first."""
    query = select(RouteChangeRow).where(RouteChangeRow.route_id == row.id, col(RouteChangeRow.version) > version)
    return list(session.exec(query.order_by(col(RouteChangeRow.version))).all())


def _held(session: Session, query: SelectOfScalar[RouteRow]) -> list[RouteRow]:
    # In the order of their ids, so that two planners who touch the same routes never wait in a circle.
    held = query.order_by(col(RouteRow.id)).with_for_update().execution_options(**_AS_STORED)
    return list(session.exec(held).all())


def _locked(session: Session, day: date, carer_ids: set[str]) -> dict[str, RouteRow]:
    query = select(RouteRow).where(RouteRow.day == day, col(RouteRow.carer_id).in_(sorted(carer_ids)))
    return {r.carer_id: r for r in _held(session, query)}


def _visits_by_carer(session: Session, day: date, carer_ids: set[str]) -> dict[str, list[VisitRow]]:
    query = select(VisitRow).where(
        VisitRow.day == day, col(VisitRow.carer_id).in_(sorted(carer_ids)), VisitRow.state != "cancelled"
    )
    found: dict[str, list[VisitRow]] = {}
    for v in session.exec(query.with_for_update().execution_options(**_AS_STORED)).all():
        found.setdefault(v.carer_id or "", []).append(v)
    return found


def _visits(session: Session, ids: set[str]) -> list[VisitRow]:
    wanted = sorted(ids)
    found: list[VisitRow] = []
    for start in range(0, len(wanted), _IN_CHUNK):
        chunk = wanted[start : start + _IN_CHUNK]
        query = select(VisitRow).where(col(VisitRow.id).in_(chunk)).with_for_update()
        found += session.exec(query.execution_options(**_AS_STORED)).all()
    return found


def _new_route(work: Work, day: date, draft: RouteDraft) -> RouteRow:
    row = RouteRow(
        id=f"{day.isoformat()}.{draft.carer_id}",
        carer_id=draft.carer_id,
        unit_id=draft.unit_id,
        day=day,
        version=0,
        changed_at=work.now,
    )
    work.session.add(row)
    return row


def _note_change(work: Work, row: RouteRow, reason: str, old: set[str], new: set[str]) -> None:
    work.session.add(
        RouteChangeRow(
            route_id=row.id,
            version=row.version,
            at=work.now,
            reason=reason,
            came=sorted(new - old),
            left=sorted(old - new),
        )
    )


def _publish_one(
    work: Work,
    row: RouteRow,
    draft: RouteDraft,
    visits: Mapping[str, VisitRow],
    reason: str,
    why: Mapping[str, str],
) -> PublishedRoute:
    stops = []
    for stop in draft.stops:
        v = visits[stop.visit_id]
        if v.state != "planned" and v.carer_id != draft.carer_id:
            raise SchedulingError("visit_begun")
        v.carer_id, v.start_at, v.end_at = draft.carer_id, stop.start_at, stop.end_at
        v.travel_min, v.plan_rank, v.unallocated_reason = stop.travel_min, stop.rank, None
        v.why = why.get(v.id, v.why)
        stops.append(
            RouteStop(
                visit_id=v.id,
                citizen_id=v.citizen_id,
                start_at=stop.start_at,
                end_at=stop.end_at,
                mode=cast(Mode, v.mode),
                door_id=v.door_id,
                formerly_key=v.formerly_key,
                travel_s=0 if v.mode == "screen" else round(stop.travel_min * 60),
            )
        )
    work.record(
        RoutePublished(
            at=work.now,
            route_id=row.id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            day=row.day.isoformat(),
            route_version=row.version,
            reason=reason,
            stops=tuple(stops),
        )
    )
    return PublishedRoute(row, tuple(stops))


def _unallocate(row: VisitRow, reason: str) -> None:
    if row.state != "planned":
        raise SchedulingError("visit_begun")
    row.carer_id = row.start_at = row.end_at = row.travel_min = None
    row.unallocated_reason = reason
