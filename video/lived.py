"""Calls of the past, told at once: a batch of history writes in few statements what the present writes one by one."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert

from kernel.events import Event
from kernel.ids import new_id
from kernel.work import Work
from video.events import CallQualitySampled, ScreenVisitAnswered, ScreenVisitEnded, ScreenVisitInvited
from video.events import ScreenVisitUnanswered as Unanswered
from video.model import CallState, LivedCall
from video.tables import RoomRow

RING = timedelta(seconds=45)


def record_calls(work: Work, calls: Sequence[LivedCall], ring: timedelta = RING) -> None:
    """Write ended calls with their events, in the order in which they are given.

    Raises
    ------
    ValueError
        If a call's instants contradict each other or its attempts.
    """
    if not calls:
        return
    rows = []
    for call in calls:
        _check(call)
        room_id = new_id()
        rows.append(_row(call, room_id, ring))
        work.record(*_events(call, room_id, ring))
    work.session.execute(insert(RoomRow), rows)


def talk_s(call: LivedCall) -> int:
    """Seconds from the answer to the end."""
    return 0 if call.answered_at is None else round((call.ended_at - call.answered_at).total_seconds())


def _events(call: LivedCall, room_id: str, ring: timedelta) -> Iterator[Event]:
    who = {
        "room_id": room_id,
        "visit_id": call.visit_id,
        "citizen_id": call.citizen_id,
        "carer_id": call.carer_id,
        "unit_id": call.unit_id,
    }
    rings: list[datetime] = [call.first_rung_at, call.rung_at][2 - call.attempts :]
    for attempt, rung_at in enumerate(rings, start=1):
        yield ScreenVisitInvited(at=rung_at, attempt=attempt, ring_until_at=rung_at + ring, **who)
        if attempt < call.attempts:
            yield Unanswered(at=rung_at + ring, attempt=attempt, next_try_at=call.rung_at, **who)
    if call.answered_at is not None:
        yield ScreenVisitAnswered(at=call.answered_at, attempt=call.attempts, answered_by=call.answered_by, **who)
    yield ScreenVisitEnded(
        at=call.ended_at,
        outcome=call.outcome,
        attempts=call.attempts,
        begun_at=call.rung_at,
        talk_s=talk_s(call),
        reconnects=call.reconnects,
        path=call.path,
        **who,
    )
    if call.windows:
        yield CallQualitySampled(
            at=call.ended_at,
            room_id=room_id,
            unit_id=call.unit_id,
            windows=call.windows,
            good_windows=call.good_windows,
            setup_ms=call.setup_ms,
            path=call.path,
        )


def _row(call: LivedCall, room_id: str, ring: timedelta) -> dict[str, object]:
    until_at = call.rung_at + ring
    return {
        "room_id": room_id,
        "visit_id": call.visit_id,
        "citizen_id": call.citizen_id,
        "carer_id": call.carer_id,
        "unit_id": call.unit_id,
        "state": CallState.ENDED.value,
        "attempt": call.attempts,
        "begun_at": call.rung_at,
        "ring_until_at": until_at,
        "ring_until_s": until_at.timestamp(),
        "live": False,
        "next_try_at": None,
        "declined": False,
        "answered_at": call.answered_at,
        "answered_by": None if call.answered_at is None else call.answered_by,
        "citizen_key": None,
        "heir_key": None,
        "trouble": False,
        "hung_up_at": call.ended_at,
        "talk_s": talk_s(call),
        "outcome": call.outcome,
        "concluded_at": call.ended_at,
    }


def _check(call: LivedCall) -> None:
    if call.attempts not in (1, 2) or (call.attempts == 1) != (call.first_rung_at == call.rung_at):
        raise ValueError(f"Expected one ring an attempt and one or two of them, got {call.attempts}.")
    answered_at = call.answered_at or call.rung_at
    if not call.first_rung_at <= call.rung_at <= answered_at <= call.ended_at:
        raise ValueError(f"Expected ring, answer and end in this order, got {call.rung_at}, {answered_at}.")
