"""The running day: holds world time back to the chosen speed, or lets it go as fast as the work."""

import time
from datetime import date, datetime, timedelta
from threading import Condition

from kernel.clock import SimulatedWorldClock

_STEP_S = 0.1


class RunningDay:
    """World time of the demo's day. It only moves when :meth:`reach` is called and everything is quiet.

    Parameters
    ----------
    speed
        World seconds per second; ``None`` runs as fast as the work allows.
    """

    def __init__(
        self, clock: SimulatedWorldClock, day: date, from_at: datetime, to_at: datetime, speed: float | None
    ) -> None:
        self.day = day
        self.from_at = from_at
        self.to_at = to_at
        self.running = False
        #: carers nobody simulates: a person at the browser lives their day
        self.by_hand: frozenset[str] = frozenset()
        self._clock = clock
        self._held = speed is not None
        self._speed = speed if speed is not None else 0.0
        self._changed = Condition()
        self._stopped = False

    @property
    def speed(self) -> float:
        """World seconds per second; 0 while paused or while nothing holds the day back."""
        return self._speed if self.running else 0.0

    def set_speed(self, speed: float) -> None:
        """Faster, slower, or 0 to pause."""
        with self._changed:
            self._speed = speed
            self._changed.notify_all()

    def progress_ratio(self, now: datetime) -> float:
        """How far the day is, 0 to 1."""
        whole = (self.to_at - self.from_at).total_seconds()
        return min(1.0, max(0.0, (now - self.from_at).total_seconds() / whole))

    def stop(self) -> None:
        """End the day where it stands."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether somebody ended the day."""
        return self._stopped

    def reach(self, instant_at: datetime) -> bool:
        """Move world time to an instant, at the chosen speed. Returns ``False`` if the day was ended."""
        while self._held and not self._stopped and self._clock.now() < instant_at:
            began_s = time.monotonic()
            with self._changed:
                self._changed.wait(_STEP_S)
                speed = self._speed
            passed = timedelta(seconds=(time.monotonic() - began_s) * speed)
            self._clock.advance_to(min(instant_at, self._clock.now() + passed))
        if self._stopped:
            return False
        self._clock.advance_to(max(instant_at, self._clock.now()))
        return True
