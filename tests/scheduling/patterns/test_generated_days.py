"""Weekly patterns make days: once, the same every time, and a change reaches days after today only."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from kernel.database import Database
from kernel.localtime import at_local
from kernel.work import Work
from scheduling import citizen_absences, day_store
from scheduling.model import VisitMode
from scheduling.patterns.days import Generated, generate_day
from scheduling.patterns.errors import PatternError
from scheduling.patterns.model import Pattern, wanted_on
from scheduling.patterns.store import end_pattern, put_pattern, save_pattern
from scheduling.register.tables import CitizenRow
from scheduling.solver import solve_day
from scheduling.tables import VisitRow
from tests.scheduling.stored import Stored, stored_day

TODAY = date(2026, 11, 25)
TOMORROW, FRIDAY = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
UNIT = "enhed-0"


class Taken:
    """Which visits were taken off routes, and why."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def __call__(self, visits: Sequence[VisitRow], reason: str) -> None:
        self.ids += [v.id for v in visits]
        for visit in visits:
            visit.carer_id, visit.unallocated_reason = None, reason


def pattern(stored: Stored, **changes: object) -> Pattern:
    """Every weekday at the first citizen from tomorrow on."""
    plain = Pattern(
        series_id="",
        citizen_id=str(stored.day.citizens[0].id),
        unit_id=UNIT,
        service="personal_care",
        weekdays="12345",
        window_open=time(7, 30),
        window_close=time(8, 30),
        duration_min=25,
        valid_from_on=TOMORROW,
        anchor_on=TOMORROW,
        required_skills=("pleje",),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def save(stored: Stored, wanted: Pattern) -> str:
    with stored.units.begin() as work:
        return save_pattern(work, wanted, "planner")


def generate(stored: Stored, day: date, taken: Taken | None = None) -> Generated:
    with stored.units.begin() as work:
        return generate_day(work, UNIT, day, taken or Taken())


def visits_on(stored: Stored, day: date) -> list[VisitRow]:
    with stored.units.database.reading() as session:
        return list(session.exec(select(VisitRow).where(VisitRow.day == day).order_by(VisitRow.id)))


def test_a_day_is_made_of_the_patterns_that_hold_on_it_and_can_be_planned(database: Database) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored))
    save(stored, pattern(stored, carers=2, service="bath", citizen_id=str(stored.day.citizens[1].id)))
    save(stored, pattern(stored, weekdays="67"))

    done = generate(stored, TOMORROW)

    assert done == Generated(made=3)
    with database.reading() as session:
        day = day_store.load_day(session, TOMORROW)
    assert len(day.visits) == 3
    assert [p.simultaneous for p in day.pairs] == [True]
    morning = next(v for v in day.visits if v.service == "personal_care")
    assert morning.window_open_at == at_local(TOMORROW, time(7, 30))
    assert morning.duration_s == 25 * 60
    assert solve_day(day, moves=10).unallocated
    assert stored.told("day.generated")[0]["made"] == 3


def test_a_second_time_nothing_happens(database: Database) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored))
    generate(stored, TOMORROW)
    before = [v.model_dump() for v in visits_on(stored, TOMORROW)]

    assert generate(stored, TOMORROW) == Generated(unchanged=1)
    assert [v.model_dump() for v in visits_on(stored, TOMORROW)] == before


def test_a_changed_pattern_changes_the_days_from_its_first_on_and_takes_the_visit_off_its_route(
    database: Database,
) -> None:
    stored = stored_day(database)
    series = save(stored, pattern(stored))
    generate(stored, TOMORROW)
    generate(stored, FRIDAY)
    with stored.units.begin() as work:
        row = work.session.exec(select(VisitRow).where(VisitRow.day == FRIDAY)).one()
        row.carer_id = stored.carers[0]
        work.session.add(row)

    save(stored, pattern(stored, series_id=series, valid_from_on=FRIDAY, duration_min=40))
    taken = Taken()

    assert generate(stored, TOMORROW, taken) == Generated(unchanged=1)
    assert generate(stored, FRIDAY, taken) == Generated(changed=1)
    assert visits_on(stored, TOMORROW)[0].duration_s == 25 * 60
    assert visits_on(stored, FRIDAY)[0].duration_s == 40 * 60
    assert visits_on(stored, FRIDAY)[0].unallocated_reason == "pattern_changed"
    assert taken.ids == [visits_on(stored, FRIDAY)[0].id]


def test_today_is_made_once_and_a_change_cannot_begin_before_tomorrow(database: Database) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored))
    generate(stored, TOMORROW)
    stored.wait(24 * 60)
    with stored.units.begin() as work:
        # As a file of an older plan brings it: a pattern that held before today.
        put_pattern(work, pattern(stored, duration_min=50), "another", [], "planner")

    assert generate(stored, TOMORROW) == Generated(unchanged=1)
    with pytest.raises(PatternError) as refused:
        save(stored, pattern(stored, valid_from_on=TOMORROW))
    assert refused.value.code == "pattern_in_past"
    with pytest.raises(PatternError) as over:
        generate(stored, TODAY)
    assert over.value.code == "day_over"


def test_an_ended_pattern_cancels_what_is_planned_and_a_new_one_brings_it_back(database: Database) -> None:
    stored = stored_day(database)
    series = save(stored, pattern(stored))
    generate(stored, FRIDAY)
    with stored.units.begin() as work:
        end_pattern(work, series, [UNIT], TOMORROW, "planner")

    assert generate(stored, FRIDAY) == Generated(cancelled=1)
    assert [(v.state, v.outcome) for v in visits_on(stored, FRIDAY)] == [("cancelled", "pattern_ended")]

    save(stored, pattern(stored, series_id=series, valid_from_on=FRIDAY, duration_min=30))
    assert generate(stored, FRIDAY) == Generated(changed=1)
    assert [(v.state, v.duration_s) for v in visits_on(stored, FRIDAY)] == [("planned", 1800)]


def test_who_begun_or_cancelled_a_visit_is_not_overruled(database: Database) -> None:
    stored = stored_day(database)
    series = save(stored, pattern(stored))
    generate(stored, FRIDAY)
    with stored.units.begin() as work:
        row = work.session.exec(select(VisitRow).where(VisitRow.day == FRIDAY)).one()
        row.state, row.outcome = "cancelled", "declined"
        work.session.add(row)
    save(stored, pattern(stored, series_id=series, valid_from_on=FRIDAY, duration_min=40))

    assert generate(stored, FRIDAY) == Generated(held=1)
    assert visits_on(stored, FRIDAY)[0].duration_s == 25 * 60


def test_an_absent_citizens_visits_are_made_cancelled_and_come_back_with_her(database: Database) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored))

    def leave(work: Work) -> None:
        citizen = work.session.get_one(CitizenRow, str(stored.day.citizens[0].id))
        citizen_absences.begin_absence(work, citizen, "hospital", at_local(TODAY, time(20)), None, [])

    with stored.units.begin() as work:
        leave(work)

    assert generate(stored, TOMORROW) == Generated(made=1, away=1)
    assert [(v.state, v.outcome) for v in visits_on(stored, TOMORROW)] == [("cancelled", "hospital")]
    with stored.units.begin() as work:
        _, back = citizen_absences.end_absence(work, str(stored.day.citizens[0].id))
    assert [v.day for v in back] == [TOMORROW]
    assert [v.state for v in visits_on(stored, TOMORROW)] == ["planned"]


def test_a_screen_visit_has_no_door_and_a_late_window_ends_after_midnight(database: Database) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored, mode=VisitMode.SCREEN, window_open=time(23), window_close=time(1)))

    generate(stored, TOMORROW)

    row = visits_on(stored, TOMORROW)[0]
    assert row.door_id is None
    assert row.window_close_at == at_local(FRIDAY, time(1))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"weekdays": ""}, "Ugedage"),
        ({"weekdays": "8"}, "Ugedage"),
        ({"duration_min": 0}, "Varighed"),
        ({"carers": 3}, "Medarbejdere"),
        ({"every_weeks": 13}, "Hver … uge"),
        ({"priority": 6}, "Prioritet"),
        ({"valid_to_on": TODAY}, "Sidste dag"),
    ],
)
def test_what_no_day_can_be_made_of_is_refused_with_what_was_expected(
    database: Database, wrong: dict[str, object], field: str
) -> None:
    stored = stored_day(database)

    with pytest.raises(PatternError) as refused:
        save(stored, pattern(stored, **wrong))

    assert refused.value.code == "pattern_wrong"
    assert refused.value.facts["field"] == field
    assert refused.value.facts["expected"]


@given(st.integers(1, 12), st.sets(st.integers(1, 7), min_size=1), st.integers(0, 400))
def test_every_so_many_weeks_is_counted_from_the_week_it_began_in(every: int, days: set[int], ahead: int) -> None:
    anchor = date(2026, 11, 25)
    digits = "".join(map(str, sorted(days)))
    plain = Pattern("s", "c", "u", "x", digits, time(8), time(9), 10, anchor, anchor, every_weeks=every)
    day = anchor + timedelta(days=ahead)

    weeks = (day - timedelta(days=day.weekday()) - date(2026, 11, 23)).days // 7
    assert bool(wanted_on(plain, day)) == (day.isoweekday() in days and weeks % every == 0)
    assert [v.visit_id for v in wanted_on(plain, day)] == [v.visit_id for v in wanted_on(plain, day)]
