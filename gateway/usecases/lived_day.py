"""The planned day of some units as it stands now: what has begun is a fact, the rest is the plan."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from sqlmodel import Session

from gateway.usecases.aids import with_aids
from kernel.ids import CarerId, VisitId
from scheduling import day_store
from scheduling.day_store import Known
from scheduling.model import Day, Plan, Visit
from scheduling.routes import plan_from_routes
from scheduling.tables import VisitRow


def day_and_plan(session: Session, on: date, units: Collection[str], moved: str | None = None) -> tuple[Day, Plan]:
    """Day and plan of these units.

    Parameters
    ----------
    moved
        A visit that is about to be moved: its wished hour is left out.
    """
    day, rows = _day_and_rows(session, on, units, moved)
    reasons = {VisitId(v.id): v.unallocated_reason or "not_planned" for v in rows if v.carer_id is None}
    return day, plan_from_routes(day, _routes(day, rows), reasons)


def day_and_routes(
    session: Session, on: date, units: Collection[str], known: Known
) -> tuple[Day, dict[str, list[VisitId]]]:
    """Day and bare routes of these units, by carer: for who times them itself, again and again."""
    day, rows = _day_and_rows(session, on, units, None, known)
    return day, _routes(day, rows)


def _day_and_rows(
    session: Session, on: date, units: Collection[str], moved: str | None, known: Known | None = None
) -> tuple[Day, Sequence[VisitRow]]:
    day, rows = day_store.load_day_and_visits(session, on, units, known)
    return with_aids(session, _with_lived_starts(day, rows, moved)), rows


def _routes(day: Day, rows: Sequence[VisitRow]) -> dict[str, list[VisitId]]:
    routes: dict[str, list[VisitId]] = {}
    for v in sorted(rows, key=lambda v: (v.begun_at or v.start_at or v.window_open_at, v.plan_rank or 0, v.id)):
        if v.carer_id is not None and CarerId(v.carer_id) in day.carer_by_id:
            routes.setdefault(v.carer_id, []).append(VisitId(v.id))
    return routes


def _with_lived_starts(day: Day, rows: Sequence[VisitRow], moved: str | None) -> Day:
    """What has begun is a fact: its start is when it began. The wish of the visit being moved is dropped."""
    begun = {v.id: v.begun_at for v in rows if v.begun_at is not None}

    def lived(v: Visit) -> Visit:
        if v.id in begun:
            return replace(v, pinned_start_at=begun[v.id])
        return replace(v, pinned_start_at=None) if v.id == moved else v

    return replace(day, visits=tuple(lived(v) for v in day.visits))
