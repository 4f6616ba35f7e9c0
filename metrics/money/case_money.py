"""What a case's money table says beside its minutes: rate, investment, other running amounts, horizon.

Nothing is typed in twice: which rows are investment and which are running follows from the document's own sums. The
row that sums the saving with others is the lasting change; the row that sums the lasting change with others holds
the investment. Amounts are in the case's price level, positive is money spent.
"""

from dataclasses import dataclass
from fractions import Fraction

from metrics.business_case import BusinessCase
from metrics.case_arithmetic import SumRule
from metrics.targets import hourly_rate_dkk_ore

SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True)
class CaseMoney:
    """The money of one case at full effect, in øre.

    ``running_ore_a_year`` is everything lasting the document books beside the time saved (below zero if that saves
    too), as of the last year of its table. ``horizon_years`` is how many years the table looks ahead.
    """

    case_id: str
    price_level: str
    rate_ore_an_hour: int
    investment_ore: int
    running_ore_a_year: int
    payback_years: float
    horizon_years: int


def case_money(case: BusinessCase) -> CaseMoney | None:
    """The money of a case; ``None`` where it promises no minutes or its table has no investment to pay back."""
    rate = hourly_rate_dkk_ore(case)
    lasting = _sum_with(case, case.saving_row)
    if rate is None or lasting is None:
        return None
    whole = _sum_with(case, lasting.total)
    if whole is None:
        return None
    years = case.saving_years
    last_year = max(years)
    running = sum(case.amount_dkk_ore(row, last_year) for row in lasting.parts if row != case.saving_row)
    invested = sum(case.amount_dkk_ore(row, year) for row in whole.parts if row != lasting.total for year in case.years)
    return CaseMoney(
        case_id=case.id,
        price_level=case.price_level,
        rate_ore_an_hour=rate,
        investment_ore=invested,
        running_ore_a_year=running,
        payback_years=case.payback_years.value,
        horizon_years=len(years),
    )


def worth_ore(seconds: int, rate_ore_an_hour: int) -> int:
    """Øre of a number of seconds at an hourly rate, rounded once."""
    return round(Fraction(seconds * rate_ore_an_hour, SECONDS_AN_HOUR))


def _sum_with(case: BusinessCase, row: str) -> SumRule | None:
    return next((rule for rule in case.sums if row in rule.parts), None)
