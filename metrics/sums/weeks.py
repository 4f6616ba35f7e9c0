"""The week a part of the sums is in, as the database works it out."""

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import ColumnElement, case
from sqlmodel import Session

from metrics.covered_days import Days
from metrics.sums.parts import are_kept
from metrics.sums.pieces import cut, pieces_between


def monday_of(session: Session, technology: str, on: ColumnElement[date], days: Days) -> ColumnElement[date]:
    """The Monday of the week each part of :func:`metrics.sums.parts.parts_of` is in.

    Parameters
    ----------
    on
        The column ``on`` of those parts.
    days
        What they were asked for, both included.
    """
    whole, beside = cut(days) if are_kept(session, technology) else (None, (days,))
    begins = {day for span in beside for day in _each(span)}
    if whole is not None:
        begins |= {first_on for first_on, _last_on in pieces_between(*whole)}
    # Most begin on their Monday: told are only those that a month or the period cuts, and single days.
    moved = {day: day - timedelta(days=day.weekday()) for day in sorted(begins) if day.weekday()}
    return case(moved, value=on, else_=on) if moved else on


def _each(span: Days) -> Iterator[date]:
    for n in range((span[1] - span[0]).days + 1):
        yield span[0] + timedelta(days=n)
