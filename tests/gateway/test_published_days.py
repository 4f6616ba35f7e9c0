"""A benchmark day through import, the planning job and the database: what is published still pleases the judge."""

import json
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.usecases.days import import_day
from gateway.usecases.planning import KIND, plan_day_body
from kernel import jobs
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.ids import UnitId
from kernel.tables import JobRow
from kernel.work import UnitsOfWork
from scheduling import day_store
from scheduling.day_file import load_day
from scheduling.hhcrsp import UNIT_ID
from tests.gateway.demo_days import published_solution, verdict_on
from tests.scheduling.days import BENCHMARKS, LILLESTAD
from tests.scheduling.test_hhcrsp import benchmark, needs_benchmarks

ON = date(2026, 11, 25)


def _planned_by_the_job(database: Database, instance: Path, moves: int) -> JobRow:
    units = UnitsOfWork(database, SimulatedWorldClock(datetime(2026, 11, 25, 5, tzinfo=UTC)))
    with units.begin() as work:
        import_day(work, load_day(instance, hhcrsp_on=ON))
        arguments = {"day": ON.isoformat(), "unit_id": UNIT_ID, "seed": 1, "moves": moves}
        job_id = jobs.request(work, KIND, arguments, UnitId(UNIT_ID)).id
    jobs.run(
        units, SystemLinkClock(), time.time, {KIND: plan_day_body(units, tell=lambda _locks: None)}, job_id, "test"
    )
    with database.reading() as session:
        return jobs.get(session, job_id)


@needs_benchmarks
@pytest.mark.parametrize(("name", "moves"), [("003-rome", 5_000), ("021-florence", 3_000)])
def test_the_routes_as_published_are_feasible_to_the_strict_judge(
    name: str, moves: int, database: Database, tmp_path: Path
) -> None:
    instance = benchmark(name)

    job = _planned_by_the_job(database, instance, moves)

    assert (job.state, job.error_code) == ("done", None)
    assert job.result is not None
    assert job.result["unallocated_count"] == 0
    with database.reading() as session:
        solution = published_solution(session, ON)
    verdict = verdict_on(instance, solution, tmp_path)
    assert verdict["feasible"], verdict
    assert verdict["distance"] == pytest.approx(job.result["travel_min"], abs=1.0)
    assert sum(len(r["locations"]) for r in solution["routes"]) == job.result["visit_count"]
    assert (BENCHMARKS / "check.py").is_file()


def test_ids_as_long_as_the_day_file_allows_fit_both_databases(database: Database) -> None:
    value = json.loads(LILLESTAD.read_text(encoding="utf-8"))
    text = json.dumps(value, ensure_ascii=False)
    for short, size in (("anna", 50), ("bo", 50), ("clara", 64), ("v3", 64), ("v4", 64), ("dør-clara", 64)):
        text = text.replace(f'"{short}"', f'"{short.ljust(size, "x")}"')
    day = load_day(text.encode())
    units = UnitsOfWork(database, SimulatedWorldClock(day.zero_at))

    with units.begin() as work:
        import_day(work, day)

    with database.reading() as session:
        assert day_store.load_day(session, ON).pairs == day.pairs
