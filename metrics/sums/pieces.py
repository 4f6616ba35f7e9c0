"""The pieces sums are kept by: ISO weeks, cut where a month ends, so that weeks and months are both made of them."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from metrics.covered_days import Days

_DAY = timedelta(days=1)


@lru_cache(maxsize=4096)
def piece_of(on: date) -> Days:
    """First and last day of the piece a day is in."""
    monday_on = on - timedelta(days=on.weekday())
    next_month_on = (on.replace(day=1) + timedelta(days=32)).replace(day=1)
    return max(monday_on, on.replace(day=1)), min(monday_on + timedelta(days=6), next_month_on - _DAY)


def pieces_between(first_on: date, last_on: date) -> Iterator[Days]:
    """Every piece with a day of these, both included, in order."""
    while first_on <= last_on:
        piece = piece_of(first_on)
        yield piece
        first_on = piece[1] + _DAY


def cut(days: Days) -> tuple[Days | None, tuple[Days, ...]]:
    """What of some days is whole pieces, and the days at both ends that are not.

    Returns
    -------
    tuple[Days | None, tuple[Days, ...]]
        The days from the first to the last whole piece, ``None`` without one; and up to two spans beside them.
    """
    first_on, last_on = days
    begins, ends = piece_of(first_on), piece_of(last_on)
    inner_on = first_on if begins[0] == first_on else begins[1] + _DAY
    until_on = last_on if ends[1] == last_on else ends[0] - _DAY
    if inner_on > until_on:
        return None, (days,)
    before = () if inner_on == first_on else ((first_on, inner_on - _DAY),)
    after = () if until_on == last_on else ((until_on + _DAY, last_on),)
    return (inner_on, until_on), (*before, *after)
