"""Weeks and days in the ledger: entered when they are over, corrected by what comes late, however the log is cut."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlmodel import select

from kernel.consumers import advance
from kernel.database import Database
from kernel.events import Event
from kernel.localtime import at_local
from kernel.tables import ConsumerRow
from metrics.tables import EnrolmentRow, PeriodClockRow, PeriodProgressRow
from metrics.walk import corrections_of
from tests.metrics.care import (
    MONDAY,
    SETTLED_ON,
    SUNDAY,
    WEEK,
    answer,
    enrolled,
    left,
    morning,
    screen_csv,
    screen_visit,
    transfer,
    transfers_csv,
    visit,
)
from tests.metrics.world import World

CITIZENS = [f"citizen-{n}" for n in range(6)]
RESIDENTS = [f"resident-{n}" for n in range(6)]
TUESDAY = MONDAY + timedelta(days=1)


def measured(world: World) -> None:
    """200 minutes a week for each citizen, 35 a day for each resident."""
    world.import_measurements("screen", screen_csv(CITIZENS, [(140, 50), (160, 50)]))
    world.import_measurements("transfers", transfers_csv(RESIDENTS, [30, 40]))


def settled() -> list[Event]:
    """What tells the ledgers that the tests' week is over: a visit a day after."""
    return visit("somebody-else", SETTLED_ON, time(7))


def test_a_week_is_entered_by_the_first_event_a_day_after_it_is_over(world: World) -> None:
    measured(world)
    world.append(enrolled(CITIZENS[0]), *visit(CITIZENS[0], MONDAY), *screen_visit(CITIZENS[0], TUESDAY))
    world.append(*visit("somebody-else", SETTLED_ON - timedelta(days=1), time(23), minutes=50))
    world.fold()
    assert [e.occasion_id.partition(":")[2] for e in world.entries("screen")] == ["2026-W40"]
    world.append(*settled())
    world.fold()
    partial, week = world.entries("screen")
    assert (partial.outcome, partial.reason) == ("ineligible", "enrolled_in_part")
    assert (week.outcome, week.day_on, week.unit_id) == ("counted", SUNDAY, "nord")
    assert week.occasion_id == f"{world.pseudonyms.subject(CITIZENS[0])}:{WEEK}"
    assert week.net_s == 200 * 60 - (30 * 60 + 300) - 8 * 60
    assert (week.technology, week.component, week.clock) == ("screen", "screen_visit", "vejtid_leveret")
    assert week.recorded_at == at_local(SETTLED_ON, time(7))


def test_only_enrolled_and_measured_citizens_are_kept_and_no_id_in_clear(world: World) -> None:
    world.append(*visit(CITIZENS[2], MONDAY, time(7)))
    world.fold()
    measured(world)
    world.append(enrolled(CITIZENS[0]), *screen_visit(CITIZENS[0], MONDAY), *visit("stranger", MONDAY))
    world.append(*visit(CITIZENS[1], MONDAY))
    world.append(transfer(RESIDENTS[0], MONDAY))
    world.fold()
    with world.database.reading() as session:
        rows = session.exec(select(PeriodProgressRow)).all()
        enrolments = session.exec(select(EnrolmentRow)).all()
    # Who is measured may be compared with; nobody's weeks from before that are kept, and no stranger's.
    wanted = (*CITIZENS[:2], RESIDENTS[0])
    assert {row.subject for row in rows} == {world.pseudonyms.subject(s) for s in wanted}
    kept = "".join(row.subject for row in [*rows, *enrolments])
    assert not any(name in kept for name in ("citizen", "resident", "stranger"))


def test_a_visit_told_late_corrects_the_week_it_belongs_to(world: World) -> None:
    measured(world)
    world.append(enrolled(CITIZENS[0]), *screen_visit(CITIZENS[0], TUESDAY), *settled())
    world.fold()
    first = world.entries("screen")[-1]
    world.append(*visit(CITIZENS[0], MONDAY, minutes=20, travel_s=240))
    world.fold()
    third = world.entries("screen")[-1]
    assert third.net_s == (first.net_s or 0) - 20 * 60 - 240
    with world.database.reading() as session:
        told = [(e.revision, e.outcome, e.reason) for e in corrections_of(session, first.occasion_id)]
    assert told == [(1, "counted", None), (2, "ineligible", "visit_not_ended"), (3, "counted", None)]


def test_leaving_told_late_takes_the_weeks_after_it_back(world: World) -> None:
    measured(world)
    world.append(enrolled(CITIZENS[0]), *screen_visit(CITIZENS[0], TUESDAY), *settled())
    world.fold()
    assert world.entries("screen")[-1].outcome == "counted"
    world.append(left(CITIZENS[0], at_local(MONDAY - timedelta(days=3), time(10))))
    world.fold()
    corrected = world.entries("screen")[-1]
    assert (corrected.outcome, corrected.reason, corrected.net_s) == ("ineligible", "not_enrolled", None)
    assert corrected.unit_id == "nord"


def test_an_enrolment_counts_from_when_the_log_knew_of_it(world: World) -> None:
    measured(world)
    world.append(*screen_visit(CITIZENS[0], MONDAY), enrolled(CITIZENS[0]), *screen_visit(CITIZENS[0], TUESDAY))
    world.append(*settled())
    world.fold()
    assert [e.reason for e in world.entries("screen")] == ["enrolled_in_part"]


def test_a_citizen_who_moves_counts_in_the_unit_she_is_in_for_whole_weeks(world: World) -> None:
    measured(world)
    moved = enrolled(CITIZENS[0], unit_id="amager", at=at_local(SUNDAY + timedelta(days=1), time()))
    week_after = [MONDAY + timedelta(days=7 + day) for day in range(3)]
    world.append(enrolled(CITIZENS[0]), *screen_visit(CITIZENS[0], MONDAY), moved)
    world.append(*(e for day in week_after for e in screen_visit(CITIZENS[0], day, unit_id="amager")))
    world.append(*visit("somebody-else", SETTLED_ON + timedelta(days=7)))
    world.fold()
    assert [(e.unit_id, e.outcome) for e in world.entries("screen")][1:] == [("nord", "counted"), ("amager", "counted")]


def test_weeks_that_waited_for_a_baseline_are_counted_once_it_is_there(world: World) -> None:
    world.append(enrolled(CITIZENS[0]), *screen_visit(CITIZENS[0], TUESDAY), *settled())
    world.fold()
    assert world.entries("screen")[-1].outcome == "no_baseline"
    measured(world)
    world.fold()
    entry = world.entries("screen")[-1]
    assert (entry.outcome, entry.revision, entry.net_s) == ("counted", 2, 200 * 60 - 8 * 60)


def test_an_entry_keeps_the_baseline_it_was_measured_against(world: World) -> None:
    measured(world)
    world.append(enrolled(CITIZENS[0]), *screen_visit(CITIZENS[0], TUESDAY), *settled())
    world.fold()
    world.import_measurements("screen", screen_csv(CITIZENS, [(300, 50)], first_week=35))
    world.append(*visit(CITIZENS[0], MONDAY, minutes=10, travel_s=0))
    world.fold()
    assert world.entries("screen")[-1].baseline_s == 200 * 60


def test_a_day_is_entered_in_the_morning_after_and_corrected_by_a_late_answer(world: World) -> None:
    measured(world)
    unknown = transfer(RESIDENTS[0], MONDAY, time(20), carers=None)
    world.append(transfer(RESIDENTS[0], MONDAY), unknown, morning(TUESDAY, clock=time(5, 45)))
    world.fold()
    assert world.entries("transfers") == []
    world.append(morning(TUESDAY))
    world.fold()
    (waiting,) = world.entries("transfers")
    assert (waiting.outcome, waiting.reason, waiting.unit_id) == ("ineligible", "unanswered", "nord")
    world.append(answer(unknown, 2, 300, at_local(TUESDAY, time(9))))
    world.fold()
    (answered,) = world.entries("transfers")
    assert (answered.revision, answered.net_s) == (2, 35 * 60 - 300 - 120)
    assert answered.occasion_id == f"{world.pseudonyms.subject(RESIDENTS[0])}:{MONDAY}"


def test_an_enrolled_resident_who_is_not_moved_has_a_day_without_use(world: World) -> None:
    measured(world)
    world.append(enrolled(RESIDENTS[0], "transfers", at=at_local(MONDAY, time())), transfer(RESIDENTS[1], MONDAY))
    world.append(morning(TUESDAY))
    world.fold()
    found = {e.subject: (e.outcome, e.reason) for e in world.entries("transfers")}
    assert found == {
        world.pseudonyms.subject(RESIDENTS[0]): ("ineligible", "no_use"),
        world.pseudonyms.subject(RESIDENTS[1]): ("counted", None),
    }


def test_a_lift_in_a_home_has_no_entry(world: World) -> None:
    measured(world)
    world.append(transfer(RESIDENTS[0], MONDAY, in_residence=False), morning(TUESDAY))
    world.fold()
    assert world.entries("transfers") == []


def test_days_a_device_was_silent_are_entered_when_it_speaks_again(world: World) -> None:
    measured(world)
    world.append(transfer(RESIDENTS[0], MONDAY), morning(MONDAY + timedelta(days=3)))
    world.append(transfer(RESIDENTS[0], TUESDAY, setup_s=30))
    world.fold()
    assert [(e.day_on, e.net_s) for e in world.entries("transfers")] == [(MONDAY, 2_040), (TUESDAY, 2_070)]


def _mixed_log(world: World) -> None:
    """All that a cut could get wrong: late facts, late baselines, leaving, moving, duplicates, unknown carers."""
    world.import_measurements("transfers", transfers_csv(RESIDENTS, [30, 40]))
    world.append(*(enrolled(c) for c in CITIZENS[:4]), enrolled(RESIDENTS[5], "transfers"))
    for n, citizen in enumerate(CITIZENS[:4]):
        world.append(
            *visit(citizen, MONDAY, time(8, n)),
            *screen_visit(citizen, TUESDAY, time(9, n), call="no_answer" if n == 2 else "completed"),
            *visit(citizen, TUESDAY, time(12, n), service="medicine"),
        )
    unknown = transfer(RESIDENTS[0], MONDAY, time(20), carers=None)
    known = transfer(RESIDENTS[1], MONDAY, kind="turning")
    world.append(transfer(RESIDENTS[0], MONDAY), unknown, known, known, morning(TUESDAY))
    world.append(left(CITIZENS[3], at_local(SUNDAY, time(12))), *settled())
    world.import_measurements("screen", screen_csv(CITIZENS, [(140, 50), (160, 50)]))
    world.append(answer(unknown, 2, 300, at_local(SETTLED_ON, time(9))))
    world.append(*visit(CITIZENS[0], SUNDAY, time(18)), *screen_visit(CITIZENS[2], SUNDAY, time(19)))
    world.append(left(CITIZENS[1], at_local(SUNDAY, time(12))), enrolled(CITIZENS[4], unit_id="amager"))
    # Measured and not enrolled: compared with, once the log knows that they were measured.
    world.append(*visit(CITIZENS[5], SUNDAY, time(20)), *visit(CITIZENS[5], MONDAY, time(20), minutes=None))
    world.append(*visit(CITIZENS[0], SETTLED_ON + timedelta(days=7)), morning(SETTLED_ON + timedelta(days=7)))


@pytest.fixture(scope="module")
def whole() -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        _mixed_log(world)
        world.fold()
        entries = world.all_entries()
        world.close()
    outcomes = {(e["technology"], e["outcome"], e["reason"]) for e in entries}
    assert {
        ("screen", "counted", None),
        ("screen", "no_baseline", "no_baseline"),
        ("screen", "ineligible", "enrolled_in_part"),
        ("transfers", "ineligible", "unanswered"),
        ("transfers", "ineligible", "no_use"),
        ("transfers", "counted", None),
    } <= outcomes
    assert any(e["revision"] == 3 for e in entries)
    assert [(e["outcome"], e["reason"]) for e in entries if e["rule_version"] == "screen-0"] == [
        ("counted", None),
        ("ineligible", "visit_not_ended"),
    ]
    return entries


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=6))
def test_however_the_log_is_cut_into_batches_the_ledgers_are_the_same(
    cuts: list[int], whole: list[dict[str, Any]]
) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        _mixed_log(world)
        for ledger in world.ledgers():
            turn = 0
            while advance(world.units, ledger, cuts[turn % len(cuts)]):
                turn += 1
        assert world.all_entries() == whole
        world.close()


def test_both_databases_hold_the_same_entries(database: Database, tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    world = World(tmp_path, database=database)
    _mixed_log(world)
    world.fold(batch=50)
    assert world.all_entries() == whole


@pytest.mark.parametrize("forget", [False, True], ids=["as it is", "working state lost"])
def test_reading_the_log_again_gives_no_second_entry(world: World, forget: bool, whole: list[dict[str, Any]]) -> None:
    _mixed_log(world)
    world.fold()
    with world.units.begin() as work:
        work.session.execute(update(ConsumerRow).values(position=0))
        if forget:
            for table in (PeriodProgressRow, EnrolmentRow, PeriodClockRow):
                work.session.execute(delete(table))
    world.fold(batch=7)
    assert world.all_entries() == whole


def test_a_summer_time_night_neither_adds_nor_loses_an_hour_of_the_week(world: World) -> None:
    measured(world)
    sunday_on = date(2026, 10, 25)
    world.append(enrolled(CITIZENS[0]))
    world.append(*screen_visit(CITIZENS[0], sunday_on, time(23, 30)), *visit("x", sunday_on + timedelta(days=1)))
    world.append(*visit("x", sunday_on + timedelta(days=2), time(0, 1)))
    world.fold()
    week = world.entries("screen")[-1]
    assert (week.day_on, week.outcome) == (sunday_on, "counted")
    assert week.recorded_at == datetime.fromisoformat("2026-10-27T00:01+01:00")


def test_what_a_citizen_who_withdrew_consent_does_afterwards_is_not_counted(world: World) -> None:
    measured(world)
    here, gone = CITIZENS[0], CITIZENS[1]
    next_monday, next_week = MONDAY + timedelta(days=7), TUESDAY + timedelta(days=7)
    world.append(enrolled(here), enrolled(gone))
    world.append(left(gone, at_local(MONDAY, time(20))), *screen_visit(here, next_week), *screen_visit(gone, next_week))
    resident = RESIDENTS[0]
    world.append(enrolled(resident, technology="transfers"), transfer(resident, MONDAY))
    world.append(left(resident, at_local(MONDAY, time(22)), "transfers"), transfer(resident, next_monday))
    # The second week is settled when its own Tuesday after has come.
    world.append(*visit("somebody-else", SETTLED_ON + timedelta(days=7), time(7)))
    world.fold()
    counted = {(e.subject, e.day_on) for t in ("screen", "transfers") for e in world.entries(t) if e.net_s is not None}
    subject = world.pseudonyms.subject
    assert counted == {(subject(here), next_week + timedelta(days=5)), (subject(resident), MONDAY)}


def test_a_withdrawal_told_late_takes_back_what_was_counted_since(world: World) -> None:
    measured(world)
    resident = RESIDENTS[0]
    world.append(enrolled(resident, technology="transfers"), transfer(resident, TUESDAY))
    world.append(morning(TUESDAY + timedelta(days=1)))
    world.fold()
    assert [e.outcome for e in world.entries("transfers") if e.day_on == TUESDAY] == ["counted"]
    world.append(left(resident, at_local(MONDAY, time(22)), "transfers"))
    world.fold()
    (entry,) = [e for e in world.entries("transfers") if e.day_on == TUESDAY]
    assert (entry.revision, entry.outcome, entry.reason, entry.net_s) == (2, "ineligible", "not_enrolled", None)
