"""From fixes to trips and stops, for home care. Pure.

Trackers are made for lorries: their defaults drop what is under 500 m or 300 s, which is most of a home carer's
day. Here a stop is 90 s within 75 m, a hop of 300 m is a trip, and what a parked car's receiver imagines is not.
A trip ends by a stop, by ten minutes of silence (a tracker that dies with the ignition), or by the private switch.

Fixes that contradict the ones before them are set aside, not believed and not lost: an odometer that runs
backwards, a place nobody could have reached. When several in a row agree with each other, the world has changed
and they are believed: the instrument was replaced, or the earlier place was wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devices.driving.distance import great_circle_m, track_m
from devices.driving.model import Doubt, Driven, Fix, FixKey, Mode, Position, Trip, TripState

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
MISSING_FROM_M = 1_000


@dataclass(frozen=True, slots=True)
class _Run:
    """Believed fixes in order of time, with nothing between them that contradicts."""

    fixes: tuple[Fix, ...]
    doubts: frozenset[Doubt]
    #: times of fixes that were set aside within, each with its doubt
    aside: tuple[tuple[datetime, Doubt], ...]


def segment(fixes: Iterable[Fix], now: datetime) -> Driven:
    """Trips of one vehicle.

    Parameters
    ----------
    fixes
        In any order, each ``(boot, seq)`` once.
    now
        Decides whether the last trip has fallen silent or is still going on.

    Returns
    -------
    Driven
        Trips in order of time, without the missing stretches (:func:`with_missing`); the last may be open.
    """
    ordered = sorted(fixes, key=lambda fix: (fix.ts_at, fix.boot, fix.seq))
    runs, set_aside = _screen(ordered)
    trips: list[Trip] = []
    for number, run in enumerate(runs):
        last_run = number == len(runs) - 1
        chunks = list(_chunks(run.fixes))
        for place, chunk in enumerate(chunks):
            going_on = last_run and place == len(chunks) - 1 and now - chunk[-1].ts_at <= GAP
            found = list(_trips(chunk, going_on))
            if found and place == 0 and run.doubts:
                found[0] = replace(found[0], doubts=found[0].doubts | run.doubts)
            trips += [_marked(trip, run.aside) for trip in found]
    return Driven(tuple(trips), set_aside)


def with_missing(trips: Sequence[Trip], before: Trip | None = None) -> list[Trip]:
    """The trips with a row for every stretch of more than a kilometre that the odometer moved unrecorded.

    The book "must agree with the car's odometer" (Ligningsvejledningen A.F.3.4.1).

    Parameters
    ----------
    before
        The recorded trip before the first of these, if there is one.
    """
    found: list[Trip] = []
    for trip in trips:
        if before is not None and trip.start_odometer_m - before.end_odometer_m > MISSING_FROM_M:
            found.append(
                Trip(
                    started_at=before.ended_at,
                    ended_at=max(trip.started_at, before.ended_at),
                    start_odometer_m=before.end_odometer_m,
                    end_odometer_m=trip.start_odometer_m,
                    distance_m=trip.start_odometer_m - before.end_odometer_m,
                    track_m=0,
                    mode=Mode.BUSINESS,
                    state=TripState.MISSING,
                )
            )
        found.append(trip)
        before = trip
    return found


def _screen(ordered: Sequence[Fix]) -> tuple[list[_Run], dict[FixKey, Doubt]]:
    runs: list[_Run] = []
    set_aside: dict[FixKey, Doubt] = {}
    good: list[Fix] = []
    aside: list[tuple[datetime, Doubt]] = []
    doubtful: list[tuple[Fix, Doubt]] = []
    began_with: frozenset[Doubt] = frozenset()
    for fix in ordered:
        doubt = _contradiction(good[-1], fix) if good else None
        if doubt is None:
            good.append(fix)
            _put_aside(doubtful, set_aside, aside)
            doubtful = []
            continue
        if doubtful and _contradiction(doubtful[-1][0], fix) is not None:
            _put_aside(doubtful, set_aside, aside)
            doubtful = []
        doubtful.append((fix, doubt))
        if len(doubtful) >= BELIEVE_AFTER:
            runs.append(_Run(tuple(good), began_with, tuple(aside)))
            began_with = frozenset({doubtful[0][1]})
            good, doubtful, aside = [f for f, _ in doubtful], [], []
    _put_aside(doubtful, set_aside, aside)
    if good:
        runs.append(_Run(tuple(good), began_with, tuple(aside)))
    return runs, set_aside


def _put_aside(
    doubtful: Sequence[tuple[Fix, Doubt]], set_aside: dict[FixKey, Doubt], aside: list[tuple[datetime, Doubt]]
) -> None:
    for fix, doubt in doubtful:
        set_aside[fix.key] = doubt
        aside.append((fix.ts_at, doubt))


def _contradiction(before: Fix, fix: Fix) -> Doubt | None:
    if fix.odometer_m < before.odometer_m:
        return Doubt.ODOMETER_BACKWARDS
    elapsed_h = (fix.ts_at - before.ts_at).total_seconds() / 3600
    ways_m = [float(fix.odometer_m - before.odometer_m)]
    if before.position is not None and fix.position is not None:
        ways_m.append(great_circle_m(before.position, fix.position))
    far_m = max(ways_m)
    return Doubt.JUMP if far_m > NOISE_M and far_m / 1000 > TOP_SPEED_KMH * elapsed_h else None


def _chunks(fixes: Sequence[Fix]) -> Iterator[Sequence[Fix]]:
    """Cut where nothing was heard for long, and where the private switch was turned."""
    first = 0
    for i in range(1, len(fixes)):
        before, fix = fixes[i - 1], fixes[i]
        if fix.ts_at - before.ts_at > GAP:
            yield fixes[first:i]
            first = i
        elif fix.mode is not before.mode:
            # The switch is turned on the spot: the new errand begins where the old one was last seen.
            yield fixes[first:i]
            first = i
    yield fixes[first:]


def _trips(chunk: Sequence[Fix], going_on: bool) -> Iterator[Trip]:
    start, i = 0, 0
    while i < len(chunk):
        last = _stop_from(chunk, i)
        if last is None:
            i += 1
            continue
        yield from _trip(chunk[start : i + 1], TripState.CLOSED)
        start, i = last, last + 1
    state = TripState.OPEN if going_on else TripState.CLOSED
    yield from _trip(_until_standing(chunk[start:]), state)


def _until_standing(fixes: Sequence[Fix]) -> Sequence[Fix]:
    """Fixes without the tail of a car that stands already, though not yet for long enough to be a stop."""
    last = len(fixes) - 1
    while last > 0 and _slow(fixes[last - 1]) and all(_still(fixes[last - 1], fix) for fix in fixes[last:]):
        last -= 1
    return fixes[: last + 1]


def _stop_from(chunk: Sequence[Fix], first: int) -> int | None:
    """The last fix of the stop that begins here, ``None`` where none does."""
    anchor, last = chunk[first], first
    if not _slow(anchor):
        return None
    while last + 1 < len(chunk) and _still(anchor, chunk[last + 1]):
        last += 1
    stood_s = (chunk[last].ts_at - anchor.ts_at).total_seconds()
    return last if stood_s >= STOP_S else None


def _still(anchor: Fix, fix: Fix) -> bool:
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


def _trip(fixes: Sequence[Fix], state: TripState) -> Iterator[Trip]:
    if len(fixes) < 2:
        return
    first, last = fixes[0], fixes[-1]
    track: list[Position] = [fix.position for fix in fixes if fix.position is not None]
    along_m = track_m(track)
    counted_m = last.odometer_m - first.odometer_m
    # An odometer that stands still over a kilometre of track is broken; then the track has to do.
    broken = counted_m == 0 and along_m > MISSING_FROM_M and any(fix.ignition for fix in fixes)
    distance_m = round(along_m) if broken else counted_m
    if distance_m < SHORTEST_TRIP_M:
        return
    yield Trip(
        started_at=first.ts_at,
        ended_at=last.ts_at,
        start_odometer_m=first.odometer_m,
        end_odometer_m=last.odometer_m,
        distance_m=distance_m,
        track_m=round(along_m),
        mode=first.mode,
        state=state,
        start=first.position,
        end=last.position,
    )


def _marked(trip: Trip, aside: Sequence[tuple[datetime, Doubt]]) -> Trip:
    doubts = {doubt for at, doubt in aside if trip.started_at <= at <= trip.ended_at}
    return replace(trip, doubts=trip.doubts | doubts) if doubts else trip
