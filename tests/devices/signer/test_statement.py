"""The signer mints only what the event log bears out, word by word."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.signer.model import MintRefusal, MintRequest
from devices.keys.signer.statement import Agreed, Facts, Limits, RouteFact, ShiftFact, StopFact, judge

NOW = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
HOLDER = bytes(range(32))
LIMITS = Limits(furthest_ahead=timedelta(hours=36), shift_grace=timedelta(hours=6))
EPOCHS = {"lock-1": 3, "stairwell": 1, "lock-2": 0}
GOOD = MintRequest(
    route_id="route-a",
    route_version=2,
    visit_id="visit-1",
    door_id="door-1",
    lock_ids=("lock-1",),
    carer_id="carer-a",
    shift_id="shift-a",
    holder_thumbprint=HOLDER,
    epoch=3,
)


def _shift(carer_id: str = "carer-a", holder: bytes = HOLDER) -> ShiftFact:
    return ShiftFact(carer_id, "unit-1", holder, NOW + timedelta(hours=8))


def _stop(door_id: str = "door-1", minutes: int = 60) -> StopFact:
    start_at = NOW + timedelta(minutes=minutes)
    return StopFact(door_id, start_at, start_at + timedelta(minutes=30))


def _route(version: int, carer_id: str = "carer-a", **stops: StopFact) -> RouteFact:
    named = {name.replace("_", "-"): fact for name, fact in stops.items()}
    return RouteFact(carer_id, "unit-1", version, named, NOW + timedelta(days=2))


def _facts() -> Facts:
    facts = Facts()
    facts.shift_started("shift-a", _shift())
    facts.shift_started("shift-b", _shift("carer-b", bytes(32)))
    facts.route_published("route-a", _route(1, visit_1=_stop(), visit_9=_stop("door-9")))
    facts.route_published("route-a", _route(2, visit_1=_stop(), visit_2=_stop("door-2")))
    facts.route_published("route-b", _route(1, "carer-b", visit_3=_stop("door-3")))
    for lock_id, door_id in (("lock-1", "door-1"), ("stairwell", "door-1"), ("lock-2", "door-2")):
        facts.lock_enrolled(lock_id, door_id)
    return facts


def _judge(request: MintRequest, facts: Facts | None = None, now: datetime = NOW) -> Agreed | MintRefusal:
    return judge(request, facts or _facts(), EPOCHS, now, LIMITS)


def test_a_request_that_agrees_gets_the_window_of_the_published_visit() -> None:
    agreed = _judge(GOOD)
    assert agreed == Agreed(NOW + timedelta(minutes=30), NOW + timedelta(minutes=150), "unit-1")


def test_a_door_with_two_locks_is_one_grant_at_the_higher_epoch() -> None:
    assert isinstance(_judge(replace(GOOD, lock_ids=("lock-1", "stairwell"), epoch=3)), Agreed)
    assert _judge(replace(GOOD, lock_ids=("lock-1", "stairwell"), epoch=1)) is MintRefusal.EPOCH_MISMATCH


REFUSED: list[tuple[MintRequest, MintRefusal]] = [
    (replace(GOOD, lock_ids=()), MintRefusal.BAD_REQUEST),
    (replace(GOOD, lock_ids=("lock-1", "lock-1")), MintRefusal.BAD_REQUEST),
    (replace(GOOD, visit_id=""), MintRefusal.BAD_REQUEST),
    (replace(GOOD, visit_id="v" * 65), MintRefusal.BAD_REQUEST),
    (replace(GOOD, holder_thumbprint=bytes(31)), MintRefusal.BAD_REQUEST),
    (replace(GOOD, shift_id="shift-x"), MintRefusal.UNKNOWN_SHIFT),
    (replace(GOOD, shift_id="shift-b"), MintRefusal.NOT_THE_SHIFTS_CARER),
    (replace(GOOD, holder_thumbprint=bytes(32)), MintRefusal.HOLDER_MISMATCH),
    (replace(GOOD, route_id="route-x"), MintRefusal.UNKNOWN_ROUTE),
    (replace(GOOD, route_version=3), MintRefusal.UNKNOWN_ROUTE),
    (replace(GOOD, route_version=1), MintRefusal.ROUTE_SUPERSEDED),
    (replace(GOOD, route_id="route-b", route_version=1), MintRefusal.NOT_THE_ROUTES_CARER),
    (replace(GOOD, visit_id="visit-9", door_id="door-9"), MintRefusal.VISIT_NOT_ON_ROUTE),
    (replace(GOOD, door_id="door-2", lock_ids=("lock-2",), epoch=0), MintRefusal.DOOR_NOT_AT_VISIT),
    (replace(GOOD, lock_ids=("lock-2",), epoch=0), MintRefusal.LOCK_NOT_AT_DOOR),
    (replace(GOOD, lock_ids=("lock-1", "lock-2")), MintRefusal.LOCK_NOT_AT_DOOR),
    (replace(GOOD, lock_ids=("lock-retired",)), MintRefusal.LOCK_NOT_AT_DOOR),
    (replace(GOOD, epoch=4), MintRefusal.EPOCH_MISMATCH),
    (replace(GOOD, epoch=2), MintRefusal.EPOCH_MISMATCH),
]


@pytest.mark.parametrize(("request_", "code"), REFUSED)
def test_a_request_that_differs_in_one_word_is_refused(request_: MintRequest, code: MintRefusal) -> None:
    assert _judge(request_) is code


def _end(facts: Facts) -> None:
    facts.shift_ended("shift-a", NOW)


def _second_key(facts: Facts) -> None:
    facts.shift_started("shift-a", _shift(holder=bytes([9]) * 32))


def _second_content(facts: Facts) -> None:
    facts.route_published("route-a", _route(2, visit_1=_stop("door-2")))


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (_end, MintRefusal.SHIFT_ENDED),
        (_second_key, MintRefusal.SHIFT_DISPUTED),
        (_second_content, MintRefusal.ROUTE_DISPUTED),
    ],
)
def test_what_the_log_tells_later_voids_the_request(happens: Callable[[Facts], None], code: MintRefusal) -> None:
    facts = _facts()
    happens(facts)
    assert _judge(GOOD, facts) is code


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW + timedelta(minutes=150), MintRefusal.WINDOW_CLOSED),
        (NOW + timedelta(hours=14, seconds=1), MintRefusal.SHIFT_OVERDUE),
        (NOW + timedelta(minutes=30) - timedelta(hours=36, seconds=1), MintRefusal.WINDOW_TOO_FAR),
    ],
)
def test_a_window_that_is_over_or_far_away_is_refused(now: datetime, code: MintRefusal) -> None:
    assert _judge(GOOD, now=now) is code


def test_a_window_with_parts_of_a_second_is_cut_and_never_widened() -> None:
    facts = _facts()
    start_at = NOW + timedelta(minutes=60, milliseconds=500)
    odd = StopFact("door-1", start_at, start_at + timedelta(minutes=30))
    facts.route_published("route-a", _route(3, visit_1=odd))
    agreed = _judge(replace(GOOD, route_version=3), facts)
    assert isinstance(agreed, Agreed)
    assert agreed.opens_at == NOW + timedelta(minutes=30, seconds=1)
    assert agreed.expires_at == NOW + timedelta(minutes=150)


def test_what_is_forgotten_is_refused_and_an_end_is_never_forgotten_before_its_shift() -> None:
    facts = _facts()
    facts.shift_ended("shift-a", NOW)
    facts.forget_before(NOW + timedelta(hours=7))
    assert _judge(GOOD, facts) is MintRefusal.SHIFT_ENDED
    facts.forget_before(NOW + timedelta(days=3))
    assert (facts.shifts, facts.ended, facts.routes) == ({}, {}, {})
    assert _judge(GOOD, facts) is MintRefusal.UNKNOWN_SHIFT


_TOLD: list[Callable[[Facts], None]] = [
    lambda facts: facts.shift_started("shift-a", _shift()),
    _end,
    _second_key,
    lambda facts: facts.route_published("route-a", _route(1, visit_1=_stop())),
    lambda facts: facts.route_published("route-a", _route(2, visit_1=_stop())),
    _second_content,
    lambda facts: facts.lock_enrolled("lock-1", "door-1"),
    lambda facts: facts.lock_enrolled("lock-1", "door-2"),
]


@given(
    st.lists(st.sampled_from(range(len(_TOLD))), max_size=12).flatmap(
        lambda told: st.tuples(st.just(told), st.permutations([*told, *told]))
    )
)
def test_the_order_and_the_repetition_of_events_make_no_difference(pair: tuple[list[int], list[int]]) -> None:
    once, shuffled = Facts(), Facts()
    for index in pair[0]:
        _TOLD[index](once)
    for index in pair[1]:
        _TOLD[index](shuffled)
    for version in (1, 2):
        request = replace(GOOD, route_version=version)
        assert _verdict(request, once) == _verdict(request, shuffled)


def _verdict(request: MintRequest, facts: Facts) -> Agreed | MintRefusal:
    return judge(request, facts, EPOCHS, NOW, LIMITS)


NEXT = bytes(range(32, 64))
LOST = ("key_lost", "shift-a", HOLDER)
REPLACED = ("key_replaced", "shift-a", HOLDER, NEXT)


@pytest.mark.parametrize("told", [*permutations((LOST, REPLACED, LOST, REPLACED))], ids=str)
def test_after_a_lost_tablet_only_the_key_that_followed_it_gets_grants_in_whatever_order_the_log_is_read(
    told: tuple[tuple[Any, ...], ...],
) -> None:
    facts = _facts()
    for name, *arguments in told:
        getattr(facts, name)(*arguments)

    assert _judge(GOOD, facts) is MintRefusal.HOLDER_MISMATCH
    assert isinstance(_judge(replace(GOOD, holder_thumbprint=NEXT), facts), Agreed)


def test_a_lost_key_gets_no_grant_and_another_key_none_unless_one_was_lost() -> None:
    lost, replaced = _facts(), _facts()
    lost.key_lost("shift-a", HOLDER)
    replaced.key_replaced("shift-a", HOLDER, NEXT)

    assert _judge(GOOD, lost) is MintRefusal.HOLDER_MISMATCH
    assert isinstance(_judge(GOOD, replaced), Agreed)
    assert _judge(replace(GOOD, holder_thumbprint=NEXT), replaced) is MintRefusal.HOLDER_MISMATCH


def test_two_keys_that_follow_the_same_lost_one_both_get_nothing() -> None:
    facts = _facts()
    facts.key_lost("shift-a", HOLDER)
    facts.key_replaced("shift-a", HOLDER, NEXT)
    facts.key_replaced("shift-a", HOLDER, bytes(reversed(NEXT)))

    assert _judge(replace(GOOD, holder_thumbprint=NEXT), facts) is MintRefusal.HOLDER_MISMATCH


def _behind_stairs() -> tuple[Facts, MintRequest]:
    facts = _facts()
    facts.lock_enrolled("lock-1", "door-1", "unit-1")
    facts.lock_enrolled("stairs-lock", "stairs", "unit-1")
    request = replace(GOOD, lock_ids=("lock-1", "stairs-lock"))
    return facts, request


def _judge_way(request: MintRequest, facts: Facts) -> Agreed | MintRefusal:
    return judge(request, facts, EPOCHS | {"stairs-lock": 2}, NOW, LIMITS)


def test_a_grant_opens_the_stairwell_the_log_says_the_door_lies_behind_and_no_other() -> None:
    facts, request = _behind_stairs()
    assert _judge_way(request, facts) is MintRefusal.LOCK_NOT_AT_DOOR
    facts.stairwell("door-1", NOW - timedelta(days=1), "stairs")
    assert isinstance(_judge_way(request, facts), Agreed)
    facts.stairwell("door-1", NOW - timedelta(days=2), "elsewhere")
    assert isinstance(_judge_way(request, facts), Agreed), "an older word changes nothing"
    facts.stairwell("door-1", NOW, "")
    assert _judge_way(request, facts) is MintRefusal.LOCK_NOT_AT_DOOR


def test_a_stairwell_of_another_unit_and_one_the_log_disputes_are_no_way_to_a_door() -> None:
    facts, request = _behind_stairs()
    facts.stairwell("door-1", NOW, "stairs")
    facts.units_of_door["stairs"] = frozenset({"unit-2"})
    assert _judge_way(request, facts) is MintRefusal.LOCK_NOT_AT_DOOR
    for order in permutations(("stairs", "elsewhere")):
        facts, request = _behind_stairs()
        for stairwell_id in order:
            facts.stairwell("door-1", NOW, stairwell_id)
        assert _judge_way(request, facts) is MintRefusal.LOCK_NOT_AT_DOOR
