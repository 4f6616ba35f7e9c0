"""Trying again what left nothing behind.

A database that finds two transactions waiting for each other ends one of them: the other then goes on, and whoever
was ended may begin again. That is right only where nothing of the try was kept, which is what an attempt knows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kernel.errors import KernelError


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
