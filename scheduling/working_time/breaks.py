"""When a break is taken, given the order of a route.

A break is no visit: its place in the route follows from the times, so a route stored as bare visits has its
breaks again whenever it is timed. It is taken before a visit

- where the wait before that visit has room for it, or
- at the last chance: if it had to begin too late otherwise.

The compiled engine has the same rule (``depart`` in ``native/timing.h``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LIMIT_TOLERANCE_MIN = 1e-6
"""A break or a pinned start may be missed by this much: float noise."""


class BreakMinutes(NamedTuple):
    """A break in minutes from the day's zero: it begins from ``open`` to ``close`` and lasts ``lasts``."""

    open: float
    close: float
    lasts: float


class Departure(NamedTuple):
    """When a carer leaves for a visit, how many breaks lie behind her, and whether each began in time."""

    leaves: float
    taken: int
    kept: bool


def depart(
    breaks: Sequence[BreakMinutes],
    taken: int,
    leaves: float,
    way: float,
    release: float,
    duration: float,
    begun: bool,
) -> Departure:
    """The departure to a visit, after the breaks that are taken before it.

    Parameters
    ----------
    breaks, taken
        The carer's breaks by time, and how many she has had.
    leaves
        Minute at which the stop before ends, or the shift begins.
    way, release, duration, begun
        Of the visit: minutes to it, its earliest start (where ``begun``, its start), minutes it takes.
    """
    kept = True
    for rest in breaks[taken:]:
        begins = max(leaves, rest.open)
        fits_the_wait = release - way >= begins + rest.lasts
        if not fits_the_wait and (begun or max(leaves + way, release) + duration <= rest.close):
            break
        if begins > rest.close + LIMIT_TOLERANCE_MIN and not begun:
            kept = False
        leaves = begins + rest.lasts
        taken += 1
    return Departure(leaves, taken, kept)
