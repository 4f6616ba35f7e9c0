"""A screen visit that was not enough: somebody has to come the same day, and a planner puts it on a route."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import insert
from sqlmodel import col, select

from devices.keys.schemas import RightsChange
from gateway.usecases.plans import publish_routes
from kernel.work import Work
from scheduling import publishing
from scheduling.publishing import RouteDraft, StopDraft
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow

REASON = "Opfølgning på skærmbesøg"
#: planned travel to a visit nobody had planned: across the middle of a centre's area
TRAVEL_MIN = 4.0
#: a planner needs this long from the task to the new route
NOTICE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A physical visit in place of a screen visit that was not enough.

    Parameters
    ----------
    visit_id
        The screen visit.
    new_id
        Id of the visit that follows it.
    """

    visit_id: str
    new_id: str
    carer_id: str
    duration_s: float
    #: no earlier than this
    from_at: datetime
    #: the citizen's door, where it has an electronic lock
    door_id: str | None = None


def plan_follow_ups(work: Work, day: date, wanted: Sequence[FollowUp]) -> tuple[list[VisitRow], RightsChange | None]:
    """Add the visits at the ends of the carers' routes and publish these anew, doors and all.

    Returns
    -------
    tuple
        The new visits as planned, and what changed at the doors.
    """
    if not wanted:
        return [], None
    session = work.session
    failed = {v.id: v for v in session.exec(select(VisitRow).where(col(VisitRow.id).in_([w.visit_id for w in wanted])))}
    citizens = {v.citizen_id for v in failed.values()}
    home_of = {c.id: c for c in session.exec(select(CitizenRow).where(col(CitizenRow.id).in_(sorted(citizens))))}
    rows = [_row(failed[w.visit_id], home_of[failed[w.visit_id].citizen_id], w) for w in wanted]
    session.execute(insert(VisitRow), rows)
    drafts = []
    for carer_id in sorted({w.carer_id for w in wanted}):
        stops = publishing.stops_of(session, carer_id, day)
        mine = [w for w in wanted if w.carer_id == carer_id]
        drafts.append(_with(carer_id, stops, mine))
    _, rights = publish_routes(work, day, drafts, reason=REASON, why={w.new_id: REASON for w in wanted})
    new = session.exec(select(VisitRow).where(col(VisitRow.id).in_([w.new_id for w in wanted])))
    return sorted(new, key=lambda v: v.id), rights


def _row(failed: VisitRow, citizen: CitizenRow, wanted: FollowUp) -> dict[str, object]:
    values = failed.model_dump()
    values |= dict.fromkeys(
        ("pinned_carer_id", "pinned_start_at", "start_at", "end_at", "travel_min", "plan_rank", "begun_at", "ended_at")
    )
    values |= dict.fromkeys(("outcome", "source", "shift_id", "note", "why", "carer_id"))
    return {
        **values,
        "id": wanted.new_id,
        "mode": "physical",
        "state": "planned",
        "duration_s": wanted.duration_s,
        "door_id": citizen.door_id,
        "formerly_key": citizen.formerly_key,
        "required_skills": [failed.service],
        "window_open_at": wanted.from_at,
        "window_close_at": wanted.from_at + timedelta(hours=3),
    }


def _with(carer_id: str, stops: Sequence[VisitRow], added: Sequence[FollowUp]) -> RouteDraft:
    drafts = [
        StopDraft(v.id, v.start_at or v.window_open_at, v.end_at or v.window_close_at, v.travel_min or 0.0, number)
        for number, v in enumerate(stops)
    ]
    for wanted in sorted(added, key=lambda w: (w.from_at, w.new_id)):
        free_at = max([wanted.from_at, *(d.end_at + timedelta(minutes=TRAVEL_MIN) for d in drafts)])
        free_at = free_at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        ends_at = free_at + timedelta(seconds=wanted.duration_s)
        drafts.append(StopDraft(wanted.new_id, free_at, ends_at, TRAVEL_MIN, len(drafts)))
    unit_id = stops[0].unit_id
    return RouteDraft(carer_id, unit_id, tuple(drafts))
