"""A day kept ready for questions: the routes of each unit as a schedule, made once and asked many times."""

from __future__ import annotations

from threading import Lock

from kernel.ids import UnitId, VisitId
from scheduling.model import Day, Plan
from scheduling.problem import Problem
from scheduling.reassignment.ranking import Proposal, rank_on
from scheduling.routes import schedule_of
from scheduling.timing import Schedule

TRIED = 24
"""Carers tried exactly for one visit; a planner is shown five, and an estimate is seldom that far off."""


class Board:
    """A day and its plan as they stood when it was made. Safe to ask from several threads."""

    def __init__(self, day: Day, plan: Plan) -> None:
        self.day = day
        self.plan = plan
        self._schedules: dict[UnitId, Schedule] = {}
        self._lock = Lock()

    def rank(self, visit_id: VisitId, tried: int | None = TRIED) -> list[Proposal]:
        """Carers for one visit, as ``ranking.rank_carers``; beyond the ``tried`` best the prices are estimates.

        Raises
        ------
        ValueError
            If the visit is unknown.
        """
        visit = self.day.visit_by_id.get(visit_id)
        if visit is None:
            raise ValueError(f"Expected a visit of the day, got {visit_id}.")
        with self._lock:
            if visit.unit_id not in self._schedules:
                problem = Problem(self.day, [visit.unit_id], dense=False)
                self._schedules[visit.unit_id] = schedule_of(problem, self.plan, strict=True)
            return rank_on(self._schedules[visit.unit_id], visit_id, tried)
