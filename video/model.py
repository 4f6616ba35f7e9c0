"""What a screen visit is made of: frozen data, no session, no clock, no network."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from video.events import CallOutcome, MediaPath

Side = Literal["staff", "citizen"]
AnsweredBy = Literal["link", "kiosk", "auto"]

#: a citizen is rung at most so often; then a planner takes over
TRIES = 2


class CallState(StrEnum):
    """Where a call stands. Danish: ringer, besvaret, i samtale, genforbinder, ubesvaret, slut."""

    RINGING = "ringing"
    ANSWERED = "answered"
    IN_CALL = "in_call"
    RECONNECTING = "reconnecting"
    UNANSWERED = "unanswered"
    ENDED = "ended"


#: the citizen's side has answered and nobody has hung up
TALKING = frozenset({CallState.ANSWERED, CallState.IN_CALL, CallState.RECONNECTING})


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What decides whether a carer may ring a citizen; filled by the gateway from the planned day.

    Parameters
    ----------
    carer_id
        Who wants to ring.
    planned_carer_id
        On whose route the visit is.
    mode
        ``screen`` or ``physical``.
    consent_active
        The citizen has said yes to screen visits and not taken it back.
    shift_begun, visit_ended
        The carer's shift goes on; the visit is over.
    """

    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    planned_carer_id: str | None
    mode: str
    consent_active: bool
    shift_begun: bool
    visit_ended: bool


@dataclass(frozen=True, slots=True)
class CallTimes:
    """How long things last, in seconds: world time and wall time are judged with the same lengths."""

    ring_s: float
    second_try_s: float
    link_life_s: float


@dataclass(frozen=True, slots=True)
class Room:
    """One screen visit's call, through all its tries.

    ``ring_until_at`` is world time, ``ring_until_s`` the same instant on the wall (seconds since the epoch).
    ``live`` says that the carer's page is in the room: then the wall decides when the ring is over, because
    somebody sits there; without a page world time does, so that a simulated day need not wait.
    """

    room_id: str
    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    state: CallState
    attempt: int
    begun_at: datetime
    ring_until_at: datetime
    ring_until_s: float
    live: bool
    next_try_at: datetime | None
    declined: bool
    answered_at: datetime | None
    answered_by: AnsweredBy | None
    #: whose browser the citizen's side is bound to, once it has answered
    citizen_key: str | None
    hung_up_at: datetime | None
    talk_s: int
    outcome: CallOutcome | None
    #: somebody said that it was hard to hear or see
    trouble: bool

    @property
    def concluded(self) -> bool:
        """Whether a person has said how it went: nothing changes any more."""
        return self.outcome is not None


@dataclass(frozen=True, slots=True)
class LivedCall:
    """A call of the past, told at once. ``attempts`` 2: the first ring was not answered.

    Parameters
    ----------
    first_rung_at
        The first ring.
    rung_at
        The ring of the last try; the same as ``first_rung_at`` with one attempt.
    answered_at
        ``None`` where nobody answered.
    windows, good_windows
        Five-second quality windows, and how many had an audio MOS of at least 3.5.
    """

    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    first_rung_at: datetime
    rung_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    outcome: CallOutcome
    attempts: int = 1
    answered_by: AnsweredBy = "link"
    reconnects: int = 0
    path: MediaPath = "direct"
    windows: int = 0
    good_windows: int = 0
    setup_ms: int | None = None
