"""What a business case saves time on: how many, how much each, from when, on which clock.

A driver is a number of carers, citizens or devices times a rate. Everything is kept as the document writes it,
with its line; seconds of a day follow from it here and nowhere else.
"""

from datetime import date
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from metrics.danish_days import is_rest_day
from metrics.technologies import Clock, Component

Reading = Literal["stated", "implied"]
RateUnit = Literal["minutes_per_day", "minutes_per_citizen_week", "hours_per_tablet_year", "dkk_per_contact"]

_DAYS_A_WEEK = 7
_DAYS_A_YEAR = 365
_WEEKS_A_YEAR = 52
#: Seconds of one unit of a rate, spread over the days it stands for.
_DAY_S: dict[RateUnit, Fraction] = {
    "minutes_per_day": Fraction(60),
    "minutes_per_citizen_week": Fraction(60, _DAYS_A_WEEK),
    "hours_per_tablet_year": Fraction(3600, _DAYS_A_YEAR),
}


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Figure(_Strict):
    """One number of the document with the line it stands on."""

    value: float
    unit: str
    line: int
    note_da: str | None = None


class WrittenDate(_Strict):
    """A date as the document writes it. Without a line it is our assumption, and the note says so."""

    date_on: date
    as_written: str
    line: int | None
    note_da: str | None = None

    @model_validator(mode="after")
    def _assumption_is_explained(self) -> Self:
        if self.line is None and not self.note_da:
            raise ValueError("Expected a line or a note that explains the assumption, got neither.")
        return self


class Population(_Strict):
    """How many are expected to save time: every day alike, or by kind of day. Several figures add up."""

    every_day: tuple[Figure, ...] = ()
    weekday: tuple[Figure, ...] = ()
    rest_day: tuple[Figure, ...] = ()

    @model_validator(mode="after")
    def _one_way_of_counting(self) -> Self:
        by_kind = bool(self.weekday) and bool(self.rest_day)
        if bool(self.every_day) == by_kind or bool(self.weekday) != bool(self.rest_day):
            raise ValueError("Expected either every_day, or both weekday and rest_day.")
        return self

    def on(self, rest_day: bool) -> tuple[Figure, ...]:
        """The figures that add up on a kind of day."""
        return self.every_day or (self.rest_day if rest_day else self.weekday)

    def size(self, rest_day: bool) -> Fraction:
        """How many on a kind of day."""
        return sum((exact(figure.value) for figure in self.on(rest_day)), Fraction(0))


class RateStep(_Strict):
    """A rate from a day of the document's calendar on; without a day it holds from the beginning.

    ``money_from_on`` is set where the money table takes the step on another day than the text.
    """

    value: float
    line: int
    from_on: date | None = None
    money_from_on: date | None = None
    money_line: int | None = None
    note_da: str | None = None

    def begins_on(self, reading: Reading) -> date | None:
        """The day the step is taken in a reading, ``None`` for from the beginning."""
        return self.money_from_on if reading == "stated" and self.money_from_on else self.from_on

    def line_in(self, reading: Reading) -> int:
        """The line that says when the step is taken."""
        return self.money_line if reading == "stated" and self.money_line else self.line


class Factor(_Strict):
    """A share that is really had. ``applied`` is false where the document's numbers contain it already."""

    value: float = Field(gt=0, le=1)
    line: int
    applied: bool
    note_da: str


class Driver(_Strict):
    """One source of saved time: population x rate (x factor) on a clock.

    ``population`` is absent where the document gives no number; such a driver promises money only.
    """

    id: str
    label_da: str
    label_en: str
    component: Component
    clock: Clock
    unit: RateUnit
    population: Population | None
    rates: tuple[RateStep, ...] = Field(min_length=1)
    factor: Factor | None = None

    @model_validator(mode="after")
    def _steps_follow_each_other(self) -> Self:
        readings: tuple[Reading, ...] = ("stated", "implied")
        for reading in readings:
            begins = [step.begins_on(reading) or date.min for step in self.rates]
            if any(earlier >= later for earlier, later in pairwise(begins)):
                raise ValueError(f"Expected rates in the order of their days in driver {self.id!r}.")
        if (self.population is None) != (self.unit == "dkk_per_contact"):
            raise ValueError(f"Expected a population in driver {self.id!r}, or an amount of money, and not both.")
        return self

    @property
    def in_time(self) -> bool:
        """Whether the driver promises time."""
        return self.population is not None

    def step_on(self, document_on: date, reading: Reading) -> RateStep | None:
        """The rate that holds on a day of the document's calendar; ``None`` before the first."""
        holding = None
        for step in self.rates:
            begins_on = step.begins_on(reading)
            if begins_on is None or begins_on <= document_on:
                holding = step
        return holding

    def full_day_s(self, on: date, step: RateStep | None = None) -> Fraction:
        """Seconds of a local day for everybody, at one rate; by default the last, which is full effect."""
        if self.population is None:
            return Fraction(0)
        rate = exact((step or self.rates[-1]).value) * _DAY_S[self.unit]
        return self.population.size(is_rest_day(on)) * rate * self.applied_factor

    @property
    def applied_factor(self) -> Fraction:
        """The factor that is multiplied in, 1 where there is none or it is contained."""
        if self.factor is None or not self.factor.applied:
            return Fraction(1)
        return exact(self.factor.value)

    @property
    def full_year_h(self) -> Fraction:
        """Hours of a year at full effect, as the documents count: 52 weeks, or 365 days where every day is alike."""
        if self.population is None:
            return Fraction(0)
        rate = exact(self.rates[-1].value) * self.applied_factor
        if self.unit == "hours_per_tablet_year":
            return self.population.size(False) * rate
        if self.unit == "minutes_per_citizen_week":
            return self.population.size(False) * rate * _WEEKS_A_YEAR / 60
        if self.population.every_day:
            return self.population.size(False) * rate * _DAYS_A_YEAR / 60
        week = 5 * self.population.size(False) + 2 * self.population.size(True)
        return week * rate * _WEEKS_A_YEAR / 60


@lru_cache(maxsize=1024)
def exact(value: float) -> Fraction:
    """A number as the document writes it, exactly."""
    # The documents' numbers are decimal: 0.8 is four fifths, not its nearest binary neighbour.
    return Fraction(str(value))
