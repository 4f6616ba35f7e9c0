"""The two clocks (design §6).

*World time* is what visits, grants, ledger and simulators live in; it is injected and may be moved by a
simulation. *Link time* is the machine's monotonic clock: deadlines, retries, time-outs. They never mix.
"""

import time
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol


class WorldClock(Protocol):
    """Says what time it is in the world that is planned and cared for."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class LinkClock(Protocol):
    """Measures how long the wire takes. Never moved by a simulation."""

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start, never decreasing."""
        ...


class SystemWorldClock:
    """The world of operation: the machine's own time."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.now(UTC)


class SimulatedWorldClock:
    """A world that somebody moves. It only goes forward."""

    def __init__(self, start_at: datetime) -> None:
        self._now = _require_aware(start_at)
        self._lock = Lock()

    def now(self) -> datetime:
        """The present simulated instant, aware UTC."""
        return self._now

    def advance_to(self, instant_at: datetime) -> None:
        """Move the world to a later instant.

        Raises
        ------
        ValueError
            If the instant is naive or earlier than the present one.
        """
        with self._lock:
            if _require_aware(instant_at) < self._now:
                raise ValueError(f"Expected an instant not before {self._now}, got {instant_at}.")
            self._now = instant_at.astimezone(UTC)


class SystemLinkClock:
    """The machine's monotonic clock."""

    def monotonic_s(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()


class ManualLinkClock:
    """A link clock for tests of time-outs: it stands still until told to move."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def monotonic_s(self) -> float:
        """Seconds as last set."""
        return self._now_s

    def advance(self, by_s: float) -> None:
        """Move forward by a number of seconds."""
        if by_s < 0:
            raise ValueError(f"Expected a step >= 0 s, got {by_s}.")
        self._now_s += by_s


def utc_text(instant_at: datetime) -> str:
    """``2026-11-25T06:20:00.000000Z``: one text for one instant, whichever database it was in."""
    return instant_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _require_aware(instant_at: datetime) -> datetime:
    if instant_at.tzinfo is None:
        raise ValueError(f"Expected an aware instant, got {instant_at} without a time zone.")
    return instant_at.astimezone(UTC)
