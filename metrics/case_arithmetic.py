"""How the rows of a document should agree, and where they do not.

The rules are data of the case; the differences are found by them and never typed in as facts.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from metrics.case_drivers import Figure, exact

if TYPE_CHECKING:
    from metrics.business_case import MoneyRow


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


class ProductRule(_Strict):
    """A number of the text that should be others multiplied, within what the document rounds away."""

    stated: str
    factors: tuple[str, ...] = Field(min_length=2)
    tolerance: float = Field(ge=0)


class Tables(Protocol):
    """What the rules look at: the rows of money by year, the numbers of the text, and how they should agree."""

    @property
    def years(self) -> tuple[int, ...]:
        """The years of the money table."""
        ...

    @property
    def figures(self) -> Mapping[str, Figure]:
        """The numbers of the text by name."""
        ...

    @property
    def sums(self) -> tuple[SumRule, ...]:
        """Rows that are the sum of others."""
        ...

    @property
    def totals(self) -> tuple[TotalRule, ...]:
        """Rows with a total of their own."""
        ...

    @property
    def pooled(self) -> tuple[PooledRule, ...]:
        """Rows that repeat others."""
        ...

    @property
    def counts(self) -> tuple[CountRule, ...]:
        """Numbers that are the sum of others."""
        ...

    @property
    def products(self) -> tuple[ProductRule, ...]:
        """Numbers that are others multiplied."""
        ...

    def row(self, row_id: str) -> "MoneyRow":
        """A row of the money table."""
        ...


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


def arithmetic_findings(case: Tables) -> list[ArithmeticFinding]:
    """Every place where the document's own sums, totals and repetitions do not hold, by rule."""
    return [*_sum_findings(case), *_total_findings(case), *_pooled_findings(case), *_text_findings(case)]


def _text_findings(case: Tables) -> Iterator[ArithmeticFinding]:
    yield from _count_findings(case)
    for rule in case.products:
        figure = case.figures[rule.stated]
        computed = prod((exact(case.figures[name].value) for name in rule.factors), start=Fraction(1))
        # Less than one unit apart is how the document rounds.
        if abs(exact(figure.value) - computed) > max(exact(rule.tolerance), Fraction(1)):
            yield _of_text(rule.stated, figure, round(computed))


def _sum_findings(case: Tables) -> Iterator[ArithmeticFinding]:
    for rule in case.sums:
        total = case.row(rule.total)
        for year in case.years:
            stated = total.thousand_dkk[year]
            if stated is None:
                continue
            computed = sum(case.row(part).thousand_dkk[year] or 0 for part in rule.parts)
            if stated != computed:
                yield ArithmeticFinding(row=rule.total, year=year, line=total.line, stated=stated, computed=computed)


def _total_findings(case: Tables) -> Iterator[ArithmeticFinding]:
    for rule in case.totals:
        row = case.row(rule.row)
        computed = sum(amount or 0 for amount in row.thousand_dkk.values())
        if row.total_thousand_dkk != computed:
            yield ArithmeticFinding(
                row=row.id, year=None, line=row.line, stated=row.total_thousand_dkk or 0, computed=computed
            )


def _pooled_findings(case: Tables) -> Iterator[ArithmeticFinding]:
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


def _count_findings(case: Tables) -> Iterator[ArithmeticFinding]:
    for rule in case.counts:
        figure = case.figures[rule.stated]
        computed = round(sum(case.figures[part].value for part in rule.parts))
        if round(figure.value) != computed:
            yield _of_text(rule.stated, figure, computed)


def _of_text(name: str, figure: Figure, computed: int) -> ArithmeticFinding:
    return ArithmeticFinding(
        row=name, year=None, line=figure.line, stated=round(figure.value), computed=computed, unit="count"
    )
