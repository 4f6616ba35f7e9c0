"""The job that plans a day of a unit or of all: progress, cancel, and applied only if it still fits.

Where the day changed while the plan was made, it is made again from the new day, once; a day that changes again is left
as it is, and the job says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import structlog

from devices.keys.schemas import RightsChange
from gateway.usecases.aids import with_aids
from gateway.usecases.district_planning import DistrictWork
from gateway.usecases.plans import publish_plan
from kernel.attempts import again
from kernel.ids import CarerId
from kernel.jobs import JobBody
from kernel.jobs import Progress as JobProgress
from kernel.localtime import day_text
from kernel.work import UnitsOfWork
from scheduling import day_store
from scheduling.districts.planning import districts_of, joined_plan
from scheduling.districts.split import District
from scheduling.errors import SchedulingError
from scheduling.model import Day, Plan, Visit
from scheduling.solver import AnnealingSolver, Progress, Solver, standard_moves
from scheduling.tables import VisitRow

log = structlog.get_logger(__name__)

KIND = "plan-day"
ALL_KIND = "plan-all"
OVERTAKEN = "plan_overtaken"
MAX_SECONDS = 120.0
DISTRICTS_SHARE = 0.85
"""Progress of a plan by district when all districts are done: the borders are still to come."""


def plan_day_body(
    units: UnitsOfWork,
    solver: Solver | None = None,
    *,
    tell: Callable[[frozenset[str]], None],
    districts: DistrictWork | None = None,
) -> JobBody:
    """The body of the job: arguments ``day`` (ISO), ``unit_id`` or ``unit_ids``, ``seed``, ``moves`` (null: the
    standard).

    Parameters
    ----------
    tell
        Called after the plan is committed with the locks that need a new revocation list.
    districts
        How days with a large unit are shared among workers; ``None``: they are planned here, unit by unit.
    """
    planner = _Planner(units, solver or AnnealingSolver(), districts)

    def body(arguments: Mapping[str, Any], progress: JobProgress) -> dict[str, Any]:
        try:
            made = planner.made(arguments, progress)
            change = planner.applied(made)
            rebased = False
        except SchedulingError as err:
            if err.code != OVERTAKEN:
                raise
            # Somebody changed the day meanwhile. Their change stands; the plan is made again, once, around it.
            log.info("plan_rebased", job_id=progress.job_id)
            progress.note({"rebased": True})
            made = planner.made(arguments, progress)
            change = planner.applied(made)
            rebased = True
        tell(change.locks_to_tell)
        return {
            "visit_count": sum(len(r.stops) for r in made.plan.routes),
            "unallocated_count": len(made.plan.unallocated),
            "travel_min": round(sum(r.travel_min for r in made.plan.routes)),
            "district_count": made.district_count,
            "rebased": rebased,
        }

    return body


@dataclass(frozen=True, slots=True)
class _Made:
    """A plan, and the versions of the routes it was made from, by carer."""

    day: Day
    plan: Plan
    versions: Mapping[str, int]
    district_count: int


class _Planner:
    """One attempt at a day: read, planned, applied if it still fits."""

    def __init__(self, units: UnitsOfWork, engine: Solver, districts: DistrictWork | None) -> None:
        self._units, self._engine, self._districts = units, engine, districts

    def made(self, arguments: Mapping[str, Any], progress: JobProgress) -> _Made:
        """The plan of the day as it is now.

        Raises
        ------
        SchedulingError
            ``no_visits_to_plan``; ``plan_overtaken`` or ``district_failed`` from a district.
        """
        on = date.fromisoformat(arguments["day"])
        unit_ids = arguments["unit_ids"] if "unit_ids" in arguments else [str(arguments["unit_id"])]
        day, versions = _read(self._units, on, unit_ids)
        if not day.visits:
            raise SchedulingError("no_visits_to_plan", day=day_text(on))
        wanted, seed = arguments.get("moves"), int(arguments.get("seed", 1))
        moves = standard_moves(len(day.visits)) if wanted is None else int(wanted)
        parts = districts_of(day, self._districts.most_visits) if self._districts is not None else ()
        if self._districts is not None and len(parts) > len({p.unit_id for p in parts}):
            plan = self._by_district(self._districts, day, parts, moves, seed, progress)
        else:
            plan = self._engine.solve(
                day,
                moves=moves,
                seconds=MAX_SECONDS,
                seed=seed,
                progress=lambda p: _tell(progress, p),
                cancelled=lambda: False,
            )
        return _Made(day, plan, {c.id: versions.get(c.id, 0) for c in day.carers}, max(1, len(parts)))

    def applied(self, made: _Made) -> RightsChange:
        """The plan published, all or nothing.

        Raises
        ------
        SchedulingError
            ``plan_overtaken`` if a route has changed or a visit has begun since the day was read.
        """
        return again(lambda: self._applied_once(made))

    def _applied_once(self, made: _Made) -> RightsChange:
        with self._units.begin() as work:
            try:
                return publish_plan(work, made.day, made.plan, reason="Ny plan for dagen", expected=made.versions)
            except SchedulingError as err:
                if err.code in ("route_stale", "visit_begun"):
                    raise SchedulingError(OVERTAKEN) from err
                raise

    @staticmethod
    def _by_district(
        work: DistrictWork, day: Day, parts: Sequence[District], moves: int, seed: int, progress: JobProgress
    ) -> Plan:
        found = work.planned(day, parts, moves=moves, seed=seed, progress=progress, share=DISTRICTS_SHARE)
        return joined_plan(
            day,
            parts,
            found,
            moves=moves,
            seed=seed,
            progress=lambda r: progress.report(min(0.99, DISTRICTS_SHARE + (1.0 - DISTRICTS_SHARE) * r)),
            cancelled=lambda: False,
        )


def _read(units: UnitsOfWork, on: date, unit_ids: Sequence[str]) -> tuple[Day, dict[str, int]]:
    """The day as it is lived, and the versions of its routes by carer."""
    with units.database.reading() as session:
        # Versions first: what changes while we read makes the plan stale, never silently wrong.
        versions = {r.carer_id: r.version for r in day_store.routes_of(session, on)}
        day = day_store.load_day(session, on, unit_ids)
        # With the units that have merged into this one.
        day = _as_lived(day, day_store.visits_of(session, on, {v.unit_id for v in day.visits}))
        return with_aids(session, day), versions


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
