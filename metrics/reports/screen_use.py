"""The use of screen visits by week and unit, by the definitions Randers publishes.

Definitions (Randers Kommune, vis-statistik-virtuel-hjemmesygepleje, ``data.py``): calls answered and not; their mean
length; active citizens; *anvendelsesgrad* = answered calls / active citizens / 7; *omlægningsgrad* = active screen
citizens / all citizens; *måltal* = omlægningsgrad in per cent x anvendelsesgrad; beside them planned visits and hours,
all and on screen. There a call counts as answered if it had a length; here somebody answered it, or did not.

A citizen is active in a week with at least one call. Figures that fewer than five active citizens stand behind are
withheld, also where they could be found by subtraction (:mod:`metrics.suppression`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from metrics.suppression import Cell, withhold

DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class WeekCounts:
    """What one unit did in one ISO week. Times in seconds, of answered calls and of planned visits."""

    unit_id: str
    monday_on: date
    answered: int
    unanswered: int
    talk_s: int
    active_citizens: frozenset[str]
    all_citizens: int
    planned_visits: int
    planned_s: int
    planned_screen_visits: int
    planned_screen_s: int


@dataclass(frozen=True, slots=True)
class WeekUse:
    """The figures of one unit (empty for all) and week; absent where they are withheld or have no denominator."""

    unit_id: str
    monday_on: date
    withheld: bool
    answered: int | None = None
    unanswered: int | None = None
    mean_talk_s: int | None = None
    active_citizens: int | None = None
    use_ratio: float | None = None
    conversion_ratio: float | None = None
    target_figure: float | None = None
    planned_visits: int | None = None
    planned_h: float | None = None
    planned_screen_visits: int | None = None
    planned_screen_h: float | None = None


def weeks_use(counts: Sequence[WeekCounts]) -> list[WeekUse]:
    """The figures of every unit and week, and of all units of a week as its last line."""
    found: list[WeekUse] = []
    for monday_on, week in groupby(sorted(counts, key=lambda c: (c.monday_on, c.unit_id)), key=lambda c: c.monday_on):
        units = list(week)
        whole = _together(monday_on, units)
        hidden = withhold([Cell(c.unit_id, len(c.active_citizens)) for c in units], len(whole.active_citizens))
        found += [_use(c, withheld=c.unit_id in hidden.keys) for c in units]
        if len(units) > 1:
            found.append(_use(whole, withheld=hidden.total))
    return found


def _together(monday_on: date, units: Sequence[WeekCounts]) -> WeekCounts:
    return WeekCounts(
        unit_id="",
        monday_on=monday_on,
        answered=sum(c.answered for c in units),
        unanswered=sum(c.unanswered for c in units),
        talk_s=sum(c.talk_s for c in units),
        active_citizens=frozenset[str]().union(*(c.active_citizens for c in units)),
        all_citizens=sum(c.all_citizens for c in units),
        planned_visits=sum(c.planned_visits for c in units),
        planned_s=sum(c.planned_s for c in units),
        planned_screen_visits=sum(c.planned_screen_visits for c in units),
        planned_screen_s=sum(c.planned_screen_s for c in units),
    )


def _use(counts: WeekCounts, *, withheld: bool) -> WeekUse:
    if withheld:
        return WeekUse(counts.unit_id, counts.monday_on, withheld=True)
    active = len(counts.active_citizens)
    use = counts.answered / active / DAYS_A_WEEK if active else None
    conversion = active / counts.all_citizens if counts.all_citizens else None
    return WeekUse(
        unit_id=counts.unit_id,
        monday_on=counts.monday_on,
        withheld=False,
        answered=counts.answered,
        unanswered=counts.unanswered,
        mean_talk_s=round(counts.talk_s / counts.answered) if counts.answered else None,
        active_citizens=active,
        use_ratio=use,
        conversion_ratio=conversion,
        target_figure=None if use is None or conversion is None else 100 * conversion * use,
        planned_visits=counts.planned_visits,
        planned_h=counts.planned_s / 3600,
        planned_screen_visits=counts.planned_screen_visits,
        planned_screen_h=counts.planned_screen_s / 3600,
    )
