"""The table of a call's states: every state times every step, and where each may lead."""

from itertools import product

import pytest

from video.machine import TRANSITIONS, Step, follow
from video.model import TALKING, CallState

S = CallState


@pytest.mark.parametrize(("state", "step"), [*product(CallState, Step)], ids=str)
def test_every_step_leads_where_its_meaning_says_or_nowhere(state: CallState, step: Step) -> None:
    after = follow(state, step)

    match step:
        case Step.RING:
            assert after is (state if state in TALKING else S.RINGING)
        case Step.ANSWER:
            expected = {S.RINGING: S.ANSWERED, **{s: s for s in TALKING}}
            assert after is expected.get(state)
        case Step.NOT_NOW | Step.LAPSE:
            assert after is (S.UNANSWERED if state is S.RINGING else None)
        case Step.MEET:
            assert after is (S.IN_CALL if state in TALKING else None)
        case Step.LOSE:
            lost = {S.ANSWERED: S.ANSWERED, S.IN_CALL: S.RECONNECTING, S.RECONNECTING: S.RECONNECTING}
            assert after is lost.get(state)
        case Step.HANG_UP:
            assert after is (S.UNANSWERED if state is S.UNANSWERED else S.ENDED)
        case Step.GIVE_UP:
            assert after is S.UNANSWERED
        case Step.CONCLUDE:
            assert after is S.ENDED


def test_every_state_can_be_reached_and_left() -> None:
    reached = {after for (before, _), after in TRANSITIONS.items() if before is not after}
    left = {before for (before, _), after in TRANSITIONS.items() if before is not after}

    assert reached | {S.RINGING} == set(CallState)
    assert left == set(CallState)


def test_nobody_talks_without_having_answered() -> None:
    doors = {before for (before, step), after in TRANSITIONS.items() if after in TALKING and before not in TALKING}
    steps = {step for (before, step), after in TRANSITIONS.items() if after in TALKING and before not in TALKING}

    assert (doors, steps) == ({S.RINGING}, {Step.ANSWER})
