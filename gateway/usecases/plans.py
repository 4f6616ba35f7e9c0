"""A plan becomes routes, and the rights to the doors follow in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import date

from devices.keys.rights import set_many_rights
from devices.keys.schemas import RightsChange, RightWanted, RouteRights
from kernel.work import Work
from scheduling import publishing
from scheduling.events import DayPlanned
from scheduling.model import Day, Plan
from scheduling.publishing import PublishedRoute, RouteDraft


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
    return published, set_many_rights(work, [_rights_of(p) for p in published])


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


def _rights_of(route: PublishedRoute) -> RouteRights:
    return RouteRights(
        route.row.carer_id,
        route.row.day,
        route.row.id,
        route.row.version,
        tuple(
            RightWanted(s.door_id, s.visit_id, route.row.unit_id, s.start_at, s.end_at)
            for s in route.stops
            if s.door_id is not None and s.mode == "physical"
        ),
    )
