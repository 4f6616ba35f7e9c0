"""The signer started before anybody has migrated the database: it waits, and says so."""

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic

from gateway.migrations import migrate
from kernel.database import Database

START = [sys.executable, "-c", "from gateway.cli import main; main()", "signer"]
ROOT = Path(__file__).resolve().parents[2]


def _start(work_dir: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMSORGSTID_WORK_DIR": str(work_dir)}
    return subprocess.Popen(
        [*START, *options], env=environment, cwd=work_dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if word in line:
            break
    return lines


def test_it_says_that_it_waits_and_serves_once_the_database_is_migrated(tmp_path: Path) -> None:
    process = _start(tmp_path)
    try:
        waited = _read_until(process, "signer_waits_for_migration")
        assert "signer_waits_for_migration" in waited[-1]
        database = Database(f"sqlite:///{tmp_path / 'omsorgstid.db'}")
        migrate(database)
        database.dispose()

        started = _read_until(process, "signer_ready")

        assert "signer_ready" in started[-1]
        assert "Traceback" not in "".join(waited + started)
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_it_ends_with_a_sentence_and_status_1_when_nobody_migrates(tmp_path: Path) -> None:
    began_s = monotonic()

    process = _start(tmp_path, "--wait", "0.2")
    _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "not migrated after 0.2 s" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert monotonic() - began_s < 50
