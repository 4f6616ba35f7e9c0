"""One fix after the other: which are believed, where the car stands, and which trips have ended. Pure.

Fixes that contradict the ones before them are set aside, not believed and not lost: an odometer that runs
backwards, a place nobody could have reached. When several in a row agree with each other, the world has changed
and they are believed: the instrument was replaced, or the earlier place was wrong.

What is remembered is the present trip's sum and the fixes of the last minute and a half: a year costs no more
memory than a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from devices.driving.distance import great_circle_m
from devices.driving.model import Doubt, Fix, FixKey, Position, Trip, TripState

STOP_S = 90.0
STOP_RADIUS_M = 75.0
GAP = timedelta(minutes=10)
SLOW_KMH = 5.0
SHORTEST_TRIP_M = 100.0
TOP_SPEED_KMH = 200.0
#: below this a difference of places is a receiver's noise, however short the time
NOISE_M = 300.0
#: a parked car's odometer may count this much (its resolution)
PARKED_M = 100
#: so many doubtful fixes in a row that agree with each other are believed
BELIEVE_AFTER = 6
#: over so much of a track an odometer that stands still is broken
BROKEN_FROM_M = 1_000


class Segmenter:
    """The trips of one vehicle, from fixes in order of time."""

    def __init__(self) -> None:
        self._last: Fix | None = None
        self._doubtful: list[tuple[Fix, Doubt]] = []
        self._set_aside: dict[FixKey, Doubt] = {}
        self._aside: list[tuple[datetime, Doubt]] = []
        #: why this run of fixes began, told by its first trip
        self._began_with: frozenset[Doubt] = frozenset()
        self._road = _Road()

    def push(self, fix: Fix) -> Iterator[Trip]:
        """Take in the next fix; tells the trips that are over by it."""
        doubt = None if self._last is None else contradiction(self._last, fix)
        if doubt is None:
            self._put_aside()
            yield from self._drive(fix)
            return
        if self._doubtful and contradiction(self._doubtful[-1][0], fix) is not None:
            self._put_aside()
        self._doubtful.append((fix, doubt))
        if len(self._doubtful) >= BELIEVE_AFTER:
            yield from self._believe()

    def finish(self, now: datetime) -> Iterator[Trip]:
        """What is left when nothing more is known; open if it has not fallen silent."""
        self._put_aside()
        if self._last is not None:
            state = TripState.OPEN if now - self._last.ts_at <= GAP else TripState.CLOSED
            yield from self._told(self._road.end(state))

    def take_set_aside(self) -> dict[FixKey, Doubt]:
        """The fixes that were not believed since this was last asked."""
        found, self._set_aside = self._set_aside, {}
        return found

    def _drive(self, fix: Fix) -> Iterator[Trip]:
        last, self._last = self._last, fix
        # The switch is turned on the spot: the new errand begins where the old one was last seen.
        if last is not None and (fix.ts_at - last.ts_at > GAP or fix.mode is not last.mode):
            yield from self._cut()
        yield from self._told(self._road.push(fix))

    def _believe(self) -> Iterator[Trip]:
        yield from self._cut()
        believed, self._doubtful, self._aside = self._doubtful, [], []
        self._began_with = frozenset({believed[0][1]})
        self._last = None
        for fix, _ in believed:
            yield from self._drive(fix)

    def _cut(self) -> Iterator[Trip]:
        yield from self._told(self._road.end(TripState.CLOSED))
        self._road = _Road()
        self._began_with = frozenset()

    def _told(self, trip: Trip | None) -> Iterator[Trip]:
        if trip is None:
            return
        doubts = {doubt for at, doubt in self._aside if trip.started_at <= at <= trip.ended_at} | self._began_with
        self._began_with = frozenset()
        yield replace(trip, doubts=trip.doubts | doubts) if doubts else trip

    def _put_aside(self) -> None:
        for fix, doubt in self._doubtful:
            self._set_aside[fix.key] = doubt
            self._aside.append((fix.ts_at, doubt))
        self._doubtful = []
        if self._aside and self._road.began_at is not None:
            # Of what lies before the present trip nobody asks any more.
            self._aside = [found for found in self._aside if found[0] >= self._road.began_at]


@dataclass(slots=True)
class _Way:
    """The fixes of a trip so far, as a sum."""

    first: Fix
    last: Fix
    place: Position | None
    count: int = 1
    track_m: float = 0.0
    ignition: bool = False

    def add(self, fix: Fix) -> None:
        self.last = fix
        self.count += 1
        self.ignition = self.ignition or fix.ignition
        if fix.position is not None:
            if self.place is not None:
                self.track_m += great_circle_m(self.place, fix.position)
            self.place = fix.position


@dataclass(slots=True)
class _Road:
    """Fixes with no silence and no turn of the switch between them."""

    #: behind the candidate; absent at the very beginning
    way: _Way | None = None
    #: the candidate for where a stop begins, and what follows it; all of them still if the candidate is slow
    window: list[Fix] = field(default_factory=list)
    #: where a stop began that is going on, and its latest fix
    anchor: Fix | None = None
    standing: Fix | None = None

    @property
    def began_at(self) -> datetime | None:
        """The first fix a trip that may still be told can have."""
        if self.standing is not None:
            return self.standing.ts_at
        if self.way is not None:
            return self.way.first.ts_at
        return self.window[0].ts_at if self.window else None

    def push(self, fix: Fix) -> Trip | None:
        if self.anchor is not None and self.standing is not None:
            if still(self.anchor, fix):
                self.standing = fix
                return None
            left = self.standing
            self.way = _Way(left, left, left.position, ignition=left.ignition)
            self.anchor = self.standing = None
        self.window.append(fix)
        return self._look_for_stop(checked=len(self.window) - 1)

    def end(self, state: TripState) -> Trip | None:
        """The trip that was going on; without the tail of a car that stands already, though not yet for a stop."""
        if self.anchor is not None or not self.window:
            return None
        upto = len(self.window) - 1
        while upto > 0 and _ends_still(self.window[upto - 1], self.window[upto:]):
            upto -= 1
        only = self.way is not None and self.way.count == 1
        if upto == 0 and self.way is not None and only and _ends_still(self.way.first, self.window):
            return None
        for fix in self.window[: upto + 1]:
            self._pass(fix)
        return None if self.way is None else _trip(self.way, state)

    def _look_for_stop(self, checked: int) -> Trip | None:
        """Move the candidate on until everything after it is still, or it has stood for long enough."""
        while len(self.window) > 1:
            anchor = self.window[0]
            if _slow(anchor):
                while checked < len(self.window) and still(anchor, self.window[checked]):
                    checked += 1
                if checked == len(self.window):
                    if (self.window[-1].ts_at - anchor.ts_at).total_seconds() < STOP_S:
                        return None
                    return self._stand()
            self._pass(self.window.pop(0))
            checked = 1
        return None

    def _stand(self) -> Trip | None:
        self.anchor, self.standing = self.window[0], self.window[-1]
        self._pass(self.anchor)
        found = None if self.way is None else _trip(self.way, TripState.CLOSED)
        self.way, self.window = None, []
        return found

    def _pass(self, fix: Fix) -> None:
        if self.way is None:
            self.way = _Way(fix, fix, fix.position, ignition=fix.ignition)
        else:
            self.way.add(fix)


def contradiction(before: Fix, fix: Fix) -> Doubt | None:
    """Why a fix cannot follow another; ``None`` where it can."""
    counted_m = fix.odometer_m - before.odometer_m
    if counted_m < 0:
        return Doubt.ODOMETER_BACKWARDS
    far_m = float(counted_m)
    if before.position is not None and fix.position is not None and before.position != fix.position:
        far_m = max(far_m, great_circle_m(before.position, fix.position))
    if far_m <= NOISE_M:
        return None
    elapsed_h = (fix.ts_at - before.ts_at).total_seconds() / 3600
    return Doubt.JUMP if far_m / 1000 > TOP_SPEED_KMH * elapsed_h else None


def still(anchor: Fix, fix: Fix) -> bool:
    """Whether a car that was slow at ``anchor`` has not left."""
    counted_m = fix.odometer_m - anchor.odometer_m
    if not fix.ignition and counted_m <= PARKED_M:
        return True  # whatever its receiver imagines, a parked car has not moved
    if not _slow(fix):
        return False
    if anchor.position is None or fix.position is None:
        return counted_m <= STOP_RADIUS_M
    return great_circle_m(anchor.position, fix.position) <= STOP_RADIUS_M


def _slow(fix: Fix) -> bool:
    return not fix.ignition or fix.speed_kmh is None or fix.speed_kmh <= SLOW_KMH


def _ends_still(anchor: Fix, rest: list[Fix]) -> bool:
    return _slow(anchor) and all(still(anchor, fix) for fix in rest)


def _trip(way: _Way, state: TripState) -> Trip | None:
    if way.count < 2:
        return None
    first, last = way.first, way.last
    counted_m = last.odometer_m - first.odometer_m
    # An odometer that stands still over a kilometre of track is broken; then the track has to do.
    broken = counted_m == 0 and way.track_m > BROKEN_FROM_M and way.ignition
    distance_m = round(way.track_m) if broken else counted_m
    if distance_m < SHORTEST_TRIP_M:
        return None
    return Trip(
        started_at=first.ts_at,
        ended_at=last.ts_at,
        start_odometer_m=first.odometer_m,
        end_odometer_m=last.odometer_m,
        distance_m=distance_m,
        track_m=round(way.track_m),
        mode=first.mode,
        state=state,
        start=first.position,
        end=last.position,
    )
