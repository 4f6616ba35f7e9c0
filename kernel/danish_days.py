"""Which days are rest days in Denmark: Saturdays, Sundays and the public holidays."""

from datetime import date, timedelta
from functools import cache

#: Great Prayer Day was a public holiday for the last time in 2023 (Act no. 214 of 6 March 2023).
_LAST_GREAT_PRAYER_YEAR = 2023


@cache
def public_holidays(year: int) -> frozenset[date]:
    """The public holidays (helligdage) of a year. Days off by agreement only are not among them."""
    easter = easter_sunday(year)
    days_after_easter = [-3, -2, 0, 1, 39, 49, 50]
    if year <= _LAST_GREAT_PRAYER_YEAR:
        days_after_easter.append(26)
    moving = {easter + timedelta(days=days) for days in days_after_easter}
    return frozenset(moving | {date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)})


def is_rest_day(day: date) -> bool:
    """Whether the day is staffed as a weekend."""
    return day.weekday() >= 5 or day in public_holidays(day.year)


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar.

    Notes
    -----
    Anonymous Gregorian computus: J. Meeus, "Astronomical Algorithms", 1991, chapter 8.
    """
    century, of_century = divmod(year, 100)
    leap_centuries, centuries_left = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * (year % 19) + century - leap_centuries - moon + 15) % 30
    leaps, years_left = divmod(of_century, 4)
    weekday = (32 + 2 * centuries_left + 2 * leaps - epact - years_left) % 7
    shift = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
