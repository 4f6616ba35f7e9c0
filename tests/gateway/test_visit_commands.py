"""``omsorgstid import-visits`` and ``generate-day``: on the command line as on the pages."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from gateway.cli import app
from kernel.clock import SystemWorldClock
from kernel.database import Database
from kernel.localtime import local_day
from kernel.work import UnitsOfWork
from scheduling import day_store
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.databases import sqlite_database
from tests.scheduling.days import municipality


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database in a work directory, with a register of people."""
    monkeypatch.setenv("OMSORGSTID_WORK_DIR", str(tmp_path))
    made = sqlite_database(tmp_path / "omsorgstid.db")
    with UnitsOfWork(made, SystemWorldClock()).begin() as work:
        day_store.register(work, municipality(3, carers=2, visits_each=2))
    return made


def run(*arguments: str) -> tuple[int, str]:
    """A command's status and all it said."""
    answer = CliRunner().invoke(app, list(arguments))
    return answer.exit_code, answer.output


def test_a_weekly_plan_comes_in_and_makes_a_day_twice_the_same(database: Database, tmp_path: Path) -> None:
    ahead: date = local_day(SystemWorldClock().now()) + timedelta(days=2)
    with database.reading() as session:
        number = session.exec(select(CitizenRow.short)).all()[0]
    file = tmp_path / "grundplan.csv"
    row = f"{number};Sygepleje;08,00;09:00;20;alle;{ahead:%d-%m-%Y}\n"
    file.write_bytes(f"Borger;Ydelse;Fra;Til;Varighed;Ugedage;Gælder fra\n{row}".encode("cp1252"))
    status, said = run("import-visits", str(file))
    assert status == 1
    assert "række 2, kolonne Fra: forventede et klokkeslæt som 07:30, fandt 08,00" in said

    file.write_text(file.read_text("cp1252").replace("08,00", "08:00"))
    status, said = run("import-visits", str(file))
    assert (status, "patterns, 1 rows; 1 made" in said) == (0, True), said
    first, second = run("generate-day", ahead.isoformat()), run("generate-day", ahead.isoformat())

    assert (first[0], "1 made, 0 changed" in first[1]) == (0, True), first
    assert (second[0], "0 made, 0 changed" in second[1]) == (0, True), second
    with database.reading() as session:
        assert [v.service for v in session.exec(select(VisitRow).where(VisitRow.day == ahead))] == ["nursing"]
    database.dispose()
