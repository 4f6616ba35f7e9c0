"""What a transaction has asked for or noted already of locks: an answer and its event come together, and name the same.

No decisions here, and no commits.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlmodel import Session

from devices.keys import grant_store, store
from devices.keys.held_lock import HeldLock
from devices.keys.schemas import GrantIssued

_HELD = "omsorgstid_held_of_locks"


@dataclass(slots=True)
class Held:
    """Of one transaction.

    Attributes
    ----------
    locks
        Held until it ends, by lock id.
    grants
        By cti. Only what never changes of them is used.
    told
        Physical openings noted as told, by lock id, start and number.
    """

    locks: dict[str, HeldLock] = field(default_factory=dict)
    grants: dict[bytes, GrantIssued] = field(default_factory=dict)
    told: set[tuple[str, int, int]] = field(default_factory=set)

    def grants_of(self, session: Session, ctis: Collection[bytes]) -> dict[bytes, GrantIssued]:
        """What these ctis stand for, unknown ones left out; those met before are not asked for."""
        unmet = {cti for cti in ctis if cti not in self.grants}
        if unmet:
            self.grants |= grant_store.grants(session, unmet)
        return {cti: self.grants[cti] for cti in ctis if cti in self.grants}

    def told_of(self, session: Session, lock_id: str, openings: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        """Which of these physical openings, by start and number, the log was told of in this transaction or before."""
        told = {number for number in openings if (lock_id, *number) in self.told}
        return told | store.told_before(session, lock_id, set(openings) - told)


def held_by(session: Session) -> Held:
    """What a session's transaction holds. Nothing is remembered in a savepoint: it lets go what it holds."""
    if session.in_nested_transaction():
        return Held()
    held: Held = session.info.setdefault(_HELD, Held())
    return held
