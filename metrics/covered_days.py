"""Which days of a period a technology has figures for: weeks and days count once they are settled."""

from datetime import date, datetime, timedelta

from kernel.localtime import local_day
from metrics import screen_weeks, transfer_days
from metrics.technologies import OCCASION_KINDS, OccasionKind, Technology

Days = tuple[date, date]


def covered_days(technology: Technology, from_on: date, to_on: date, now: datetime) -> Days | None:
    """The days of a period that a technology's figures and target are about, both included.

    Shifts count as soon as they have ended, so up to today; resident-days from six the next morning on;
    citizen-weeks as whole ISO weeks from a day after their end on.

    Returns
    -------
    tuple[date, date] | None
        ``None`` where nothing of the period is settled.
    """
    kind: OccasionKind = OCCASION_KINDS[technology]
    last_on = min(to_on, local_day(now))
    first_on = from_on
    if kind == "citizen_week":
        first_on += timedelta(days=-from_on.weekday() % 7)
        last_on -= timedelta(days=(last_on.weekday() + 1) % 7)
        if screen_weeks.week_due_at(last_on) > now:
            last_on -= timedelta(days=7)
    elif kind == "resident_day":
        while transfer_days.day_due_at(last_on) > now:
            last_on -= timedelta(days=1)
    return (first_on, last_on) if first_on <= last_on else None


def provisional(technology: Technology, to_on: date, now: datetime) -> bool:
    """Whether occasions that belong to a period have yet to be settled."""
    covered = covered_days(technology, date.min + timedelta(days=7), to_on, now)
    if covered is None or to_on >= local_day(now):
        return True
    # The rest of a week belongs to a period that holds its end.
    last_due_on = to_on
    if OCCASION_KINDS[technology] == "citizen_week":
        last_due_on -= timedelta(days=(to_on.weekday() + 1) % 7)
    return covered[1] < last_due_on
