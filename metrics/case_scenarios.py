"""What a case is worth with another number of subjects: as its document says, and in proportion to its own numbers."""

from dataclasses import dataclass
from fractions import Fraction

from metrics.business_case import BusinessCase, Scenario
from metrics.case_drivers import exact


@dataclass(frozen=True, slots=True)
class ScenarioMoney:
    """One scenario. Øre of a year at full effect, relative to the saving; below zero is a larger saving.

    ``stated_dkk_ore`` is absent where the document puts no amount on the difference.
    """

    scenario: Scenario
    population: int
    line: int
    stated_dkk_ore: int | None
    proportional_dkk_ore: int


def scenario_money(case: BusinessCase) -> list[ScenarioMoney]:
    """Every scenario of a case in the order of the file; nothing for a case without scenarios or population.

    In proportion: the saving of the last year of the table, times how many more or fewer subjects there are than
    the drivers have. Document 004:301-302 puts both its scenarios at about 100 thousand DKK.
    """
    population = next((d.population for d in case.drivers if d.population is not None), None)
    if population is None:
        return []
    figure = population.on(False)[0]
    base = population.size(False)
    full_ore = case.amount_dkk_ore(case.saving_row, max(case.saving_years))
    found: list[ScenarioMoney] = []
    for scenario in case.scenarios:
        number = figure if scenario.population_figure is None else case.figures[scenario.population_figure]
        size = base if scenario.population_figure is None else exact(number.value)
        found.append(
            ScenarioMoney(
                scenario=scenario,
                population=round(size),
                line=number.line,
                stated_dkk_ore=_stated_ore(case, scenario),
                proportional_dkk_ore=round(Fraction(full_ore) * (size - base) / base),
            )
        )
    return found


def _stated_ore(case: BusinessCase, scenario: Scenario) -> int | None:
    if scenario.effect_figure is None:
        return None
    return round(exact(case.figures[scenario.effect_figure].value) * case.money_unit_dkk * 100)
