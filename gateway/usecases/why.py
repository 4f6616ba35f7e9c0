"""Why a visit is where it is, and what it would mean with somebody else. Reads only; never about how anybody works."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from gateway.usecases.lived_day import day_and_plan
from kernel.ids import CarerId, VisitId
from scheduling.errors import SchedulingError
from scheduling.explanation import Explanation, explain
from scheduling.model import Day
from scheduling.moves import Move, check_move
from scheduling.reassignment.cost_parts import cost_parts
from scheduling.rules import Breach
from scheduling.tables import VisitRow


@dataclass(frozen=True, slots=True)
class Instead:
    """The same visit with another carer: the rules that forbid it, and the cost it would add, term by term."""

    carer_id: str
    forbidden: tuple[Breach, ...]
    parts: Mapping[str, float]

    @property
    def cost_min(self) -> float:
        """Minutes of cost it would add; negative if it would be cheaper."""
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Why:
    """The facts behind one allocation, and the comparison somebody asked for."""

    row: VisitRow
    day: Day
    explanation: Explanation
    instead: Instead | None


def why(session: Session, visit_id: str, instead_of: str | None = None) -> Why:
    """Why a visit is with its carer; ``instead_of`` is the carer somebody would have thought of.

    Raises
    ------
    SchedulingError
        ``not_your_visit`` for an unknown visit, ``no_shift_today`` where the other carer is not on duty.
    """
    row = session.get(VisitRow, visit_id)
    if row is None or row.state == "cancelled":
        raise SchedulingError("not_your_visit")
    day, plan = day_and_plan(session, row.day, [row.unit_id])
    visit = VisitId(visit_id)
    found = explain(day, plan, visit)
    if instead_of is None or instead_of == row.carer_id:
        return Why(row, day, found, None)
    if CarerId(instead_of) not in day.carer_by_id:
        raise SchedulingError("no_shift_today")
    verdict = check_move(day, plan, Move(visit, CarerId(instead_of)))
    # The rules say what cannot be; a price beside them would be of a plan nobody may make.
    parts = {} if verdict.hard else cost_parts(day, plan, verdict.plan)
    return Why(row, day, found, Instead(instead_of, verdict.hard, parts))
