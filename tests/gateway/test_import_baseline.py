"""Freezing a baseline on the command line."""

import subprocess
from pathlib import Path

import pytest

from tests.gateway.demo_days import COMMAND, command_environment
from tests.metrics.care import routing_csv, screen_csv
from tests.scheduling.days import LILLESTAD

UNIT = "lillestad"


def _omsorgstid(work_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=command_environment(work_dir),
    )


def _file(folder: Path, content: bytes) -> str:
    path = folder / "study.csv"
    path.write_bytes(content)
    return str(path)


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    assert _omsorgstid(folder, "import-day", str(LILLESTAD)).returncode == 0
    return folder


def test_a_file_of_measurements_becomes_a_baseline(work_dir: Path, tmp_path: Path) -> None:
    study = _file(tmp_path, screen_csv([f"s{n}" for n in range(5)], [(140, 50), (160, 50)], UNIT))
    done = _omsorgstid(work_dir, "import-baseline", study, "--technology", "screen")
    assert (done.returncode, done.stdout) == (0, f"{UNIT} week: 200.0 min, n 10\n"), done.stderr


def test_a_wrong_cell_is_named_and_nothing_is_taken_in(work_dir: Path, tmp_path: Path) -> None:
    study = _file(tmp_path, routing_csv(99, 70, UNIT))
    refused = _omsorgstid(work_dir, "import-baseline", study, "--technology", "routing")
    assert refused.returncode == 1
    assert "row 2, legs: expected a whole number from 1 to 60, found 99" in refused.stderr


def test_a_technology_without_measurements_is_refused_with_the_ones_there_are(work_dir: Path, tmp_path: Path) -> None:
    study = _file(tmp_path, routing_csv(10, 70, UNIT))
    refused = _omsorgstid(work_dir, "import-baseline", study, "--technology", "tablets")
    assert refused.returncode == 2
    assert "keys|screen|transfers|routing" in refused.stderr


def test_a_log_that_tells_of_too_few_citizens_gives_no_baseline(work_dir: Path) -> None:
    days = ("--from", "2026-03-02", "--to", "2026-05-31")
    refused = _omsorgstid(work_dir, "measure-baseline", "--unit", UNIT, *days)
    assert refused.returncode == 1
    assert "expected at least 5 citizens with 4 weeks before the screen, found 0" in refused.stderr
