"""A plan becomes routes, and the rights to the doors follow in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlmodel import col, select

from devices.keys.rights import set_many_rights
from devices.keys.schemas import RightsChange, RightWanted, RouteRights
from kernel.work import Work
from scheduling import publishing
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
    closed = _closed_to_us(work, {s.citizen_id for p in published for s in p.stops if s.door_id is not None}, day)
    return published, set_many_rights(work, [_rights_of(p, closed) for p in published])


def restore_rights(work: Work, door_id: str, day: date) -> RightsChange:
    """Give the routes of a day their rights to a door again, after a lock was changed on it."""
    rows = work.session.exec(
        select(VisitRow).where(VisitRow.day == day, VisitRow.door_id == door_id, col(VisitRow.carer_id).is_not(None))
    ).all()
    routes = []
    for carer_id in sorted({row.carer_id for row in rows if row.carer_id is not None}):
        route = publishing.route_of(work.session, carer_id, day)
        if route is not None:
            routes.append((route, publishing.stops_of(work.session, carer_id, day)))
    closed = _closed_to_us(work, {v.citizen_id for _, stops in routes for v in stops}, day)
    return set_many_rights(work, [_rights_as_stored(route, stops, closed) for route, stops in routes])


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


def _closed_to_us(work: Work, citizen_ids: set[str], day: date) -> set[str]:
    """Citizens who have taken back their consent to the electronic key: no route brings a right to their doors."""
    return withdrawn_citizens(work.session, citizen_ids, "electronic_key", day)


def _rights_as_stored(route: RouteRow, stops: Sequence[VisitRow], closed: set[str]) -> RouteRights:
    wanted = tuple(
        RightWanted(v.door_id, v.id, route.unit_id, v.start_at, v.end_at)
        for v in stops
        if v.door_id is not None
        and v.mode == "physical"
        and v.start_at is not None
        and v.end_at is not None
        and v.citizen_id not in closed
    )
    return RouteRights(route.carer_id, route.day, route.id, route.version, wanted)


def _rights_of(route: PublishedRoute, closed: set[str]) -> RouteRights:
    return RouteRights(
        route.row.carer_id,
        route.row.day,
        route.row.id,
        route.row.version,
        tuple(
            RightWanted(s.door_id, s.visit_id, route.row.unit_id, s.start_at, s.end_at)
            for s in route.stops
            if s.door_id is not None and s.mode == "physical" and s.citizen_id not in closed
        ),
    )
