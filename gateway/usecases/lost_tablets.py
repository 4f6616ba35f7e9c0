"""A tablet is lost: whoever finds it gets into no system and through no door (design §8, stolen tablet).

One transaction ends its sessions, voids the shift's key and every grant minted for it, and puts it on the planner's
list. The locks hear of it right after; the epoch of one that does not confirm within five seconds is raised
(ADR 0005). The shift goes on: another tablet brings another key.
"""

import time
from dataclasses import dataclass

from sqlmodel import select

from devices.keys.revocations import CONFIRM_WITHIN_S, await_lists
from devices.keys.rights import revoke_shift
from gateway.parts import Parts
from gateway.sessions import end_sessions
from gateway.tables import IdentityRow
from gateway.usecases.doors import tell_locks
from scheduling.shifts import day_now, lose_tablet
from scheduling.tasks import NewTask, raise_task


@dataclass(frozen=True, slots=True)
class Blocked:
    """What blocking a tablet ended."""

    #: the shift whose key is void now; none where no shift was under way
    shift_id: str | None
    sessions_ended: int
    #: locks whose revocation list was sent
    lock_count: int


def block_tablet(parts: Parts, carer_id: str, unit_id: str, reason: str) -> Blocked:
    """Block a carer's tablet. Off duty it holds no key, and only its sessions end.

    Parameters
    ----------
    unit_id
        The carer's unit, whose planner gets the task.
    """
    with parts.units.begin() as work:
        shift = lose_tablet(work, carer_id, day_now(work.session, carer_id, work.now), reason)
        identities = work.session.exec(select(IdentityRow.id).where(IdentityRow.carer_id == carer_id)).all()
        ended = end_sessions(work, identities, "tablet_lost")
        locks = revoke_shift(work, shift.id) if shift is not None else frozenset()
        await_lists(work, locks, time.time() + CONFIRM_WITHIN_S)
        raise_task(work, NewTask("tablet_lost", unit_id, carer_id=carer_id, facts={"reason": reason}))
        blocked = Blocked(shift.id if shift is not None else None, ended, len(locks))
    tell_locks(parts, locks)
    return blocked
