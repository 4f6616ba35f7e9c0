"""A day stored in a database, for tests of what happens to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import select

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import UnitsOfWork
from scheduling import day_store, publishing
from scheduling.model import Day
from scheduling.publishing import RouteDraft
from scheduling.solver import solve_day
from scheduling.tables import ShiftRow, VisitRow
from tests.scheduling.days import SEVEN, municipality


@dataclass
class Stored:
    """The day, and a world that can be moved on."""

    units: UnitsOfWork
    clock: SimulatedWorldClock
    day: Day
    drafts: dict[str, RouteDraft]

    @property
    def carers(self) -> list[str]:
        """Carers by id."""
        return sorted(self.drafts)

    def visits_of(self, carer_id: str) -> list[str]:
        """The visits a carer was drafted, in order."""
        return [s.visit_id for s in self.drafts[carer_id].stops]

    def shift(self, carer_id: str) -> ShiftRow:
        """A shift as it stands."""
        with self.units.database.reading() as session:
            return session.exec(select(ShiftRow).where(ShiftRow.carer_id == carer_id)).one()

    def visit(self, visit_id: str) -> VisitRow:
        """A visit as it stands."""
        with self.units.database.reading() as session:
            row = session.get(VisitRow, visit_id)
        assert row is not None
        return row

    def told(self, event_type: str) -> list[dict[str, Any]]:
        """What the log says, in the order it was recorded."""
        with self.units.database.reading() as session:
            rows = session.exec(select(EventRow).order_by(EventRow.id)).all()  # type: ignore[arg-type]
        return [dict(r.data) for r in rows if r.event_type == event_type]

    def wait(self, minutes: float) -> None:
        """World time passes."""
        self.clock.advance_to(self.clock.now() + timedelta(minutes=minutes))


def stored_day(database: Database, *, published: bool = True, seed: int = 3) -> Stored:
    """Store a small seeded day; its plan is published unless told otherwise."""
    clock = SimulatedWorldClock(SEVEN)
    units = UnitsOfWork(database, clock)
    day = municipality(seed, carers=4, visits_each=5)
    plan = solve_day(day, moves=300)
    drafts = {d.carer_id: d for d in publishing.drafts_of(plan, {c.id: c.unit_id for c in day.carers})}
    with units.begin() as work:
        day_store.save_day(work, day)
    if published:
        with units.begin() as work:
            left_over = {str(u.visit_id): u.reason for u in plan.unallocated}
            publishing.publish(work, day.on, list(drafts.values()), reason="Dagens plan", unallocated=left_over)
    return Stored(units, clock, day, drafts)
