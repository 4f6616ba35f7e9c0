"""Calls of the past are written as the present would have told them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.events import Event
from tests.video.conftest import NINE, Calls
from video import service, store
from video.model import CallState, LivedCall

CALL = LivedCall(
    visit_id="v9",
    citizen_id="c1",
    carer_id="k1",
    unit_id="u1",
    first_rung_at=NINE,
    rung_at=NINE,
    answered_at=NINE + timedelta(seconds=12),
    ended_at=NINE + timedelta(seconds=432),
    outcome="completed",
    windows=168,
    good_windows=160,
    setup_ms=410,
)
SECOND = NINE + timedelta(minutes=15)


def told_by(calls: Calls, *lived: LivedCall) -> list[Event]:
    calls.do(service.record_calls, lived)
    return calls.told


def test_an_answered_call_is_invited_answered_ended_and_measured(calls: Calls) -> None:
    invited, answered, ended, quality = told_by(calls, CALL)

    assert [e.event_type for e in (invited, answered, ended, quality)] == [
        "screen.invited",
        "screen.answered",
        "screen.ended",
        "screen.quality",
    ]
    assert (ended.talk_s, ended.attempts, ended.begun_at) == (420, 1, NINE)  # type: ignore[attr-defined]
    with calls.units.database.reading() as session:
        room = store.room_of_visit(session, "v9")
    assert room is not None
    assert (room.state, room.outcome, room.talk_s) == (CallState.ENDED, "completed", 420)


def test_one_that_was_answered_at_the_second_try_tells_the_first_as_well(calls: Calls) -> None:
    call = replace(CALL, attempts=2, rung_at=SECOND, answered_at=SECOND, ended_at=SECOND, windows=0)
    told = told_by(calls, call)

    assert [e.event_type for e in told] == [
        "screen.invited",
        "screen.unanswered",
        "screen.invited",
        "screen.answered",
        "screen.ended",
    ]
    assert [e.at for e in told[:3]] == [NINE, NINE + timedelta(seconds=45), SECOND]


def test_many_calls_are_many_rows_and_none_is_nothing(calls: Calls) -> None:
    told = told_by(calls, *(replace(CALL, visit_id=f"v{n}", windows=0) for n in range(200)))
    assert len(told) == 600
    calls.do(service.record_calls, [])

    with calls.units.database.reading() as session:
        assert len(store.rooms_of_visits(session, [f"v{n}" for n in range(200)])) == 200


@pytest.mark.parametrize(
    "wrong",
    [
        replace(CALL, attempts=2),
        replace(CALL, attempts=3, rung_at=SECOND, ended_at=SECOND),
        replace(CALL, ended_at=NINE - timedelta(seconds=1)),
        replace(CALL, rung_at=SECOND),
    ],
)
def test_a_call_that_contradicts_itself_is_refused(calls: Calls, wrong: LivedCall) -> None:
    with pytest.raises(ValueError, match="Expected"):
        calls.do(service.record_calls, [wrong])
