"""Lets only so many in at a time: a whole fleet coming back at once must not drown the broker."""

from collections import deque
from typing import Protocol


class Entrant(Protocol):
    """Somebody who starts something when it is their turn, and leaves when it is done or has failed."""

    def connect_now(self) -> None:
        """It is your turn."""
        ...


class Turnstile:
    """First come, first served. Used by one thread only."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._inside: set[Entrant] = set()
        self._waiting: deque[Entrant] = deque()
        self._admitting = False

    def enter(self, entrant: Entrant) -> None:
        """Ask for a turn; it comes now or when there is room."""
        if entrant not in self._inside and entrant not in self._waiting:
            self._waiting.append(entrant)
        self._admit()

    def leave(self, entrant: Entrant) -> None:
        """Make room."""
        if entrant in self._inside:
            self._inside.discard(entrant)
            self._admit()

    def _admit(self) -> None:
        # One that fails at once leaves from inside its own turn: the loop below goes on, without nesting.
        if self._admitting:
            return
        self._admitting = True
        try:
            while self._waiting and len(self._inside) < self._at_once:
                entrant = self._waiting.popleft()
                self._inside.add(entrant)
                entrant.connect_now()
        finally:
            self._admitting = False
