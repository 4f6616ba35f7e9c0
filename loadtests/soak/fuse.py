"""Ends a process of the crash model at the step that was drawn."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import OperationalError

from devices.inbox.model import Handler, Incoming, Outgoing
from kernel.clock import ManualLinkClock
from kernel.work import UnitsOfWork, Work

# A thread ends silently by SystemExit itself, not by a kind of it, and nothing that catches errors catches it.
KilledError = SystemExit


class Fuse:
    """Counts the steps of one process and blows at the chosen one; afterwards no step of it is taken any more."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._only = ""
        self.blown = ""
        """The step it ended at; empty while the process lives."""

    def arm(self, steps: int | None, only: str = "") -> None:
        """Blow after so many more steps, or so many of one name; never where ``None``."""
        self._left, self._only = steps, only

    def step(self, where: str) -> None:
        """A step of the process begins.

        Raises
        ------
        KilledError
            If it is the one to end at.
        """
        if self.blown:
            raise KilledError
        if self._left is None or self._only not in ("", where):
            return
        if self._left <= 0:
            self.blown = where
            raise KilledError
        self._left -= 1


class FusedUnits(UnitsOfWork):
    """Units of work that a process can die in, and that fail while the database is away."""

    def __init__(self, units: UnitsOfWork, fuse: Fuse, link: ManualLinkClock) -> None:
        super().__init__(units.database, units.clock)
        self._fuse = fuse
        self._link = link
        self.stalls: list[float] = []
        """For each coming unit of work that fails: how long it hung before that, seconds of link time."""

    @contextmanager
    def begin(self, *, calmly: bool = False) -> Iterator[Work]:
        """As always; may end before the transaction, before its commit, or after it."""
        self._fuse.step("before the transaction")
        if self.stalls:
            self._link.advance(self.stalls.pop(0))
            raise OperationalError("BEGIN", {}, Exception("the server closed the connection"))
        with super().begin(calmly=calmly) as work:
            yield work
            self._fuse.step("before the commit")
        self._fuse.step("after the commit")


def fused(handlers: dict[tuple[str, str], Handler], fuse: Fuse) -> dict[tuple[str, str], Handler]:
    """Handlers a process can die in, before and after each message."""

    def around(handler: Handler) -> Callable[[Work, Incoming], Sequence[Outgoing]]:
        def handle(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
            fuse.step(f"before {incoming.name}")
            answers = handler(work, incoming)
            fuse.step(f"after {incoming.name}")
            return answers

        return handle

    return {key: around(handler) for key, handler in handlers.items()}


def blown_by(fuse: Fuse, act: Callable[[], Any]) -> bool:
    """Run what a process does; whether it died of it."""
    try:
        act()
    except KilledError:
        if not fuse.blown:
            raise
        return True
    return False
