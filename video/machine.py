"""The states of a call as a table: pure data in, pure data out.

What a step means beside the state (who answered, when the next try is due) is written in ``video.calls``; the
table alone says what may follow what.
"""

from enum import StrEnum

from video.model import CallState

_S = CallState


class Step(StrEnum):
    """Something that happens to a call."""

    #: the carer rings, rings again, or asks for another link during the call
    RING = "ring"
    ANSWER = "answer"
    #: *Ikke nu*
    NOT_NOW = "not_now"
    #: the ring is over and nobody answered
    LAPSE = "lapse"
    #: both sides are in the room
    MEET = "meet"
    #: one side has gone, or asks for new paths
    LOSE = "lose"
    HANG_UP = "hang_up"
    #: the carer says that nobody answered, and there is a try left
    GIVE_UP = "give_up"
    #: the carer says how it went
    CONCLUDE = "conclude"


TRANSITIONS: dict[tuple[CallState, Step], CallState] = {
    (_S.RINGING, Step.RING): _S.RINGING,
    (_S.RINGING, Step.ANSWER): _S.ANSWERED,
    (_S.RINGING, Step.NOT_NOW): _S.UNANSWERED,
    (_S.RINGING, Step.LAPSE): _S.UNANSWERED,
    (_S.RINGING, Step.HANG_UP): _S.ENDED,
    (_S.RINGING, Step.GIVE_UP): _S.UNANSWERED,
    (_S.RINGING, Step.CONCLUDE): _S.ENDED,
    # A ring during the call is another link for the same call: a telephone may have run flat.
    (_S.ANSWERED, Step.RING): _S.ANSWERED,
    (_S.ANSWERED, Step.ANSWER): _S.ANSWERED,
    (_S.ANSWERED, Step.MEET): _S.IN_CALL,
    (_S.ANSWERED, Step.LOSE): _S.ANSWERED,
    (_S.ANSWERED, Step.HANG_UP): _S.ENDED,
    (_S.ANSWERED, Step.GIVE_UP): _S.UNANSWERED,
    (_S.ANSWERED, Step.CONCLUDE): _S.ENDED,
    (_S.IN_CALL, Step.RING): _S.IN_CALL,
    (_S.IN_CALL, Step.ANSWER): _S.IN_CALL,
    (_S.IN_CALL, Step.MEET): _S.IN_CALL,
    (_S.IN_CALL, Step.LOSE): _S.RECONNECTING,
    (_S.IN_CALL, Step.HANG_UP): _S.ENDED,
    (_S.IN_CALL, Step.GIVE_UP): _S.UNANSWERED,
    (_S.IN_CALL, Step.CONCLUDE): _S.ENDED,
    (_S.RECONNECTING, Step.RING): _S.RECONNECTING,
    (_S.RECONNECTING, Step.ANSWER): _S.RECONNECTING,
    (_S.RECONNECTING, Step.MEET): _S.IN_CALL,
    (_S.RECONNECTING, Step.LOSE): _S.RECONNECTING,
    (_S.RECONNECTING, Step.HANG_UP): _S.ENDED,
    (_S.RECONNECTING, Step.GIVE_UP): _S.UNANSWERED,
    (_S.RECONNECTING, Step.CONCLUDE): _S.ENDED,
    (_S.UNANSWERED, Step.RING): _S.RINGING,
    (_S.UNANSWERED, Step.HANG_UP): _S.UNANSWERED,
    (_S.UNANSWERED, Step.GIVE_UP): _S.UNANSWERED,
    (_S.UNANSWERED, Step.CONCLUDE): _S.ENDED,
    # Hung up by accident: until a person has said how it went, the same call may ring again.
    (_S.ENDED, Step.RING): _S.RINGING,
    (_S.ENDED, Step.HANG_UP): _S.ENDED,
    (_S.ENDED, Step.GIVE_UP): _S.UNANSWERED,
    (_S.ENDED, Step.CONCLUDE): _S.ENDED,
}


def follow(state: CallState, step: Step) -> CallState | None:
    """The state after a step, or ``None`` where the step means nothing in this state."""
    return TRANSITIONS.get((state, step))
