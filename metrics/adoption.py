"""How a municipality took a case into use: which units, since when, with what share, and what became of them.

Centres do not stay as they are in the middle of a rollout. A unit may end (``valid_to_on``) and be merged into
another, which then carries its target on with the ended unit's own share, dates and growth; a unit may begin
late (``valid_from_on``); a unit that only changes its name keeps its id. On every day the shares of the units in
force add up to the whole, so no minute is promised twice and none is lost.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_SHARE_TOLERANCE = Fraction(1, 1_000_000)


class Comparison(BaseModel):
    """A concurrent comparison group the benefit owner states; without one the grade is at most C."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(min_length=10)
    by_lot: bool = False


class AdoptedUnit(BaseModel):
    """A local unit, the document's unit it stands for, when it began and its share of the case's subjects.

    ``valid_from_on`` and ``valid_to_on`` are the first and last day the unit exists; ``merged_into`` is the unit
    that carries its target on from the day after. A unit that only carries others has the share 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit_id: str
    name: str
    document_unit: str
    go_live_on: date
    share: float = Field(ge=0, le=1)
    valid_from_on: date | None = None
    valid_to_on: date | None = None
    merged_into: str | None = None

    @model_validator(mode="after")
    def _ends_before_it_is_merged(self) -> Self:
        if self.merged_into is not None and self.valid_to_on is None:
            raise ValueError(f"Expected valid_to_on of the merged unit {self.unit_id!r}.")
        if self.merged_into == self.unit_id:
            raise ValueError(f"Expected another unit for {self.unit_id!r} to be merged into, got itself.")
        if self.valid_from_on and self.valid_to_on and self.valid_to_on < self.valid_from_on:
            raise ValueError(f"Expected {self.unit_id!r} to end after it begins.")
        return self

    @property
    def exact_share(self) -> Fraction:
        """The share as a fraction; a third given as a float is a third."""
        return _exact_share(self.share)

    def exists_on(self, on: date) -> bool:
        """Whether the unit exists on a day."""
        begun = self.valid_from_on is None or self.valid_from_on <= on
        return begun and (self.valid_to_on is None or on <= self.valid_to_on)

    def in_use_on(self, on: date) -> bool:
        """Whether the unit exists and has gone live on a day."""
        return self.exists_on(on) and self.go_live_on <= on

    def used_between(self, from_on: date, to_on: date) -> tuple[date, date] | None:
        """The days of a period on which the unit exists and is live, both included; ``None`` for none."""
        first_on = max(d for d in (from_on, self.go_live_on, self.valid_from_on) if d is not None)
        last_on = to_on if self.valid_to_on is None else min(to_on, self.valid_to_on)
        return (first_on, last_on) if first_on <= last_on else None


class Adoption(BaseModel):
    """How a municipality took a case into use. On every day the shares sum to 1. ``owner`` is the gevinstejer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_id: str
    owner: str | None = None
    units: tuple[AdoptedUnit, ...] = Field(min_length=1)
    comparison: Comparison | None = None

    @model_validator(mode="after")
    def _shares_sum_to_one_every_day(self) -> Self:
        by_id = {unit.unit_id: unit for unit in self.units}
        if len(by_id) != len(self.units):
            raise ValueError("Expected every unit once.")
        for unit in self.units:
            if unit.merged_into is not None and unit.merged_into not in by_id:
                raise ValueError(f"Expected {unit.unit_id!r} to be merged into a unit of the adoption.")
        for on in _days_of_change(self.units):
            total = sum((part.exact_share for unit in self.units for part in self.carried_by(unit, on)), Fraction(0))
            if abs(total - 1) > _SHARE_TOLERANCE:
                raise ValueError(f"Expected shares that sum to 1 on {on}, got {float(total)}.")
        return self

    def unit(self, unit_id: str) -> AdoptedUnit:
        """One adopted unit. Raises ``ValueError`` if the unit has not adopted the case."""
        for unit in self.units:
            if unit.unit_id == unit_id:
                return unit
        raise ValueError(f"Expected a unit that adopted {self.case_id}, got {unit_id!r}.")

    def carried_by(self, unit: AdoptedUnit, on: date) -> tuple[AdoptedUnit, ...]:
        """The units whose targets a unit carries on a day: its own, and those that were merged into it before."""
        if not unit.exists_on(on):
            return ()
        return tuple(part for part in self.units if self._carrier_id(part, on) == unit.unit_id)

    def units_in_use(self, on: date) -> tuple[AdoptedUnit, ...]:
        """The units that exist and are live on a day."""
        return tuple(unit for unit in self.units if unit.in_use_on(on))

    @property
    def first_on(self) -> date:
        """The day the first unit went live."""
        return min(unit.go_live_on for unit in self.units)

    def _carrier_id(self, part: AdoptedUnit, on: date) -> str | None:
        carrier = part
        if carrier.valid_from_on is not None and on < carrier.valid_from_on:
            return None
        # Each unit is passed once at most, so a circle of mergers ends too.
        for _ in self.units:
            if carrier.valid_to_on is None or on <= carrier.valid_to_on:
                return carrier.unit_id
            if carrier.merged_into is None:
                return None
            carrier = self.unit(carrier.merged_into)
        return None


@lru_cache(maxsize=256)
def _exact_share(share: float) -> Fraction:
    # Otherwise the day's seconds come out one short.
    return Fraction(share).limit_denominator(100_000)


def _days_of_change(units: Sequence[AdoptedUnit]) -> list[date]:
    """The days on which the units in force may differ from the day before."""
    days = {unit.valid_from_on for unit in units if unit.valid_from_on is not None}
    days |= {unit.valid_to_on + timedelta(days=1) for unit in units if unit.valid_to_on is not None}
    # Before the first change the units of the beginning are in force.
    first_on = min([unit.go_live_on for unit in units] + sorted(days))
    return sorted(days | {first_on})
