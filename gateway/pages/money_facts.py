"""What the page of kroner shows of each case: realised against budget, the year, the payback, what it hangs on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction

from sqlmodel import Session

from gateway.pages.manager_choice import Choice, Period, chosen_rows, seen_rows, top_rows
from gateway.pages.manager_matrix import ALL, Span, covered_of, matrix_of, withheld_of
from gateway.pages.manager_quality import uncounted_of
from gateway.pages.manager_waterfall import UNUSED
from metrics.covered_days import Days
from metrics.money.assumptions import Assumption, Assumptions
from metrics.money.case_money import CaseMoney, case_money, worth_ore
from metrics.money.outlook import DAYS_A_YEAR, Payback, Spread, a_year, forecast, payback
from metrics.months import month_bounds
from metrics.report import BenefitRow
from metrics.targets import AdoptedUnit, target_over
from metrics.technologies import Technology

RECENT_DAYS = 28
#: How far an assumption may well be off where nothing measured says it.
ADOPTION_REACH, RATE_REACH, DELAY_MONTHS = 0.1, 0.1, 6.0


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """The sums up to the end of a month, in øre; realised is absent from where it may not be shown."""

    last_on: date
    realised_ore: int | None
    budget_ore: int


@dataclass(frozen=True, slots=True)
class Year:
    """A calendar year to its end: what it will have come to at the pace of the last weeks, and its budget."""

    number: int
    forecast_ore: Spread
    budget_ore: int


@dataclass(frozen=True, slots=True)
class CaseKroner:
    """One row of the page, in øre. ``money`` is the row's share of the case; what cannot be told is absent."""

    row: BenefitRow
    money: CaseMoney
    realised_ore: int | None
    spread_ore: Spread | None
    used_ore: int | None
    budget_ore: int
    payback: Payback | None
    year: Year | None
    points: tuple[MonthPoint, ...]
    basis: Assumptions | None


@dataclass(frozen=True, slots=True)
class MoneyFigures:
    """The page's figures, as they were at ``computed_at`` (world time)."""

    computed_at: datetime
    cases: tuple[CaseKroner, ...]


def money_figures(session: Session, choice: Choice, now: datetime) -> MoneyFigures:
    """Compute them from the ledger."""
    return MoneyFigures(now, tuple(kroner_of(session, choice, now)))


def kroner_of(session: Session, choice: Choice, now: datetime) -> list[CaseKroner]:
    """A row per case with minutes: its sum, or its centres for somebody who may not see the sum."""
    seen = seen_rows(session, choice, now)
    to_on = max((row.covered_to_on for row in seen if row.covered_to_on is not None), default=None)
    this_year = _of_period(session, choice, now, None if to_on is None else (date(to_on.year, 1, 1), to_on))
    recent = _of_period(session, choice, now, None if to_on is None else (to_on - timedelta(RECENT_DAYS - 1), to_on))
    found: list[CaseKroner] = []
    for row in top_rows(chosen_rows(seen, choice)):
        money = _money_of(choice, row)
        if money is not None:
            key = (row.technology, row.unit_id)
            of_it = [one for one in seen if one.technology == row.technology]
            found.append(_case(session, choice, row, money, of_it, (this_year.get(key), recent.get(key))))
    return found


def ranges_of(case: CaseKroner, asked: Assumptions) -> dict[Assumption, tuple[float, float]]:
    """From where to where each assumption may well lie: measured where there is an interval, else around what is
    asked."""
    minutes = (asked.minutes * 0.8, asked.minutes * 1.2)
    if case.spread_ore is not None and case.row.occasion_count:
        low, high = ((seconds or 0) / 60 / case.row.occasion_count for seconds in (case.row.p10_s, case.row.p90_s))
        minutes = (low, high)
    return {
        "adoption": (max(0.0, asked.adoption_ratio - ADOPTION_REACH), min(1.0, asked.adoption_ratio + ADOPTION_REACH)),
        "minutes": minutes,
        "rate": (asked.rate_ore * (1 - RATE_REACH), asked.rate_ore * (1 + RATE_REACH)),
        "delay": (asked.delay_months, asked.delay_months + DELAY_MONTHS),
    }


def _case(
    session: Session,
    choice: Choice,
    row: BenefitRow,
    money: CaseMoney,
    of_it: Sequence[BenefitRow],
    beside: tuple[BenefitRow | None, BenefitRow | None],
) -> CaseKroner:
    rate = money.rate_ore_an_hour
    spread = _spread(row, rate)
    covered = {unit: days for unit, days in covered_of(of_it).items() if row.unit_id in (None, unit)}
    shown = row.status == "ok"
    length = _length(row)
    return CaseKroner(
        row=row,
        money=money,
        realised_ore=worth_ore(row.realised_s, rate) if shown and row.realised_s is not None else None,
        spread_ore=spread,
        used_ore=worth_ore(row.used_s, rate) if shown and row.used_s is not None else None,
        budget_ore=worth_ore(row.target_s, rate),
        payback=(
            payback(money.investment_ore, money.running_ore_a_year, a_year(spread, length))
            if spread is not None and length
            else None
        ),
        year=_year(choice, row, rate, *beside),
        points=_points(session, choice, row, rate, of_it) if covered else (),
        basis=_basis(session, row, rate, covered, length) if shown and row.realised_s is not None else None,
    )


def _of_period(
    session: Session, choice: Choice, now: datetime, days: Days | None
) -> Mapping[tuple[Technology, str | None], BenefitRow]:
    if days is None:
        return {}
    rows = seen_rows(session, replace(choice, period=Period(*days, None)), now)
    return {(row.technology, row.unit_id): row for row in rows}


def _money_of(choice: Choice, row: BenefitRow) -> CaseMoney | None:
    """The part of a case's money that a row is about: by the shares of its units on the last day they are."""
    subject = choice.subjects.get(row.technology)
    money = None if subject is None or subject.case is None else case_money(subject.case)
    if money is None or subject is None:
        return None
    on = row.covered_to_on or row.to_on
    units = [unit for unit in subject.adoption.units if row.unit_id in (None, unit.unit_id)]
    share = sum((part.exact_share for unit in units for part in subject.adoption.carried_by(unit, on)), Fraction(0))
    return replace(
        money,
        investment_ore=round(money.investment_ore * share),
        running_ore_a_year=round(money.running_ore_a_year * share),
    )


def _spread(row: BenefitRow | None, rate: int) -> Spread | None:
    if row is None or row.status != "ok" or row.p10_s is None or row.p50_s is None or row.p90_s is None:
        return None
    return Spread(worth_ore(row.p10_s, rate), worth_ore(row.p50_s, rate), worth_ore(row.p90_s, rate))


def _length(row: BenefitRow | None) -> int:
    if row is None or row.covered_from_on is None or row.covered_to_on is None:
        return 0
    return (row.covered_to_on - row.covered_from_on).days + 1


def _year(
    choice: Choice, row: BenefitRow, rate: int, so_far: BenefitRow | None, recent: BenefitRow | None
) -> Year | None:
    known, pace, length = _spread(so_far, rate), _spread(recent, rate), _length(recent)
    if known is None or pace is None or not length or row.covered_to_on is None:
        return None
    number = row.covered_to_on.year
    last_on = date(number, 12, 31)
    left = (last_on - row.covered_to_on).days
    budget_s = sum(
        _target_s(choice, row, unit, used)
        for unit in _units(choice, row)
        if (used := unit.used_between(date(number, 1, 1), last_on)) is not None
    )
    return Year(number, forecast(known, pace, length, left), worth_ore(budget_s, rate))


def _points(
    session: Session, choice: Choice, row: BenefitRow, rate: int, of_it: Sequence[BenefitRow]
) -> tuple[MonthPoint, ...]:
    covered = covered_of(of_it)
    spans = _months(min(first for first, _ in covered.values()), max(last for _, last in covered.values()))
    # Over all units the person sees, so that the months of one centre tell nothing of the others.
    matrix = matrix_of(session, row.technology, covered, spans, withheld_of(of_it))
    points: list[MonthPoint] = []
    realised_s: int | None = 0
    budget_s = 0
    for index, span in enumerate(spans):
        cell = matrix.cells[index, row.unit_id or ALL]
        realised_s = None if realised_s is None or cell.status == "withheld" else realised_s + cell.net_s
        budget_s += sum(
            _target_s(choice, row, unit, (max(span.from_on, days[0]), min(span.to_on, days[1])))
            for unit in _units(choice, row)
            if (days := covered.get(unit.unit_id)) is not None
        )
        told = None if realised_s is None else worth_ore(realised_s, rate)
        points.append(MonthPoint(span.to_on, told, worth_ore(budget_s, rate)))
    return tuple(points)


def _months(from_on: date, to_on: date) -> tuple[Span, ...]:
    """Calendar months, cut at the ends of what is covered."""
    spans: list[Span] = []
    start = from_on
    while start <= to_on:
        end = min(to_on, month_bounds(f"{start:%Y-%m}")[1])
        spans.append(Span(start, end))
        start = end + timedelta(days=1)
    return tuple(spans)


def _basis(
    session: Session, row: BenefitRow, rate: int, covered: Mapping[str, Days], length: int
) -> Assumptions | None:
    counted = row.occasion_count or 0
    if not counted or not length or row.realised_s is None:
        return None
    unused = sum(u.occasion_count or 0 for u in uncounted_of(session, row.technology, covered) if u.reason in UNUSED)
    return Assumptions(
        occasions_a_year=(counted + unused) / length * DAYS_A_YEAR,
        adoption_ratio=counted / (counted + unused),
        minutes=row.realised_s / 60 / counted,
        rate_ore=float(rate),
        delay_months=0.0,
    )


def _units(choice: Choice, row: BenefitRow) -> list[AdoptedUnit]:
    return [unit for unit in choice.seen(row.technology) if row.unit_id in (None, unit.unit_id)]


def _target_s(choice: Choice, row: BenefitRow, unit: AdoptedUnit, days: Days) -> int:
    subject = choice.subjects[row.technology]
    if subject.case is None:
        return 0
    return target_over(subject.case, subject.adoption, unit.unit_id, *days, choice.reading)
