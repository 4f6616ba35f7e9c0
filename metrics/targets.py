"""What a business case promises for a unit on a day. Defined once, used by every report and gauge.

Two readings, because the documents say it in two ways (docs/adr/0003-keys-benefit.md):

``stated``
    As the money table counts: a unit yields its full share from the day it begins, or in the steps the table
    books (``money_steps``); a rate that the money raises on another day than the text is raised on the money's.
``implied``
    As the rollout dates say: a unit grows from its beginning to full implementation, over as many days as the
    document gives the unit it is matched with; the growth in between is linear (an assumption of the cases).

The document's calendar meets ours in one point per unit: its beginning is our go-live. Dated rates and steps move
along with it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from metrics.adoption import AdoptedUnit, Adoption, Comparison
from metrics.business_case import BusinessCase, RolloutUnit
from metrics.case_drivers import Driver, Population, RateStep, Reading
from metrics.danish_days import is_rest_day

__all__ = [
    "READINGS",
    "AdoptedUnit",
    "Adoption",
    "Comparison",
    "Reading",
    "Target",
    "TargetYear",
    "days",
    "document_adoption",
    "full_day_s",
    "hourly_rate_dkk_ore",
    "target_for",
    "target_over",
    "targets_table",
]

READINGS: tuple[Reading, ...] = ("stated", "implied")


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

    ``stated`` is the money table as written; ``implied`` the sum of the days by the rollout dates. Seconds are 0
    where the case promises money only.
    """

    case_id: str
    technology: str
    clock: str
    year: int
    saving_dkk_ore: int
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
        A local day; Saturdays, Sundays and Danish public holidays count with the smaller staff where the
        document has one. Weekly figures are a seventh a day, yearly ones a 365th.

    Returns
    -------
    Target
        0 s before go-live and after the unit has ended; otherwise, for the unit and those merged into it, the
        drivers' population x rate x share (x ramp).

    Raises
    ------
    ValueError
        If the unit has not adopted the case, or the adoption is of another case.

    Notes
    -----
    Document 004:389 (keys), 131-134 (screen visits), 542-550 and 596 (lifts and turning systems), 703 (tablets).
    """
    _check(case, adoption)
    carried = adoption.carried_by(adoption.unit(unit), on)
    return Target(
        seconds=_added(_parts(case, carried, on, reading), on),
        document=case.document.number,
        line=_line(case, on),
        basis="; ".join(_said(case, part, on, reading) for part in carried) or "the unit does not exist on this day",
    )


def full_day_s(case: BusinessCase, on: date) -> int:
    """Seconds the case promises on a day once every unit has its full effect."""
    return round(sum((driver.full_day_s(on) for driver in case.drivers), Fraction(0)))


def target_over(case: BusinessCase, adoption: Adoption, unit: str, from_on: date, to_on: date, reading: Reading) -> int:
    """Seconds promised for a unit over a period, both days included; 0 for an empty period."""
    _check(case, adoption)
    adopted = adoption.unit(unit)
    seconds = 0
    for first_on, last_on in _alike(case, adoption, from_on, to_on, reading):
        parts = _parts(case, adoption.carried_by(adopted, first_on), first_on, reading)
        if parts:
            # Two kinds of days, each worked out once.
            kinds = [is_rest_day(day) for day in days(first_on, last_on)]
            seconds += sum(
                kinds.count(kind) * _added(parts, first_on + timedelta(days=kinds.index(kind))) for kind in set(kinds)
            )
    return seconds


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
                share=float(unit.share.exact),
            )
            for unit in case.rollout.units
        ),
    )


def targets_table(cases: Mapping[str, BusinessCase]) -> list[TargetYear]:
    """Every case, year by year, in the document's own calendar, for the years it has an amount for."""
    return [_year(case, year) for case in cases.values() for year in case.saving_years]


def hourly_rate_dkk_ore(case: BusinessCase) -> int | None:
    """Øre per hour implied by the case: its saving at full effect over its hours; ``None`` without minutes.

    Hours as the documents count a year: 52 weeks, or 365 days where every day is alike. The rates of the cases
    differ and are never pooled (design §7.10).
    """
    hours = sum((driver.full_year_h for driver in case.drivers), Fraction(0))
    return round(-_full_year_ore(case) / hours) if hours else None


def days(from_on: date, to_on: date) -> Iterator[date]:
    """Every day of a period, both ends included."""
    for offset in range((to_on - from_on).days + 1):
        yield from_on + timedelta(days=offset)


def _year(case: BusinessCase, year: int) -> TargetYear:
    first_on, last_on = date(year, 1, 1), date(year, 12, 31)
    full_s = sum(full_day_s(case, day) for day in days(first_on, last_on))
    adoption = document_adoption(case)
    implied_s = sum(target_over(case, adoption, unit.unit_id, first_on, last_on, "implied") for unit in adoption.units)
    saving_ore = case.amount_dkk_ore(case.saving_row, year)
    stated = Fraction(saving_ore, _full_year_ore(case))
    return TargetYear(
        case_id=case.id,
        technology=case.technology,
        clock=case.clock,
        year=year,
        saving_dkk_ore=saving_ore,
        stated_ratio=round(float(stated), 4),
        stated_s=round(full_s * stated),
        implied_ratio=round(implied_s / full_s if full_s else float(_mean_ramp(case, adoption, year)), 4),
        implied_s=implied_s,
        document=case.document.number,
        lines=_lines(case),
        contradictions=tuple(c.id for c in case.contradictions if c.year in (None, year)),
    )


def _mean_ramp(case: BusinessCase, adoption: Adoption, year: int) -> Fraction:
    """How much of the full effect a year has by the rollout dates alone, for a case without minutes."""
    calendar = list(days(date(year, 1, 1), date(year, 12, 31)))
    ramps = (
        unit.exact_share * _ratio(case, unit, case.document_unit(unit.document_unit), day, "implied")
        for unit in adoption.units
        for day in calendar
    )
    return sum(ramps, Fraction(0)) / len(calendar)


def _lines(case: BusinessCase) -> tuple[int, ...]:
    """Where a year's figures stand: the money, the drivers' numbers and rates, the dates of the schedule."""
    drivers = [
        line
        for driver in case.drivers
        for line in (*_population_lines(driver.population), *(step.line for step in driver.rates))
    ]
    dates = [unit.full.line for unit in case.rollout.units if unit.full.line is not None]
    return tuple(dict.fromkeys((case.row(case.saving_row).line, *drivers, *dates)))


def _population_lines(population: Population | None) -> list[int]:
    if population is None:
        return []
    return [figure.line for rest_day in (False, True) for figure in population.on(rest_day)]


def _full_year_ore(case: BusinessCase) -> int:
    return case.amount_dkk_ore(case.saving_row, max(case.saving_years))


def _line(case: BusinessCase, on: date) -> int:
    driver = case.drivers[0]
    return driver.population.on(is_rest_day(on))[0].line if driver.population else driver.rates[0].line


def _check(case: BusinessCase, adoption: Adoption) -> None:
    if adoption.case_id != case.id:
        raise ValueError(f"Expected an adoption of {case.id}, got one of {adoption.case_id}.")


def _alike(
    case: BusinessCase, adoption: Adoption, from_on: date, to_on: date, reading: Reading
) -> Iterator[tuple[date, date]]:
    """A period in stretches in which days differ by being rest days or not; single days while a unit grows."""
    changes = {from_on}
    for unit in adoption.units:
        document_unit = case.document_unit(unit.document_unit)
        moved = unit.go_live_on - document_unit.begun.date_on
        dated = [step.begins_on(reading) for driver in case.drivers for step in driver.rates]
        dated += [step.from_on for step in case.rollout.money_steps]
        changes |= {on + moved for on in dated if on is not None}
        changes |= {unit.go_live_on, unit.valid_from_on or from_on}
        changes |= set() if unit.valid_to_on is None else {unit.valid_to_on + timedelta(days=1)}
        if reading == "implied":
            changes |= set(days(unit.go_live_on, unit.go_live_on + timedelta(days=max(0, document_unit.ramp_days))))
    begins = sorted(on for on in changes if from_on <= on <= to_on)
    yield from zip(begins, [on - timedelta(days=1) for on in begins[1:]] + [to_on], strict=False)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one adopted unit adds to a target on a day: its share, how far it has come, and the drivers' rates."""

    share: Fraction
    ratio: Fraction
    steps: Sequence[tuple[Driver, RateStep]]


def _parts(case: BusinessCase, units: Iterable[AdoptedUnit], on: date, reading: Reading) -> list[_Part]:
    """The units of one target that are promised anything on a day."""
    found: list[_Part] = []
    for unit in units:
        ratio = _ratio(case, unit, case.document_unit(unit.document_unit), on, reading)
        if ratio:
            found.append(_Part(unit.exact_share, ratio, _steps(case, unit, on, reading)))
    return found


def _added(parts: Iterable[_Part], on: date) -> int:
    """What the units of one target are promised on a day together, rounded once."""
    found = Fraction(0)
    for part in parts:
        found += sum((d.full_day_s(on, step) for d, step in part.steps), Fraction(0)) * part.share * part.ratio
    return round(found)


def _said(case: BusinessCase, unit: AdoptedUnit, on: date, reading: Reading) -> str:
    """How the seconds of one adopted unit on a day came about."""
    ratio = _ratio(case, unit, case.document_unit(unit.document_unit), on, reading)
    said = [_basis(driver, step, on) for driver, step in _steps(case, unit, on, reading)]
    return f"({' + '.join(said)}) x share {float(unit.exact_share):.4f} x {reading} {float(ratio):.4f}"


def _steps(case: BusinessCase, unit: AdoptedUnit, on: date, reading: Reading) -> list[tuple[Driver, RateStep]]:
    """The drivers that have a rate on a day of a unit, and that rate."""
    document_on = case.document_unit(unit.document_unit).begun.date_on + (on - unit.go_live_on)
    steps = ((driver, driver.step_on(document_on, reading)) for driver in case.drivers)
    return [(driver, step) for driver, step in steps if step is not None]


def _basis(driver: Driver, step: RateStep, on: date) -> str:
    rate = f"{step.value:g} {driver.unit.replace('_', ' ')}"
    if driver.population is None:
        return f"{rate}, no number of contacts: money only"
    figures = driver.population.on(is_rest_day(on))
    number = " + ".join(f"{figure.value:g}" for figure in figures)
    kind = "" if driver.population.every_day else " (rest day)" if is_rest_day(on) else " (weekday)"
    factor = "" if driver.applied_factor == 1 else f" x {float(driver.applied_factor):g}"
    return f"{number} {figures[0].unit}{kind} x {rate}{factor}"


def _ratio(case: BusinessCase, unit: AdoptedUnit, document_unit: RolloutUnit, on: date, reading: Reading) -> Fraction:
    since_go_live = (on - unit.go_live_on).days
    if since_go_live < 0:
        return Fraction(0)
    if reading == "stated":
        return _money_part(case, document_unit.begun.date_on + timedelta(days=since_go_live))
    if document_unit.ramp_days <= 0:
        return Fraction(1)
    return min(Fraction(1), Fraction(since_go_live, document_unit.ramp_days))


def _money_part(case: BusinessCase, document_on: date) -> Fraction:
    """What part of the full saving the money books on a day of its calendar, from a unit's beginning on."""
    steps = [step for step in case.rollout.money_steps if step.from_on <= document_on]
    return steps[-1].part.exact if steps else Fraction(1)
