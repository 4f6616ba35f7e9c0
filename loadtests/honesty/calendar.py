"""The days every simulated municipality lives through."""

from datetime import date, datetime, time, timedelta

from kernel.localtime import at_local

#: Monday of the first measured week and of the first lived one.
MEASURED_FROM_ON = date(2026, 7, 20)
LIVED_FROM_ON = date(2026, 10, 5)
GO_LIVE_ON = date(2026, 9, 30)
MEASURED_WEEKS = 8
LIVED_WEEKS = 4
#: Weeks from the middle of the measurement to the first lived week.
WEEKS_BETWEEN = (LIVED_FROM_ON - MEASURED_FROM_ON).days / 7
LAST_ON = LIVED_FROM_ON + timedelta(days=7 * LIVED_WEEKS - 1)
#: First day of the merged unit: a Monday in the middle.
MERGED_ON = LIVED_FROM_ON + timedelta(days=7 * (LIVED_WEEKS // 2))
#: Everything is settled by then.
SEEN_AT = at_local(LAST_ON + timedelta(days=8), time(12))


def measured_on(week: int, day: int = 0) -> date:
    """A day of the measurement; day 0 is a Monday."""
    return MEASURED_FROM_ON + timedelta(days=7 * week + day)


def lived_on(week: int, day: int = 0) -> date:
    """A day of the period; day 0 is a Monday."""
    return LIVED_FROM_ON + timedelta(days=7 * week + day)


def instant(day: date, minute: float) -> datetime:
    """So many minutes after local midnight, to the second."""
    return at_local(day, time()) + timedelta(seconds=round(minute * 60))
