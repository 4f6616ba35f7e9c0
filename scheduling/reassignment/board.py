"""A day kept ready for questions: the routes of each unit as a schedule, made once and asked many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

from kernel.ids import UnitId, VisitId
from scheduling.model import Day
from scheduling.problem import Problem
from scheduling.reassignment.placing import strict_from_here
from scheduling.reassignment.ranking import Proposal, rank_on
from scheduling.reassignment.settings import settings_on
from scheduling.routes import timed
from scheduling.timing import Schedule


class Board:
    """A day and its routes as they stood when it was made. Safe to ask from several threads."""

    def __init__(self, day: Day, routes: Mapping[str, Sequence[VisitId]]) -> None:
        """``routes``: visits in order, by carer."""
        self.day = day
        self._routes = routes
        self._schedules: dict[UnitId, Schedule] = {}
        self._lock = Lock()

    def rank(self, visit_id: VisitId, *, all_exactly: bool = False) -> list[Proposal]:
        """Carers for one visit, as ``ranking.rank_on``; beyond the best ``carers_tried`` prices may be estimates.

        Raises
        ------
        ValueError
            If the visit is unknown.
        """
        visit = self.day.visit_by_id.get(visit_id)
        if visit is None:
            raise ValueError(f"Expected a visit of the day, got {visit_id}.")
        tried = None if all_exactly else settings_on(self.day.on).carers_tried
        with self._lock:
            if visit.unit_id not in self._schedules:
                self._schedules[visit.unit_id] = self._schedule(visit.unit_id)
            return rank_on(self._schedules[visit.unit_id], visit_id, tried)

    def _schedule(self, unit_id: UnitId) -> Schedule:
        problem = Problem(self.day, [unit_id], dense=False)
        known = {c: v for c, v in ((str(c.id), self._routes.get(c.id)) for c in problem.carers) if v}
        schedule = timed(problem, known)
        strict_from_here(schedule)
        return schedule
