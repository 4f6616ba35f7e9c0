"""From fixes to trips and stops, for home care. Pure.

Trackers are made for lorries: their defaults drop what is under 500 m or 300 s, which is most of a home carer's
day. Here a stop is 90 s within 75 m, a hop of 300 m is a trip, and what a parked car's receiver imagines is not.
A trip ends by a stop, by ten minutes of silence (a tracker that dies with the ignition), or by the private switch.

The rules stand in :mod:`devices.driving.stream`, which sees one fix after the other and remembers the last minutes
only; here are the two ways to ask: a list in any order, or columns in order of time, a year if need be.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from devices.driving.columns import FixColumns, thinned
from devices.driving.model import Driven, Fix, Mode, Trip, TripState
from devices.driving.stream import GAP, Segmenter

__all__ = ["GAP", "MISSING_FROM_M", "segment", "trips_of_columns", "with_missing"]

MISSING_FROM_M = 1_000


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
    segmenter = Segmenter()
    trips: list[Trip] = []
    for fix in sorted(fixes, key=lambda fix: (fix.ts_at, fix.boot, fix.seq)):
        trips += segmenter.push(fix)
    trips += segmenter.finish(now)
    return Driven(tuple(trips), segmenter.take_set_aside())


def trips_of_columns(blocks: Iterable[FixColumns], now: datetime) -> Iterator[Trip]:
    """Trips of one vehicle from blocks of fixes in order of time, one after the other as they end.

    However long the stretch is, one block and the last minutes are held. What a parked car repeats is left out
    before the rules are asked (:func:`devices.driving.columns.thinned`); the trips are those of :func:`segment`.
    """
    segmenter = Segmenter()
    for block in blocks:
        for fix in thinned(block):
            yield from segmenter.push(fix)
        segmenter.take_set_aside()
    yield from segmenter.finish(now)


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
