"""Medarbejder stopper: sign-in, doors, shifts and visits end in one act (design §8, ex-employee).

From the given instant on nobody signs in as her, no lock opens for her keys, and her visits wait for somebody else.
A tablet of hers that never meets a network again opens what its grants hold until their windows are over; the
signer mints no other.
"""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time

from sqlmodel import col, select

from devices.keys.revocations import CONFIRM_WITHIN_S, await_lists
from devices.keys.rights import revoke_shift
from devices.keys.withdrawals import close_carer
from gateway.parts import Parts
from gateway.sessions import end_sessions
from gateway.tables import IdentityRow
from gateway.usecases.doors import tell_locks
from gateway.usecases.taking_off import take_off
from kernel.localtime import at_local, local_day
from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.leavers import Leaving, let_go
from scheduling.shifts import lose_tablet
from scheduling.tasks import NewTask, raise_task

REASON = "carer_left"


@dataclass(frozen=True, slots=True)
class Left:
    """What ended."""

    from_at: datetime
    sessions_ended: int
    #: visits that somebody else has to make
    visits: int
    rights_withdrawn: int
    #: locks whose revocation list was sent
    lock_count: int


def stop_working(parts: Parts, carer_id: str, reason: str, last_on: date | None = None) -> Left:
    """End everything a carer may do here.

    Parameters
    ----------
    last_on
        Her last day, today or later; ``None`` ends it at once.

    Raises
    ------
    SchedulingError
        ``last_day_over``, or ``already_left``.
    """
    with parts.units.begin() as work:
        today = local_day(work.now)
        if last_on is not None and last_on < today:
            raise SchedulingError("last_day_over")
        from_at = work.now if last_on is None else at_local(last_on + timedelta(days=1), clock_time())
        leaving = let_go(work, carer_id, from_at, reason)
        sessions = _end_sign_in(work, carer_id, last_on or today - timedelta(days=1), at_once=last_on is None)
        locks = take_off(work, leaving.visits, REASON)
        locks |= _end_shift(work, leaving) if last_on is None else frozenset()
        closed = close_carer(work, carer_id, from_at)
        locks |= closed.locks_to_tell
        _raise_tasks(work, leaving)
        await_lists(work, locks, time.time() + CONFIRM_WITHIN_S)
        left = Left(from_at, sessions, len(leaving.visits), closed.withdrawn, len(locks))
    tell_locks(parts, locks)
    return left


def _end_sign_in(work: Work, carer_id: str, valid_until_on: date, *, at_once: bool) -> int:
    rows = work.session.exec(select(IdentityRow).where(col(IdentityRow.carer_id) == carer_id)).all()
    for row in rows:
        row.valid_until_on = valid_until_on
        work.session.add(row)
    work.session.flush()
    return end_sessions(work, [row.id for row in rows], "employment_ended") if at_once else 0


def _end_shift(work: Work, leaving: Leaving) -> frozenset[str]:
    """The key of a shift under way is void in the log, so that the signer mints nothing more for it."""
    if leaving.shift is None:
        return frozenset()
    lose_tablet(work, leaving.carer.id, leaving.shift.day, "employment_ended")
    return revoke_shift(work, leaving.shift.id)


def _raise_tasks(work: Work, leaving: Leaving) -> None:
    for visit in leaving.visits:
        raise_task(
            work,
            NewTask(
                "carer_left", visit.unit_id, visit_id=visit.id, citizen_id=visit.citizen_id, carer_id=leaving.carer.id
            ),
        )
