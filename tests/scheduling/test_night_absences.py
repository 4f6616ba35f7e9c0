"""The middle of a night: what a planner looks at, a citizen goes to hospital, a carer stops working here."""

from datetime import datetime, time, timedelta

import pytest
from sqlmodel import select

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.localtime import at_local
from kernel.work import UnitsOfWork
from scheduling.citizen_absences import visits_to_cancel
from scheduling.leavers import let_go
from scheduling.shifts import day_of_boards, visit_of_now
from scheduling.tables import ShiftRow, VisitRow
from tests.scheduling.stored import Stored, stored_day

CLOCKS = ("23:15", "00:30", "03:00")


def _night(stored: Stored, state: str) -> tuple[str, str]:
    """The first carer's night of the evening before the stored day; her three visits are at one citizen's."""
    carer_id, today = stored.carers[0], stored.day.on
    evening, midnight = today - timedelta(days=1), at_local(today, time())
    with stored.units.begin() as work:
        like = work.session.get_one(VisitRow, stored.visits_of(carer_id)[0])
        unit_id, citizen_id, kept = like.unit_id, like.citizen_id, like.model_dump()
        shift = ShiftRow(
            id=f"night.{carer_id}",
            carer_id=carer_id,
            unit_id=unit_id,
            day=evening,
            kind="night",
            planned_start_at=midnight - timedelta(minutes=75),
            planned_end_at=midnight + timedelta(minutes=435),
            starts_from="base",
            ends_at_place="base",
            state=state,
        )
        work.session.add(shift)
        for clock in CLOCKS:
            at = _at(stored, clock)
            own = {"id": f"night {clock}", "day": evening, "carer_id": carer_id, "pair_id": None, "pair_rank": None}
            times = {"window_open_at": at, "window_close_at": at, "start_at": at, "end_at": at + timedelta(minutes=20)}
            work.session.add(VisitRow(**(kept | own | times)))
    return carer_id, citizen_id


def _at(stored: Stored, clock: str) -> datetime:
    day = stored.day.on if clock < "12" else stored.day.on - timedelta(days=1)
    return at_local(day, time.fromisoformat(clock))


def _of_night(rows: list[VisitRow]) -> list[str]:
    return [row.id.removeprefix("night ") for row in rows if row.id.startswith("night ")]


@pytest.mark.parametrize(
    ("clock", "cancelled"),
    [("23:20", ["23:15", "00:30", "03:00"]), ("00:10", ["00:30", "03:00"]), ("02:00", ["03:00"])],
)
def test_a_citizen_who_goes_to_hospital_in_the_night_has_no_more_visits_of_it(
    database: Database, clock: str, cancelled: list[str]
) -> None:
    stored = stored_day(database)
    _, citizen_id = _night(stored, "begun")
    now = _at(stored, clock)

    with database.reading() as session:
        rows = visits_to_cancel(session, citizen_id, now, None, now)

    assert sorted(_of_night(rows), key=CLOCKS.index) == cancelled


@pytest.mark.parametrize(
    ("state", "left"),
    [
        pytest.param("planned", ["23:15", "00:30", "03:00"], id="she would not come at all: all of it"),
        pytest.param("begun", ["00:30", "03:00"], id="she is there until then: what comes after"),
    ],
)
def test_the_night_of_a_carers_last_day_is_somebody_elses_where_she_is_not_there(
    database: Database, state: str, left: list[str]
) -> None:
    stored = stored_day(database)
    carer_id, _ = _night(stored, state)
    midnight = at_local(stored.day.on, time())
    units = UnitsOfWork(database, SimulatedWorldClock(midnight - timedelta(hours=1)))

    with units.begin() as work:
        leaving = let_go(work, carer_id, midnight, "opsagt")

    assert _of_night(list(leaving.visits)) == left


def test_planners_look_at_the_night_until_somebody_of_the_day_is_due(database: Database) -> None:
    stored = stored_day(database)
    carer_id, _ = _night(stored, "begun")
    unit_id, today = str(next(c.unit_id for c in stored.day.carers if c.id == carer_id)), stored.day.on
    evening = today - timedelta(days=1)

    def look(clock: str) -> tuple[object, list[str]]:
        now = _at(stored, clock)
        with database.reading() as session:
            rows = session.exec(select(VisitRow).where(visit_of_now(session, now))).all()
            return day_of_boards(session, now, [unit_id]), sorted(_of_night(list(rows)))

    assert look("23:50") == ((evening, None), sorted(CLOCKS))
    assert look("00:10") == ((evening, evening), sorted(CLOCKS))
    assert look("05:00") == ((evening, evening), ["03:00"])
    assert look("07:05") == ((today, evening), [])
    assert look("11:30") == ((today, None), [])
