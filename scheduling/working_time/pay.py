"""What working time costs beside the hour itself: premiums, overtime, notice. Dated rates, one function each.

Nothing here forbids anything. Rates are rows by the day they begin to hold: a new agreement is a new row. Money is
whole øre; ratios are parts of an hour's wage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from kernel.danish_days import public_holidays
from kernel.localtime import COPENHAGEN
from scheduling.dated import row_on


@dataclass(frozen=True, slots=True)
class PayRates:
    """Rates from one day on. Times are local times of the day."""

    norm_week: timedelta
    overtime_ratio: float
    evening_ratio: float
    night_ratio: float
    saturday_ratio: float
    rest_day_ratio: float
    evening_from: time
    night_from: time
    night_to: time
    saturday_from: time
    duty_notice: timedelta
    duty_change_ore_per_h: int
    overtime_notice_ore: int
    hour_ore: int
    valid_from_on: date
    source: str


PAY_RATES: tuple[PayRates, ...] = (
    PayRates(
        norm_week=timedelta(hours=37),
        overtime_ratio=0.50,
        evening_ratio=0.30,
        night_ratio=0.35,
        saturday_ratio=0.30,
        rest_day_ratio=0.50,
        evening_from=time(17),
        night_from=time(23),
        night_to=time(6),
        saturday_from=time(8),
        duty_notice=timedelta(days=4),
        duty_change_ore_per_h=4407,
        overtime_notice_ore=3987,
        hour_ore=18_000,
        valid_from_on=date(2020, 4, 1),
        source="premiums: foa.dk, fysio.dk; overtime and notice: foa.dk Sydfyn 2020/21; norm: agreement 79.01; "
        "an hour's wage: assumption",
    ),
)
"""By the day they begin to hold. Replace by a municipality's own agreement: a row more, never an edit."""


def rates_on(on: date, rates: tuple[PayRates, ...] = PAY_RATES) -> PayRates:
    """The row that holds on a day; before the first row, the first."""
    return row_on(on, rates)


def premium_ratio(at: datetime, rates: PayRates) -> float:
    """The premium of an instant as a part of the hour's wage: the highest of those that hold.

    Evening 17 to 23, night 23 to 06, Saturday from 08, Sundays and public holidays all day (FOA). That they do not
    add up is an assumption.
    """
    local = at.astimezone(COPENHAGEN)
    clock = local.timetz().replace(tzinfo=None)
    found = [0.0]
    if clock >= rates.night_from or clock < rates.night_to:
        found.append(rates.night_ratio)
    elif clock >= rates.evening_from:
        found.append(rates.evening_ratio)
    if local.weekday() == 5 and clock >= rates.saturday_from:
        found.append(rates.saturday_ratio)
    if local.weekday() == 6 or local.date() in public_holidays(local.year):
        found.append(rates.rest_day_ratio)
    return max(found)


def premiums_ore(starts_at: datetime, ends_at: datetime, rates: PayRates) -> int:
    """Premiums of a stretch of work, each part of it by the premium that holds then."""
    ore = 0.0
    for part_at, part_ends_at in _even_parts(starts_at, ends_at, rates):
        hours = (part_ends_at - part_at).total_seconds() / 3600.0
        ore += hours * premium_ratio(part_at, rates) * rates.hour_ore
    return round(ore)


def duty_change_ore(told_at: datetime, shift_starts_at: datetime, changed: timedelta, rates: PayRates) -> int:
    """What it costs to change a shift with less than four days' notice (varsling), by changed hour; else 0."""
    if shift_starts_at - told_at >= rates.duty_notice:
        return 0
    return round(changed.total_seconds() / 3600.0 * rates.duty_change_ore_per_h)


def overtime_notice_ore(told_at: datetime, overtime_at: datetime, rates: PayRates) -> int:
    """What overtime costs, each time, that was not told the day before (varsling); else 0."""
    told_on, on = told_at.astimezone(COPENHAGEN).date(), overtime_at.astimezone(COPENHAGEN).date()
    return rates.overtime_notice_ore if told_on >= on else 0


def overtime_ore(starts_at: datetime, ends_at: datetime, room: timedelta, rates: PayRates) -> int:
    """Wage and overtime supplement of work beyond a shift, without premiums.

    ``room`` is what is left below the norm of 37 hours: a part-timer's hours up to it are paid as hours, and only
    those beyond it with half a wage more.
    """
    beyond = ends_at - starts_at
    over = max(timedelta(0), beyond - max(timedelta(0), room))
    hours = beyond.total_seconds() / 3600.0 + over.total_seconds() / 3600.0 * rates.overtime_ratio
    return round(hours * rates.hour_ore)


def _even_parts(starts_at: datetime, ends_at: datetime, rates: PayRates) -> Iterator[tuple[datetime, datetime]]:
    """Parts of a stretch within which the premium does not change."""
    edges = {starts_at, ends_at}
    on = starts_at.astimezone(COPENHAGEN).date()
    while on <= ends_at.astimezone(COPENHAGEN).date():
        for clock in (time(0), rates.night_to, rates.saturday_from, rates.evening_from, rates.night_from):
            edge = datetime.combine(on, clock, tzinfo=COPENHAGEN).astimezone(starts_at.tzinfo)
            if starts_at < edge < ends_at:
                edges.add(edge)
        on += timedelta(days=1)
    ordered = sorted(edges)
    yield from pairwise(ordered)
