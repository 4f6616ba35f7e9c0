"""Alarms: one open of a kind about a thing, taken, acknowledged, cleared; the same on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from devices.alarms import service, store
from devices.alarms.errors import AlarmError
from devices.alarms.model import NewAlarm
from devices.alarms.service import Actor
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.work import UnitsOfWork, Work

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TECHNICIAN, PLANNER = Actor("t-1", "technician"), Actor("p-1", "planner")
JAM = NewAlarm("jam", "nord", "lock-1", "door-1", "critical", {"seq": 4})


@pytest.fixture
def units(database: Database) -> UnitsOfWork:
    return UnitsOfWork(database, SimulatedWorldClock(NOON))


def _told(work: Work) -> list[str]:
    return [e.event_type for e in work.recorded]


def test_an_alarm_raised_again_while_it_is_open_is_the_same_alarm_and_counts(units: UnitsOfWork) -> None:
    with units.begin() as work:
        first = service.raise_alarm(work, JAM)
        second = service.raise_alarm(work, NewAlarm("jam", "nord", "lock-1", "door-1", "critical", {"seq": 9}))
        other = service.raise_alarm(work, NewAlarm("jam", "nord", "lock-2"))
        tamper = service.raise_alarm(work, NewAlarm("tamper", "nord", "lock-1"))
        told = _told(work)

    assert first == second
    assert len({first, other, tamper}) == 3
    assert told == ["alarm.raised"] * 3, "nothing is told twice"
    with units.database.reading() as session:
        found = store.find(session, first)
    assert found is not None
    assert (found.times, found.facts) == (2, {"seq": 9})


def test_an_alarm_that_gets_worse_is_told_again_and_asks_for_a_new_acknowledgement(units: UnitsOfWork) -> None:
    with units.begin() as work:
        alarm_id = service.raise_alarm(work, NewAlarm("battery_low", "nord", "lock-1", severity="warn"))
        service.acknowledge(work, alarm_id, TECHNICIAN)
        service.raise_alarm(work, NewAlarm("battery_low", "nord", "lock-1", severity="critical"))
        told = _told(work)
        found = store.find(work.session, alarm_id)

    assert told == ["alarm.raised", "alarm.acknowledged", "alarm.raised"]
    assert found is not None
    assert (found.severity, found.acknowledged_at) == ("critical", None)


def test_who_takes_an_alarm_has_it_until_a_colleague_takes_it_over_on_purpose(units: UnitsOfWork) -> None:
    with units.begin() as work:
        alarm_id = service.raise_alarm(work, JAM)
        mine = service.take(work, alarm_id, TECHNICIAN)
        with pytest.raises(AlarmError) as refused:
            service.take(work, alarm_id, PLANNER)
        over = service.take(work, alarm_id, PLANNER, over=True)

    assert (mine.owner_role, mine.acknowledged_by_role) == ("technician", "technician")
    assert refused.value.code == "alarm_taken"
    assert "13:00" in refused.value.text("da"), "when it was taken, in Danish time"
    assert over.owner_id == "p-1"


def test_a_cleared_alarm_keeps_its_note_and_the_next_one_is_new(units: UnitsOfWork) -> None:
    with units.begin() as work:
        alarm_id = service.raise_alarm(work, JAM)
        with pytest.raises(AlarmError) as unsaid:
            service.clear(work, alarm_id, TECHNICIAN, "  ")
        done = service.clear(work, alarm_id, TECHNICIAN, "Slutblikket er rettet")
        with pytest.raises(AlarmError) as late:
            service.acknowledge(work, alarm_id, PLANNER)
        again = service.raise_alarm(work, JAM)

    assert unsaid.value.code == "alarm_note_missing"
    assert late.value.code == "alarm_cleared"
    assert (done.note, done.cleared_by_role) == ("Slutblikket er rettet", "technician")
    assert again != alarm_id


def test_what_ends_by_itself_is_cleared_by_nobody(units: UnitsOfWork) -> None:
    with units.begin() as work:
        service.raise_alarm(work, JAM)
        cleared = service.clear_for(work, "jam", "lock-1")
        assert service.clear_for(work, "jam", "lock-1") is None

    assert cleared is not None
    assert (cleared.cleared_at, cleared.cleared_by_role) == (NOON, None)


def test_lists_hold_ones_own_units_in_pages_newest_first(units: UnitsOfWork) -> None:
    with units.begin() as work:
        for n in range(5):
            service.raise_alarm(work, NewAlarm("jam", "nord" if n < 4 else "syd", f"lock-{n}"))
        service.raise_alarm(work, NewAlarm("ingest_stale", None))
        service.clear_for(work, "jam", "lock-0")

    with units.database.reading() as session:
        first = store.alarms(session, ["nord"], 2)
        second = store.alarms(session, ["nord"], 2, first.next_cursor)
        whole = store.alarms(session, ["nord"], also_without_unit=True, only_open=False)
        counts = store.open_counts(session, ["nord", "syd"], also_without_unit=True)
    assert [a.device_id for a in (*first.alarms, *second.alarms)] == ["lock-3", "lock-2", "lock-1"]
    assert (first.next_cursor is None, second.next_cursor) == (False, None)
    assert [a.kind for a in whole.alarms] == ["ingest_stale", *["jam"] * 4]
    assert counts == {"warn": 5}


@pytest.mark.parametrize("wrong", [{"kind": "rain"}, {"severity": "grave"}])
def test_kinds_and_severities_are_a_closed_set(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Expected one of"):
        NewAlarm(**{"kind": "jam", "unit_id": "nord", **wrong})  # type: ignore[arg-type]


def test_an_unknown_alarm_is_not_found(units: UnitsOfWork) -> None:
    with units.begin() as work, pytest.raises(KernelError):
        service.acknowledge(work, "none", TECHNICIAN)


def test_an_alarm_raised_later_again_remembers_when_it_began_and_when_it_was_last_heard(units: UnitsOfWork) -> None:
    with units.begin() as work:
        service.raise_alarm(work, JAM)
    later = UnitsOfWork(units.database, SimulatedWorldClock(NOON + timedelta(minutes=1)))
    with later.begin() as work:
        service.raise_alarm(work, JAM)
    with units.database.reading() as session:
        (found,) = store.alarms(session, ["nord"]).alarms
    assert (found.times, found.last_at - found.raised_at) == (2, timedelta(minutes=1))
