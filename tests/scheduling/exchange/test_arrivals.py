"""Files of planning systems: read as Danish spreadsheets write them, all or nothing, each problem with its place."""

from collections.abc import Sequence
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from kernel.database import Database
from kernel.errors import KernelError
from kernel.localtime import at_local
from scheduling.exchange.arrivals import Arrival, arrival, arrivals, receive
from scheduling.exchange.reader import read_sheet
from scheduling.exchange.tables import VisitImportRow
from scheduling.patterns.store import patterns_on
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import AbsenceRow, ShiftRow, VisitRow
from tests.scheduling.stored import Stored, stored_day

UNIT = "enhed-0"
DAY = date(2026, 11, 27)
SERVICES = {"personlig pleje": "personal_care", "sygepleje": "nursing"}
HEAD = "Dato;Borger;Ydelse;Tidligst;Senest;Varighed (min);Antal medarbejdere;Skærm;Besøgs-id\r\n"


def leave_alone(_visits: Sequence[VisitRow], _reason: str) -> None:
    """Nothing is on a route in these tests."""


def bring(stored: Stored, text: str | bytes, units: Sequence[str] = (UNIT,)) -> Arrival:
    raw = text.encode() if isinstance(text, str) else text
    with stored.units.begin() as work:
        return receive(work, raw, units, "planner", leave_alone, SERVICES)


def numbers(stored: Stored) -> list[int]:
    with stored.units.database.reading() as session:
        return sorted(session.exec(select(CitizenRow.short)).all())


def visits_on(stored: Stored, day: date) -> list[VisitRow]:
    with stored.units.database.reading() as session:
        return sorted(session.exec(select(VisitRow).where(VisitRow.day == day)), key=lambda v: (v.window_open_at, v.id))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_visits_come_in_as_danish_spreadsheets_write_them(database: Database, encoding: str) -> None:
    stored = stored_day(database)
    first, second = numbers(stored)[:2]
    text = (
        HEAD
        + f"27-11-2026;{first};Personlig pleje;7.30;08:30;22,5;1;nej;B-1\r\n"
        + f"27.11.2026;{second};Sygepleje;09:00;10:00;15;2;;B-2\r\n"
        + f'2026-11-27;"{first}";Særlig støtte;23:30;00:30;10;1;ja;B-3\r\n;;;;;;;;\r\n'
    )

    done = bring(stored, text.encode(encoding))

    assert done.problems == []
    assert (done.kind, done.row_count, done.counts["made"]) == ("visits", 3, 4)
    rows = visits_on(stored, DAY)
    assert [r.service for r in rows] == ["personal_care", "nursing", "nursing", "Særlig støtte"]
    assert rows[0].duration_s == 22.5 * 60
    assert rows[0].window_open_at == at_local(DAY, time(7, 30))
    assert {r.pair_rank for r in rows[1:3]} == {0, 1}
    assert rows[3].mode == "screen"
    assert rows[3].window_close_at == at_local(date(2026, 11, 28), time(0, 30))


def test_the_same_file_again_changes_nothing_and_a_changed_row_changes_its_visit(database: Database) -> None:
    stored = stored_day(database)
    row = f"27-11-2026;{numbers(stored)[0]};Personlig pleje;07:30;08:30;20;1;;B-1\n"
    bring(stored, HEAD + row)

    again = bring(stored, HEAD + row)
    longer = bring(stored, HEAD + row.replace(";20;", ";35;"))

    assert (again.counts["made"], again.counts["unchanged"]) == (0, 1)
    assert (longer.counts["made"], longer.counts["changed"]) == (0, 1)
    assert [v.duration_s for v in visits_on(stored, DAY)] == [35 * 60]


def test_one_wrong_cell_and_nothing_is_applied_but_all_is_named_and_kept(database: Database) -> None:
    stored = stored_day(database)
    number = numbers(stored)[0]
    text = (
        HEAD
        + f"27-11-2026;{number};Personlig pleje;07:30;08:30;20;1;;B-1\n"
        + f"31-02-2026;{number};Personlig pleje;7;08:30;tyve;1;måske;B-2\n"
    )

    done = bring(stored, text)

    assert not done.applied
    assert visits_on(stored, DAY) == []
    named = {(p.row, p.column): (p.expected, p.found) for p in done.problems}
    assert named[3, "Dato"] == ("en dato, der findes i kalenderen", "31-02-2026")
    assert named[3, "Tidligst"] == ("et klokkeslæt som 07:30", "7")
    assert named[3, "Varighed (min)"][1] == "tyve"
    assert named[3, "Skærm"] == ("ja eller nej", "måske")
    with database.reading() as session:
        kept = arrival(session, done.import_id, [UNIT])
    assert kept.content == text.encode()
    assert kept.state == "refused"
    assert len(kept.problems) == 4


def test_who_is_not_there_or_another_units_is_named_by_row(database: Database) -> None:
    stored = stored_day(database)
    text = HEAD + "27-11-2026;999999;Personlig pleje;07:30;08:30;20;1;;\n"

    assert [(p.row, p.column, p.found) for p in bring(stored, text).problems] == [(2, "Borger", "999999")]
    known = HEAD + f"27-11-2026;{numbers(stored)[0]};Personlig pleje;07:30;08:30;20;1;;\n"
    assert [p.column for p in bring(stored, known, ["another"]).problems] == ["Borger"]
    assert bring(stored, known).applied


def test_a_file_with_cpr_numbers_is_refused_and_not_kept(database: Database) -> None:
    stored = stored_day(database)
    looks_like_one = "0101" + "90-1234"
    for text in (f"CPR;Dato;Borger\n{looks_like_one};27-11-2026;1\n", HEAD + f"27-11-2026;{looks_like_one};x;;;;;;\n"):
        done = bring(stored, text)

        assert not done.applied
        assert "CPR" in done.problems[0].found
        with database.reading() as session:
            row = session.get_one(VisitImportRow, done.import_id)
        assert row.content == b""
        assert "1234" not in str(row.problems)


def test_a_past_day_and_the_same_visit_twice_are_refused(database: Database) -> None:
    stored = stored_day(database)
    number = numbers(stored)[0]
    row = f"27-11-2026;{number};Personlig pleje;07:30;08:30;20;1;;B-1\n"

    assert [p.row for p in bring(stored, HEAD + row + row).problems] == [3]
    old = bring(stored, HEAD + row.replace("27-11", "24-11"))
    assert [(p.expected, p.found) for p in old.problems] == [("i dag eller senere", "24-11-2026")]


def test_a_weekly_plan_comes_in_and_a_changed_row_holds_from_tomorrow(database: Database) -> None:
    stored = stored_day(database)
    head = "Borger;Ydelse;Fra;Til;Varighed;Ugedage;Gælder fra;Ugeinterval;Id\n"
    row = f"{numbers(stored)[0]};Personlig pleje;07:30;08:30;20;man, ons-fre;01-01-2024;1;P-1\n"
    first = bring(stored, head + row)
    again = bring(stored, head + row)
    changed = bring(stored, head + row.replace(";20;", ";45;"))

    assert (first.kind, first.counts["made"], again.counts["unchanged"]) == ("patterns", 1, 1)
    assert changed.counts["changed"] == 1
    with database.reading() as session:
        today, tomorrow = (patterns_on(session, UNIT, date(2026, 11, d)) for d in (25, 26))
    assert [(p.weekdays, p.duration_min) for p in today] == [("1345", 20)]
    assert [(p.duration_min, p.valid_from_on) for p in tomorrow] == [(45, date(2026, 11, 26))]


def test_shifts_come_in_and_who_is_absent_has_none(database: Database) -> None:
    stored = stored_day(database)
    here, absent = stored.carers[:2]
    with stored.units.begin() as work:
        work.session.add(
            AbsenceRow(carer_id=absent, unit_id=UNIT, day=DAY, kind="holiday", reported_at=work.now, covered_by="none")
        )
    text = f"Dato;Medarbejder;Vagt fra;Vagt til\n27-11-2026;{here};22:00;06:00\n27-11-2026;{absent};07:00;15:00\n"

    done = bring(stored, text)

    assert done.problems == []
    assert (done.kind, done.counts["made"], done.counts["away"]) == ("shifts", 2, 1)
    with database.reading() as session:
        rows = {s.carer_id: s for s in session.exec(select(ShiftRow).where(ShiftRow.day == DAY))}
    assert (rows[here].state, rows[here].kind) == ("planned", "night")
    assert rows[here].planned_end_at == at_local(date(2026, 11, 28), time(6))
    assert rows[absent].state == "cancelled"


STAFF = "Medarbejder-id;Navn;Medarbejdernr.\n"
SHIFTS = "Dato;Medarbejder;Medarbejdernummer;Vagt fra;Vagt til\n"


def test_carers_are_named_by_the_number_another_system_gives_them(database: Database) -> None:
    stored = stored_day(database)
    first, second = stored.carers[:2]
    given = bring(stored, STAFF + f"{first};Anna;004711\n{second};Bo;kl-77\n")
    again = bring(stored, STAFF + f"4711;Anna;004711\n{second};Bo;KL-78\n")

    shifts = bring(stored, SHIFTS + "27-11-2026;Anna;4711;07:00;15:00\n27-11-2026;Bo;kl-78;08:00;16:00\n")
    visits = bring(
        stored, f"{HEAD[:-2]};Fast medarbejder\n27-11-2026;{numbers(stored)[0]};Sygepleje;09:00;10:00;15;1;;;4711\n"
    )

    assert (given.kind, given.problems, given.counts["made"]) == ("staff", [], 2)
    assert (again.counts["unchanged"], again.counts["changed"]) == (1, 1)
    assert (shifts.problems, shifts.counts["made"]) == ([], 2)
    with database.reading() as session:
        on_duty = {s.carer_id for s in session.exec(select(ShiftRow).where(ShiftRow.day == DAY))}
    assert on_duty == {first, second}
    assert visits.problems == []
    assert [v.pinned_carer_id for v in visits_on(stored, DAY)] == [first]


def test_a_number_nobody_or_more_than_one_has_is_named_with_its_row(database: Database) -> None:
    stored = stored_day(database)
    first, second, third = stored.carers[:3]
    bring(stored, STAFF + f"{first};;12\n")
    with stored.units.begin() as work:
        # Two systems numbered their people: as a merged unit has them until somebody tidies up.
        for carer_id in (second, third):
            work.session.get_one(CarerRow, carer_id).employee_no = "77"

    shifts = bring(
        stored, SHIFTS + "27-11-2026;;99;07:00;15:00\n27-11-2026;;77;07:00;15:00\n27-11-2026;;012;07:00;15:00\n"
    )
    twice = bring(stored, SHIFTS + f"27-11-2026;;12;07:00;15:00\n27-11-2026;;{first};08:00;16:00\n")
    taken = bring(stored, STAFF + f"{second};;0012\n{third};;5\n{third};;6\n")

    assert [str(p) for p in shifts.problems] == [
        "række 2, kolonne Medarbejdernummer: forventede medarbejdernummer eller id på en medarbejder i dine enheder, "
        "fandt 99",
        "række 3, kolonne Medarbejdernummer: forventede et medarbejdernummer, kun én i dine enheder har, "
        "fandt 77, som 2 medarbejdere har",
    ]
    assert [(p.row, p.expected) for p in twice.problems] == [(3, "én vagt om dagen (række 2)")]
    assert [(p.row, p.expected, p.found) for p in taken.problems] == [
        (2, "et nummer, kun én har", "0012, som en medarbejder i dine enheder har"),
        (4, "en anden medarbejder end række 3", "den samme"),
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\x01PK\x03\x04", b"\x81\x8d\x8f", b"a;b;c\n1;2;3\n", b"Dato;Borger\n", b'"' + b"x" * 200_000]
)
def test_what_is_no_such_file_is_refused_in_words(raw: bytes) -> None:
    sheet = read_sheet(raw)

    assert sheet.lines == ()
    assert sheet.problems
    assert all(p.expected and p.found for p in sheet.problems)


@given(st.binary(max_size=300))
def test_no_file_brings_the_reader_down(noise: bytes) -> None:
    for raw in (noise, HEAD.encode() + noise, b"Dato,Medarbejder,Vagt fra,Vagt til\n" + noise):
        sheet = read_sheet(raw)
        assert sheet.problems or sheet.lines


def test_a_refused_file_is_shown_to_who_sees_all_its_units_only(database: Database) -> None:
    stored = stored_day(database)
    done = bring(stored, "nothing", [UNIT, "enhed-1"])

    with database.reading() as session:
        assert [r.import_id for r in arrivals(session, [UNIT, "enhed-1"])] == [done.import_id]
        assert arrivals(session, [UNIT]) == []
        with pytest.raises(KernelError):
            arrival(session, done.import_id, [UNIT])
