"""Two makers side by side in the database: the outbox of facts, a log that comes untidily, and moving a door."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from sqlmodel import Session, select

from devices.alarms.tables import AlarmRow
from devices.events import DoorOpened, DoorVendorChanged, OpeningSettled
from devices.keys import opening_steps, openings, release
from devices.keys import store as keys
from devices.keys.door_log import openings_of_door
from devices.keys.holders import set_holders
from devices.keys.model import VisitFacts
from devices.keys.schemas import DoorOpening, OpeningIds
from devices.keys.vendors import access, listening
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.facts import vendor_door_facts, vendor_right_facts
from devices.keys.vendors.log import settle_reply, take_delivery, take_in
from devices.keys.vendors.model import CLOUD, LogEntry, OpenReply
from devices.keys.vendors.store import acting_locks, native_locks, vendor_locks
from devices.keys.vendors.swap import NewVendorLock, list_vendor_lock, put_in_charge, take_down
from devices.keys.vendors.tables import VendorAccessRow
from kernel.work import Work
from tests.devices.keys_store.town import UNIT, Carer, Town, stop

VISIT = stop("visit-1", "door-1", 10)
REF = "V-1"


def _listed(town: Town) -> tuple[Carer, str]:
    """A carer with a visit, and a vendor's lock on its door, which acts."""
    carer = town.begin_shift()
    with town.units.begin() as work:
        lock_id, _ = list_vendor_lock(work, NewVendorLock(CLOUD, REF, "door-1", UNIT), "technician")
    town.publish(carer, 1, [VISIT])
    return carer, lock_id


def _due(town: Town, wall_s: float = 0.0) -> list[access.ToTell]:
    with town.units.begin() as work:
        return access.take_to_tell(work, wall_s)


def _tell_all(town: Town, wall_s: float = 0.0) -> list[str]:
    due = _due(town, wall_s)
    with town.units.begin() as work:
        for fact in due:
            access.note_told(work, fact)
    return [fact.wanted for fact in due]


def _tapped(town: Town, carer: Carer, lock_id: str) -> DoorOpening:
    ids = OpeningIds("door-1", lock_id, VISIT.visit_id, carer.shift_id, carer.carer_id, UNIT)
    with town.units.begin() as work:
        right = vendor_right_facts(
            work.session, carer_id=carer.carer_id, visit_id=VISIT.visit_id, door_id="door-1", key_lost_at=None
        )
        facts = VisitFacts(
            now_at=work.now,
            carer=carer.carer_id,
            planned_carer=carer.carer_id,
            planned_start_at=VISIT.start_at,
            planned_end_at=VISIT.end_at,
            consent_active=True,
            right=right,
            door=vendor_door_facts(),
        )
        opening = openings.request_opening(work, facts=facts, ids=ids, wall_s=town.wall_s(), vendor=CLOUD)
        assert release.command_leaves(work, opening.opening_id, town.wall_s())
    return opening


def _entry(town: Town, number: int, kind: str = "opened", request: str | None = None, **more: str) -> LogEntry:
    return LogEntry(number, REF, kind, town.clock.now(), request, **more)


def _state(town: Town, opening: DoorOpening) -> str:
    with town.database.reading() as session:
        return openings.find_opening(session, opening.opening_id).state.value


def test_a_route_tells_the_vendor_who_may_come_when_and_a_withdrawal_goes_first(town: Town) -> None:
    carer, _ = _listed(town)
    (fact,) = _due(town)
    assert (fact.wanted, fact.window.lock_ref) == ("issued", REF)
    assert carer.carer_id not in fact.window.user_ref
    assert (fact.window.opens_at, fact.window.closes_at) == (
        VISIT.start_at - timedelta(minutes=30),
        VISIT.end_at + timedelta(minutes=60),
    )
    assert _due(town) == [], "somebody is telling it already"

    town.publish(carer, 2, [stop("visit-2", "door-1", 20)])

    assert [each.wanted for each in _due(town, 1.0)] == ["withdrawn", "issued"]


def test_a_withdrawal_is_told_until_the_vendor_has_confirmed_and_then_no_more(town: Town) -> None:
    carer, _ = _listed(town)
    assert _tell_all(town) == ["issued"]
    town.publish(carer, 2, [])
    told, wall_s = 0, 0.0
    for _ in range(9):
        due = _due(town, wall_s)
        told += len(due)
        with town.units.begin() as work:
            for fact in due:
                access.note_not_told(work, fact, wall_s)
        wall_s += access.LONGEST_PAUSE_S
    assert told == 9

    assert _tell_all(town, wall_s) == ["withdrawn"]
    assert _due(town, wall_s + 3_600.0) == []


def test_an_issue_that_failed_late_does_not_bring_back_what_was_withdrawn_meanwhile(town: Town) -> None:
    carer, _ = _listed(town)
    (slow,) = _due(town)
    town.publish(carer, 2, [])
    assert _tell_all(town) == ["withdrawn"]

    with town.units.begin() as work:
        access.note_not_told(work, slow, 5.0)  # it may have reached the vendor after the withdrawal

    assert _tell_all(town, 60.0) == ["withdrawn"]


def test_the_vendors_reply_and_its_log_tell_of_one_opening(town: Town) -> None:
    carer, lock_id = _listed(town)
    opening = _tapped(town, carer, lock_id)
    entry = _entry(town, 1, request=opening.opening_id)

    with town.units.begin() as work:
        settle_reply(work, CLOUD, opening.opening_id, OpenReply("opened", entry=entry), town.wall_s())
    with town.units.begin() as work:
        assert take_in(work, CLOUD, [entry, entry], "webhook", town.wall_s()) == 0

    (opened,) = cast(list[DoorOpened], town.events("door.opened"))
    assert (opened.source, opened.visit_id, opened.opening_id) == ("vendor_log", "visit-1", opening.opening_id)
    assert [event.state for event in cast(list[OpeningSettled], town.events("opening.settled"))] == ["unlocked"]
    with town.database.reading() as session:
        (line,) = openings_of_door(session, "door-1", town.clock.now() - timedelta(hours=1))
    assert (line.visit_id, line.sureness) == ("visit-1", "opened")


def test_a_log_entry_settles_what_nobody_answered_in_whatever_order_it_comes(town: Town) -> None:
    carer, lock_id = _listed(town)
    first, second = _tapped(town, carer, lock_id), _tapped(town, carer, lock_id)
    town.pass_s(11)
    with town.units.begin() as work:
        opening_steps.expire_due(work, town.wall_s())
    assert (_state(town, first), _state(town, second)) == ("unknown", "unknown")

    for entry in (
        _entry(town, 3, request=second.opening_id),
        _entry(town, 2, "denied", first.opening_id, code="no_access"),
    ):
        with town.units.begin() as work:
            assert take_in(work, CLOUD, [entry], "log", town.wall_s()) == 1

    assert (_state(town, first), _state(town, second)) == ("refused", "unlocked")


def test_an_entry_of_another_lock_settles_nothing(town: Town) -> None:
    carer, lock_id = _listed(town)
    with town.units.begin() as work:
        list_vendor_lock(work, NewVendorLock(CLOUD, "V-2", "door-2", UNIT), "technician")
    opening = _tapped(town, carer, lock_id)

    with town.units.begin() as work:
        entries = [replace(_entry(town, 1, request=opening.opening_id), lock_ref=ref) for ref in ("V-2", "V-9")]
        take_in(work, CLOUD, [entries[0], replace(entries[1], number=2)], "webhook", town.wall_s())

    assert _state(town, opening) == "sent"


def test_an_opening_past_us_is_told_by_its_access_and_stands_in_the_doors_log(town: Town) -> None:
    _, lock_id = _listed(town)
    with town.database.reading() as session:
        row = session.exec(select(VendorAccessRow)).one()
        access_id = row.access_id

    with town.units.begin() as work:
        take_in(work, CLOUD, [_entry(town, 1, access_id=access_id)], "webhook", town.wall_s())

    (opened,) = cast(list[DoorOpened], town.events("door.opened"))
    assert (opened.visit_id, opened.carer_id, opened.lock_id) == ("visit-1", "carer-a", lock_id)
    with town.database.reading() as session:
        (line,) = openings_of_door(session, "door-1", town.clock.now() - timedelta(hours=1))
    assert line.visit_id == "visit-1"


def test_a_delivery_counts_once(town: Town) -> None:
    with town.units.begin() as work:
        take_delivery(work, CLOUD, "d1", 0.0)
    with pytest.raises(VendorError) as refused, town.units.begin() as work:
        take_delivery(work, CLOUD, "d1", 0.0)
    assert refused.value.code == "webhook_repeated"


def test_silent_webhooks_and_a_cloud_that_is_away_call_somebody_and_are_over_when_it_speaks(town: Town) -> None:
    _listed(town)
    with town.units.begin() as work:
        listening.heard_log(work, CLOUD, [_entry(town, 1, "locked")], 0.0, webhooks_expected=True)
    with town.units.begin() as work:
        listening.heard_log(work, CLOUD, [], listening.SILENT_AFTER_S, webhooks_expected=True)
    assert _alarms(town) == [("warn", "webhooks")]

    for wall_s in (100.0, 100.0 + listening.AWAY_AFTER_S):
        with town.units.begin() as work:
            listening.heard_nothing(work, CLOUD, wall_s)
    assert _alarms(town) == [("critical", "away")]

    with town.units.begin() as work:
        listening.heard_log(work, CLOUD, [], 200.0, webhooks_expected=True)
    assert len(_alarms(town)) == 1, "webhooks are still missing"
    with town.units.begin() as work:
        listening.heard_webhook(work, CLOUD, [_entry(town, 1, "locked")], 201.0)
    assert _alarms(town) == []


def test_a_door_moves_to_our_own_lock_and_back_with_its_rights_and_both_stay_listed(town: Town) -> None:
    carer, lock_id = _listed(town)
    _tell_all(town)
    town.mount("lock-1", "door-1")
    assert town.grants(carer) == [], "our own lock hangs there and does not act yet"

    with town.units.begin() as work:
        moved = put_in_charge(work, "door-1", "native", "technician")
    assert (moved.rights_issued, moved.rights_withdrawn) == (0, 1)
    assert _tell_all(town) == ["withdrawn"]
    (grant,) = town.grants(carer)

    with town.units.begin() as work:
        moved = put_in_charge(work, "door-1", CLOUD, "technician")
    assert (moved.rights_issued, moved.locks_to_tell) == (1, {"lock-1"})
    assert _tell_all(town) == ["issued"]
    assert town.grants(carer) == []
    with town.database.reading() as session:
        assert _lock(session) == lock_id
        assert native_locks(session, ["door-1"]) == {}
        assert [row.lock_id for row in vendor_locks(session, "door-1")] == [lock_id]
    assert [event.vendor for event in cast(list[DoorVendorChanged], town.events("door.vendor"))] == [
        CLOUD,
        "native",
        CLOUD,
    ]
    assert grant.epoch == 0, "what it opened with is below the lock's epoch now"
    with town.database.reading() as session:
        assert keys.highest_epoch(session, ["door-1"]) == 1


def test_what_does_not_fit_is_refused_and_changes_nothing(town: Town) -> None:
    _, lock_id = _listed(town)

    acts: dict[str, Callable[[Work], object]] = {
        "taken": lambda work: list_vendor_lock(work, NewVendorLock(CLOUD, REF, "door-2", UNIT), "technician"),
        "there": lambda work: list_vendor_lock(work, NewVendorLock(CLOUD, "V-3", "door-1", UNIT), "technician"),
        "missing": lambda work: put_in_charge(work, "door-1", "native", "technician"),
        "in charge": lambda work: take_down(work, lock_id),
    }

    def refused(act: str) -> str:
        with pytest.raises(VendorError) as said, town.units.begin() as work:
            acts[act](work)
        return said.value.code

    assert refused("taken") == "vendor_lock_taken"
    assert refused("there") == "vendor_lock_there"
    assert refused("missing") == "vendor_lock_missing"
    town.mount("lock-1", "door-1")
    assert refused("in charge") == "vendor_lock_in_charge"
    with town.units.begin() as work:
        put_in_charge(work, "door-1", "native", "technician")
        set_holders(work, "door-1", 2, "planner")
    with pytest.raises(VendorError) as for_two, town.units.begin() as work:
        put_in_charge(work, "door-1", CLOUD, "technician")
    assert for_two.value.code == "vendor_not_for_two"
    with town.database.reading() as session:
        assert _lock(session) == "lock-1"


def test_a_lock_that_was_taken_down_stays_in_the_doors_history_and_its_number_is_free(town: Town) -> None:
    _, lock_id = _listed(town)
    with town.units.begin() as work:
        take_down(work, lock_id)
    with town.units.begin() as work:
        again, _ = list_vendor_lock(work, NewVendorLock(CLOUD, REF, "door-2", UNIT), "technician")

    with town.database.reading() as session:
        assert [row.retired_at is not None for row in vendor_locks(session, "door-1", retired=True)] == [True]
        assert acting_locks(session, ["door-1", "door-2"])["door-2"].lock_id == again
        assert "door-1" not in acting_locks(session, ["door-1"])


def _lock(session: Session) -> str:
    return acting_locks(session, ["door-1"])["door-1"].lock_id


def _alarms(town: Town) -> list[tuple[str, str]]:
    with town.database.reading() as session:
        rows = session.exec(select(AlarmRow).where(AlarmRow.kind == listening.KIND)).all()
        return [(row.severity, row.facts["what"]) for row in rows if row.cleared_at is None]
