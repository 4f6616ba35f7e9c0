"""A citizen is admitted to hospital or away, and comes home: visits, routes, doors and calls in one act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.parts import Parts
from gateway.usecases.doors import tell_locks
from gateway.usecases.taking_off import take_off
from kernel.errors import KernelError
from scheduling import citizen_absences as absences
from scheduling.events import CitizenAbsenceKind
from scheduling.register.tables import CitizenRow
from scheduling.tables import CitizenAbsenceRow
from scheduling.tasks import NewTask, raise_task
from video.interruptions import stop_calls
from video.model import Room


@dataclass(frozen=True, slots=True)
class Away:
    """What an absence did."""

    absence: CitizenAbsenceRow
    #: visits cancelled, or wanted again
    visit_count: int
    lock_count: int = 0


def go_away(
    parts: Parts, citizen_id: str, kind: CitizenAbsenceKind, from_at: datetime | None, until_at: datetime | None
) -> Away:
    """Cancel a citizen's visits for the time she is not at home; nobody has a right to her door for them.

    Parameters
    ----------
    from_at
        When it begins; ``None`` is now.
    until_at
        When she is back; ``None`` while nobody knows.

    Raises
    ------
    KernelError
        ``not_found``.
    SchedulingError
        ``citizen_already_away``, or ``absence_ends_first``.
    """
    rooms: Sequence[Room] = ()
    with parts.units.begin() as work:
        citizen = work.session.get(CitizenRow, citizen_id)
        if citizen is None:
            raise KernelError("not_found", what="Borgeren")
        begins_at = from_at or work.now
        visits = absences.visits_to_cancel(work.session, citizen_id, begins_at, until_at, work.now)
        locks = take_off(work, visits, f"citizen_{kind}")
        row = absences.begin_absence(work, citizen, kind, begins_at, until_at, visits)
        if begins_at <= work.now:
            rooms = stop_calls(work, citizen_id)
        away = Away(row, len(visits), len(locks))
        work.session.flush()
        work.session.expunge(row)
    tell_locks(parts, locks)
    for room in rooms:
        parts.video.told(room)
    return away


def come_home(parts: Parts, citizen_id: str) -> Away:
    """She is back: what can still be done of the cancelled visits becomes a task each.

    Raises
    ------
    SchedulingError
        ``citizen_not_away``.
    """
    with parts.units.begin() as work:
        row, visits = absences.end_absence(work, citizen_id)
        for visit in visits:
            raise_task(work, NewTask("citizen_home", visit.unit_id, visit_id=visit.id, citizen_id=citizen_id))
        work.session.flush()
        work.session.expunge(row)
    return Away(row, len(visits))
