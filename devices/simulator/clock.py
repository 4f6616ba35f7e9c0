"""The lock's own clock: it drifts, it can be lost, and it only believes time it asked for itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from devices.keys.control import SignedTime
from devices.keys.envelope import from_ms, to_ms
from devices.keys.model import ClockState
from kernel.clock import LinkClock, WorldClock

ROUND_TRIP_S = 2.0
"""A time answer this quick sets the clock."""

FERRIED_S = 900.0
"""A slower answer, carried by a tablet, serves a lost clock until this long after the lock asked."""

DRIFT_BUDGET_PPM = 20.0
_MAX_ASKED = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """The present lies between these two instants, as far as the lock can know."""

    low_at: datetime
    high_at: datetime


class LockClock:
    """Own time = time last set + elapsed world time, times one plus the drift.

    Parameters
    ----------
    world, link
        World time makes the clock go; link time measures how long an answer was under way.
    drift_ppm
        Parts per million, positive if the clock runs fast.
    """

    def __init__(self, world: WorldClock, link: LinkClock, drift_ppm: float) -> None:
        self._world = world
        self._link = link
        self._rate = 1 + drift_ppm * 1e-6
        self._set_own_at = self._set_world_at = world.now()
        self._spread = timedelta(0)
        self._ferried_until_s: float | None = None
        self._lost = False
        self._asked: dict[bytes, float] = {}

    @property
    def state(self) -> ClockState:
        """How far the clock trusts itself."""
        if self._lost:
            return ClockState.LOST
        if self._ferried_until_s is None:
            return ClockState.OK
        return ClockState.UNSURE if self._link.monotonic_s() <= self._ferried_until_s else ClockState.LOST

    def lose(self) -> None:
        """The battery was changed: the time is gone, the last time seen is remembered."""
        self._set_own_at, self._set_world_at = self._running_at(), self._world.now()
        self._lost = True
        self._ferried_until_s = None

    def interval(self) -> Interval | None:
        """Where the present lies, or ``None`` while the clock is lost."""
        if self.state is ClockState.LOST:
            return None
        low_at = self._running_at()
        return Interval(low_at, low_at + self._spread)

    def now_at(self) -> datetime | None:
        """The time an event is stamped with, whole milliseconds, ``None`` while the clock is lost."""
        interval = self.interval()
        return None if interval is None else from_ms(to_ms(interval.low_at))

    def ask(self, nonce: bytes) -> None:
        """Remember a nonce sent with a request for the time; the oldest of five is forgotten."""
        while len(self._asked) >= _MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[nonce] = self._link.monotonic_s()

    def accept(self, told: SignedTime) -> bool:
        """Believe a verified answer if it answers us, is fresh enough, and does not turn time back."""
        asked_s = self._asked.pop(told.nonce, None)
        if asked_s is None:
            return False
        under_way_s = self._link.monotonic_s() - asked_s
        under_way = timedelta(seconds=under_way_s)
        if told.time_at + under_way < self._earliest_at():
            return False
        if under_way_s <= ROUND_TRIP_S:
            self._set(told.time_at + under_way / 2, timedelta(0), None)
            return True
        if under_way_s <= FERRIED_S and self.state is not ClockState.OK:
            self._set(told.time_at, under_way, asked_s + FERRIED_S)
            return True
        return False

    def _set(self, own_at: datetime, spread: timedelta, ferried_until_s: float | None) -> None:
        self._set_own_at, self._set_world_at = own_at, self._world.now()
        self._spread = spread
        self._ferried_until_s = ferried_until_s
        self._lost = False

    def _running_at(self) -> datetime:
        # A lost clock stands still at the last time it knew.
        if self._lost:
            return self._set_own_at
        return self._set_own_at + (self._world.now() - self._set_world_at) * self._rate

    def _earliest_at(self) -> datetime:
        if self._lost:
            return self._set_own_at
        budget = (self._world.now() - self._set_world_at) * DRIFT_BUDGET_PPM * 2e-6
        return self._running_at() - budget
