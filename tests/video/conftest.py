"""A call and the facts that allow it, in a database of each make."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.events import Event
from kernel.work import UnitsOfWork, Work
from video import service
from video.model import CallFacts, CallTimes, Room
from video.service import Rung

NINE = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
TIMES = CallTimes(ring_s=45.0, second_try_s=900.0, link_life_s=3_600.0)
FACTS = CallFacts("v1", "c1", "k1", "u1", "k1", "screen", consent_active=True, shift_begun=True, visit_ended=False)
#: the machine's time in these tests; world time is the clock's
WALL_S = 1_764_000_000.0


@dataclass
class Calls:
    """Steps of calls, each in a transaction of its own, and what they told the log."""

    units: UnitsOfWork
    clock: SimulatedWorldClock
    told: list[Event] = field(default_factory=list)

    def ring(self, facts: CallFacts = FACTS, wall_s: float = WALL_S) -> Rung:
        """The carer rings."""
        return self.do(service.ring, facts, TIMES, wall_s)

    def do(self, step: Any, *args: Any, **kwargs: Any) -> Any:
        """One step."""
        with self.units.begin() as work:
            found = step(work, *args, **kwargs)
            self.told.extend(work.recorded)
        return found

    def later(self, seconds: float) -> None:
        """World time goes on."""
        self.clock.advance_to(self.clock.now() + timedelta(seconds=seconds))

    def answered(self, by: Any = "link", key: str = "link:a") -> Room:
        """Rung and answered."""
        room: Room = self.do(service.answer, self.ring().room.room_id, by, key)
        return room

    def types(self) -> list[str]:
        """What was told, in order."""
        return [e.event_type for e in self.told]


@pytest.fixture
def calls(database: Database) -> Calls:
    """Nothing rung yet, nine in the morning."""
    clock = SimulatedWorldClock(NINE)
    return Calls(UnitsOfWork(database, clock), clock)


def facts(**changes: Any) -> CallFacts:
    """The facts of a call that is allowed, with some of them otherwise."""
    return replace(FACTS, **changes)


def rows(work: Work, table: Any) -> list[Any]:
    """Every row of a table."""
    return list(work.session.query(table).all())
