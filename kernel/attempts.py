"""Trying again what left nothing behind.

A database that finds two transactions waiting for each other ends one of them: the other then goes on, and whoever
was ended may begin again. That is right only where nothing of the try was kept, which is what an attempt knows.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from kernel.errors import KernelError

#: before each new try: whoever was given the way is done by then
PAUSES_S = (0.02, 0.1)
_Made = TypeVar("_Made")


class ChosenVictimError(KernelError):
    """The database ended this transaction so that another could go on. Nothing is wrong with what it wanted."""

    def __init__(self) -> None:
        super().__init__("database_busy")


class Attempt:
    """One try at something that may be made of several transactions."""

    def __init__(self) -> None:
        #: whether a transaction of it was committed, so that it must not be tried again from the beginning
        self.has_kept = False


_CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


@contextmanager
def attempt() -> Iterator[Attempt]:
    """What happens inside, in the threads it starts with this context too, belongs to one try."""
    made = Attempt()
    token = _CURRENT.set(made)
    try:
        yield made
    finally:
        _CURRENT.reset(token)


def note_kept() -> None:
    """Say that something was committed."""
    current = _CURRENT.get()
    if current is not None:
        current.has_kept = True


def again(act: Callable[[], _Made]) -> _Made:
    """Do one unit of work, from the beginning again where the database gave another one the way.

    Raises
    ------
    ChosenVictimError
        Where that happened three times.
    """
    for pause_s in PAUSES_S:
        try:
            return act()
        except ChosenVictimError:
            time.sleep(pause_s)
    return act()
