"""A planner whose process is killed in the middle of the search leaves the routes as they were."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import select

from gateway.migrations import migrate
from gateway.usecases.days import import_day
from gateway.usecases.planning import KIND, plan_day_body
from kernel import jobs
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.ids import UnitId
from kernel.work import UnitsOfWork
from scheduling.tables import RouteChangeRow, RouteRow, VisitRow
from tests.gateway.platform import eventually
from tests.scheduling.days import SEVEN, municipality

ROOT = Path(__file__).parents[2]
RUN_JOB = """
import sys, time
from gateway.usecases.planning import KIND, plan_day_body
from kernel import jobs
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from tests.scheduling.days import SEVEN

units = UnitsOfWork(Database(sys.argv[1]), SimulatedWorldClock(SEVEN))
body = plan_day_body(units, tell=lambda _locks: None)
jobs.run(units, SystemLinkClock(), time.time, {KIND: body}, sys.argv[2], "doomed")
"""


def _asked(units: UnitsOfWork, on: date, unit_id: str, moves: int) -> str:
    with units.begin() as work:
        arguments = {"day": on.isoformat(), "unit_id": unit_id, "seed": 2, "moves": moves}
        return jobs.request(work, KIND, arguments, UnitId(unit_id)).id


def _run(units: UnitsOfWork, job_id: str) -> str:
    body = plan_day_body(units, tell=lambda _locks: None)
    return jobs.run(units, SystemLinkClock(), time.time, {KIND: body}, job_id, "test")


def _stored(database: Database) -> list[dict[str, Any]]:
    with database.reading() as session:
        tables = (RouteRow, RouteChangeRow, VisitRow)
        return [row.model_dump() for table in tables for row in session.exec(select(table)).all()]


def test_a_search_killed_half_way_changes_nothing_and_the_next_one_plans(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'day.db'}"
    database = Database(url)
    migrate(database)
    units = UnitsOfWork(database, SimulatedWorldClock(SEVEN))
    day = municipality(5, carers=5, visits_each=10)
    unit_id = day.units[0].id
    with units.begin() as work:
        import_day(work, day)
    assert _run(units, _asked(units, day.on, unit_id, 500)) == "done"
    before = _stored(database)
    doomed = _asked(units, day.on, unit_id, 60_000_000)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen([sys.executable, "-c", RUN_JOB, url, doomed], env=environment)
    try:
        assert eventually(lambda: _progress(database, doomed) > 0.0, 60)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(30)

    assert _stored(database) == before
    assert _run(units, _asked(units, day.on, unit_id, 800)) == "done"
    assert _stored(database) != before
    database.dispose()


def _progress(database: Database, job_id: str) -> float:
    with database.reading() as session:
        return jobs.get(session, job_id).progress_ratio
