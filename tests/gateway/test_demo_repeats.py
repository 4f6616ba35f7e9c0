"""Same seed, same table, byte for byte: on another broker, on one core, with a busy neighbour."""

import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, func
from sqlmodel import col, select

from devices.alarms.tables import AlarmRow
from devices.driving.tables import DrivingLogRow, VehicleTripRow
from devices.inbox.tables import QuarantineRow
from gateway.demo.follow_ups import REASON
from gateway.verify import Wanted, verify
from kernel.database import Database
from kernel.seals_daily import read_root
from kernel.tables import DailyRootRow, EventRow
from metrics.tables import EntryRow
from scheduling import day_store
from tests.conftest import TODAY

COMMAND = [sys.executable, "-c", "from gateway.cli import main; main()", "demo", "--exit", "--small"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def _begin(seed: int, *options: str, core: int | None = None, **environment: str) -> "subprocess.Popen[bytes]":
    """The command at work; on one core alone where one is named."""
    return subprocess.Popen(
        [*(["taskset", "-c", str(core)] if core is not None else []), *COMMAND, "--seed", str(seed), *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def _table(command: "subprocess.Popen[bytes]") -> bytes:
    """What it has said in the end."""
    table, complaints = command.communicate()
    assert command.returncode == 0, complaints.decode()[-2000:]
    return table


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the calm run keeps its database."""
    return f"sqlite:///{tmp_path_factory.mktemp('demo') / 'kept.db'}"


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the calm run writes its emergency lists."""
    return tmp_path_factory.mktemp("noedlister")


@pytest.fixture(scope="module")
def calm(kept: str, lists: Path) -> bytes:
    """The tables of seed 1 on mosquitto, where it is installed, undisturbed."""
    return _table(_begin(1, "--lists", str(lists), OMSORGSTID_DATABASE__URL=kept))


def test_the_emergency_lists_are_on_paper_before_the_day_and_after_its_changes(calm: bytes, lists: Path) -> None:
    assert calm
    units = sorted((lists / TODAY.isoformat()).glob("enhed-*"))
    editions = [sorted((unit / "tidligere").glob("udgave-*.pdf")) for unit in units]

    assert len(units) == 3
    assert all(re.search(rb"kl\. 05:0\d", found[0].read_bytes()) for found in editions), "before anybody is on duty"
    assert max(len(found) for found in editions) >= 2, "a carer was ill"
    newest = [(unit / "noedliste.pdf").read_bytes() for unit in units]
    assert newest == [found[-1].read_bytes() for found in editions]


def test_the_whole_story_is_in_the_log_and_nothing_was_set_aside(calm: bytes, kept: str) -> None:
    assert calm
    database = Database(kept)
    with database.reading() as session:
        rows = session.exec(select(EventRow.event_type, func.count()).group_by(EventRow.event_type)).all()
        told = Counter(dict(rows))
        aside = session.exec(select(QuarantineRow.reason)).all()
        visits = [v for v in day_store.visits_of(session, TODAY) if v.state == "ended"]
        alarms = session.exec(select(AlarmRow.kind)).all()
        purposes = session.exec(select(VehicleTripRow.purpose).distinct()).all()
        logs = session.exec(select(DrivingLogRow).where(DrivingLogRow.day == TODAY)).all()
    database.dispose()

    assert aside == []
    assert told["order.issued"] >= 1, "what a technician finds"
    assert told["door.vendor"] == 1
    assert "tamper" in alarms
    assert (told["carer.absent"], told["tablet.lost"], told["shift.key_replaced"]) == (1, 1, 1)
    assert told["visit.begun"] >= told["visit.ended"] > 2_000
    assert told["screen.ended"] > 100
    assert 0.9 * told["screen.ended"] < told["screen.quality"] <= told["screen.answered"] <= told["screen.ended"]
    assert told["screen.unanswered"] > 0
    assert told["transfer.recorded"] > 900
    assert told["transfer.answered"] > 50
    assert told["vehicle.trip"] > 50
    assert set(purposes) == {"business"}
    today = Counter(v.mode for v in visits)
    assert today["screen"] > 10
    assert today["physical"] > 190
    assert [v.mode for v in visits if v.why == REASON] == ["physical"]
    assert {log.state for log in logs} == {"closed"}
    assert told["benefit.baseline_frozen"] == 3 + 3 + 3 + 2


def test_the_log_the_locks_and_the_ledger_verify_and_evidence_that_is_taken_away_is_named(
    calm: bytes, kept: str
) -> None:
    assert calm
    database = Database(kept)
    with database.reading() as session:
        # The demo's key goes with its work directory; a daily root, where a day was exported, names it.
        roots = [read_root(text).public_key for text in session.exec(select(DailyRootRow.text))]
        wanted = Wanted(roots[0] if roots else bytes(32))
        verified = verify(session, wanted)
        first = session.exec(select(EntryRow).where(EntryRow.outcome == "counted").order_by(col(EntryRow.id))).first()
    assert verified.faults == []
    assert verified.unsealed == 0
    assert (verified.log.events > 10_000, verified.locks.events > 500, verified.entries > 500) == (True, True, True)

    assert first is not None
    with database.writing() as session:
        session.execute(delete(EventRow).where(col(EventRow.position) == first.evidence[0]))
    with database.reading() as session:
        faults = verify(session, wanted).faults
    database.dispose()
    named = [(fault.code, fault.where) for fault in faults]
    assert named[0] == ("row_missing", f"position {first.evidence[0]}")
    assert ("evidence_missing", f"ledger entry {first.id}") in named
    assert {code for code, _ in named} == {"row_missing", "evidence_missing"}


def test_every_step_of_the_waterfall_has_figures_in_its_order(calm: bytes) -> None:
    today, period = calm.decode().split("\n\n2026-11-11")
    totals = [line.split("  ") for line in period.splitlines() if re.match(r".*  Alle  ", line)]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in totals]

    assert [row[0] for row in cells] == [
        "Skærmbesøg",
        "Lifte og vendesystemer",
        "Nøgler og kørebog",
        "Ruteplanlægning",
        "Tablets",
        "Borger.dk",
    ]
    for row in cells[:4]:
        low, median, high = (int(number.replace(".", "").replace("−", "-")) for number in row[3].split("–"))
        assert low < median < high, row
        assert int(row[6].replace(".", "")) > 100
    assert [row[3] for row in cells[4:]] == ["for lidt data"] * 2
    assert "Ugen er ikke gjort op endnu" in today


def test_the_same_seed_gives_the_same_table_wherever_it_runs_and_another_seed_another(calm: bytes) -> None:
    core = min(os.sched_getaffinity(0))
    with ThreadPoolExecutor(2) as reading:
        # The busy neighbour is another town at its work, on the same core from the first second to the last.
        neighbour = reading.submit(_table, _begin(2, core=core))
        crowded = reading.submit(_table, _begin(1, core=core, OMSORGSTID_MQTT__BROKER="iotcore"))

    assert b"P10" in calm
    assert b"teknologi" in calm
    assert crowded.result() == calm
    assert neighbour.result() != calm
