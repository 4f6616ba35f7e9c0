"""How a call is to look at and listen to: windows that its pages measure, and what a person says of it."""

from dataclasses import dataclass

from kernel.work import Work
from video import store
from video.errors import CallError
from video.events import CallTroubleTold, MediaPath
from video.held_calls import held, kept
from video.model import Room, Side
from video.quality import Counsel, Level, Run, Window, counsel, is_good, level_of


@dataclass(frozen=True, slots=True)
class Measured:
    """One quality window: how it went since the last."""

    window: Window
    path: MediaPath = "unknown"
    reconnects: int = 0
    setup_ms: int | None = None


def measure(work: Work, room_id: str, side: Side, measured: Measured) -> Counsel:
    """Take one quality window in; what the page of that side is to do."""
    row = store.quality_for_update(work.session, room_id, side)
    level: Level = level_of(measured.window)
    run = Run(row.poor_run, row.bad_run).after(level)
    row.windows += 1
    row.good_windows += is_good(measured.window)
    row.poor_run, row.bad_run = run.poor, run.bad
    row.reconnects += measured.reconnects
    row.path = measured.path if measured.path != "unknown" else row.path
    row.setup_ms = row.setup_ms if row.setup_ms is not None else measured.setup_ms
    work.session.add(row)
    return counsel(level, run)


def note_trouble(work: Work, room_id: str) -> Room:
    """Somebody says that it was hard to hear or see: a call has that once, whoever says it and however often."""
    row = held(work, room_id)
    if row.answered_at is None:
        raise CallError("nobody_has_answered")
    if not row.trouble:
        row.trouble = True
        work.record(CallTroubleTold(at=work.now, room_id=row.room_id, visit_id=row.visit_id, unit_id=row.unit_id))
    return kept(work, row)
