"""``omsorgstid verify``: what somebody with the database's password changes is named, also long afterwards."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from devices.keys.cose import SigningKey
from devices.keys.signing import load_or_create_key
from gateway.migrations import migrate
from gateway.sealer import Sealer
from gateway.settings import Settings
from gateway.verify import Wanted, verify
from gateway.verify_command import VerifyError, verify_database
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.localtime import local_day
from kernel.seals import seal_next
from kernel.seals_daily import UnreadableRootError, read_root
from kernel.sequencer import Sequencer
from kernel.work import UnitsOfWork
from metrics.sums.keeping import FIGURES, KEYS
from tests.kernel.facts import AT, noted

DAY = timedelta(days=1)


class Office:
    """A log that is written to, sealed and exported day by day."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.clock = SimulatedWorldClock(AT)
        self.units = UnitsOfWork(database, self.clock)
        self.key = SigningKey.generate()
        self.sealer = Sealer(self.units, self.key, folder)

    def write(self, *texts: str) -> None:
        """Facts, sealed at once."""
        with self.units.begin() as work:
            work.record(*[noted(t) for t in texts])
        Sequencer(self.database).run_until_empty()
        self.sealer.seal_all()

    def next_day(self) -> None:
        """A day later; what is over is exported."""
        self.clock.advance_to(self.clock.now() + DAY)
        self.sealer.seal_all()

    def codes(self, folder: Path | None = None, key: SigningKey | None = None) -> list[tuple[str, str]]:
        """What a verification finds, beside somebody's folder of daily roots."""
        with self.database.reading() as session:
            verified = verify(session, Wanted((key or self.key).public_bytes, folder=folder or self.folder))
        return [(fault.code, fault.where) for fault in verified.faults]

    def tamper(self, *statements: str) -> None:
        """What somebody with the database's password can do."""
        with self.database.writing() as session:
            for statement in statements:
                session.execute(text(statement))


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """Two days that are over and exported, and a third that goes on."""
    office = Office(database, tmp_path / "seals")
    for texts in ("ab", "cd"):
        office.write(*texts)
        office.write(*texts.upper())
        office.next_day()
    office.write("e")
    return office


def test_a_day_that_is_over_is_exported_once_as_a_text_that_can_be_read_and_checked(office: Office) -> None:
    first, second = (local_day(AT + n * DAY) for n in range(2))

    assert sorted(path.name for path in office.folder.iterdir()) == [f"{first}.txt", f"{second}.txt"]
    said = (office.folder / f"{second}.txt").read_text(encoding="ascii")
    root = read_root(said)
    assert (root.day, root.first_seal, root.last_seal, root.first_position, root.last_position) == (second, 3, 4, 5, 8)
    assert root.is_signed_by(office.key.public_bytes)
    assert office.codes() == []
    assert office.sealer.export_days() == []
    # … and it is the same after it went through a mail
    assert read_root("\r\n " + said.replace("\n", " \r\n") + "\r\n") == root


BROKEN: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "version": lambda said: said.replace("root 1", "root 2"),
    "a line": lambda said: said.replace("chain:", "change:"),
    "a number": lambda said: said.replace("seals: ", "seals: x"),
    "cut": lambda said: said[:-9] + "\n",
}


def test_a_text_that_is_no_daily_root_is_named(office: Office) -> None:
    path = sorted(office.folder.iterdir())[0]
    said = path.read_text(encoding="ascii")
    for name, broken in BROKEN.items():
        with pytest.raises(UnreadableRootError, match=r"xpected|invalid|fromhex"):
            read_root(broken(said))
        path.write_text(broken(said), encoding="ascii")

        assert (name, office.codes()) == (name, [("root_unreadable", f"file {path.name}")])


def test_a_tail_cut_off_after_an_export_is_named(office: Office, tmp_path: Path) -> None:
    second = local_day(AT + DAY)
    office.tamper(
        "DELETE FROM event WHERE position > 6",
        "DELETE FROM seal WHERE number > 3",
        f"DELETE FROM daily_root WHERE day = '{second}'",
    )

    assert office.codes() == [("tail_cut", f"file {second}.txt"), ("root_unknown", f"file {second}.txt")]


def test_a_past_made_anew_agrees_with_itself_and_not_with_the_text_somebody_kept(
    office: Office, tmp_path: Path
) -> None:
    office.tamper(
        "UPDATE event SET carer_id = 'somebody else' WHERE position = 7",
        "DELETE FROM seal",
        "DELETE FROM daily_root",
    )
    forger = Sealer(office.units, office.key, tmp_path / "forged")
    forger.seal_all()
    assert office.codes(folder=tmp_path) == []

    named = {code for code, where in office.codes() if "file" in where}

    assert named == {"root_unknown", "tail_cut"}


def test_seals_made_anew_in_the_same_places_differ_from_the_daily_root(office: Office) -> None:
    office.tamper("DELETE FROM seal WHERE number >= 3", "UPDATE event SET carer_id = 'x' WHERE position = 7")
    again = Office(office.database, office.folder)
    again.clock.advance_to(AT + DAY)
    with office.database.reading() as session:
        assert len(list(session.execute(text("SELECT number FROM seal")))) == 2
    assert [seal_next(again.units, at_most=2) for _ in range(3)] == [2, 2, 1]

    second = local_day(AT + DAY)
    assert office.codes() == [("root_differs", f"daily root of {second}"), ("root_differs", f"file {second}.txt")]


def test_a_text_signed_by_another_key_or_altered_is_named(office: Office) -> None:
    path = sorted(office.folder.iterdir())[1]
    root = read_root(path.read_text(encoding="ascii"))
    path.write_text(replace(root, last_position=9).text(), encoding="ascii")
    assert office.codes() == [("root_signature", f"file {path.name}")]

    other = SigningKey.generate()
    assert {code for code, _ in office.codes(key=other)} == {"root_signature"}


def test_a_file_lost_between_commit_and_writing_is_written_again(office: Office) -> None:
    path = sorted(office.folder.iterdir())[0]
    said = path.read_text(encoding="ascii")
    path.unlink()

    Sealer(office.units, office.key, office.folder).write_missing()

    assert path.read_text(encoding="ascii") == said


def test_one_day_can_be_verified_alone(office: Office) -> None:
    office.tamper("UPDATE event SET carer_id = 'x' WHERE position = 2")
    first = local_day(AT)
    with office.database.reading() as session:
        whole = verify(session, Wanted(office.key.public_bytes))
        later = verify(session, Wanted(office.key.public_bytes, from_on=first + DAY))
        only = verify(session, Wanted(office.key.public_bytes, first, first))

    assert [f.where for f in whole.faults] == [f.where for f in only.faults] == ["position 2"]
    assert (later.faults, later.log.events, later.roots) == ([], 5, 1)
    assert (only.log.events, only.roots) == (4, 1)


def test_a_kept_sum_that_is_not_what_the_ledger_comes_to_is_named(office: Office) -> None:
    figures, threes = ", ".join(FIGURES), ", ".join("3" for _ in FIGURES)
    office.tamper(
        "INSERT INTO benefit_sums_built VALUES ('keys')",
        f"INSERT INTO benefit_subject_sum ({', '.join(KEYS)}, {figures}, newest_position) "
        f"VALUES ('keys', 'nord', '2026-11-02', 'p1', 'keys-1', 'b1', 'counted', '', {threes}, 1)",
    )

    with office.database.reading() as session:
        verified = verify(session, Wanted(office.key.public_bytes, folder=office.folder))
        earlier = verify(session, Wanted(office.key.public_bytes, to_on=date(2026, 11, 1)))

    assert [(fault.code, fault.where) for fault in verified.faults] == [
        ("sum_differs", "keys in nord, 2026-11-02 to 2026-11-08")
    ]
    assert verified.faults[0].detail == "1 kept sums are not those of the entries, the first by +3 in occasion_count"
    assert "ledger    0 entries, 1 kept sums" in verified.lines()
    assert earlier.faults == []


def test_the_command_tells_faults_by_its_status_and_remembers_that_it_looked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'omsorgstid.db'}"
    database = Database(url)
    migrate(database)
    office = Office(database, tmp_path / "seals")
    office.key = load_or_create_key(tmp_path / "audit.key")
    office.sealer = Sealer(office.units, office.key, office.folder)
    office.write("a", "b")
    office.next_day()

    clean = verify_database(Settings(work_dir=tmp_path), None, None, None, None)
    office.tamper("DELETE FROM event WHERE position = 1")
    broken = _run(tmp_path, "verify")

    assert (clean[1], broken.returncode) == (0, 1), broken.stderr
    assert "no fault" in clean[0][-1]
    assert "FAULT row_missing: position 1" in broken.stdout
    with database.reading() as session:
        found = session.execute(text("SELECT fault_count FROM verification ORDER BY id")).scalars().all()
    assert list(found) == [0, 1]
    database.dispose()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("i går", None, None, None), "verify_day"),
        ((None, None, Path("nowhere"), None), "verify_folder"),
        ((None, None, None, Path("nokey")), "verify_key"),
    ],
)
def test_what_cannot_be_verified_is_said_before_anything_is_read(
    tmp_path: Path, given: tuple[str | None, str | None, Path | None, Path | None], code: str
) -> None:
    load_or_create_key(tmp_path / "audit.key")

    with pytest.raises(VerifyError) as caught:
        verify_database(Settings(work_dir=tmp_path), *given)

    assert caught.value.code == code
    assert not (tmp_path / "omsorgstid.db").exists()


def _run(work_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OMSORGSTID_")}
    return subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", *arguments],
        env=clean | {"OMSORGSTID_WORK_DIR": str(work_dir)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
