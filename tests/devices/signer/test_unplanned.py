"""Without a planned visit the signer mints for a statement of the log, and for nothing a gateway makes up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from devices.events import DoorHoldersChanged, EmergencyRequested
from devices.keys.grant import read_grant
from devices.keys.signer.facts import Facts, ShiftFact, UnplannedFact
from devices.keys.signer.model import EMERGENCY_QUOTAS, Basis, Minted, MintRefusal, MintRequest, NotMinted
from devices.keys.signer.statement import Agreed, Limits, judge
from scheduling.events import CarerLeft
from tests.devices.keys_store.town import UNIT, Carer, Town, stop
from tests.devices.signer.signing_town import issuer_trust, minted

NOW = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
HOLDER = bytes(range(32))
LIMITS = Limits(furthest_ahead=timedelta(hours=36), shift_grace=timedelta(hours=6))
EPOCHS = {"lock-1": 3, "lock-2": 0, "lock-9": 0}
QUARTER = timedelta(minutes=15)
GOOD = MintRequest(
    route_id="emergency-1",
    route_version=0,
    visit_id="emergency-1",
    door_id="door-1",
    lock_ids=("lock-1",),
    carer_id="carer-a",
    shift_id="shift-a",
    holder_thumbprint=HOLDER,
    epoch=3,
    basis=Basis.EMERGENCY,
)
STATED = UnplannedFact("carer-a", "shift-a", "unit-1", frozenset({"door-1"}), NOW, NOW + QUARTER)
PREPARED = replace(STATED, door_ids=frozenset({"door-1", "door-2"}), closes_at=NOW + timedelta(hours=4), holder=HOLDER)


def _facts() -> Facts:
    facts = Facts()
    facts.shift_started("shift-a", ShiftFact("carer-a", "unit-1", HOLDER, NOW + timedelta(hours=8)))
    facts.shift_started("shift-b", ShiftFact("carer-b", "unit-1", bytes(32), NOW + timedelta(hours=8)))
    facts.lock_enrolled("lock-1", "door-1", "unit-1")
    facts.lock_enrolled("lock-2", "door-2", "unit-1")
    facts.lock_enrolled("lock-9", "door-9", "unit-9")
    facts.stated(Basis.EMERGENCY, "emergency-1", STATED)
    facts.stated(Basis.EMERGENCY, "emergency-9", replace(STATED, door_ids=frozenset({"door-9"})))
    facts.stated(Basis.PREPARED, "preparation-1", PREPARED)
    facts.designated("carer-a", NOW - timedelta(days=3), on=True)
    return facts


def _judge(request: MintRequest, facts: Facts | None = None, now: datetime = NOW) -> Agreed | MintRefusal:
    return judge(request, facts or _facts(), EPOCHS, now, LIMITS)


def test_an_emergency_of_the_log_gets_fifteen_minutes_and_its_mark() -> None:
    assert _judge(GOOD) == Agreed(NOW, NOW + QUARTER, "unit-1", emergency=True)


def test_a_prepared_door_opens_once_within_its_four_hours() -> None:
    request = replace(GOOD, route_id="preparation-1", basis=Basis.PREPARED, door_id="door-2", lock_ids=("lock-2",))
    agreed = _judge(replace(request, epoch=0))
    assert agreed == Agreed(NOW, NOW + timedelta(hours=4), "unit-1", emergency=True, max_uses=1)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(GOOD, route_id="made-up"), MintRefusal.UNKNOWN_STATEMENT),
        (replace(GOOD, basis=Basis.PREPARED), MintRefusal.UNKNOWN_STATEMENT),
        (replace(GOOD, basis=Basis.ROUTE), MintRefusal.UNKNOWN_ROUTE),
        (replace(GOOD, shift_id="made-up"), MintRefusal.UNKNOWN_SHIFT),
        (
            replace(GOOD, carer_id="carer-b", shift_id="shift-b", holder_thumbprint=bytes(32)),
            MintRefusal.NOT_THE_STATEMENTS_SHIFT,
        ),
        (replace(GOOD, holder_thumbprint=bytes(32)), MintRefusal.HOLDER_MISMATCH),
        (replace(GOOD, door_id="door-2", lock_ids=("lock-2",), epoch=0), MintRefusal.DOOR_NOT_IN_STATEMENT),
        (
            replace(GOOD, route_id="emergency-9", door_id="door-9", lock_ids=("lock-9",), epoch=0),
            MintRefusal.DOOR_OF_OTHER_UNIT,
        ),
        (replace(GOOD, lock_ids=("lock-2",)), MintRefusal.LOCK_NOT_AT_DOOR),
        (replace(GOOD, epoch=2), MintRefusal.EPOCH_MISMATCH),
        (replace(GOOD, route_id=""), MintRefusal.BAD_REQUEST),
    ],
)
def test_a_request_that_differs_in_one_word_is_refused(request_: MintRequest, code: MintRefusal) -> None:
    assert _judge(request_) is code


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda facts: facts.shift_ended("shift-a", NOW), MintRefusal.SHIFT_ENDED),
        (lambda facts: facts.key_lost("shift-a", HOLDER), MintRefusal.HOLDER_MISMATCH),
        (lambda facts: facts.carer_left("carer-a", NOW), MintRefusal.CARER_LEFT),
        (
            lambda facts: facts.stated(Basis.EMERGENCY, "emergency-1", replace(STATED, unit_id="unit-2")),
            MintRefusal.STATEMENT_DISPUTED,
        ),
    ],
)
def test_what_the_log_tells_later_voids_the_emergency(happens: Callable[[Facts], None], code: MintRefusal) -> None:
    facts = _facts()
    happens(facts)
    assert _judge(GOOD, facts) is code


def test_an_emergency_is_over_after_its_quarter_and_a_preparation_of_more_than_four_hours_is_none() -> None:
    assert _judge(GOOD, now=NOW + QUARTER) is MintRefusal.WINDOW_CLOSED
    facts = _facts()
    facts.stated(Basis.PREPARED, "long", replace(PREPARED, closes_at=NOW + timedelta(hours=4, seconds=1)))
    request = replace(GOOD, route_id="long", basis=Basis.PREPARED)
    assert _judge(request, facts) is MintRefusal.WINDOW_TOO_LONG


def test_doors_are_prepared_for_designated_tablets_alone_whatever_order_the_marks_are_read_in() -> None:
    request = replace(GOOD, route_id="preparation-1", basis=Basis.PREPARED)
    assert isinstance(_judge(request), Agreed)
    for order in permutations([(NOW - timedelta(days=1), False), (NOW - timedelta(days=2), True)]):
        facts = _facts()
        for at, on in order:
            facts.designated("carer-a", at, on=on)
        assert _judge(request, facts) is MintRefusal.NOT_DESIGNATED
        assert isinstance(_judge(GOOD, facts), Agreed), "an emergency needs no designation"
    never = _facts()
    never.designations.clear()
    assert _judge(request, never) is MintRefusal.NOT_DESIGNATED


def test_a_door_for_two_never_gets_a_grant_for_one_whatever_order_its_marks_are_read_in() -> None:
    marks = [(NOW - timedelta(days=2), 2), (NOW - timedelta(days=1), 1), (NOW, 2)]
    for order in permutations(marks):
        facts = _facts()
        for at, holders in order:
            facts.door_holders("door-1", at, holders)
        agreed = _judge(GOOD, facts)
        assert isinstance(agreed, Agreed)
        assert agreed.dual
    facts.door_holders("door-1", NOW + timedelta(days=1), 1)
    assert _judge(GOOD, facts) == Agreed(NOW, NOW + QUARTER, "unit-1", emergency=True)


def test_who_leaves_later_has_no_window_after_that_day() -> None:
    facts = _facts()
    facts.carer_left("carer-a", NOW + timedelta(hours=1))
    assert isinstance(_judge(GOOD, facts), Agreed), "she works until then"
    assert _judge(GOOD, facts, NOW + timedelta(hours=1)) is MintRefusal.CARER_LEFT


def test_statements_long_over_are_forgotten_and_refused() -> None:
    facts = _facts()
    facts.forget_before(NOW + timedelta(minutes=20))
    assert set(facts.unplanned) == {(Basis.PREPARED, "preparation-1")}
    assert _judge(GOOD, facts) is MintRefusal.UNKNOWN_STATEMENT


def _emergency(carer: Carer, town: Town, number: int, door: str = "door-1") -> EmergencyRequested:
    return EmergencyRequested(
        at=town.clock.now(),
        unit_id=UNIT,
        carer_id=carer.carer_id,
        emergency_id=f"emergency-{number}",
        door_id=door,
        citizen_id="citizen-1",
        shift_id=carer.shift_id,
        reason="fall",
    )


def _request(carer: Carer, number: int) -> MintRequest:
    return replace(
        GOOD,
        route_id=f"emergency-{number}",
        visit_id=f"emergency-{number}",
        carer_id=carer.carer_id,
        shift_id=carer.shift_id,
        holder_thumbprint=carer.key.thumbprint,
        epoch=0,
    )


def test_the_log_alone_lets_in_and_the_quota_of_emergencies_outlives_a_restart(town: Town) -> None:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    allowed = EMERGENCY_QUOTAS.per_carer
    assert minted(town, [_request(carer, 0)]) == [NotMinted(MintRefusal.UNKNOWN_STATEMENT)]
    town.record(*(_emergency(carer, town, number) for number in range(allowed + 1)))

    first = minted(town, [_request(carer, number) for number in range(allowed)])
    one_more = minted(town, [_request(carer, allowed)])

    assert all(isinstance(result, Minted) for result in first)
    assert one_more == [NotMinted(MintRefusal.QUOTA_CARER)], "another process, the same hour"
    assert isinstance(first[0], Minted)
    grant = read_grant(first[0].token, issuer_trust(town))
    assert (grant.emergency, grant.dual, grant.max_uses) == (True, False, None)
    assert grant.exp_at - town.clock.now() == QUARTER


def test_a_planned_visit_at_a_door_for_two_gets_a_grant_for_two(town: Town) -> None:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    town.record(DoorHoldersChanged(at=town.clock.now(), unit_id=UNIT, door_id="door-1", holders=2, by_role="planner"))
    request = replace(_request(carer, 0), route_id=carer.route_id, route_version=1, visit_id="v1", basis=Basis.ROUTE)

    (result,) = minted(town, [request])

    assert isinstance(result, Minted)
    assert read_grant(result.token, issuer_trust(town)).dual
    town.record(CarerLeft(at=town.clock.now(), unit_id=UNIT, carer_id=carer.carer_id, from_at=NOW, reason="stopped"))
    assert minted(town, [request]) == [NotMinted(MintRefusal.CARER_LEFT)]
