"""Reading the same sums once: many figures of a page are made of the same ones."""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from sqlmodel import Session

_KEY = "benefit_sums_read"
_Read = TypeVar("_Read")


def read_once(session: Session) -> None:
    """From now on this session remembers what it read of the sums. Only for one that sees a single instant."""
    session.info[_KEY] = {}


def once(session: Session, key: Hashable, read: Callable[[], _Read]) -> _Read:
    """What was read under this key, read now where it was not, or where the session does not remember."""
    known = session.info.get(_KEY)
    if known is None:
        return read()
    if key not in known:
        known[key] = read()
    return cast("_Read", known[key])
