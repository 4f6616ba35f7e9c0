"""How long a battery will last, from what the device has reported, in three levels a technician acts on.

Voltage falls with use and also, for a while, with cold. The slope is therefore taken robustly: the median of the
slopes between all pairs of days (Theil 1950; Sen 1968, doi:10.1080/01621459.1968.10480934), which a cold week or a
wrong report does not turn. No temperature is asked for. What was reported before a battery was changed says nothing
about the new one and is left out. Pure: no session, no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from statistics import median
from typing import Literal

BatteryLevel = Literal["good", "soon", "now", "too_little_data"]

#: fewer days than this say nothing about where it is going
LEAST_DAYS = 8
#: nor do days this close together
LEAST_SPAN = timedelta(days=14)
#: what is looked back on; older days tell of another season
LOOK_BACK = timedelta(days=120)
#: days are thinned to about this many, so that a device costs the same however often it reports
MOST_POINTS = 40
#: a rise by this much from one report to the next is a new battery, not a warm day
CHANGED_MV = 250
SOON = timedelta(days=30)
NOW = timedelta(days=7)
#: beyond this a date would be a guess
FURTHEST = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class BatteryDay:
    """The median of what a device reported on a day, millivolt."""

    on: date
    level_mv: int


@dataclass(frozen=True, slots=True)
class BatteryForecast:
    """What to do about a battery and, where that can be said, until when it lasts.

    ``fall_mv_per_day`` is positive for a battery that empties; ``empty_on`` is the last day before the motor will
    not be tried any more.
    """

    level: BatteryLevel
    days_seen: int
    fall_mv_per_day: float | None = None
    empty_on: date | None = None


def forecast(days: Sequence[BatteryDay], empty_mv: int, today: date) -> BatteryForecast:
    """The level of a battery.

    Parameters
    ----------
    days
        In any order; each day once.
    empty_mv
        The level at which the device gives up.
    """
    known = since_change(sorted((d for d in days if today - LOOK_BACK <= d.on <= today), key=lambda d: d.on))
    if known and known[-1].level_mv <= empty_mv:
        # Empty is no forecast: it needs no history.
        return BatteryForecast("now", len(known), None, known[-1].on)
    if len(known) < LEAST_DAYS or known[-1].on - known[0].on < LEAST_SPAN:
        return BatteryForecast("too_little_data", len(known))
    points = _thinned(known)
    slope = _slope(points)
    if slope >= 0:
        return BatteryForecast("good", len(known), -slope)
    left = timedelta(days=max(0.0, (_level_on(points, slope, today) - empty_mv) / -slope))
    if left > FURTHEST:
        return BatteryForecast("good", len(known), -slope)
    level: BatteryLevel = "now" if left <= NOW else "soon" if left <= SOON else "good"
    return BatteryForecast(level, len(known), -slope, today + left)


def since_change(days: Sequence[BatteryDay]) -> list[BatteryDay]:
    """The days since the battery was last changed; ``days`` in the order of time."""
    first = 0
    for n in range(1, len(days)):
        if days[n].level_mv - days[n - 1].level_mv >= CHANGED_MV:
            first = n
    return list(days[first:])


def _thinned(days: Sequence[BatteryDay]) -> list[BatteryDay]:
    if len(days) <= MOST_POINTS:
        return list(days)
    size = -(-len(days) // MOST_POINTS)
    groups = [days[at : at + size] for at in range(0, len(days), size)]
    return [BatteryDay(g[len(g) // 2].on, round(median(d.level_mv for d in g))) for g in groups]


def _slope(days: Sequence[BatteryDay]) -> float:
    """Millivolt per day, negative while it empties."""
    return median((b.level_mv - a.level_mv) / (b.on - a.on).days for a, b in combinations(days, 2))


def _level_on(days: Sequence[BatteryDay], slope: float, on: date) -> float:
    """The level of the fitted line on a day: the median of what each day says of it."""
    return median(d.level_mv + slope * (on - d.on).days for d in days)
