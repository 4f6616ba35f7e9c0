"""A call in its order: ring, answer, meet, hang up, conclude. Every function is one step of one room.

World time is the work's ``now``; ``wall_s`` is the machine's time in seconds since the epoch, by which rings and
links with a person behind them end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session

from kernel.ids import new_id
from kernel.work import Work
from video import rules, store
from video.errors import CallError
from video.events import (
    CallOutcome,
    CallQualitySampled,
    MediaPath,
    ScreenVisitAnswered,
    ScreenVisitEnded,
    ScreenVisitInvited,
)
from video.held_calls import held, kept, step, stop_talking, unanswered
from video.invitations import invite
from video.lived import record_calls as record_calls  # noqa: PLC0414 - one door to all that writes calls
from video.machine import Step, follow
from video.model import TALKING, TRIES, AnsweredBy, CallFacts, CallState, CallTimes, Room
from video.tables import RoomRow

#: a call is as bad as its worst hop: where the sides say different things, the later one of these counts
_PATHS = ("unknown", "direct", "relay_udp", "relay_tcp", "relay_tls")


@dataclass(frozen=True, slots=True)
class Rung:
    """A ring: the room, and the token of a fresh invitation."""

    room: Room
    token: str


def ring(work: Work, facts: CallFacts, times: CallTimes, wall_s: float) -> Rung:
    """Ring, ring again, or make another link while the call goes on.

    Raises
    ------
    CallError
        The code of the rule of ``video.rules.may_call`` that is broken, or ``call_concluded``.
    """
    broken = rules.may_call(facts)
    if broken is not None:
        raise CallError(broken)
    row = store.held_room_of_visit(work.session, facts.visit_id)
    before = None if row is None else CallState(row.state)
    if row is None:
        row = RoomRow(
            room_id=new_id(),
            visit_id=facts.visit_id,
            citizen_id=facts.citizen_id,
            carer_id=facts.carer_id,
            unit_id=facts.unit_id,
            state=CallState.RINGING.value,
            begun_at=work.now,
            ring_until_at=work.now,
            ring_until_s=wall_s,
        )
    else:
        step(row, Step.RING)
        # A planner may have given the visit to another carer between two tries.
        row.carer_id = facts.carer_id
    if before not in TALKING:
        _begin_ringing(work, row, before, times, wall_s)
    work.session.add(row)
    work.session.flush()
    room = store.room_view(row)
    return Rung(room, invite(work, room, wall_s=wall_s, life_s=times.link_life_s))


def answer(work: Work, room_id: str, by: AnsweredBy, key: str) -> Room:
    """The citizen's side answers, and is bound to the browser behind ``key``.

    Raises
    ------
    CallError
        ``room_unknown``, ``call_concluded``, ``call_not_ringing`` or ``answered_elsewhere``.
    """
    row = held(work, room_id)
    talking = CallState(row.state) in TALKING
    if talking and row.citizen_key not in (None, key) and row.heir_key != key:
        raise CallError("answered_elsewhere")
    step(row, Step.ANSWER)
    if row.citizen_key != key:
        row.citizen_key, row.heir_key = key, None
    if not talking:
        row.answered_at, row.answered_by = work.now, by
        work.record(
            ScreenVisitAnswered(
                at=work.now,
                room_id=row.room_id,
                visit_id=row.visit_id,
                citizen_id=row.citizen_id,
                carer_id=row.carer_id,
                unit_id=row.unit_id,
                attempt=row.attempt,
                answered_by=by,
            )
        )
    return kept(work, row)


def not_now(work: Work, room_id: str, times: CallTimes) -> Room:
    """The citizen says *Ikke nu*: rung again later, or for the carer to conclude."""
    row = held(work, room_id)
    step(row, Step.NOT_NOW)
    return unanswered(work, row, times, work.now, declined=True)


def hang_up(work: Work, room_id: str) -> Room:
    """Either side ends the talk. How it went is still to be said."""
    row = held(work, room_id)
    was = CallState(row.state)
    if row.outcome is None:
        step(row, Step.HANG_UP)
        stop_talking(row, was, work.now)
    return kept(work, row)


def give_up(work: Work, room_id: str, times: CallTimes) -> Room:
    """The carer says that nobody answered and there is a try left.

    Raises
    ------
    CallError
        ``citizen_has_answered`` where a person did.
    """
    row = held(work, room_id)
    _nobody_answered(row)
    was = CallState(row.state)
    step(row, Step.GIVE_UP)
    if was is CallState.UNANSWERED:
        return kept(work, row)
    stop_talking(row, was, work.now)
    return unanswered(work, row, times, work.now, declined=False)


def conclude(work: Work, room_id: str, outcome: CallOutcome, at: datetime) -> Room:
    """The carer says how it went; saying the same again changes nothing.

    Raises
    ------
    CallError
        ``call_concluded`` with another outcome; ``citizen_has_answered`` and ``nobody_has_answered`` where the
        outcome contradicts what happened.
    """
    row = held(work, room_id)
    if row.outcome == outcome:
        return store.room_view(row)
    if outcome == "no_answer":
        _nobody_answered(row)
    if outcome in ("completed", "completed_audio") and row.answered_at is None:
        raise CallError("nobody_has_answered")
    was = CallState(row.state)
    step(row, Step.CONCLUDE)
    stop_talking(row, was, at)
    row.hung_up_at = row.hung_up_at or at
    row.outcome, row.concluded_at, row.next_try_at = outcome, work.now, None
    sides = store.qualities(work.session, room_id)
    path = max((s.path for s in sides), key=_PATHS.index, default="unknown")
    setups = [s.setup_ms for s in sides if s.setup_ms is not None]
    reconnects = max((s.reconnects for s in sides), default=0)
    work.record(
        ScreenVisitEnded(
            at=at,
            room_id=row.room_id,
            visit_id=row.visit_id,
            citizen_id=row.citizen_id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            outcome=outcome,
            attempts=row.attempt,
            begun_at=row.begun_at,
            talk_s=row.talk_s,
            reconnects=reconnects,
            path=cast(MediaPath, path),
        )
    )
    if sides:
        work.record(
            CallQualitySampled(
                at=at,
                room_id=row.room_id,
                unit_id=row.unit_id,
                windows=sum(s.windows for s in sides),
                good_windows=sum(s.good_windows for s in sides),
                setup_ms=max(setups, default=None),
                path=cast(MediaPath, path),
            )
        )
    return kept(work, row)


def presence(work: Work, room_id: str, *, both: bool, holds: Callable[[], bool] = lambda: True) -> Room | None:
    """Both sides are in the room, or one has gone. ``None`` where that changes nothing.

    Parameters
    ----------
    holds
        Asked once the room is ours: what somebody saw before she had to wait may no longer be so.
    """
    row = store.held_room(work.session, room_id)
    if row is None or row.outcome is not None or not holds():
        return None
    after = follow(CallState(row.state), Step.MEET if both else Step.LOSE)
    if after is None or after.value == row.state:
        return None
    row.state = after.value
    return kept(work, row)


def mark_live(work: Work, room_id: str) -> None:
    """The carer's page is in the room: from now on the wall decides when its ring is over."""
    row = store.held_room(work.session, room_id)
    if row is not None and not row.live:
        row.live = True
        kept(work, row)


def room(session: Session, room_id: str) -> Room:
    """One room. Raises ``room_unknown``."""
    found = store.room_of(session, room_id)
    if found is None:
        raise CallError("room_unknown")
    return found


def _begin_ringing(work: Work, row: RoomRow, before: CallState | None, times: CallTimes, wall_s: float) -> None:
    row.ring_until_at = work.now + timedelta(seconds=times.ring_s)
    row.ring_until_s = wall_s + times.ring_s
    if before is CallState.RINGING:
        return
    if before is CallState.UNANSWERED:
        row.attempt, row.begun_at = min(row.attempt + 1, TRIES), work.now
    row.next_try_at, row.declined, row.hung_up_at = None, False, None
    row.answered_at = row.answered_by = row.citizen_key = row.heir_key = None
    work.record(
        ScreenVisitInvited(
            at=work.now,
            room_id=row.room_id,
            visit_id=row.visit_id,
            citizen_id=row.citizen_id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            attempt=row.attempt,
            ring_until_at=row.ring_until_at,
        )
    )


def _nobody_answered(row: RoomRow) -> None:
    # A kiosk that answered by itself in an empty room is no answer; a person who pressed the button is one.
    if row.answered_at is not None and row.answered_by != "auto":
        raise CallError("citizen_has_answered")
