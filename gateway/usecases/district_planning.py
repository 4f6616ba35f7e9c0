"""A large day planned by several workers: a job for each district, done by whoever is free, joined by who asked.

The parent job asks for one ``plan-district`` job per district and triggers the queue. While it waits it takes the jobs
nobody has: alone it does all of them, and one whose worker died (its lease ran out) is done again. The rows are the
truth: a district counts when its row says done. Stop the parent and its districts stop; stop a district and the
parent stops, for a plan with a hole in it is none.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from threading import Event as Signal
from threading import Lock
from typing import Any

from gateway.usecases.aids import with_aids
from kernel import jobs
from kernel.clock import LinkClock
from kernel.ids import CarerId, VisitId
from kernel.jobs import JobBody, JobCancelledError
from kernel.jobs import Progress as JobProgress
from kernel.tables import JobRow
from kernel.work import UnitsOfWork
from scheduling import day_store
from scheduling.districts.planning import PartRoutes, district_moves, plan_district
from scheduling.districts.split import District
from scheduling.errors import SchedulingError
from scheduling.model import Day
from scheduling.solver import Progress, Solver

DISTRICT_KIND = "plan-district"
LOOK_AGAIN_S = 0.2
TOLD_EVERY_S = 2.0
"""A district says how far it is more seldom than the plan it is part of: the log need not hear it twice."""


@dataclass(frozen=True, slots=True)
class DistrictCrew:
    """What a plan by district needs of the process it runs in.

    Parameters
    ----------
    wall_s
        Seconds since the epoch on the clock all workers share for leases.
    trigger
        Tells the queue of a job.
    most_visits
        Days with a unit larger than this are planned by district.
    """

    units: UnitsOfWork
    link: LinkClock
    wall_s: Callable[[], float]
    trigger: Callable[[str], None]
    most_visits: int


class DistrictDays:
    """The day a worker's last district was of, so that it is read once for all districts of a plan."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: tuple[str, Day] | None = None

    def put(self, parent_id: str, day: Day) -> None:
        """Keep the day of a plan instead of the one before."""
        with self._lock:
            self._known = (parent_id, day)

    def get(self, parent_id: str) -> Day | None:
        """The day of a plan, if it is the one at hand."""
        with self._lock:
            return self._known[1] if self._known is not None and self._known[0] == parent_id else None

    def drop(self) -> None:
        """Keep none."""
        with self._lock:
            self._known = None


class DistrictWork:
    """Both sides of planning by district: asking for districts and doing one."""

    def __init__(self, crew: DistrictCrew, solver: Solver) -> None:
        self._crew = crew
        self._solver = solver
        self._days = DistrictDays()

    @property
    def most_visits(self) -> int:
        """Visits of the largest district."""
        return self._crew.most_visits

    def body(self, tick: Callable[[], None] = lambda: None) -> JobBody:
        """The body of a district's job. ``tick`` is called now and then and may stop it by JobCancelledError."""

        def body(arguments: Mapping[str, Any], progress: JobProgress) -> dict[str, Any]:
            day = self._day_of(arguments)
            district = District(
                int(arguments["number"]),
                arguments["unit_id"],
                tuple(VisitId(v) for v in arguments["visits"]),
                tuple(CarerId(c) for c in arguments["carers"]),
            )
            known = day.visit_by_id.keys() >= set(district.visit_ids)
            if not known or not day.carer_by_id.keys() >= set(district.carer_ids):
                raise SchedulingError("plan_overtaken")
            told_at_s = self._crew.link.monotonic_s() - TOLD_EVERY_S

            def told(solved: Progress) -> None:
                nonlocal told_at_s
                tick()
                now_s = self._crew.link.monotonic_s()
                if now_s - told_at_s >= TOLD_EVERY_S:
                    told_at_s = now_s
                    progress.report(min(0.99, solved.done_ratio))

            found = plan_district(
                day,
                district,
                self._solver,
                moves=int(arguments["moves"]),
                seed=int(arguments["seed"]),
                progress=told,
                cancelled=lambda: False,
            )
            return {
                "visit_count": sum(len(stops) for stops in found.routes.values()),
                "routes": {carer: list(stops) for carer, stops in found.routes.items()},
                "reasons": dict(found.reasons),
            }

        return body

    def planned(
        self, day: Day, districts: Sequence[District], *, moves: int, seed: int, progress: JobProgress, share: float
    ) -> list[PartRoutes]:
        """Every district's routes; progress goes from 0 to ``share``.

        Raises
        ------
        JobCancelledError
            If the plan or one of its districts was stopped.
        SchedulingError
            With the code of the district that failed.
        """
        parent_id = progress.job_id
        self._stop_those_of(parent_id)
        self._days.put(parent_id, day)
        ids: list[str] = []
        try:
            ids = self._asked(day, districts, moves, seed, parent_id)
            for job_id in ids:
                self._crew.trigger(job_id)
            rows = self._waited_for(ids, progress, share)
            return [_routes_of(rows[job_id]) for job_id in ids]
        finally:
            self._stop_those_of(parent_id)
            self._days.drop()
            self._trimmed(ids)

    def _asked(self, day: Day, districts: Sequence[District], moves: int, seed: int, parent_id: str) -> list[str]:
        with self._crew.units.begin() as work:
            return [
                jobs.request(
                    work,
                    DISTRICT_KIND,
                    {
                        "parent": parent_id,
                        "day": day.on.isoformat(),
                        "unit_id": district.unit_id,
                        "number": district.number,
                        "visits": list(district.visit_ids),
                        "carers": list(district.carer_ids),
                        "held": _held_of(day, district),
                        "moves": district_moves(districts, number, moves),
                        "seed": seed,
                    },
                    district.unit_id,
                ).id
                for number, district in enumerate(districts)
            ]

    def _waited_for(self, ids: Sequence[str], progress: JobProgress, share: float) -> dict[str, JobRow]:
        pause = Signal()
        while True:
            rows, free = self._states(ids)
            for row in rows.values():
                if row.state == "failed":
                    raise SchedulingError("plan_overtaken" if row.error_code == "plan_overtaken" else "district_failed")
                if row.state == "cancelled":
                    raise JobCancelledError
            if all(row.state == "done" for row in rows.values()):
                return rows
            done = sum(row.progress_ratio for row in rows.values()) / len(rows)
            progress.report(share * done)
            if free:
                body = self.body(lambda done=done: progress.report(share * done))  # type: ignore[misc]
                holder = f"{progress.job_id[:24]}:{uuid.uuid4().hex[:8]}"
                jobs.run(self._crew.units, self._crew.link, self._crew.wall_s, {DISTRICT_KIND: body}, free[0], holder)
            else:
                pause.wait(LOOK_AGAIN_S)

    def _states(self, ids: Sequence[str]) -> tuple[dict[str, JobRow], list[str]]:
        """The rows of districts, and those nobody works on."""
        with self._crew.units.database.reading() as session:
            rows = {job_id: jobs.get(session, job_id) for job_id in ids}
            free = set(jobs.waiting(session, self._crew.wall_s()))
            session.expunge_all()
        return rows, [job_id for job_id in ids if job_id in free]

    def _stop_those_of(self, parent_id: str) -> None:
        """Nobody waits for them any more: those of a worker that died, or of a plan that was stopped."""
        with self._crew.units.begin() as work:
            for row in jobs.not_ended(work.session, DISTRICT_KIND):
                if row.arguments.get("parent") == parent_id:
                    jobs.cancel(work, row.id)

    def _trimmed(self, ids: Sequence[str]) -> None:
        """Who visits whom is in the routes: the rows keep how much it was."""
        with self._crew.units.begin() as work:
            for job_id in ids:
                if jobs.get(work.session, job_id).state in jobs.ENDED:
                    jobs.trim(work, job_id, ("parent", "day", "unit_id", "number", "visit_count", "moves", "seed"))

    def _day_of(self, arguments: Mapping[str, Any]) -> Day:
        known = self._days.get(str(arguments["parent"]))
        if known is None or not known.visit_by_id.keys() >= set(arguments["visits"]):
            with self._crew.units.database.reading() as session:
                on = date.fromisoformat(arguments["day"])
                known = with_aids(session, day_store.load_day(session, on, [str(arguments["unit_id"])]))
            self._days.put(str(arguments["parent"]), known)
        held = {visit_id: (carer_id, datetime.fromisoformat(at)) for visit_id, carer_id, at in arguments["held"]}
        return replace(
            known,
            visits=tuple(
                replace(v, begun=True, pinned_carer_id=CarerId(held[v.id][0]), pinned_start_at=held[v.id][1])
                if v.id in held
                else v
                for v in known.visits
            ),
        )


def _held_of(day: Day, district: District) -> list[list[str]]:
    """What has begun in a district, as the plan saw it: visit, carer, instant."""
    visits = (day.visit_by_id[v] for v in district.visit_ids)
    return [
        [v.id, v.pinned_carer_id, v.pinned_start_at.isoformat()]
        for v in visits
        if v.begun and v.pinned_carer_id is not None and v.pinned_start_at is not None
    ]


def _routes_of(row: JobRow) -> PartRoutes:
    result = row.result or {}
    return PartRoutes(
        {CarerId(c): tuple(VisitId(v) for v in stops) for c, stops in result["routes"].items()},
        {VisitId(v): code for v, code in result["reasons"].items()},
    )
