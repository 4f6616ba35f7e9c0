"""One opening, every order of things, and only the lock's word for an open door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.model import LockResult
from devices.keys.opening import (
    ANSWER_WITHIN_S,
    SEND_WITHIN_S,
    Answered,
    Challenged,
    Opening,
    OpeningState,
    RefusedByServer,
    Sent,
    Step,
    Ticked,
    advance,
    deadline_s,
    tap,
)


def _after(*steps: Step) -> Opening:
    opening = tap(100.0)
    for step in steps:
        opening = advance(opening, step)
    return opening


OPENED = LockResult.OPENED
DENIED = LockResult.DENIED


@pytest.mark.parametrize(
    ("steps", "state", "late"),
    [
        pytest.param((), "requested", False, id="tapped"),
        pytest.param((Challenged(100.1),), "challenged", False, id="challenged"),
        pytest.param((Challenged(100.1), Sent(101)), "sent", False, id="sent"),
        pytest.param((Challenged(100.1), Sent(105)), "sent", False, id="sent at the last moment"),
        pytest.param((Challenged(100.1), Sent(105.01)), "expired", False, id="too late to send"),
        pytest.param((Ticked(105.01),), "expired", False, id="no challenge came"),
        pytest.param((RefusedByServer(100.1, "not_on_route"),), "refused", False, id="a rule said no"),
        pytest.param((Sent(101), Answered(103, OPENED)), "unlocked", False, id="opened"),
        pytest.param((Sent(101), Answered(110, OPENED)), "unlocked", False, id="opened at the last moment"),
        pytest.param((Sent(101), Answered(103, DENIED, "used_up")), "refused", False, id="denied"),
        pytest.param((Sent(101), Answered(103, LockResult.JAMMED)), "jammed", False, id="jammed"),
        pytest.param((Sent(101), Ticked(110.01)), "unknown", False, id="no answer"),
        pytest.param((Sent(101), Ticked(111), Answered(190, OPENED)), "unlocked", True, id="late, after a tick"),
        pytest.param((Sent(101), Answered(190, OPENED)), "unlocked", True, id="late, nobody ticked"),
        pytest.param((Sent(101), Answered(190, DENIED, "x")), "refused", True, id="late denial"),
        pytest.param((Ticked(106), Answered(107, OPENED)), "unlocked", True, id="answered though expired"),
        pytest.param((Sent(101), Answered(102, OPENED), Ticked(500)), "unlocked", False, id="stays open"),
        pytest.param((Answered(101, OPENED), Sent(101.1)), "unlocked", False, id="answer overtook the note"),
        pytest.param((Sent(101), Answered(102, OPENED), Answered(103, DENIED)), "unlocked", False, id="first word"),
        pytest.param((Sent(101), Answered(102, DENIED), Answered(103, OPENED)), "unlocked", True, id="it moved"),
        pytest.param((Sent(101), Answered(102, LockResult.NONE)), "sent", False, id="lock knows nothing yet"),
        pytest.param((Sent(101), Answered(102, LockResult.LOCKED)), "sent", False, id="another operation"),
        pytest.param((Sent(101), Answered(102, LockResult.PENDING), Ticked(150)), "sent", False, id="second holder"),
        pytest.param((Sent(101), Answered(102, LockResult.PENDING), Ticked(173)), "unknown", False, id="nobody came"),
        pytest.param((Sent(101), Ticked(111), Answered(112, LockResult.PENDING)), "unknown", False, id="late pending"),
        pytest.param((Sent(101), RefusedByServer(101.5, "x")), "sent", False, id="too late to refuse"),
    ],
)
def test_an_opening_ends_where_its_steps_lead(steps: tuple[Step, ...], state: str, late: bool) -> None:
    opening = _after(*steps)

    assert (opening.state.value, opening.late) == (state, late)


def test_a_missed_deadline_settles_at_the_deadline_whenever_it_is_noticed() -> None:
    assert _after(Ticked(400)).settled_s == 100 + SEND_WITHIN_S
    assert _after(Sent(101), Ticked(400)).settled_s == 100 + ANSWER_WITHIN_S


def test_a_refusal_keeps_its_code_and_an_opening_drops_it() -> None:
    refused = _after(Sent(101), Answered(102, DENIED, "epoch_revoked"))

    assert refused.code == "epoch_revoked"
    assert advance(refused, Answered(103, OPENED)).code is None


def test_a_settled_opening_has_no_deadline() -> None:
    assert deadline_s(tap(100)) == 105
    assert deadline_s(_after(Sent(101))) == 110
    assert deadline_s(_after(Sent(101), Answered(102, LockResult.PENDING))) == 172
    assert deadline_s(_after(Sent(101), Answered(103, OPENED))) is None


KINDS = st.sampled_from(("challenged", "sent", "refused", "answered", "ticked"))


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    at_s = 100.0
    made: list[Step] = []
    for kind in draw(st.lists(KINDS, max_size=10)):
        at_s += draw(st.floats(0, 6, allow_nan=False))
        result = draw(st.sampled_from(LockResult))
        code = "used_up" if result is DENIED else None
        every: dict[str, Step] = {
            "challenged": Challenged(at_s),
            "sent": Sent(at_s),
            "refused": RefusedByServer(at_s, "not_on_route"),
            "answered": Answered(at_s, result, code),
            "ticked": Ticked(at_s),
        }
        made.append(every[kind])
    return made


@given(steps())
def test_in_any_order_only_the_locks_word_opens_and_an_open_door_stays_its_word(made: list[Step]) -> None:
    opening = tap(100.0)
    for step in made:
        before, opening = opening, advance(opening, step)
        moved = opening.state in (OpeningState.UNLOCKED, OpeningState.JAMMED)
        assert opening.by_lock or not moved
        assert moved or before.state not in (OpeningState.UNLOCKED, OpeningState.JAMMED)
        if opening.state is OpeningState.SENT and opening.sent_s is not None:
            assert opening.sent_s - opening.tapped_s <= SEND_WITHIN_S
        if before.state in (OpeningState.EXPIRED, OpeningState.UNKNOWN) and opening.by_lock:
            assert opening.late
        assert before.state is not OpeningState.EXPIRED or opening.state is not OpeningState.SENT


@given(steps(), st.lists(st.floats(0, 70), max_size=8))
def test_ticking_in_between_changes_nothing_that_anybody_sees(made: list[Step], ticks: list[float]) -> None:
    timed: list[Step] = sorted([*made, *(Ticked(100 + tick) for tick in ticks)], key=lambda step: step.at_s)
    end = Ticked(300.0)

    assert _after(*made, end) == _after(*timed, end)
