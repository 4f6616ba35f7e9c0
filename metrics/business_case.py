"""A business case as data: figures with document and line, money per year, rollout dates, contradictions.

The schema is strict, so a case that was typed wrong does not load. What the document itself gets wrong is
kept as written and named as a contradiction; :func:`arithmetic_findings` finds such differences by rule.
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

Clock = Literal["vejtid", "leveret_tid", "visiteret_tid"]
CASES_DIR = Path(__file__).parent / "business_cases"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Document(_Strict):
    """Where the case was read: the number of the source document and its lines."""

    number: str
    first_line: int
    last_line: int


class Figure(_Strict):
    """One number of the document with the line it stands on."""

    value: float
    unit: str
    line: int
    note_da: str | None = None


class MoneyRow(_Strict):
    """One row of the money table, as written."""

    id: str
    label_da: str
    line: int
    thousand_dkk: dict[int, int]


class SumRule(_Strict):
    """A row that should be the sum of others, year by year."""

    total: str
    parts: tuple[str, ...] = Field(min_length=1)


class RoundingRule(_Strict):
    """A row that should be another one, rounded."""

    rounded: str
    exact: str
    to_thousand_dkk: int = Field(gt=0)


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


class Rollout(_Strict):
    """The schedule of the document, unit by unit."""

    ramp: Literal["linear"]
    ramp_note_da: str
    share_note_da: str
    units: tuple[RolloutUnit, ...] = Field(min_length=1)


class Criterion(_Strict):
    """A success criterion and how the document says it is measured."""

    id: str
    text_da: str
    target: float
    unit: str
    measured_da: str
    line: int


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


class Population(_Strict):
    """How many carers of the day shift are expected to save time, by kind of day."""

    weekday: Figure
    rest_day: Figure


class BusinessCase(_Strict):
    """One approved case. ``thousand_dkk`` amounts are in ``price_level``; negative means less spending."""

    id: str
    technology: Literal["keys", "screen", "lift", "turning", "routing"]
    component: str
    clock: Clock
    title_da: str
    title_en: str
    municipality: str
    document: Document
    price_level: str
    money_unit_dkk: int
    sign: Literal["negative_is_saving"]
    years: tuple[int, ...]
    population: Population
    minutes_per_carer: Figure
    realisation_factor: Figure
    full_effect_from_year: Figure
    payback_years: Figure
    figures: dict[str, Figure]
    rows: tuple[MoneyRow, ...]
    sums: tuple[SumRule, ...]
    roundings: tuple[RoundingRule, ...]
    rollout: Rollout
    success_criteria: tuple[Criterion, ...]
    contradictions: tuple[Contradiction, ...]

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        known = {row.id for row in self.rows}
        named = {rule.total for rule in self.sums} | {part for rule in self.sums for part in rule.parts}
        named |= {row for rule in self.roundings for row in (rule.rounded, rule.exact)}
        named |= {c.row for c in self.contradictions if c.row is not None}
        if unknown := named - known:
            raise ValueError(f"Expected rows of the table, got {sorted(unknown)}.")
        for row in self.rows:
            if tuple(sorted(row.thousand_dkk)) != self.years:
                raise ValueError(f"Expected the years {self.years} in row {row.id!r}.")
        if sum((unit.share.exact for unit in self.rollout.units), Fraction(0)) != 1:
            raise ValueError("Expected the shares of the rollout to sum to 1.")
        return self

    def row(self, row_id: str) -> MoneyRow:
        """One row of the money table. Raises ``ValueError`` for an unknown row."""
        for row in self.rows:
            if row.id == row_id:
                return row
        raise ValueError(f"Expected a row of case {self.id}, got {row_id!r}.")

    def amount_dkk_ore(self, row_id: str, year: int) -> int:
        """An amount of the table in øre, in the case's price level and sign."""
        return self.row(row_id).thousand_dkk[year] * self.money_unit_dkk * 100

    def document_unit(self, name: str) -> RolloutUnit:
        """A unit of the document's rollout. Raises ``ValueError`` for an unknown name."""
        for unit in self.rollout.units:
            if unit.name == name:
                return unit
        raise ValueError(f"Expected a unit of case {self.id}, got {name!r}.")


class ArithmeticFinding(_Strict):
    """A figure of the table that does not follow from the figures it should follow from."""

    row: str
    year: int
    stated_thousand_dkk: int
    computed_thousand_dkk: int


def arithmetic_findings(case: BusinessCase) -> list[ArithmeticFinding]:
    """Every place where the document's own sums and roundings do not hold, by rule."""
    return [*_sum_findings(case), *_rounding_findings(case)]


def _sum_findings(case: BusinessCase) -> Iterator[ArithmeticFinding]:
    for rule in case.sums:
        for year in case.years:
            stated = case.row(rule.total).thousand_dkk[year]
            computed = sum(case.row(part).thousand_dkk[year] for part in rule.parts)
            if stated != computed:
                yield _finding(rule.total, year, stated, computed)


def _rounding_findings(case: BusinessCase) -> Iterator[ArithmeticFinding]:
    for rule in case.roundings:
        for year in case.years:
            stated = case.row(rule.rounded).thousand_dkk[year]
            steps = Fraction(case.row(rule.exact).thousand_dkk[year], rule.to_thousand_dkk)
            computed = round(steps) * rule.to_thousand_dkk
            if stated != computed:
                yield _finding(rule.rounded, year, stated, computed)


def _finding(row: str, year: int, stated: int, computed: int) -> ArithmeticFinding:
    return ArithmeticFinding(row=row, year=year, stated_thousand_dkk=stated, computed_thousand_dkk=computed)


def parse_case(text: str) -> BusinessCase:
    """A case from YAML. Raises ``pydantic.ValidationError`` with the path of whatever is wrong."""
    # YAML lists and dates go through JSON so that strict types and tuples can be had together.
    return BusinessCase.model_validate_json(json.dumps(yaml.safe_load(text), default=str))


@cache
def load_cases() -> dict[str, BusinessCase]:
    """Every case that ships with the platform, by id."""
    cases = [parse_case(path.read_text(encoding="utf-8")) for path in sorted(CASES_DIR.glob("*.yaml"))]
    return {case.id: case for case in cases}
