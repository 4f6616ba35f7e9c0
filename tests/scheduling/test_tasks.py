"""A task is raised once, settled once, and seen by its unit on its day."""

from datetime import timedelta

import pytest

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.work import UnitsOfWork
from scheduling.tables import TaskRow
from scheduling.tasks import NewTask, open_tasks, raise_task, settle_for_visit, settle_task
from tests.scheduling.days import SEVEN

UNANSWERED = NewTask("screen_unanswered", "u1", visit_id="v1", citizen_id="c1", facts={"attempts": 2})
CALL_BACK = NewTask("call_back", "u1", citizen_id="c1")


@pytest.fixture
def units(database: Database) -> UnitsOfWork:
    """Seven in the morning, nothing to do."""
    return UnitsOfWork(database, SimulatedWorldClock(SEVEN))


def raised(units: UnitsOfWork, new: NewTask) -> tuple[TaskRow, list[str]]:
    """Raise it; the row and what was told."""
    with units.begin() as work:
        row = raise_task(work, new)
        return row, [e.event_type for e in work.recorded]


def settled(units: UnitsOfWork, task_id: str, how: str) -> list[str]:
    """Settle it; what was told."""
    with units.begin() as work:
        settle_task(work, task_id, how)
        return [e.event_type for e in work.recorded]


def still_open(units: UnitsOfWork, *unit_ids: str) -> list[str]:
    """Kinds of what is open today."""
    with units.database.reading() as session:
        return [t.kind for t in open_tasks(session, unit_ids, [SEVEN.date()])]


def test_a_visits_task_of_a_kind_is_raised_once_even_after_it_was_settled(units: UnitsOfWork) -> None:
    first, told = raised(units, UNANSWERED)
    again, nothing = raised(units, UNANSWERED)
    assert (again.task_id, told, nothing) == (first.task_id, ["task.raised"], [])
    assert settled(units, first.task_id, "ringet op") == ["task.settled"]
    assert settled(units, first.task_id, "igen") == []

    after, nothing = raised(units, UNANSWERED)
    assert (after.state, after.how, nothing) == ("settled", "ringet op", [])
    assert still_open(units, "u1") == []


def test_without_a_visit_there_is_one_open_task_of_a_kind_at_a_time(units: UnitsOfWork) -> None:
    first, _ = raised(units, CALL_BACK)
    assert raised(units, CALL_BACK)[0].task_id == first.task_id
    assert raised(units, NewTask("call_back", "u1", citizen_id="c2"))[0].task_id != first.task_id
    settled(units, first.task_id, "ringet op")

    assert raised(units, CALL_BACK)[0].task_id != first.task_id
    assert still_open(units, "u1") == ["call_back", "call_back"]


def test_what_happened_settles_the_task_of_its_visit(units: UnitsOfWork) -> None:
    raised(units, UNANSWERED)
    with units.begin() as work:
        settle_for_visit(work, "v1", "screen_needs_physical", "no such task")
        settle_for_visit(work, "v1", "screen_unanswered", "answered")

    assert still_open(units, "u1") == []


def test_a_unit_sees_its_own_tasks_of_the_day(units: UnitsOfWork) -> None:
    raised(units, UNANSWERED)

    assert still_open(units, "u1", "u2") == ["screen_unanswered"]
    assert still_open(units, "u2") == []
    with units.database.reading() as session:
        assert open_tasks(session, ["u1"], [SEVEN.date() + timedelta(days=1)]) == []


def test_a_task_that_does_not_exist_cannot_be_settled(units: UnitsOfWork) -> None:
    with pytest.raises(KernelError):
        settled(units, "nothing", "x")
