"""The job that plans a day of a unit: progress, cancel, and applied only if it still fits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from gateway.usecases.aids import with_aids
from gateway.usecases.plans import publish_plan
from kernel.ids import CarerId
from kernel.jobs import JobBody
from kernel.jobs import Progress as JobProgress
from kernel.localtime import day_text
from kernel.work import UnitsOfWork
from scheduling import day_store
from scheduling.errors import SchedulingError
from scheduling.model import Day, Visit
from scheduling.solver import AnnealingSolver, Progress, Solver, standard_moves
from scheduling.tables import VisitRow

KIND = "plan-day"
MAX_SECONDS = 120.0


def plan_day_body(
    units: UnitsOfWork, solver: Solver | None = None, *, tell: Callable[[frozenset[str]], None]
) -> JobBody:
    """The body of the job: arguments ``day`` (ISO), ``unit_id``, ``seed``, ``moves`` (null: the standard).

    Parameters
    ----------
    tell
        Called after the plan is committed with the locks that need a new revocation list.
    """
    engine = solver or AnnealingSolver()

    def body(arguments: Mapping[str, Any], progress: JobProgress) -> dict[str, Any]:
        on, unit_id = date.fromisoformat(arguments["day"]), str(arguments["unit_id"])
        with units.database.reading() as session:
            # Versions first: what changes while we read makes the plan stale, never silently wrong.
            versions = {r.carer_id: r.version for r in day_store.routes_of(session, on, [unit_id])}
            day = _as_lived(day_store.load_day(session, on, [unit_id]), day_store.visits_of(session, on, [unit_id]))
            day = with_aids(session, day)
        if not day.visits:
            raise SchedulingError("no_visits_to_plan", day=day_text(on))
        moves = arguments.get("moves")
        plan = engine.solve(
            day,
            moves=standard_moves(len(day.visits)) if moves is None else int(moves),
            seconds=MAX_SECONDS,
            seed=int(arguments.get("seed", 1)),
            progress=lambda p: _tell(progress, p),
            cancelled=lambda: False,
        )
        expected: dict[str, int] = {c.id: versions.get(c.id, 0) for c in day.carers}
        with units.begin() as work:
            try:
                change = publish_plan(work, day, plan, reason="Ny plan for dagen", expected=expected)
            except SchedulingError as err:
                if err.code in ("route_stale", "visit_begun"):
                    raise SchedulingError("plan_overtaken") from err
                raise
        tell(change.locks_to_tell)
        return {
            "visit_count": sum(len(r.stops) for r in plan.routes),
            "unallocated_count": len(plan.unallocated),
            "travel_min": round(sum(r.travel_min for r in plan.routes)),
        }

    return body


def _as_lived(day: Day, rows: Sequence[VisitRow]) -> Day:
    """The day with what has begun held where and when it began: the rest is planned around it."""
    lived = {v.id: v for v in rows if v.begun_at is not None and v.carer_id is not None}

    def held(visit: Visit) -> Visit:
        row = lived.get(visit.id)
        if row is None or row.carer_id is None:
            return visit
        return replace(visit, begun=True, pinned_carer_id=CarerId(row.carer_id), pinned_start_at=row.begun_at)

    return replace(day, visits=tuple(held(v) for v in day.visits))


def _tell(progress: JobProgress, solved: Progress) -> None:
    # Raises JobCancelledError where a person asked to stop: the plan so far is not published then.
    progress.report(min(0.99, solved.done_ratio))
