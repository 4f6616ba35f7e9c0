"""How the rows of a document should agree, and where they do not.

The rules are data of the case; the differences are found by them and never typed in as facts.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from metrics.business_case import BusinessCase


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class SumRule(_Strict):
    """A row that should be the sum of others, year by year."""

    total: str
    parts: tuple[str, ...] = Field(min_length=1)


class TotalRule(_Strict):
    """A row whose own total column should be the sum of its years."""

    row: str


class PooledRule(_Strict):
    """A row that should repeat another one but for rounding.

    With ``years`` the two are compared once, over those years together; without, year by year.
    """

    stated: str
    exact: str
    tolerance_thousand_dkk: int = Field(ge=0)
    years: tuple[int, ...] = ()


class CountRule(_Strict):
    """A number of the text that should be the sum of others."""

    stated: str
    parts: tuple[str, ...] = Field(min_length=1)


class ArithmeticFinding(_Strict):
    """A figure that does not follow from the figures it should follow from.

    ``year`` is ``None`` for a comparison over several years or of a number of the text.
    """

    row: str
    year: int | None
    line: int
    stated: int
    computed: int
    unit: Literal["thousand_dkk", "count"] = "thousand_dkk"


def arithmetic_findings(case: "BusinessCase") -> list[ArithmeticFinding]:
    """Every place where the document's own sums, totals and repetitions do not hold, by rule."""
    return [*_sum_findings(case), *_total_findings(case), *_pooled_findings(case), *_count_findings(case)]


def _sum_findings(case: "BusinessCase") -> Iterator[ArithmeticFinding]:
    for rule in case.sums:
        total = case.row(rule.total)
        for year in case.years:
            stated = total.thousand_dkk[year]
            if stated is None:
                continue
            computed = sum(case.row(part).thousand_dkk[year] or 0 for part in rule.parts)
            if stated != computed:
                yield ArithmeticFinding(row=rule.total, year=year, line=total.line, stated=stated, computed=computed)


def _total_findings(case: "BusinessCase") -> Iterator[ArithmeticFinding]:
    for rule in case.totals:
        row = case.row(rule.row)
        computed = sum(amount or 0 for amount in row.thousand_dkk.values())
        if row.total_thousand_dkk != computed:
            yield ArithmeticFinding(
                row=row.id, year=None, line=row.line, stated=row.total_thousand_dkk or 0, computed=computed
            )


def _pooled_findings(case: "BusinessCase") -> Iterator[ArithmeticFinding]:
    for rule in case.pooled:
        row, exact = case.row(rule.stated), case.row(rule.exact)
        groups = [rule.years] if rule.years else [(year,) for year in case.years]
        for years in groups:
            # Beyond the last year of the detail there is nothing to compare with.
            if all(exact.thousand_dkk[year] is None for year in years):
                continue
            stated = sum(row.thousand_dkk[year] or 0 for year in years)
            computed = sum(exact.thousand_dkk[year] or 0 for year in years)
            if abs(stated - computed) > rule.tolerance_thousand_dkk:
                year = years[0] if len(years) == 1 else None
                yield ArithmeticFinding(row=row.id, year=year, line=row.line, stated=stated, computed=computed)


def _count_findings(case: "BusinessCase") -> Iterator[ArithmeticFinding]:
    for rule in case.counts:
        figure = case.figures[rule.stated]
        computed = round(sum(case.figures[part].value for part in rule.parts))
        if round(figure.value) != computed:
            yield ArithmeticFinding(
                row=rule.stated,
                year=None,
                line=figure.line,
                stated=round(figure.value),
                computed=computed,
                unit="count",
            )
