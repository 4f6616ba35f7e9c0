"""What a business case promises for a unit on a day. Defined once, used by every report and gauge.

Two readings, because the document says it in two ways (docs/adr/0003-keys-benefit.md):

``stated``
    As the money table counts: a unit yields its full share from the day it begins.
``implied``
    As the rollout dates say: a unit grows from its beginning to full implementation, over as many days as the
    document gives the unit it is matched with; the growth in between is linear (an assumption of the case).

The document's calendar meets ours in one point per unit: its beginning is our go-live.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from metrics.business_case import BusinessCase, RolloutUnit
from metrics.danish_days import is_rest_day

Reading = Literal["stated", "implied"]
READINGS: tuple[Reading, ...] = ("stated", "implied")
_SHARE_TOLERANCE = Fraction(1, 1_000_000)


class Comparison(BaseModel):
    """A concurrent comparison group the benefit owner states; without one the grade is at most C."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(min_length=10)
    by_lot: bool = False


class AdoptedUnit(BaseModel):
    """A local unit, the document's unit it stands for, when it began and its share of the carers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit_id: str
    name: str
    document_unit: str
    go_live_on: date
    carer_share: float = Field(gt=0, le=1)


class Adoption(BaseModel):
    """How a municipality took a case into use. The carer shares sum to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_id: str
    units: tuple[AdoptedUnit, ...] = Field(min_length=1)
    comparison: Comparison | None = None

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        total = sum((_share(unit) for unit in self.units), Fraction(0))
        if abs(total - 1) > _SHARE_TOLERANCE:
            raise ValueError(f"Expected carer shares that sum to 1, got {float(total)}.")
        if len({unit.unit_id for unit in self.units}) != len(self.units):
            raise ValueError("Expected every unit once.")
        return self

    def unit(self, unit_id: str) -> AdoptedUnit:
        """One adopted unit. Raises ``ValueError`` if the unit has not adopted the case."""
        for unit in self.units:
            if unit.unit_id == unit_id:
                return unit
        raise ValueError(f"Expected a unit that adopted {self.case_id}, got {unit_id!r}.")


@dataclass(frozen=True, slots=True)
class Target:
    """Seconds promised for one unit on one day, with the place in the document they come from."""

    seconds: int
    document: str
    line: int
    basis: str


@dataclass(frozen=True, slots=True)
class TargetYear:
    """One year of a case in the document's own calendar, both readings side by side.

    ``stated`` is the money table as written; ``implied`` the sum of the days by the rollout dates.
    """

    case_id: str
    technology: str
    clock: str
    year: int
    wage_saving_dkk_ore: int
    stated_ratio: float
    stated_s: int
    implied_ratio: float
    implied_s: int
    document: str
    lines: tuple[int, ...]
    contradictions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The row as plain JSON values."""
        return asdict(self) | {"lines": list(self.lines), "contradictions": list(self.contradictions)}


def target_for(case: BusinessCase, adoption: Adoption, unit: str, on: date, reading: Reading) -> Target:
    """What the case promises for a unit on a local calendar day.

    Parameters
    ----------
    unit
        Id of a unit of the adoption.
    on
        A local day; Saturdays, Sundays and Danish public holidays count with the smaller staff.

    Returns
    -------
    Target
        0 s before go-live, otherwise carers of that kind of day x minutes x the unit's share (x the ramp).

    Raises
    ------
    ValueError
        If the unit has not adopted the case, or the adoption is of another case.

    Notes
    -----
    Document 004:389 (125 and 50 carers, 15 minutes) and 004:419-424 (dates).
    """
    if adoption.case_id != case.id:
        raise ValueError(f"Expected an adoption of {case.id}, got one of {adoption.case_id}.")
    adopted = adoption.unit(unit)
    document_unit = case.document_unit(adopted.document_unit)
    day_s = full_day_s(case, on)
    ratio = _ratio(adopted, document_unit, on, reading)
    figure = case.population.rest_day if is_rest_day(on) else case.population.weekday
    kind = "rest day" if is_rest_day(on) else "weekday"
    return Target(
        seconds=round(day_s * _share(adopted) * ratio),
        document=case.document.number,
        line=figure.line,
        basis=(
            f"{figure.value:g} carers ({kind}) x {case.minutes_per_carer.value:g} min"
            f" x share {float(_share(adopted)):.4f} x {reading} {float(ratio):.4f}"
        ),
    )


def full_day_s(case: BusinessCase, on: date) -> int:
    """Seconds the case promises on a day once every unit has its full effect."""
    carers = case.population.rest_day if is_rest_day(on) else case.population.weekday
    return round(carers.value * case.minutes_per_carer.value * 60)


def target_over(case: BusinessCase, adoption: Adoption, unit: str, from_on: date, to_on: date, reading: Reading) -> int:
    """Seconds promised for a unit over a period, both days included; 0 for an empty period."""
    return sum(target_for(case, adoption, unit, day, reading).seconds for day in days(from_on, to_on))


def document_adoption(case: BusinessCase) -> Adoption:
    """The document's own units and calendar, as if a municipality lived exactly by its plan."""
    return Adoption(
        case_id=case.id,
        units=tuple(
            AdoptedUnit(
                unit_id=unit.name,
                name=unit.name,
                document_unit=unit.name,
                go_live_on=unit.begun.date_on,
                carer_share=float(unit.share.exact),
            )
            for unit in case.rollout.units
        ),
    )


def targets_table(cases: Mapping[str, BusinessCase]) -> list[TargetYear]:
    """Every case, year by year, in the document's own calendar."""
    return [_year(case, year) for case in cases.values() for year in case.years]


def hourly_rate_dkk_ore(case: BusinessCase) -> int:
    """Øre per hour implied by the case: wage saving at full effect over its hours in a 52-week year.

    The rates of the cases differ and are never pooled (design §7.10).
    """
    weekly_s = (
        60 * case.minutes_per_carer.value * (5 * case.population.weekday.value + 2 * case.population.rest_day.value)
    )
    return round(-_full_year_ore(case) / (weekly_s * 52 / 3600))


def days(from_on: date, to_on: date) -> Iterator[date]:
    """Every day of a period, both ends included."""
    for offset in range((to_on - from_on).days + 1):
        yield from_on + timedelta(days=offset)


def _year(case: BusinessCase, year: int) -> TargetYear:
    first_on, last_on = date(year, 1, 1), date(year, 12, 31)
    full_s = sum(full_day_s(case, day) for day in days(first_on, last_on))
    adoption = document_adoption(case)
    implied_s = sum(target_over(case, adoption, unit.unit_id, first_on, last_on, "implied") for unit in adoption.units)
    saving_ore = case.amount_dkk_ore("wage_saving", year)
    stated = Fraction(saving_ore, _full_year_ore(case))
    return TargetYear(
        case_id=case.id,
        technology=case.technology,
        clock=case.clock,
        year=year,
        wage_saving_dkk_ore=saving_ore,
        stated_ratio=round(float(stated), 4),
        stated_s=round(full_s * stated),
        implied_ratio=round(implied_s / full_s, 4),
        implied_s=implied_s,
        document=case.document.number,
        lines=(
            case.row("wage_saving").line,
            case.population.weekday.line,
            *(unit.full.line for unit in case.rollout.units if unit.full.line is not None),
        ),
        contradictions=tuple(c.id for c in case.contradictions if c.year in (None, year)),
    )


def _full_year_ore(case: BusinessCase) -> int:
    return case.amount_dkk_ore("wage_saving", max(case.years))


def _share(unit: AdoptedUnit) -> Fraction:
    # A third given as a float must stay a third, or the day's seconds come out one short.
    return Fraction(unit.carer_share).limit_denominator(100_000)


def _ratio(unit: AdoptedUnit, document_unit: RolloutUnit, on: date, reading: Reading) -> Fraction:
    since_go_live = (on - unit.go_live_on).days
    if since_go_live < 0:
        return Fraction(0)
    if reading == "stated" or document_unit.ramp_days <= 0:
        return Fraction(1)
    return min(Fraction(1), Fraction(since_go_live, document_unit.ramp_days))
