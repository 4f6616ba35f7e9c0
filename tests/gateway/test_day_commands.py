"""Days in and out of the database on the command line."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from kernel.database import Database
from scheduling.day_file import load_day
from scheduling.model import Day
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.tables import DayFrameRow, ShiftRow, VisitRow
from tests.gateway.demo_days import COMMAND, command_environment
from tests.scheduling.days import LILLESTAD, lillestad


def _omsorgstid(work_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=command_environment(work_dir),
    )


def _in_order(day: Day) -> Day:
    """The order of records is no part of a day."""
    return replace(
        day,
        carers=tuple(sorted(day.carers, key=lambda c: c.id)),
        citizens=tuple(sorted(day.citizens, key=lambda c: c.id)),
        visits=tuple(sorted(day.visits, key=lambda v: v.id)),
    )


def _broken(tmp_path: Path) -> Path:
    value = json.loads(LILLESTAD.read_text(encoding="utf-8"))
    value["visits"][3]["citizen_id"] = "nobody"
    value["citizens"][0]["door"]["device_id"] = "lås-1"
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return file


def test_a_day_goes_into_the_database_and_comes_out_as_it_was(tmp_path: Path) -> None:
    brought = _omsorgstid(tmp_path, "import-day", str(LILLESTAD))
    out = tmp_path / "out.json"
    taken = _omsorgstid(tmp_path, "export-day", "2026-11-25", "--out", str(out))

    assert (brought.returncode, taken.returncode) == (0, 0), brought.stderr + taken.stderr
    assert brought.stdout == "2026-11-25: 4 visits, 2 carers imported\n"
    assert _in_order(load_day(out)) == _in_order(lillestad())


@pytest.mark.parametrize("command", [["import-day"], ["plan"], ["demo", "--exit", "--day"]], ids=lambda c: c[0])
def test_a_broken_day_file_names_path_expected_and_found_and_nothing_is_imported(
    command: list[str], tmp_path: Path
) -> None:
    refused = _omsorgstid(tmp_path, *command, str(_broken(tmp_path)))

    assert refused.returncode == 1
    assert '$.visits[3].citizen_id: expected the id of a citizen in the file, found "nobody"' in refused.stderr
    assert "$.citizens[0].door.device_id: expected text of the form" in refused.stderr
    assert 'found "lås-1"' in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    if (tmp_path / "omsorgstid.db").exists():
        _expect_nothing_stored(tmp_path / "omsorgstid.db")


def test_a_day_is_not_brought_in_twice_nor_is_a_visit(tmp_path: Path) -> None:
    value = json.loads(LILLESTAD.read_text(encoding="utf-8").replace("2026-11-25", "2026-11-26"))
    next_day = tmp_path / "next.json"
    next_day.write_text(json.dumps(value), encoding="utf-8")

    runs = [_omsorgstid(tmp_path, "import-day", str(f)) for f in (LILLESTAD, LILLESTAD, next_day)]

    assert [r.returncode for r in runs] == [0, 1, 1]
    assert "ons. 25. nov." in runs[1].stderr
    assert '$.visits[0].id: expected an id no other day has, found "v1"' in runs[2].stderr
    database = Database(f"sqlite:///{tmp_path / 'omsorgstid.db'}")
    with database.reading() as session:
        assert len(session.exec(select(VisitRow)).all()) == 4
        assert len(session.exec(select(DayFrameRow)).all()) == 1
    database.dispose()


@pytest.mark.parametrize(
    "arguments",
    [["import-day", "nowhere.json"], ["plan", "nowhere.json"], ["demo", "--day", "nowhere.json"], ["export-day", "x"]],
    ids=" ".join,
)
def test_what_is_not_there_is_named_without_a_traceback(arguments: list[str], tmp_path: Path) -> None:
    refused = _omsorgstid(tmp_path, *arguments)

    assert refused.returncode == 2
    assert arguments[-1] in refused.stderr
    assert "Traceback" not in refused.stderr


def _expect_nothing_stored(file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    with database.reading() as session:
        for table in (DayFrameRow, UnitRow, CarerRow, CitizenRow, ShiftRow, VisitRow):
            assert session.exec(select(table)).all() == [], table
    database.dispose()
