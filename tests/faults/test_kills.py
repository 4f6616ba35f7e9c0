"""Gateway, ingest and broker killed three times each, while locks report and tablets send facts."""

import shutil
from pathlib import Path

import pytest

from devices.broker_process import mosquitto_path
from loadtests.soak.kills import run_kills
from tests.conftest import missing

ROUNDS = 3


@pytest.mark.postgres
@pytest.mark.timeout(500)
def test_killed_processes_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    if mosquitto_path() is None or shutil.which("redis-server") is None:
        missing("mosquitto or redis-server")
    if not sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        missing("PostgreSQL (Debian: postgresql)")

    found = run_kills(tmp_path, ROUNDS)

    assert found.kills == {"ingest": ROUNDS, "serve": ROUNDS, "broker": ROUNDS}
    assert found.held, found
    assert found.events > 100
    assert found.facts > 4
