"""Shifts on both databases: begun and ended once, with a place, never over an open visit."""

from datetime import time, timedelta

import pytest

from kernel.database import Database
from kernel.ids import CarerId
from kernel.localtime import at_local
from scheduling import shifts, visits
from scheduling.errors import SchedulingError
from scheduling.shifts import ShiftEnd, ShiftStart
from scheduling.tables import ShiftRow
from tests.scheduling.days import SEVEN
from tests.scheduling.stored import Stored, stored_day


@pytest.fixture
def stored(database: Database) -> Stored:
    """A published day."""
    return stored_day(database)


def _start(stored: Stored, carer_id: str, key: str | None = None) -> int:
    with stored.units.begin() as work:
        return len(shifts.start_shifts(work, [ShiftStart(carer_id, stored.day.on, "home", stored.clock.now(), key)]))


def _end(stored: Stored, carer_id: str) -> int:
    with stored.units.begin() as work:
        return len(shifts.end_shifts(work, [ShiftEnd(carer_id, stored.day.on, "base", stored.clock.now())]))


def test_a_shift_begins_with_place_time_and_key_and_the_log_tells_it(stored: Stored) -> None:
    carer_id = stored.carers[0]

    assert _start(stored, carer_id, "ab" * 32) == 1

    row = stored.shift(carer_id)
    assert (row.state, row.started_from, row.started_at) == ("begun", "home", stored.clock.now())
    (told,) = stored.told("shift.started")
    assert (told["carer_id"], told["place"], told["holder_thumbprint"]) == (carer_id, "home", "ab" * 32)
    assert told["planned_start_at"]


def test_the_same_tap_again_changes_and_tells_nothing(stored: Stored) -> None:
    carer_id = stored.carers[0]
    _start(stored, carer_id, "k")
    began_at = stored.shift(carer_id).started_at
    stored.wait(5)

    assert _start(stored, carer_id, "k") == 0
    assert stored.shift(carer_id).started_at == began_at
    assert len(stored.told("shift.started")) == 1


def test_another_key_means_another_tablet_and_is_refused_with_the_time(stored: Stored) -> None:
    _start(stored, stored.carers[0], "mine")

    with pytest.raises(SchedulingError) as caught:
        _start(stored, stored.carers[0], "theirs")
    assert caught.value.code == "shift_already_begun"
    assert "07:00" in caught.value.text("da")
    assert stored.shift(stored.carers[0]).holder_thumbprint == "mine"


def test_what_is_no_shift_cannot_begin_or_end(stored: Stored) -> None:
    for act in (_start, _end):
        with pytest.raises(SchedulingError) as caught:
            act(stored, "nobody")
        assert caught.value.code == "no_shift_today"
    with pytest.raises(SchedulingError) as caught:
        _end(stored, stored.carers[0])
    assert caught.value.code == "shift_not_begun"


def test_an_ended_shift_stays_ended(stored: Stored) -> None:
    carer_id = stored.carers[0]
    _start(stored, carer_id)
    stored.wait(10)

    assert (_end(stored, carer_id), _end(stored, carer_id)) == (1, 0)
    assert len(stored.told("shift.ended")) == 1
    assert stored.shift(carer_id).ended_place == "base"
    with pytest.raises(SchedulingError) as caught:
        _start(stored, carer_id)
    assert caught.value.code == "shift_ended"


def test_of_a_batch_with_one_bad_shift_nothing_is_kept(stored: Stored) -> None:
    """A batch is one act: history is brought in whole or not at all."""
    good, bad = stored.carers[0], "nobody"
    now = stored.clock.now()

    with pytest.raises(SchedulingError), stored.units.begin() as work:
        shifts.start_shifts(work, [ShiftStart(c, stored.day.on, "base", now) for c in (good, bad)])

    assert stored.shift(good).state == "planned"
    assert stored.told("shift.started") == []


def test_a_whole_morning_starts_in_one_batch(stored: Stored) -> None:
    now = stored.clock.now()
    with stored.units.begin() as work:
        begun = shifts.start_shifts(work, [ShiftStart(c, stored.day.on, "citizen", now) for c in stored.carers])

    assert len(begun) == len(stored.carers)
    assert {s["carer_id"] for s in stored.told("shift.started")} == set(stored.carers)


def test_an_open_visit_holds_its_own_shift_and_no_other(stored: Stored) -> None:
    busy, free = stored.carers[0], stored.carers[1]
    _start(stored, busy)
    _start(stored, free)
    with stored.units.begin() as work:
        visits.begin_visits(work, [visits.VisitBegin(stored.visits_of(busy)[0], busy, stored.clock.now(), "manual")])

    assert _end(stored, free) == 1
    with pytest.raises(SchedulingError) as caught:
        _end(stored, busy)
    assert caught.value.code == "open_visits"
    assert "Borger " in caught.value.text("da")


def test_shifts_of_a_day_are_listed_by_carer(stored: Stored) -> None:
    with stored.units.database.reading() as session:
        assert [s.carer_id for s in shifts.shifts_on(session, stored.day.on)] == stored.carers
        assert shifts.shift_of(session, "nobody", stored.day.on) is None


def _night(stored: Stored, carer_id: str, state: str) -> str:
    """A shift of the day before, from 22:00 until 06:00 of the stored day."""
    midnight = at_local(stored.day.on, time())
    row = ShiftRow(
        id=f"night.{carer_id}",
        carer_id=carer_id,
        unit_id=stored.day.carer_by_id[CarerId(carer_id)].unit_id,
        day=stored.day.on - timedelta(days=1),
        kind="night",
        planned_start_at=midnight - timedelta(hours=2),
        planned_end_at=midnight + timedelta(hours=6),
        starts_from="base",
        ends_at_place="base",
        state=state,
    )
    with stored.units.begin() as work:
        work.session.add(row)
    return row.id


@pytest.mark.parametrize(
    ("state", "hours_after_midnight", "is_nights"),
    [
        ("begun", 1.0, True),
        ("planned", 1.0, True),
        ("ended", 5.5, True),
        ("begun", 6.5, True),
        ("begun", 10.5, False),
        ("planned", 6.5, False),
        ("cancelled", 1.0, False),
    ],
    ids=["in it", "late for it", "over early", "overtime", "forgotten", "never begun", "cancelled"],
)
def test_after_midnight_a_carer_is_in_her_night_shift_until_it_is_over(
    stored: Stored, state: str, hours_after_midnight: float, is_nights: bool
) -> None:
    carer_id = stored.carers[0]
    today, night = stored.shift(carer_id).id, _night(stored, carer_id, state)
    now = at_local(stored.day.on, time()) + timedelta(hours=hours_after_midnight)

    with stored.units.database.reading() as session:
        found = shifts.shift_now(session, carer_id, now)
        day = shifts.day_now(session, carer_id, now)

    assert found is not None
    assert found.id == (night if is_nights else today)
    assert day == found.day


def test_who_has_no_shift_has_the_calendars_day(stored: Stored) -> None:
    with stored.units.database.reading() as session:
        assert shifts.shift_now(session, "nobody", SEVEN) is None
        assert shifts.day_now(session, "nobody", SEVEN) == stored.day.on
