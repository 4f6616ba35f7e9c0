"""One opening of a door as a state machine: pure data in, pure data out.

Danish words of the states: *anmodet* (requested), *udfordret* (challenged), *sendt*, *låst op* (unlocked),
*afvist* (refused), *fastklemt* (jammed), *udløbet* (expired), *ukendt* (unknown).

Time is link time in seconds: any one clock that never goes back, the same for all steps of an opening.
Deadlines are judged from the instant of each step, so whether anybody ticked in between changes nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from devices.keys.model import LockResult

SEND_WITHIN_S = 5.0
"""From tap to sent command; what is later is never sent."""

ANSWER_WITHIN_S = 10.0
"""From tap to the lock's answer; without one the opening is unknown."""

SECOND_HOLDER_WITHIN_S = 60.0
"""From the first holder's accepted proof to the second's, at a door that needs two."""


class OpeningState(StrEnum):
    """Where an opening stands. Only a lock's signed answer leads to unlocked or jammed."""

    REQUESTED = "requested"
    CHALLENGED = "challenged"
    SENT = "sent"
    UNLOCKED = "unlocked"
    REFUSED = "refused"
    JAMMED = "jammed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening after some steps.

    Parameters
    ----------
    state
        Where it stands.
    tapped_s
        Link time of the tap.
    sent_s
        Link time at which the command was released, ``None`` before.
    settled_s
        Link time of the last outcome; a missed deadline settles at the deadline itself.
    code
        Why it was refused.
    by_lock
        The state is the lock's own signed word and does not change any more.
    late
        The lock's word came after the opening had been given another outcome.
    second_by_s
        Link time until which a second holder may follow, once the lock waits for one.
    """

    state: OpeningState
    tapped_s: float
    sent_s: float | None = None
    settled_s: float | None = None
    code: str | None = None
    by_lock: bool = False
    late: bool = False
    second_by_s: float | None = None


@dataclass(frozen=True, slots=True)
class Challenged:
    """The lock's challenge has come."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The command is about to leave. Publish it only if the state is then ``sent``."""

    at_s: float


@dataclass(frozen=True, slots=True)
class RefusedByServer:
    """A rule of the server said no before anything was sent."""

    at_s: float
    code: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The lock's verified answer."""

    at_s: float
    result: LockResult
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time went on."""

    at_s: float


Step: TypeAlias = Challenged | Sent | RefusedByServer | Answered | Ticked

_BEFORE_SENT = frozenset({OpeningState.REQUESTED, OpeningState.CHALLENGED})
_GIVEN_UP = frozenset({OpeningState.EXPIRED, OpeningState.UNKNOWN, OpeningState.REFUSED})
_LOCK_WORDS = {
    LockResult.OPENED: OpeningState.UNLOCKED,
    LockResult.DENIED: OpeningState.REFUSED,
    LockResult.JAMMED: OpeningState.JAMMED,
}


def tap(at_s: float) -> Opening:
    """A carer tapped *Lås op*."""
    return Opening(OpeningState.REQUESTED, tapped_s=at_s)


def deadline_s(opening: Opening) -> float | None:
    """Link time after which the opening changes by itself, or ``None`` if it does not any more."""
    if opening.state in _BEFORE_SENT:
        return opening.tapped_s + SEND_WITHIN_S
    if opening.state is not OpeningState.SENT:
        return None
    if opening.second_by_s is not None:
        return opening.second_by_s + ANSWER_WITHIN_S
    return opening.tapped_s + ANSWER_WITHIN_S


def advance(opening: Opening, step: Step) -> Opening:
    """The opening after one step. Total: a step that means nothing in a state leaves it as it is.

    An answer is always believed, whenever it comes: after *unknown*, *expired* or a refusal of the server it
    is the lock's word, marked late. The lock's first final answer stands, except that a denial yields to a
    later *opened* or *jammed*: a denial moved nothing, so it cannot contradict that something moved (a
    command with a spent challenge, sent ahead of the real one by whoever carries it, earns a denial for the
    same request). An answer that is none to an opening (locked, log read, nothing known) changes nothing.
    """
    now = _after_deadline(opening, step.at_s)
    match step:
        case Challenged() if now.state is OpeningState.REQUESTED:
            return replace(now, state=OpeningState.CHALLENGED)
        case Sent(at_s) if now.state in _BEFORE_SENT:
            return replace(now, state=OpeningState.SENT, sent_s=at_s)
        case RefusedByServer(at_s, code) if now.state in _BEFORE_SENT:
            return replace(now, state=OpeningState.REFUSED, settled_s=at_s, code=code)
        case Answered():
            return _answered(now, step)
        case _:
            return now


def _after_deadline(opening: Opening, at_s: float) -> Opening:
    deadline = deadline_s(opening)
    if deadline is None or at_s <= deadline:
        return opening
    missed = OpeningState.EXPIRED if opening.state in _BEFORE_SENT else OpeningState.UNKNOWN
    return replace(opening, state=missed, settled_s=deadline)


def _answered(opening: Opening, answer: Answered) -> Opening:
    given_up = opening.state in _GIVEN_UP
    if answer.result is LockResult.PENDING:
        if given_up or opening.by_lock:
            return opening
        second_by_s = answer.at_s + SECOND_HOLDER_WITHIN_S
        return replace(opening, state=OpeningState.SENT, second_by_s=second_by_s)
    word = _LOCK_WORDS.get(answer.result)
    moved = word in (OpeningState.UNLOCKED, OpeningState.JAMMED)
    if word is None or (opening.by_lock and not (moved and opening.state is OpeningState.REFUSED)):
        return opening
    code = answer.code if word is OpeningState.REFUSED else None
    return replace(opening, state=word, settled_s=answer.at_s, code=code, by_lock=True, late=given_up)
