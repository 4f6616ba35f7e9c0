"""When a case pays back and what a year comes to, each with an interval, by what was realised so far."""

from dataclasses import dataclass
from fractions import Fraction

DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure with its 80 % interval, lowest first. Units as the one who makes it says."""

    p10: int
    p50: int
    p90: int

    def times(self, factor: Fraction) -> "Spread":
        """Every part times a factor of zero or more, each rounded once.

        Raises
        ------
        ValueError
            For a factor below zero: the ends would change places.
        """
        if factor < 0:
            raise ValueError(f"Expected a factor of zero or more, got {factor}.")
        return Spread(round(self.p10 * factor), round(self.p50 * factor), round(self.p90 * factor))

    def plus(self, other: "Spread") -> "Spread":
        """The sum if both err the same way: wider than if they erred each its own way, never narrower."""
        return Spread(self.p10 + other.p10, self.p50 + other.p50, self.p90 + other.p90)


def a_year(realised: Spread, days: int) -> Spread:
    """What a figure of some days comes to in a year of 365.

    Raises
    ------
    ValueError
        Without days.
    """
    if days < 1:
        raise ValueError(f"Expected at least one day, got {days}.")
    return realised.times(Fraction(DAYS_A_YEAR, days))


def forecast(so_far: Spread, recent: Spread, recent_days: int, days_left: int) -> Spread:
    """What a year will have come to: what is known, and the rest of it as the recent days went.

    Raises
    ------
    ValueError
        Without recent days, or with days left below zero.
    """
    if recent_days < 1 or days_left < 0:
        raise ValueError(f"Expected recent days and no days left below zero, got {recent_days} and {days_left}.")
    return so_far.plus(recent.times(Fraction(days_left, recent_days)))


@dataclass(frozen=True, slots=True)
class Payback:
    """Years until an investment is earned back; ``None`` is never, at this pace. ``early`` goes with P90."""

    early: float | None
    middle: float | None
    late: float | None


def payback(investment_ore: int, running_ore_a_year: int, saving_ore_a_year: Spread) -> Payback:
    """Years from go-live until the saving has paid investment and running costs."""

    def of(saving_ore: int) -> float | None:
        return payback_years(investment_ore, running_ore_a_year, saving_ore)

    return Payback(of(saving_ore_a_year.p90), of(saving_ore_a_year.p50), of(saving_ore_a_year.p10))


def payback_years(
    investment_ore: int, running_ore_a_year: int, saving_ore_a_year: int, delay_years: float = 0.0
) -> float | None:
    """Years until a steady saving has paid for itself; ``None`` for never.

    Running costs are paid from the first day, the saving begins after the delay.
    """
    left_ore_a_year = saving_ore_a_year - running_ore_a_year
    if investment_ore <= 0 and left_ore_a_year >= 0 and not delay_years:
        return 0.0
    if left_ore_a_year <= 0:
        return None
    return max(0.0, (investment_ore + saving_ore_a_year * delay_years) / left_ore_a_year)
