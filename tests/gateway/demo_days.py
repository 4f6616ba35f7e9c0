"""Running the command line on days, and reading what became of them from the database."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from scheduling import day_store, publishing
from scheduling.model import Day
from scheduling.tables import RouteRow
from tests.scheduling.days import BENCHMARKS

#: the installed command, beside the interpreter
COMMAND = str(Path(sys.executable).with_name("omsorgstid"))
CHECK = BENCHMARKS / "check.py"


def command_environment(work_dir: Path) -> dict[str, str]:
    """The environment of a command that keeps everything in one directory."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OMSORGSTID_")}
    return kept | {"OMSORGSTID_WORK_DIR": str(work_dir), "COLUMNS": "200"}


def published_solution(session: Session, on: date) -> dict[str, Any]:
    """The routes as they are published, in the benchmark's solution format: minutes from stored instants."""
    day: Day = day_store.load_day(session, on)
    routes = []
    for carer_id in sorted(r.carer_id for r in session.exec(select(RouteRow).where(RouteRow.day == on)).all()):
        stops = publishing.stops_of(session, carer_id, on)
        locations = []
        for stop in stops:
            assert stop.start_at is not None
            assert stop.end_at is not None
            locations.append(
                {
                    "patient": stop.citizen_id,
                    "service": stop.service,
                    "arrival_time": day.minute(stop.start_at),
                    "departure_time": day.minute(stop.end_at),
                }
            )
        routes.append({"caregiver_id": carer_id, "locations": locations})
    return {"routes": routes}


def verdict_on(instance: Path, solution: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """What the benchmark's strict judge says of a solution."""
    file = scratch / "published.json"
    file.write_text(json.dumps(solution), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(CHECK), str(instance), str(file)], capture_output=True, check=False, timeout=60
    )
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict
