"""What the messages of a past day's locks ask the database for, one after the other: fetched for all of them at once.

Nobody knows beforehand which locks will speak; who lives a day that is over does.
"""

from collections.abc import Collection

from sqlmodel import Session

from devices.keys.held import held_by
from devices.keys.held_lock import held_locks


def hold_locks(session: Session, lock_ids: Collection[str], ctis: Collection[bytes]) -> None:
    """Hold these locks, and what these grants stand for, until the transaction ends."""
    held = held_by(session)
    held.locks |= held_locks(session, lock_ids)
    held.grants_of(session, ctis)
