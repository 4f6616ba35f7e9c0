"""A business case as data: figures with document and line, money per year, rollout dates, contradictions.

One schema holds every case: what is saved is a list of *drivers*, each a number of carers, citizens or devices
times a dated rate. The schema is strict, so a case that was typed wrong does not load. What the document itself
gets wrong is kept as written and named as a contradiction; :mod:`metrics.case_arithmetic` finds such differences
by rule.
"""

import json
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from metrics.case_arithmetic import CountRule, PooledRule, ProductRule, SumRule, TotalRule
from metrics.case_drivers import Driver, Figure, WrittenDate
from metrics.technologies import Clock, Component, Technology, waterfall_rank

CASES_DIR = Path(__file__).parent / "business_cases"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Document(_Strict):
    """Where the case was read: the number of the source document and its lines."""

    number: str
    first_line: int
    last_line: int
    #: lines outside the case that speak of it: the overview at the front of the document
    overview_lines: tuple[int, ...] = ()


class MoneyRow(_Strict):
    """One row of a money table, as written. An empty cell of the document is ``None``."""

    id: str
    label_da: str
    line: int
    thousand_dkk: dict[int, int | None]
    #: the row's own total, where the table has a column for it
    total_thousand_dkk: int | None = None


class Share(_Strict):
    """A share kept exact: a third is not 0.333."""

    numerator: int
    denominator: int = Field(gt=0)

    @property
    def exact(self) -> Fraction:
        """The share as a fraction."""
        return Fraction(self.numerator, self.denominator)


class RolloutUnit(_Strict):
    """When a unit of the document begins and when it is fully implemented."""

    name: str
    share: Share
    begun: WrittenDate
    full: WrittenDate

    @property
    def ramp_days(self) -> int:
        """Days from the beginning to full implementation."""
        return (self.full.date_on - self.begun.date_on).days


class MoneyStep(_Strict):
    """What part of the full saving the money table books from a day of its calendar on."""

    from_on: date
    part: Share
    line: int
    note_da: str | None = None


class Rollout(_Strict):
    """The schedule of the document, unit by unit.

    ``money_steps`` is empty where the money counts a unit in full from its beginning.
    """

    ramp: Literal["linear"]
    ramp_note_da: str
    share_note_da: str
    units: tuple[RolloutUnit, ...] = Field(min_length=1)
    money_steps: tuple[MoneyStep, ...] = ()


class Criterion(_Strict):
    """A success criterion: how it is measured, by whom, when. ``target`` is absent where the document names none."""

    id: str
    text_da: str
    target: float | None
    unit: str
    measured_da: str
    responsible_da: str | None = None
    when_da: str | None = None
    line: int


class Scenario(_Strict):
    """Another number of subjects the document reckons with, by the names of its figures.

    Without a ``population_figure`` it is the number the drivers have; without an ``effect_figure`` the document
    says nothing of what the difference is worth.
    """

    id: str
    label_da: str
    label_en: str
    population_figure: str | None = None
    effect_figure: str | None = None


class Contradiction(_Strict):
    """Something the document says in two ways. Shown, never smoothed."""

    id: str
    kind: Literal["arithmetic", "reading"]
    lines: tuple[int, ...] = Field(min_length=1)
    text_da: str
    text_en: str
    row: str | None = None
    year: int | None = None
    #: what the other reading would multiply the target by
    effect_ratio: float | None = None


class BusinessCase(_Strict):
    """One approved case. ``thousand_dkk`` amounts are in ``price_level``; negative means less spending.

    ``saving_row`` is the row of money that pays for the drivers' time (or, for a case without minutes, the saving
    itself); the hourly rate follows from it.
    """

    id: str
    technology: Technology
    component: Component
    clock: Clock
    title_da: str
    title_en: str
    municipality: str
    document: Document
    price_level: str
    money_unit_dkk: int
    sign: Literal["negative_is_saving"]
    years: tuple[int, ...]
    drivers: tuple[Driver, ...] = Field(min_length=1)
    saving_row: str
    full_effect_from_year: Figure | None = None
    payback_years: Figure
    figures: dict[str, Figure]
    rows: tuple[MoneyRow, ...]
    sums: tuple[SumRule, ...]
    totals: tuple[TotalRule, ...] = ()
    pooled: tuple[PooledRule, ...] = ()
    counts: tuple[CountRule, ...] = ()
    products: tuple[ProductRule, ...] = ()
    rollout: Rollout
    success_criteria: tuple[Criterion, ...]
    scenarios: tuple[Scenario, ...] = ()
    contradictions: tuple[Contradiction, ...]

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        known = {row.id for row in self.rows}
        if unknown := set(self._named_rows()) - known:
            raise ValueError(f"Expected rows of the table, got {sorted(unknown)}.")
        figures = {name for rule in self.counts for name in (rule.stated, *rule.parts)}
        figures |= {name for product in self.products for name in (product.stated, *product.factors)}
        figures |= {f for s in self.scenarios for f in (s.population_figure, s.effect_figure) if f is not None}
        if unknown := figures - set(self.figures):
            raise ValueError(f"Expected figures of the case, got {sorted(unknown)}.")
        for row in self.rows:
            if tuple(sorted(row.thousand_dkk)) != self.years:
                raise ValueError(f"Expected the years {self.years} in row {row.id!r}.")
        if sum((unit.share.exact for unit in self.rollout.units), Fraction(0)) != 1:
            raise ValueError("Expected the shares of the rollout to sum to 1.")
        return self

    def _named_rows(self) -> Iterator[str]:
        yield self.saving_row
        for rule in self.sums:
            yield from (rule.total, *rule.parts)
        yield from (rule.row for rule in self.totals)
        for pooled in self.pooled:
            yield from (pooled.stated, pooled.exact)
        yield from (c.row for c in self.contradictions if c.row is not None and c.row not in self.figures)

    @property
    def has_minutes(self) -> bool:
        """Whether the document promises time at all; a case may promise money only."""
        return any(driver.in_time for driver in self.drivers)

    @property
    def saving_years(self) -> tuple[int, ...]:
        """The years for which the saving row has an amount."""
        return tuple(year for year in self.years if self.row(self.saving_row).thousand_dkk[year] is not None)

    def row(self, row_id: str) -> MoneyRow:
        """One row of the money table. Raises ``ValueError`` for an unknown row."""
        for row in self.rows:
            if row.id == row_id:
                return row
        raise ValueError(f"Expected a row of case {self.id}, got {row_id!r}.")

    def amount_dkk_ore(self, row_id: str, year: int) -> int:
        """An amount of the table in øre, in the case's price level and sign; an empty cell is 0."""
        return (self.row(row_id).thousand_dkk[year] or 0) * self.money_unit_dkk * 100

    def document_unit(self, name: str) -> RolloutUnit:
        """A unit of the document's rollout. Raises ``ValueError`` for an unknown name."""
        for unit in self.rollout.units:
            if unit.name == name:
                return unit
        raise ValueError(f"Expected a unit of case {self.id}, got {name!r}.")


def parse_case(text: str) -> BusinessCase:
    """A case from YAML. Raises ``pydantic.ValidationError`` with the path of whatever is wrong."""
    # YAML lists and dates go through JSON so that strict types and tuples can be had together.
    return BusinessCase.model_validate_json(json.dumps(yaml.safe_load(text), default=str))


@cache
def load_cases() -> dict[str, BusinessCase]:
    """Every case that ships with the platform by id, in the order of the waterfall."""
    cases = [parse_case(path.read_text(encoding="utf-8")) for path in sorted(CASES_DIR.glob("*.yaml"))]
    return {case.id: case for case in sorted(cases, key=lambda case: waterfall_rank(case.technology))}
