"""The weekly plan and nights: what is wanted after midnight goes to the night that can make it, and stays there."""

from datetime import date, time, timedelta

import pytest
from sqlmodel import select

from kernel.database import Database
from kernel.localtime import at_local
from scheduling import day_store
from scheduling.patterns.days import Generated
from scheduling.patterns.model import wanted_on
from scheduling.patterns.nights import follow_shifts
from scheduling.solver import solve_day
from scheduling.tables import ShiftRow
from tests.scheduling.patterns.test_generated_days import (
    FRIDAY,
    TOMORROW,
    UNIT,
    Taken,
    generate,
    pattern,
    save,
    visits_on,
)
from tests.scheduling.stored import Stored, stored_day

SPRING_SUNDAY = date(2027, 3, 28)
AT_HALF_PAST_TWELVE = {"window_open": time(0, 30), "window_close": time(1), "weekdays": "5"}


def night_shift(stored: Stored, day: date) -> None:
    """The first carer is on duty from a quarter to eleven to a quarter past seven."""
    carer_id = stored.carers[0]
    with stored.units.begin() as work:
        work.session.add(
            ShiftRow(
                id=f"{day.isoformat()}.{carer_id}",
                carer_id=carer_id,
                unit_id=UNIT,
                day=day,
                kind="night",
                planned_start_at=at_local(day, time(22, 45)),
                planned_end_at=at_local(day + timedelta(days=1), time(7, 15)),
                starts_from="base",
                ends_at_place="base",
                start_place={"lat_deg": 55.7, "lon_deg": 12.5},
                end_place={"lat_deg": 55.7, "lon_deg": 12.5},
            )
        )


def test_a_visit_after_midnight_is_made_with_the_night_before_once_and_planned_there(database: Database) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored, **AT_HALF_PAST_TWELVE))
    night_shift(stored, TOMORROW)

    made = [generate(stored, day) for day in (TOMORROW, FRIDAY, TOMORROW, FRIDAY)]

    assert made == [Generated(made=1), Generated(), Generated(unchanged=1), Generated()]
    (row,) = visits_on(stored, TOMORROW)
    assert row.window_open_at == at_local(FRIDAY, time(0, 30))
    assert visits_on(stored, FRIDAY) == []
    with database.reading() as session:
        day = day_store.load_day(session, TOMORROW)
    assert [u.reason for u in solve_day(day, moves=10).unallocated] == []


def test_a_visit_made_before_anybody_was_on_duty_follows_the_shifts_that_come_in(database: Database) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored, **AT_HALF_PAST_TWELVE))
    assert generate(stored, FRIDAY) == Generated(made=1)
    assert len(visits_on(stored, FRIDAY)) == 1
    night_shift(stored, TOMORROW)

    with stored.units.begin() as work:
        moved = [follow_shifts(work.session, [TOMORROW], [UNIT]) for _ in range(2)]

    assert moved == [1, 0]
    assert [len(visits_on(stored, day)) for day in (TOMORROW, FRIDAY)] == [1, 0]
    assert generate(stored, FRIDAY) == Generated()
    assert generate(stored, TOMORROW) == Generated(unchanged=1)


@pytest.mark.parametrize("first", [TOMORROW, FRIDAY])
def test_where_the_night_falls_away_making_the_days_again_brings_the_visit_to_its_own_date(
    database: Database, first: date
) -> None:
    stored = stored_day(database)
    save(stored, pattern(stored, **AT_HALF_PAST_TWELVE))
    night_shift(stored, TOMORROW)
    generate(stored, TOMORROW)
    with stored.units.begin() as work:
        row = visits_on(stored, TOMORROW)[0]
        row.carer_id = stored.carers[0]
        work.session.add(work.session.merge(row))
        for shift in work.session.exec(select(ShiftRow).where(ShiftRow.day == TOMORROW)).all():
            work.session.delete(shift)
    taken = Taken()

    for day in (first, TOMORROW if first == FRIDAY else FRIDAY):
        generate(stored, day, taken)

    (back,) = visits_on(stored, FRIDAY)
    assert (back.state, back.carer_id, taken.ids) == ("planned", None, [back.id])
    assert visits_on(stored, TOMORROW) == []


def test_in_the_hour_that_is_missing_in_spring_no_window_ends_before_it_begins(database: Database) -> None:
    stored = stored_day(database)
    wanted = pattern(stored, window_open=time(2, 30), window_close=time(3), weekdays="7", duration_min=20)

    (visit,) = wanted_on(wanted, SPRING_SUNDAY)

    assert visit.window_open_at <= visit.window_close_at
    assert visit.window_open_at == at_local(SPRING_SUNDAY, time(3, 30))


@pytest.mark.parametrize(
    ("saturday", "gap_h"), [(SPRING_SUNDAY - timedelta(days=1), 3), (date(2027, 10, 30), 5)], ids=["spring", "autumn"]
)
def test_a_night_the_clocks_change_is_planned_by_real_hours(database: Database, saturday: date, gap_h: int) -> None:
    stored = stored_day(database)
    for opens, weekday in ((time(23, 30), "6"), (time(0, 30), "7"), (time(4, 30), "7")):
        save(stored, pattern(stored, window_open=opens, window_close=opens.replace(minute=45), weekdays=weekday))
    night_shift(stored, saturday)

    assert generate(stored, saturday).made == 3

    with database.reading() as session:
        day = day_store.load_day(session, saturday)
    plan = solve_day(day, moves=50)
    assert plan.unallocated == ()
    starts = sorted(stop.starts_at for route in plan.routes for stop in route.stops)
    assert abs(starts[2] - starts[1] - timedelta(hours=gap_h)) <= timedelta(minutes=15)
