"""What work beyond the shifts of a plan costs in øre, and what a change of the plan adds to it."""

from __future__ import annotations

from datetime import datetime, timedelta

from kernel.localtime import local_day
from scheduling.model import Carer, Day, Plan
from scheduling.working_time.pay import overtime_notice_ore, overtime_ore, premiums_ore, rates_on


def overrun_ore(carer: Carer, overrun_min: float, told_at: datetime) -> int:
    """Wage, overtime, premiums and missing notice of so many minutes beyond a shift; 0 if there are none.

    The minutes follow the end of the shift. ``told_at`` is when the carer hears of them. Whole minutes count: the
    seconds of a way are no overtime.
    """
    beyond = timedelta(minutes=round(overrun_min))
    if beyond <= timedelta(0):
        return 0
    starts_at = carer.shift_ends_at
    rates = rates_on(local_day(starts_at))
    room = timedelta(seconds=max(0.0, -(carer.norm_balance_s or 0.0)))
    pay = overtime_ore(starts_at, starts_at + beyond, room, rates) + premiums_ore(starts_at, starts_at + beyond, rates)
    # Hours of a part-timer below the norm are no overtime, so nothing had to be told the day before.
    return pay + (overtime_notice_ore(told_at, starts_at, rates) if beyond > room else 0)


def overtime_rise_ore(day: Day, before: Plan, after: Plan, told_at: datetime) -> int:
    """How much dearer work beyond the shifts gets by a change of the plan (negative: cheaper)."""
    rise = 0
    for carer in day.carers:
        old, new = before.route_of.get(carer.id), after.route_of.get(carer.id)
        rise += overrun_ore(carer, new.overrun_min, told_at) if new is not None else 0
        rise -= overrun_ore(carer, old.overrun_min, told_at) if old is not None else 0
    return rise
