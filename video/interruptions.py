"""What ends a call when neither of the two in it does: time, and a consent taken back."""

from kernel.work import Work
from video import rules, store
from video.held_calls import kept, step, stop_talking, unanswered
from video.machine import Step
from video.model import TALKING, CallState, CallTimes, Room


def lapse(work: Work, room_id: str, times: CallTimes, wall_s: float) -> Room | None:
    """End a ring that is over. ``None`` where somebody was quicker."""
    row = store.held_room(work.session, room_id)
    if row is None or not rules.ring_is_over(store.room_view(row), work.now, wall_s):
        return None
    step(row, Step.LAPSE)
    # Where world time decided, it was over at that instant, however late somebody looks.
    at = work.now if row.live else row.ring_until_at
    return unanswered(work, row, times, at, declined=False)


def give_to_planner(work: Work, room_id: str, times: CallTimes) -> Room | None:
    """Give up waiting for a second try that was forgotten. ``None`` where it was not."""
    row = store.held_room(work.session, room_id)
    if row is None or not rules.second_try_forgotten(store.room_view(row), work.now, times.second_try_s):
        return None
    row.next_try_at = None
    return kept(work, row)


def end_abandoned(work: Work, room_id: str, wall_s: float) -> Room | None:
    """Hang up a talk that nobody ended. ``None`` where there is none. How long they talked nobody knows."""
    row = store.held_room(work.session, room_id)
    if row is None or not rules.is_abandoned(store.room_view(row), wall_s):
        return None
    step(row, Step.HANG_UP)
    row.hung_up_at = work.now
    return kept(work, row)


def stop_calls(work: Work, citizen_id: str) -> list[Room]:
    """A citizen wants no more calls: what rings or goes on is hung up, no second try waits. Returns what changed."""
    stopped = []
    for row in store.held_rooms_of_citizen(work.session, citizen_id):
        was = CallState(row.state)
        if was is CallState.RINGING or was in TALKING:
            step(row, Step.HANG_UP)
            stop_talking(row, was, work.now)
        elif row.next_try_at is None:
            continue
        row.next_try_at = None
        stopped.append(kept(work, row))
    return stopped
