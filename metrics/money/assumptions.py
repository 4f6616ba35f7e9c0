"""What a case hangs on: adoption, minutes each time, hourly rate and delay, one by one and together.

The result is what is left after the years of the case's own table: what the saving is worth, less running costs of
all those years, less the investment. Each assumption is moved alone from the low to the high end of what may well
be; the one that moves the result most is the one the case hangs on. For each there is also the value at which
nothing is left (break-even), where there is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from metrics.money.case_money import CaseMoney
from metrics.money.outlook import payback_years

Assumption = Literal["adoption", "minutes", "rate", "delay"]
ASSUMPTIONS: tuple[Assumption, ...] = get_args(Assumption)
_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Assumptions:
    """One set of assumptions.

    Parameters
    ----------
    occasions_a_year
        How often the technology could be used in a year: shifts, citizen-weeks or resident-days.
    adoption_ratio
        On what part of them it is.
    minutes
        Saved each time.
    rate_ore
        Øre of an hour.
    delay_months
        How much later than now the saving begins, while running costs are paid.
    """

    occasions_a_year: float
    adoption_ratio: float
    minutes: float
    rate_ore: float
    delay_months: float

    def value(self, name: Assumption) -> float:
        """One of them by name."""
        return {
            "adoption": self.adoption_ratio,
            "minutes": self.minutes,
            "rate": self.rate_ore,
            "delay": self.delay_months,
        }[name]

    def with_value(self, name: Assumption, value: float) -> "Assumptions":
        """The same with one of them changed."""
        field = {"adoption": "adoption_ratio", "minutes": "minutes", "rate": "rate_ore", "delay": "delay_months"}[name]
        return replace(self, **{field: value})

    @property
    def saving_ore_a_year(self) -> float:
        """What the saving of a year is worth once it has begun."""
        return self.occasions_a_year * self.adoption_ratio * self.minutes / 60 * self.rate_ore


@dataclass(frozen=True, slots=True)
class Result:
    """What one set of assumptions comes to, in øre and years; ``payback_years`` is ``None`` for never."""

    saving_ore_a_year: int
    left_ore: int
    payback_years: float | None


@dataclass(frozen=True, slots=True)
class Swing:
    """One assumption moved alone: its two ends, what is left at each, and where nothing would be left."""

    name: Assumption
    low: float
    high: float
    left_at_low_ore: int
    left_at_high_ore: int
    break_even: float | None

    @property
    def width_ore(self) -> int:
        """By how much the result moves."""
        return abs(self.left_at_high_ore - self.left_at_low_ore)


def result_of(money: CaseMoney, asked: Assumptions) -> Result:
    """What a set of assumptions comes to over the years of the case's table."""
    saving = asked.saving_ore_a_year
    delay_years = asked.delay_months / _MONTHS_A_YEAR
    return Result(
        saving_ore_a_year=round(saving),
        left_ore=round(_left_ore(money, asked)),
        payback_years=payback_years(money.investment_ore, money.running_ore_a_year, round(saving), delay_years),
    )


def swings_of(
    money: CaseMoney, asked: Assumptions, ranges: Mapping[Assumption, tuple[float, float]]
) -> tuple[Swing, ...]:
    """Each assumption moved alone from its low to its high end, the widest swing first."""
    found = [
        Swing(
            name=name,
            low=ranges[name][0],
            high=ranges[name][1],
            left_at_low_ore=round(_left_ore(money, asked.with_value(name, ranges[name][0]))),
            left_at_high_ore=round(_left_ore(money, asked.with_value(name, ranges[name][1]))),
            break_even=break_even(money, asked, name),
        )
        for name in ASSUMPTIONS
    ]
    return tuple(sorted(found, key=lambda swing: (-swing.width_ore, ASSUMPTIONS.index(swing.name))))


def break_even(money: CaseMoney, asked: Assumptions, name: Assumption) -> float | None:
    """The value of one assumption at which nothing is left, the others kept; ``None`` where there is none.

    Adoption above one, and a delay below zero or beyond the years of the table, are no values.
    """
    spent_ore = money.investment_ore + money.running_ore_a_year * money.horizon_years
    if name == "delay":
        saving = asked.saving_ore_a_year
        if saving <= 0:
            return None
        months = (money.horizon_years - spent_ore / saving) * _MONTHS_A_YEAR
        return months if 0 <= months <= money.horizon_years * _MONTHS_A_YEAR else None
    years = max(0.0, money.horizon_years - asked.delay_months / _MONTHS_A_YEAR)
    one = asked.with_value(name, 1.0).saving_ore_a_year * years
    if one <= 0:
        return None
    value = spent_ore / one
    return None if value < 0 or (name == "adoption" and value > 1) else value


def _left_ore(money: CaseMoney, asked: Assumptions) -> float:
    years = max(0.0, money.horizon_years - asked.delay_months / _MONTHS_A_YEAR)
    return asked.saving_ore_a_year * years - money.running_ore_a_year * money.horizon_years - money.investment_ore
