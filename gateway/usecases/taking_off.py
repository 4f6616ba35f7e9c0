"""Visits leave their routes, whoever caused it: the routes are published without them, the door rights follow."""

from collections.abc import Sequence
from datetime import date

from devices.keys.schemas import RightsChange
from gateway.usecases.plans import publish_routes
from kernel.work import Work
from scheduling import publishing
from scheduling.leavers import remaining
from scheduling.publishing import RouteDraft, StopDraft
from scheduling.tables import VisitRow


def take_off(work: Work, visits: Sequence[VisitRow], reason: str) -> frozenset[str]:
    """Publish the routes these planned visits are on without them. Visits on no route stay as they are.

    Parameters
    ----------
    reason
        Code of why: it is told to the tablets and stands with the visit.

    Returns
    -------
    frozenset
        Locks whose revocation list must be sent after commit.
    """
    locks: frozenset[str] = frozenset()
    by_day: dict[date, list[VisitRow]] = {}
    for visit in visits:
        if visit.carer_id is not None:
            by_day.setdefault(visit.day, []).append(visit)
    for day, leaving in sorted(by_day.items()):
        publishing.hold_routes(work.session, day, {visit.unit_id for visit in leaving})
        locks |= _publish_without(work, day, leaving, reason).locks_to_tell
    return locks


def _publish_without(work: Work, day: date, leaving: Sequence[VisitRow], reason: str) -> RightsChange:
    gone = {visit.id for visit in leaving}
    drafts = []
    for carer_id in sorted({visit.carer_id for visit in leaving if visit.carer_id is not None}):
        route = publishing.route_of(work.session, carer_id, day)
        unit_id = route.unit_id if route else leaving[0].unit_id
        drafts.append(RouteDraft(carer_id, unit_id, _stops(work, carer_id, day, gone)))
    _, change = publish_routes(work, day, drafts, reason=reason, unallocated=dict.fromkeys(sorted(gone), reason))
    return change


def _stops(work: Work, carer_id: str, day: date, gone: set[str]) -> tuple[StopDraft, ...]:
    return tuple(
        StopDraft(v.id, v.start_at, v.end_at, v.travel_min or 0.0, v.plan_rank or 0)
        for v in remaining(work, carer_id, day, gone)
        if v.start_at is not None and v.end_at is not None
    )
