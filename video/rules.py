"""May this carer ring this citizen now, may a kiosk answer by itself, is a ring over? Pure decisions."""

from datetime import datetime, time, timedelta

from kernel.localtime import COPENHAGEN
from video.model import TALKING, CallFacts, CallState, Room

#: a consented kiosk answers by itself between these local times; the page counts down and *Ikke nu* wins
AUTO_ANSWER_FROM = time(8, 0)
AUTO_ANSWER_TO = time(20, 0)
AUTO_ANSWER_COUNTDOWN_S = 10
#: no visit lasts so long, and no link does either
LONGEST_TALK_S = 4 * 3600.0


def may_call(facts: CallFacts) -> str | None:
    """The code of the first rule that is broken, or ``None``.

    Whose visit it is comes first: who does not have it learns nothing about the citizen's consent.
    """
    if facts.planned_carer_id != facts.carer_id:
        return "not_your_call"
    if facts.mode != "screen":
        return "not_a_screen_visit"
    if not facts.consent_active:
        return "screen_consent_missing"
    if not facts.shift_begun:
        return "call_shift_not_begun"
    return "call_concluded" if facts.visit_ended else None


def may_answer_itself(consent_active: bool, now_at: datetime) -> bool:
    """Whether a kiosk may answer for its citizen: consent, and the hours that were agreed."""
    clock = now_at.astimezone(COPENHAGEN).time()
    return consent_active and AUTO_ANSWER_FROM <= clock < AUTO_ANSWER_TO


def ring_is_over(room: Room, now_at: datetime, wall_s: float) -> bool:
    """Whether nobody has answered in time: by the wall while the carer's page waits, else by world time."""
    if room.state is not CallState.RINGING:
        return False
    return wall_s >= room.ring_until_s if room.live else now_at >= room.ring_until_at


def is_abandoned(room: Room, wall_s: float) -> bool:
    """Whether a talk has gone on for longer than any does: both pages went, and nobody hung up."""
    return room.state in TALKING and wall_s >= room.ring_until_s + LONGEST_TALK_S


def second_try_forgotten(room: Room, now_at: datetime, second_try_s: float) -> bool:
    """Whether the second try is overdue by as long as it was to be waited for: no answer has to mean an act."""
    due_at = room.next_try_at
    if room.state is not CallState.UNANSWERED or room.concluded or due_at is None:
        return False
    return now_at >= due_at + timedelta(seconds=second_try_s)
