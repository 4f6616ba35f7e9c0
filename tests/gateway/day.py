"""A planned day in a database, without broker, pages or threads: what use cases need to be tried."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.usecases.days import enrol_locks, import_day, locks_of
from gateway.usecases.moves import Wanted, check
from gateway.usecases.plans import publish_plan
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from scheduling import day_store, publishing
from scheduling.model import Day
from scheduling.solver import solve_day
from scheduling.tables import VisitRow
from tests.scheduling.days import SEVEN, municipality

TENANT = "demo"


@dataclass
class PlannedDay:
    """A day of one unit with four carers, published once."""

    units: UnitsOfWork
    clock: SimulatedWorldClock
    day: Day

    @property
    def database(self) -> Database:
        """Where it is stored."""
        return self.units.database

    def versions(self) -> dict[str, int]:
        """Route versions by route id, as a board shows them."""
        with self.database.reading() as session:
            return {r.id: r.version for r in day_store.routes_of(session, self.day.on)}

    def visit(self, visit_id: str) -> VisitRow:
        """A visit as it stands."""
        with self.database.reading() as session:
            row = session.get(VisitRow, visit_id)
        assert row is not None
        return row

    def stops(self, carer_id: str) -> list[str]:
        """The visits on a carer's route, in order."""
        with self.database.reading() as session:
            return [v.id for v in publishing.stops_of(session, carer_id, self.day.on)]

    def movable(self, carers_wanted: int = 1, *, with_lock: bool = False) -> tuple[str, str, list[str]]:
        """A visit, the carer who has it, and that many others who could take it."""
        locked = set(locks_of(self.day).values())
        doors = {door_id for door_id, _, _ in locked}
        with self.database.reading() as session:
            for row in day_store.visits_of(session, self.day.on):
                if row.carer_id is None or row.pair_id or (with_lock and row.door_id not in doors):
                    continue
                others = [
                    str(c.id)
                    for c in self.day.carers
                    if c.id != row.carer_id and check(session, Wanted(row.id, c.id, None, "illness")).verdict.allowed
                ]
                if len(others) >= carers_wanted:
                    return row.id, row.carer_id, others[:carers_wanted]
        raise AssertionError("Expected a visit that others could take, got none.")


def planned_day(database: Database, seed: int = 3, at: datetime = SEVEN - timedelta(minutes=5)) -> PlannedDay:
    """Store and publish a small seeded day, its locks enrolled."""
    clock = SimulatedWorldClock(at)
    units = UnitsOfWork(database, clock)
    day = municipality(seed, carers=4, visits_each=6)
    with units.begin() as work:
        import_day(work, day)
        enrol_locks(work, TENANT, day, {lock_id: bytes(32) for lock_id in locks_of(day)}, "test-lock")
    with units.begin() as work:
        publish_plan(work, day, solve_day(day, moves=400), reason="Dagens plan", expected=None)
    return PlannedDay(units, clock, day)
