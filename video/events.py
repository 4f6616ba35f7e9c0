"""What screen visits tell the rest: invited, answered, unanswered, ended. No picture, no sound, no address.

A screen visit is a visit of mode *screen*: its beginning and end are told by ``scheduling.events`` too, in the
same transaction. What is told here is what only the call knows.
"""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from kernel.events import Event

CallOutcome = Literal[
    "completed",
    "completed_audio",
    "converted_phone",
    "converted_physical",
    "no_answer",
    "declined",
    "technical_failure",
    "cancelled",
]
"""How a person says a screen visit went (video facts §8). The first three are visits that were held."""

HELD: frozenset[str] = frozenset({"completed", "completed_audio", "converted_phone"})
MediaPath = Literal["direct", "relay_udp", "relay_tcp", "relay_tls", "unknown"]


class ScreenVisitInvited(Event):
    """A citizen was rung. ``attempt`` is 1, or 2 for the second try."""

    event_type: ClassVar[str] = "screen.invited"

    room_id: str
    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    attempt: int
    ring_until_at: AwareDatetime


class ScreenVisitAnswered(Event):
    """The citizen answered, by link or at the kiosk."""

    event_type: ClassVar[str] = "screen.answered"

    room_id: str
    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    attempt: int
    answered_by: Literal["link", "kiosk", "auto"]


class ScreenVisitUnanswered(Event):
    """Nobody answered in time. ``next_try_at`` is absent after the last try: a planner takes over."""

    event_type: ClassVar[str] = "screen.unanswered"

    room_id: str
    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    attempt: int
    next_try_at: AwareDatetime | None
    #: the citizen answered *Ikke nu* instead of letting it ring
    declined: bool = False


class ScreenVisitEnded(Event):
    """A person said how a screen visit went. ``talk_s`` is from the answer to the end, 0 where none answered."""

    event_type: ClassVar[str] = "screen.ended"

    room_id: str
    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    outcome: CallOutcome
    attempts: int
    begun_at: AwareDatetime
    talk_s: int
    reconnects: int = 0
    path: MediaPath = "unknown"


class CallQualitySampled(Event):
    """How a whole call was, summed over its windows; one per ended call, never per window."""

    event_type: ClassVar[str] = "screen.quality"

    room_id: str
    unit_id: str
    windows: int
    #: five-second windows with an audio MOS of at least 3.5
    good_windows: int
    setup_ms: int | None = None
    path: MediaPath = "unknown"


class CallTroubleTold(Event):
    """Somebody in a call said that it was hard to hear or see; once a call."""

    event_type: ClassVar[str] = "screen.trouble"

    room_id: str
    visit_id: str
    unit_id: str
