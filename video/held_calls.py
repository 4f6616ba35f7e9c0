"""A call's row, held by a transaction: read under its lock, stepped by the table of ``video.machine``, kept."""

from datetime import datetime, timedelta

from kernel.work import Work
from video import store
from video.errors import CallError
from video.events import ScreenVisitUnanswered
from video.machine import Step, follow
from video.model import TALKING, TRIES, CallState, CallTimes, Room
from video.tables import RoomRow


def held(work: Work, room_id: str) -> RoomRow:
    """A room, held until the transaction ends. Raises ``room_unknown``."""
    row = store.held_room(work.session, room_id)
    if row is None:
        raise CallError("room_unknown")
    return row


def step(row: RoomRow, taken: Step) -> None:
    """Follow the table. Raises ``call_concluded``, or ``call_not_ringing`` where the step means nothing."""
    if row.outcome is not None:
        raise CallError("call_concluded")
    after = follow(CallState(row.state), taken)
    if after is None:
        raise CallError("call_not_ringing")
    row.state = after.value


def stop_talking(row: RoomRow, was: CallState, at: datetime) -> None:
    """The talk is over: how long it was."""
    if was in TALKING and row.answered_at is not None:
        row.talk_s += max(0, round((at - row.answered_at).total_seconds()))
    if was is not CallState.ENDED:
        row.hung_up_at = at


def unanswered(work: Work, row: RoomRow, times: CallTimes, at: datetime, *, declined: bool) -> Room:
    """Nobody answered this try, or the citizen said *Ikke nu*: when the next one is due."""
    left = row.attempt < TRIES
    row.next_try_at = at + timedelta(seconds=times.second_try_s) if left else None
    row.declined, row.citizen_key = declined, None
    work.record(
        ScreenVisitUnanswered(
            at=at,
            room_id=row.room_id,
            visit_id=row.visit_id,
            citizen_id=row.citizen_id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            attempt=row.attempt,
            next_try_at=row.next_try_at,
            declined=declined,
        )
    )
    return kept(work, row)


def kept(work: Work, row: RoomRow) -> Room:
    """Keep the row; the room as it is now."""
    work.session.add(row)
    work.session.flush()
    return store.room_view(row)
