"""What the rest of the day will be like, from what has happened so far: arrivals, misses, fragile visits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from gateway.usecases.situations import happened_so_far
from kernel.ids import CarerId, VisitId
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.foresight.robustness import RouteOutlook, outlook
from scheduling.foresight.spread import Spread, measured_spread
from scheduling.model import Day, Plan
from scheduling.reassignment.situation import retimed
from scheduling.tables import TaskRow, VisitRow
from scheduling.tasks import NewTask, raise_task, settle_task

MEASURED_DAYS = 60
AHEAD = timedelta(hours=2)
"""A miss is announced this long before the window closes; earlier, too much may still happen."""

MISSES_BY_MIN = 5.0
"""So many minutes after the window count as a miss: less is the clock's business."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """The running day and its plan as it will go if nothing is done, and how much each route can take."""

    day: Day
    plan: Plan
    routes: Mapping[CarerId, RouteOutlook]


def ahead(session: Session, on: date, unit_ids: Collection[str], now: datetime, *, deep: bool = True) -> Ahead:
    """The rest of a day. ``deep``: the 200 days as well as the expected one.

    Raises
    ------
    KernelError
        ``not_found`` if no such day is stored.
    """
    at = happened_so_far(session, on, unit_ids, now)
    plan = retimed(at.day, at.told)
    routes = outlook(at.day, plan, _spread(session, on)) if deep else {}
    return Ahead(at.day, plan, routes)


def expected_misses(found: Ahead, now: datetime) -> dict[VisitId, float]:
    """Visits that have not begun and will start after their window as things stand, and by how many minutes."""
    return {
        s.visit_id: s.late_min
        for r in found.plan.routes
        for s in r.stops
        if not found.day.visit_by_id[s.visit_id].begun
        and s.late_min > MISSES_BY_MIN
        and found.day.visit_by_id[s.visit_id].window_close_at - AHEAD <= now
    }


def to_announce(
    session: Session, days: Collection[date], unit_ids: Collection[str], now: datetime
) -> dict[VisitId, NewTask]:
    """The task for every visit of the days being lived that will miss its window as things stand.

    It plays the rest of the day, so it belongs outside of any writing transaction: a door's commit would wait for it.
    """
    tasks = {}
    for on in days:
        found = ahead(session, on, unit_ids, now, deep=False)
        for visit_id, late_min in expected_misses(found, now).items():
            visit = found.day.visit_by_id[visit_id]
            carer_id = found.plan.carer_of.get(visit_id)
            facts = {"late_min": round(late_min)}
            tasks[visit_id] = NewTask("will_be_late", visit.unit_id, visit_id, visit.citizen_id, carer_id, facts)
    return tasks


def announce(work: Work, unit_ids: Collection[str], expected: Mapping[VisitId, NewTask]) -> int:
    """Raise the task of every visit expected to miss its window, and settle those of visits that will not any more.

    Parameters
    ----------
    expected
        As :func:`to_announce` found them for these units.

    Returns
    -------
    int
        Tasks raised. A visit is announced once; settled by a person it stays settled.
    """
    # What was announced before midnight is about the same night.
    days = [local_day(work.now) - timedelta(days=1), local_day(work.now)]
    late = select(TaskRow).where(col(TaskRow.day).in_(days), TaskRow.kind == "will_be_late")
    in_units = late.where(TaskRow.state == "open", col(TaskRow.unit_id).in_(sorted(unit_ids)))
    for task in work.session.exec(in_units).all():
        if task.visit_id not in expected:
            settle_task(work, task.task_id, "in_time")
    known_ids = select(TaskRow.visit_id).where(
        TaskRow.kind == "will_be_late", col(TaskRow.visit_id).in_(sorted(expected))
    )
    known = set(work.session.exec(known_ids).all())
    new = sorted(v for v in expected if v not in known)
    for visit_id in new:
        raise_task(work, expected[visit_id])
    return len(new)


def _spread(session: Session, on: date) -> Spread:
    """How long the last weeks' visits took against their plan."""
    since = on - timedelta(days=MEASURED_DAYS)
    query = select(VisitRow.service, VisitRow.duration_s, VisitRow.begun_at, VisitRow.ended_at).where(
        VisitRow.day >= since, VisitRow.day <= on, VisitRow.state == "ended", VisitRow.outcome == "done"
    )
    rows = session.exec(query).all()
    return measured_spread(
        (service, planned_s, (ended - begun).total_seconds())
        for service, planned_s, begun, ended in rows
        if begun is not None and ended is not None
    )
