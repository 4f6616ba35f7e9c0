"""A platform in the middle of a day of 400 routes and 6,000 visits. No lock is connected: the board is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from random import Random

from sqlmodel import select

from gateway.app import create_app
from gateway.demo.municipality import Municipality, Size
from gateway.demo.running import RunningDay
from gateway.demo.stage import set_up_day
from gateway.runtime import Duties, Runtime
from gateway.settings import HttpSettings, Settings
from gateway.web_server import WebServer
from kernel.clock import SimulatedWorldClock
from kernel.localtime import at_local
from scheduling.solver import solve_day
from scheduling.tables import ShiftRow, VisitRow

ON = date(2026, 11, 25)
LANES, VISITS = 400, 6_000
NOW = time(10, 42)
_NEVER_BEGUN, _STILL_WAITING = 0.006, 0.02


@dataclass(frozen=True, slots=True)
class Town:
    """The platform: where it is, its parts, its world."""

    url: str
    runtime: Runtime
    clock: SimulatedWorldClock


@contextmanager
def big_town(work_dir: Path, lanes: int = LANES, seed: int = 1) -> Iterator[Town]:
    """Start the platform with a lived morning behind it, and stop it afterwards."""
    clock = SimulatedWorldClock(at_local(ON, NOW))
    running = RunningDay(clock, ON, at_local(ON, time(6, 30)), at_local(ON, time(15, 30)), None)
    settings = Settings(work_dir=work_dir, demo=True, http=HttpSettings(port=0))
    runtime = Runtime(settings, Duties(), clock=clock, speed=running)
    runtime.parts.demo = running
    runtime.start()
    server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
    server.start()
    try:
        size = Size(
            carers=lanes,
            citizens=lanes * 11,
            locks=0,
            keys_left=0,
            weekday_carers=lanes,
            weekend_carers=lanes,
            visits_per_carer=VISITS // LANES,
        )
        day = Municipality(seed, size).day(ON)
        set_up_day(runtime, day, solve_day(day, moves=0))
        _live_the_morning(runtime, Random(seed))
        yield Town(f"http://127.0.0.1:{server.port}", runtime, clock)
    finally:
        server.stop()
        runtime.stop()


def _live_the_morning(runtime: Runtime, chance: Random) -> None:
    """Everybody is on duty; what should be over is, but for a few visits that nobody began."""
    now = runtime.clock.now()
    with runtime.units.begin() as work:
        for shift in work.session.exec(select(ShiftRow).order_by(ShiftRow.id)):
            shift.state, shift.started_at = "begun", shift.planned_start_at
        for visit in work.session.exec(select(VisitRow).order_by(VisitRow.id)):
            drawn, off_by = chance.random(), timedelta(minutes=chance.randint(-2, 6))
            if visit.start_at is None or visit.end_at is None or visit.start_at + off_by >= now:
                continue
            over = visit.end_at + off_by < now
            if drawn < (_NEVER_BEGUN if over else _STILL_WAITING):
                continue
            visit.state, visit.begun_at, visit.source = "begun", visit.start_at + off_by, "manual"
            if over:
                visit.state, visit.ended_at, visit.outcome = "ended", visit.end_at + off_by, "done"
