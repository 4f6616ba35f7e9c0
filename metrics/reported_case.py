"""What other municipalities report, and proposals without minutes, as data: to be read beside the figures.

Such a case is no promise for a unit on a day: it lacks what :class:`metrics.business_case.BusinessCase` needs for
one. What its document does not say is listed in ``not_stated`` with a reason, so that nothing is missing silently,
and no target is computed from it.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from metrics.business_case import CASES_DIR, Contradiction, Criterion, Document, MoneyRow, Scenario
from metrics.case_arithmetic import CountRule, PooledRule, ProductRule, SumRule, TotalRule
from metrics.case_drivers import Factor, Figure, WrittenDate
from metrics.technologies import Clock, Component, Technology, waterfall_rank

REPORTED_DIR = CASES_DIR / "reported"
Topic = Literal[
    "price_level",
    "population",
    "minutes",
    "factor",
    "calendar",
    "money",
    "rollout",
    "success_criteria",
    "scenarios",
    "payback",
]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Effect(_Strict):
    """What is said to be saved, by the year of the effort it is counted from, where the document counts years."""

    figure: str
    label_da: str
    label_en: str
    from_year_number: int | None = None
    #: expected, or said to have been had
    realised: bool


class Stage(_Strict):
    """A step of the rollout as written. ``begun`` is absent where the text gives no date."""

    unit: str
    text_da: str
    line: int
    begun: WrittenDate | None = None


class ReportedCase(_Strict):
    """One report. Names of figures stand for the numbers of :attr:`figures`, each with its line."""

    id: str
    technology: Technology
    component: Component
    clock: Clock
    title_da: str
    title_en: str
    municipality: str
    document: Document
    price_level: str | None
    money_unit_dkk: int
    sign: Literal["negative_is_saving", "positive_is_saving"]
    figures: dict[str, Figure]
    population: tuple[str, ...] = ()
    minutes: tuple[str, ...] = ()
    factor: Factor | None = None
    calendar: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    years: tuple[int, ...] = ()
    rows: tuple[MoneyRow, ...] = ()
    sums: tuple[SumRule, ...] = ()
    totals: tuple[TotalRule, ...] = ()
    pooled: tuple[PooledRule, ...] = ()
    counts: tuple[CountRule, ...] = ()
    products: tuple[ProductRule, ...] = ()
    payback: str | None = None
    rollout: tuple[Stage, ...] = ()
    success_criteria: tuple[Criterion, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    #: what the document does not say, and what that means
    not_stated: dict[Topic, str]
    #: why no target can be computed
    no_target_da: str = Field(min_length=10)
    no_target_en: str = Field(min_length=10)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given: dict[Topic, bool] = {
            "price_level": self.price_level is not None,
            "population": bool(self.population),
            "minutes": bool(self.minutes),
            "factor": self.factor is not None,
            "calendar": bool(self.calendar),
            "money": bool(self.effects or self.rows),
            "rollout": bool(self.rollout),
            "success_criteria": bool(self.success_criteria),
            "scenarios": bool(self.scenarios),
            "payback": self.payback is not None,
        }
        for topic, stated in given.items():
            if stated == (topic in self.not_stated):
                raise ValueError(f"Expected {topic} either in the case or under not_stated, got both or neither.")
        if unknown := set(self._named_figures()) - set(self.figures):
            raise ValueError(f"Expected figures of the case, got {sorted(unknown)}.")
        if unknown := set(self._named_rows()) - {row.id for row in self.rows}:
            raise ValueError(f"Expected rows of the table, got {sorted(unknown)}.")
        for row in self.rows:
            if tuple(sorted(row.thousand_dkk)) != self.years:
                raise ValueError(f"Expected the years {self.years} in row {row.id!r}.")
        return self

    def _named_figures(self) -> Iterator[str]:
        yield from (*self.population, *self.minutes, *self.calendar, *(effect.figure for effect in self.effects))
        if self.payback is not None:
            yield self.payback
        for rule in self.counts:
            yield from (rule.stated, *rule.parts)
        for product in self.products:
            yield from (product.stated, *product.factors)

    def _named_rows(self) -> Iterator[str]:
        for rule in self.sums:
            yield from (rule.total, *rule.parts)
        yield from (rule.row for rule in self.totals)
        for pooled in self.pooled:
            yield from (pooled.stated, pooled.exact)

    def row(self, row_id: str) -> MoneyRow:
        """One row of the money table. Raises ``ValueError`` for an unknown row."""
        for row in self.rows:
            if row.id == row_id:
                return row
        raise ValueError(f"Expected a row of case {self.id}, got {row_id!r}.")


@cache
def load_reported_cases() -> dict[str, ReportedCase]:
    """Every report that ships with the platform by id, in the order of the waterfall."""
    files = sorted(REPORTED_DIR.glob("*.yaml"))
    data = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    # YAML lists and dates go through JSON so that strict types and tuples can be had together.
    cases = [ReportedCase.model_validate_json(json.dumps(one, default=str)) for one in data]
    return {case.id: case for case in sorted(cases, key=lambda case: waterfall_rank(case.technology))}
