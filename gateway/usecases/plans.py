"""A plan becomes routes, and the rights to the doors follow in the same transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlmodel import col, select

from devices.keys.rights import set_many_rights
from devices.keys.schemas import RightsChange, RightWanted, RouteRights
from kernel.localtime import local_day
from kernel.work import Work
from scheduling import publishing
from scheduling.citizen_absences import spans_away
from scheduling.consents import withdrawn_citizens
from scheduling.events import DayPlanned
from scheduling.model import Day, Plan
from scheduling.publishing import PublishedRoute, RouteDraft
from scheduling.tables import RouteRow, VisitRow


def publish_routes(
    work: Work,
    day: date,
    drafts: Sequence[RouteDraft],
    *,
    reason: str,
    unallocated: Mapping[str, str] | None = None,
    expected: Mapping[str, int] | None = None,
    why: Mapping[str, str] | None = None,
) -> tuple[list[PublishedRoute], RightsChange]:
    """Publish routes and let the door rights follow them, all or nothing.

    Raises
    ------
    SchedulingError
        ``route_stale`` if a route changed meanwhile; nothing is saved then.
    """
    published = publishing.publish(
        work, day, drafts, reason=reason, unallocated=unallocated, expected=expected, why=why
    )
    closed = _Closed(work, {s.citizen_id for p in published for s in p.stops if s.door_id is not None}, day)
    return published, set_many_rights(work, [_rights_of(p, closed) for p in published])


def restore_rights(work: Work, door_id: str, days: Iterable[date]) -> RightsChange:
    """Give the routes of some days their rights to a door again, after a lock was changed on it."""
    changes = [_restore_of_day(work, door_id, day) for day in sorted(days)]
    return RightsChange(
        sum(change.issued for change in changes),
        sum(change.withdrawn for change in changes),
        frozenset().union(*(change.locks_to_tell for change in changes)),
    )


def _restore_of_day(work: Work, door_id: str, day: date) -> RightsChange:
    rows = work.session.exec(
        select(VisitRow).where(VisitRow.day == day, VisitRow.door_id == door_id, col(VisitRow.carer_id).is_not(None))
    ).all()
    routes = []
    for carer_id in sorted({row.carer_id for row in rows if row.carer_id is not None}):
        route = publishing.route_of(work.session, carer_id, day)
        if route is not None:
            routes.append((route, publishing.stops_of(work.session, carer_id, day)))
    closed = _Closed(work, {v.citizen_id for _, stops in routes for v in stops}, day)
    return set_many_rights(work, [_rights_as_stored(route, stops, closed) for route, stops in routes])


def restore_all_rights(work: Work, door_id: str, from_day: date) -> RightsChange:
    """The same for every day that is planned: a consent given again counts for tomorrow's routes too."""
    days = work.session.exec(
        select(col(VisitRow.day))
        .where(VisitRow.day >= from_day, VisitRow.door_id == door_id, col(VisitRow.carer_id).is_not(None))
        .distinct()
    ).all()
    return restore_rights(work, door_id, days)


def publish_plan(work: Work, day: Day, plan: Plan, *, reason: str, expected: Mapping[str, int] | None) -> RightsChange:
    """Publish a whole plan, if the routes are still the ones it was made from."""
    drafts = publishing.drafts_of(plan, {c.id: c.unit_id for c in day.carers})
    left_over: dict[str, str] = {u.visit_id: u.reason for u in plan.unallocated}
    _, change = publish_routes(work, day.on, drafts, reason=reason, unallocated=left_over, expected=expected)
    for unit_id in sorted({d.unit_id for d in drafts}):
        work.record(
            DayPlanned(
                at=work.now,
                unit_id=unit_id,
                day=day.on.isoformat(),
                visit_count=sum(len(d.stops) for d in drafts if d.unit_id == unit_id),
                unallocated_count=sum(day.visit_by_id[u.visit_id].unit_id == unit_id for u in plan.unallocated),
            )
        )
    return change


class _Closed:
    """Doors no route brings a right to: of citizens who took their consent back, and of those not at home."""

    def __init__(self, work: Work, citizen_ids: set[str], day: date) -> None:
        # A night's routes are of the evening before: what was said after midnight counts for them as well.
        said_on = max(day, local_day(work.now))
        self._withdrawn = withdrawn_citizens(work.session, citizen_ids, "electronic_key", said_on)
        self._away = spans_away(work.session, citizen_ids)

    def to(self, citizen_id: str, at: datetime) -> bool:
        """Whether a citizen's door is closed to us at an instant."""
        away = any(begins <= at and (ends is None or at < ends) for begins, ends in self._away.get(citizen_id, ()))
        return away or citizen_id in self._withdrawn


def _rights_as_stored(route: RouteRow, stops: Sequence[VisitRow], closed: _Closed) -> RouteRights:
    wanted = tuple(
        RightWanted(v.door_id, v.id, route.unit_id, v.start_at, v.end_at)
        for v in stops
        if v.door_id is not None
        and v.mode == "physical"
        and v.start_at is not None
        and v.end_at is not None
        and not closed.to(v.citizen_id, v.start_at)
    )
    return RouteRights(route.carer_id, route.day, route.id, route.version, wanted)


def _rights_of(route: PublishedRoute, closed: _Closed) -> RouteRights:
    return RouteRights(
        route.row.carer_id,
        route.row.day,
        route.row.id,
        route.row.version,
        tuple(
            RightWanted(s.door_id, s.visit_id, route.row.unit_id, s.start_at, s.end_at)
            for s in route.stops
            if s.door_id is not None and s.mode == "physical" and not closed.to(s.citizen_id, s.start_at)
        ),
    )
