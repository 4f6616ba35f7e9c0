"""Visits on both databases: one at a time, by their own carer, at a time that can be true."""

from datetime import datetime, timedelta
from threading import Thread

import pytest

from kernel.database import Database
from scheduling import shifts, visits
from scheduling.errors import SchedulingError
from scheduling.events import Outcome, Source
from scheduling.shifts import ShiftEnd, ShiftStart
from scheduling.visits import VisitBegin, VisitEnd
from tests.scheduling.stored import Stored, stored_day


@pytest.fixture
def stored(database: Database) -> Stored:
    """A published day; the first two carers' shifts have begun."""
    made = stored_day(database)
    with made.units.begin() as work:
        starts = [ShiftStart(c, made.day.on, "home", made.clock.now()) for c in made.carers[:2]]
        shifts.start_shifts(work, starts)
    return made


def _begin(stored: Stored, visit_id: str, carer_id: str, at: datetime | None = None, source: Source = "manual") -> None:
    with stored.units.begin() as work:
        visits.begin_visits(work, [VisitBegin(visit_id, carer_id, at or work.now, source)])


def _end(stored: Stored, visit_id: str, carer_id: str, outcome: Outcome = "done", at: datetime | None = None) -> None:
    with stored.units.begin() as work:
        visits.end_visits(work, [VisitEnd(visit_id, carer_id, at or work.now, outcome)])


def _code_of_begin(stored: Stored, visit_id: str, carer_id: str, at: datetime | None = None) -> str:
    with pytest.raises(SchedulingError) as caught:
        _begin(stored, visit_id, carer_id, at)
    return caught.value.code


@pytest.mark.parametrize("source", ["manual", "device"])
def test_a_visit_begins_once_and_keeps_how_it_was_first_told(stored: Stored, source: Source) -> None:
    carer_id = stored.carers[0]
    visit_id = stored.visits_of(carer_id)[0]
    began_at = stored.clock.now()

    _begin(stored, visit_id, carer_id, source=source)
    stored.wait(3)
    _begin(stored, visit_id, carer_id, source="manual" if source == "device" else "device")

    row = stored.visit(visit_id)
    assert (row.state, row.begun_at, row.source) == ("begun", began_at, source)
    (told,) = stored.told("visit.begun")
    assert (told["source"], told["shift_id"]) == (source, stored.shift(carer_id).id)


def test_only_the_carer_who_has_the_visit_and_a_begun_shift_may_begin_it(stored: Stored) -> None:
    mine, other, not_started = stored.carers[0], stored.carers[1], stored.carers[2]
    visit_id = stored.visits_of(mine)[0]

    assert _code_of_begin(stored, visit_id, other) == "not_your_visit"
    assert _code_of_begin(stored, "no-such-visit", mine) == "not_your_visit"
    assert _code_of_begin(stored, stored.visits_of(not_started)[0], not_started) == "shift_not_begun"
    with stored.units.begin() as work:
        shifts.end_shifts(work, [ShiftEnd(mine, stored.day.on, "home", work.now)])
    assert _code_of_begin(stored, visit_id, mine) == "shift_ended"


def test_a_carer_is_at_one_citizen_at_a_time(stored: Stored) -> None:
    carer_id = stored.carers[0]
    first, second = stored.visits_of(carer_id)[:2]
    _begin(stored, first, carer_id)

    assert _code_of_begin(stored, second, carer_id) == "another_visit_open"
    _end(stored, first, carer_id)
    _begin(stored, second, carer_id)
    assert stored.visit(second).state == "begun"


def test_two_visits_of_one_batch_cannot_be_open_together_either(stored: Stored) -> None:
    carer_id = stored.carers[0]
    first, second = stored.visits_of(carer_id)[:2]
    now = stored.clock.now()

    with pytest.raises(SchedulingError) as caught, stored.units.begin() as work:
        visits.begin_visits(work, [VisitBegin(v, carer_id, now, "manual") for v in (first, second)])

    assert caught.value.code == "another_visit_open"
    assert stored.visit(first).state == "planned"


def test_an_outcome_once_given_stands(stored: Stored) -> None:
    carer_id = stored.carers[0]
    visit_id = stored.visits_of(carer_id)[0]
    with pytest.raises(SchedulingError) as caught:
        _end(stored, visit_id, carer_id)
    assert caught.value.code == "visit_not_begun"
    _begin(stored, visit_id, carer_id)
    stored.wait(20)
    _end(stored, visit_id, carer_id, "partly")
    _end(stored, visit_id, carer_id, "partly")

    with pytest.raises(SchedulingError) as caught:
        _end(stored, visit_id, carer_id, "done")
    assert caught.value.code == "visit_ended"
    (told,) = stored.told("visit.ended")
    assert told["outcome"] == "partly"
    assert stored.visit(visit_id).ended_at == stored.clock.now()
    assert _code_of_begin(stored, visit_id, carer_id) == "visit_ended"


@pytest.mark.parametrize(
    ("offset_min", "accepted"),
    [(-0.1, False), (0, True), (1, True), (31.9, True), (32.1, False), (60 * 24, False)],
)
def test_a_begin_lies_between_the_shifts_start_and_two_minutes_from_now(
    stored: Stored, offset_min: float, accepted: bool
) -> None:
    carer_id = stored.carers[0]
    visit_id = stored.visits_of(carer_id)[0]
    at = stored.clock.now() + timedelta(minutes=offset_min)
    stored.wait(30)

    if accepted:
        _begin(stored, visit_id, carer_id, at)
        assert stored.visit(visit_id).begun_at == at
    else:
        assert _code_of_begin(stored, visit_id, carer_id, at) == "implausible_time"


def test_a_visit_does_not_end_before_it_began(stored: Stored) -> None:
    carer_id = stored.carers[0]
    visit_id = stored.visits_of(carer_id)[0]
    stored.wait(10)
    _begin(stored, visit_id, carer_id)

    with pytest.raises(SchedulingError) as caught:
        _end(stored, visit_id, carer_id, at=stored.clock.now() - timedelta(seconds=1))
    assert caught.value.code == "implausible_time"
    _end(stored, visit_id, carer_id, at=stored.clock.now())
    assert stored.visit(visit_id).state == "ended"


def test_a_visit_by_id_is_found_or_not_ones_own(stored: Stored) -> None:
    with stored.units.database.reading() as session:
        assert visits.visit(session, stored.visits_of(stored.carers[0])[0]).state == "planned"
        with pytest.raises(SchedulingError) as caught:
            visits.visit(session, "nothing")
    assert caught.value.code == "not_your_visit"


def test_two_tablets_that_tell_the_same_end_at_once_end_the_visit_once(stored: Stored) -> None:
    carer_id = stored.carers[0]
    visit_id = stored.visits_of(carer_id)[0]
    _begin(stored, visit_id, carer_id)
    other = Thread(target=_end, args=(stored, visit_id, carer_id))

    with stored.units.begin() as work:
        seen = visits.visit(work.session, visit_id)
        other.start()
        other.join(1)  # on SQLite it waits for us, on PostgreSQL it is done by now
        visits.end_visits(work, [VisitEnd(visit_id, carer_id, work.now, "done")])
        assert seen.state == "ended"
    other.join(30)

    assert len(stored.told("visit.ended")) == 1
