"""Same seed, same table, byte for byte: on another broker, on one core, with a busy neighbour."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from gateway.cli import main; main()", "demo", "--exit", "--small"]
BUSY = "while True: sum(range(10_000))"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def _table(seed: int, **environment: str) -> bytes:
    core = min(os.sched_getaffinity(0))
    ended = subprocess.run(
        [*(["taskset", "-c", str(core)] if environment.pop("one_core", "") else []), *COMMAND, "--seed", str(seed)],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    return ended.stdout


def test_the_same_seed_gives_the_same_table_wherever_it_runs() -> None:
    calm = _table(1)
    core = min(os.sched_getaffinity(0))
    neighbour = subprocess.Popen(["taskset", "-c", str(core), sys.executable, "-c", BUSY])
    try:
        crowded = _table(1, one_core="yes")
    finally:
        neighbour.kill()
        neighbour.wait()

    assert b"P10" in calm
    assert b"teknologi" in calm
    assert crowded == calm


def test_the_embedded_wheel_broker_gives_the_table_of_mosquitto_and_another_seed_another() -> None:
    mosquitto = _table(1, OMSORGSTID_MQTT__BROKER="auto")

    assert _table(1, OMSORGSTID_MQTT__BROKER="iotcore") == mosquitto
    assert _table(2) != mosquitto
