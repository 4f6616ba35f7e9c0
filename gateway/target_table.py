"""The targets of the business cases as text and JSON: each figure with its document and line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metrics.business_case import BusinessCase, Contradiction, MoneyRow
from metrics.case_arithmetic import ArithmeticFinding
from metrics.case_drivers import Driver
from metrics.case_scenarios import ScenarioMoney, scenario_money
from metrics.overview import load_overview, overview_findings
from metrics.reported_case import Effect, ReportedCase
from metrics.targets import TargetYear, hourly_rate_dkk_ore
from metrics.technologies import name_of


def target_text(cases: Mapping[str, BusinessCase], rows: Sequence[TargetYear], *, overview: bool = True) -> str:
    """A block per case: what it counts, its years with both readings, and what the document says in two ways.

    ``overview`` adds how the front page of document 004 lies to its cases, for which all of them are needed.
    """
    lines: list[str] = []
    for case in cases.values():
        lines += _case_lines(case, [row for row in rows if row.case_id == case.id])
    return "\n".join([*lines, *(_overview_lines(cases) if overview else ()), ""])


def reported_text(cases: Mapping[str, ReportedCase]) -> str:
    """A block per report of another municipality: what it says is saved, what it leaves out, what differs."""
    lines: list[str] = []
    for case in cases.values():
        document = case.document
        lines += ["", f"{case.municipality}: {case.title_en}"]
        lines.append(f"{case.id} · clock {case.clock} · {document.number}:{document.first_line}-{document.last_line}")
        lines += [f"  {_effect_text(case, effect)}" for effect in case.effects]
        lines += [f"  {_money_text(row)}" for row in case.rows]
        lines.append(f"  no target: {case.no_target_en}")
        lines.append(f"  not stated: {', '.join(case.not_stated)}")
        lines += [f"  § {c.id} ({_lines_text(c)}): {c.text_en}" for c in case.contradictions]
    return "\n".join([*lines, ""])


def _money_text(row: MoneyRow) -> str:
    amounts = [f"{year} {amount:+,}" for year, amount in row.thousand_dkk.items() if amount is not None]
    return f"{row.label_da}: {', '.join(amounts)} thousand kr. (line {row.line})"


def _effect_text(case: ReportedCase, effect: Effect) -> str:
    figure = case.figures[effect.figure]
    said = "reported" if effect.realised else "expected"
    unit = figure.unit.replace("_", " ").replace("dkk", "kr.")
    return f"{effect.label_en}: {figure.value:,.0f} {unit} {said} (line {figure.line})"


def targets_json(cases: Mapping[str, BusinessCase], rows: Sequence[TargetYear]) -> dict[str, Any]:
    """The same as plain JSON values, everything with its document and lines."""
    return {
        "cases": [_case_json(case, [row for row in rows if row.case_id == case.id]) for case in cases.values()],
        "overview_findings": [found.model_dump() for found in overview_findings(load_overview(), cases)],
    }


def _case_lines(case: BusinessCase, rows: Sequence[TargetYear]) -> Iterator[str]:
    document = case.document
    yield f"{name_of(case.technology, 'en')}: {case.title_en}"
    yield f"{case.id} · clock {case.clock} · {document.number}:{document.first_line}-{document.last_line}"
    yield from (f"  {_driver_text(driver, document.number)}" for driver in case.drivers)
    rate = hourly_rate_dkk_ore(case)
    yield "  no minutes in the document: money only" if rate is None else f"  an hour is {rate / 100:,.0f} kr."
    yield f"{'year':>6} {'stated h':>10} {'implied h':>10} {'saving kr.':>14}  lines"
    yield from (_year_text(row) for row in rows)
    yield from (f"  {_scenario_text(one)}" for one in scenario_money(case))
    yield "contradictions:"
    yield from (f"  § {c.id} ({_lines_text(c)}): {c.text_en}" for c in case.contradictions)
    yield ""


def _year_text(row: TargetYear) -> str:
    where = f"{row.document}:{', '.join(str(n) for n in row.lines)}"
    stated_h, implied_h = row.stated_s / 3600, row.implied_s / 3600
    return f"{row.year:>6} {stated_h:>10,.0f} {implied_h:>10,.0f} {row.saving_dkk_ore / 100:>14,.0f}  {where}"


def _scenario_text(one: ScenarioMoney) -> str:
    stated = "" if one.stated_dkk_ore is None else f"{one.stated_dkk_ore / 100:+,.0f} kr. stated, "
    return (
        f"scenario {one.scenario.label_en}: {one.population} (line {one.line}), "
        f"{stated}{one.proportional_dkk_ore / 100:+,.0f} kr. in proportion"
    )


def _driver_text(driver: Driver, document: str) -> str:
    steps = ", then ".join(
        f"{step.value:g}"
        + (f" from {step.from_on:%Y}" if step.from_on else "")
        + (f" (the money from {step.money_from_on:%Y})" if step.money_from_on else "")
        for step in driver.rates
    )
    where = f"{document}:{', '.join(str(n) for n in _driver_lines(driver))}"
    factor = "" if driver.factor is None else _factor_text(driver)
    return f"{driver.label_en}: {_number_text(driver)}{steps} {driver.unit.replace('_', ' ')}{factor} ({where})"


def _number_text(driver: Driver) -> str:
    population = driver.population
    if population is None:
        return ""
    if population.every_day:
        return " + ".join(f"{f.value:g}" for f in population.every_day) + f" {population.every_day[0].unit} x "
    weekday, rest_day = population.weekday[0], population.rest_day[0]
    return f"{weekday.value:g} {weekday.unit} (rest days {rest_day.value:g}) x "


def _factor_text(driver: Driver) -> str:
    if driver.factor is None:
        return ""
    return f" x {driver.factor.value:g}" if driver.factor.applied else f", {driver.factor.value:g} contained"


def _driver_lines(driver: Driver) -> list[int]:
    population = driver.population
    figures = () if population is None else (*population.on(False), *population.on(True))
    factor = [] if driver.factor is None else [driver.factor.line]
    steps = [step.line for step in driver.rates] + [s.money_line for s in driver.rates if s.money_line is not None]
    return sorted({*(figure.line for figure in figures), *steps, *factor})


def _lines_text(contradiction: Contradiction) -> str:
    lines = contradiction.lines
    return f"{'line' if len(lines) == 1 else 'lines'} {', '.join(str(n) for n in lines)}"


def _overview_lines(cases: Mapping[str, BusinessCase]) -> Iterator[str]:
    overview = load_overview()
    yield f"The overview ({overview.document.number}:{overview.document.first_line}-{overview.document.last_line})"
    labels = {line.id: line.label_da for line in overview.lines}
    yield from (f"  § {_overview_text(found, labels)}" for found in overview_findings(overview, cases))


def _overview_text(found: ArithmeticFinding, labels: Mapping[str, str]) -> str:
    return (
        f"{labels[found.row]} {found.year} (line {found.line}): {found.stated:,} thousand DKK, "
        f"the cases give {found.computed:,}"
    )


def _case_json(case: BusinessCase, rows: Sequence[TargetYear]) -> dict[str, Any]:
    return {
        "case_id": case.id,
        "technology": case.technology,
        "clock": case.clock,
        "title_da": case.title_da,
        "title_en": case.title_en,
        "document": case.document.model_dump(mode="json"),
        "hourly_rate_dkk_ore": hourly_rate_dkk_ore(case),
        "drivers": [driver.model_dump(mode="json") for driver in case.drivers],
        "years": [row.as_json() for row in rows],
        "contradictions": [c.model_dump(mode="json") for c in case.contradictions],
    }
