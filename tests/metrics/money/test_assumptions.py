"""Which assumption a case hangs on, and where it breaks."""

import pytest

from metrics.money.assumptions import ASSUMPTIONS, Assumption, Assumptions, break_even, result_of, swings_of
from metrics.money.case_money import CaseMoney

MONEY = CaseMoney("case", "2016 p/l", 30_000, 1_000_000, 100_000, 6, horizon_years=5)
#: 2,000 times x 80 % x 15 minutes x 300 kr.: 120,000 kr. a year
ASKED = Assumptions(occasions_a_year=2_000, adoption_ratio=0.8, minutes=15, rate_ore=30_000, delay_months=0)
RANGES: dict[Assumption, tuple[float, float]] = {
    "adoption": (0.7, 0.9),
    "minutes": (3, 27),
    "rate": (27_000, 33_000),
    "delay": (0, 6),
}


def test_a_result_is_saving_less_running_less_investment() -> None:
    found = result_of(MONEY, ASKED)
    assert found.saving_ore_a_year == 12_000_000
    assert found.left_ore == 5 * 12_000_000 - 5 * 100_000 - 1_000_000
    assert found.payback_years == pytest.approx(1_000_000 / 11_900_000)


def test_a_delay_takes_its_months_of_the_saving_and_keeps_the_costs() -> None:
    late = result_of(MONEY, ASKED.with_value("delay", 12))
    assert late.left_ore == result_of(MONEY, ASKED).left_ore - 12_000_000
    assert result_of(MONEY, ASKED.with_value("delay", 600)).left_ore == -5 * 100_000 - 1_000_000


def test_the_case_hangs_on_what_is_known_least() -> None:
    swings = swings_of(MONEY, ASKED, RANGES)
    assert swings[0].name == "minutes"
    assert [swing.width_ore for swing in swings] == sorted((swing.width_ore for swing in swings), reverse=True)
    sure = swings_of(MONEY, ASKED, {**RANGES, "minutes": (14.9, 15.1)})
    assert sure[0].name != "minutes"


@pytest.mark.parametrize("name", ASSUMPTIONS)
def test_at_its_break_even_nothing_is_left(name: Assumption) -> None:
    value = break_even(MONEY, ASKED, name)
    assert value is not None
    assert abs(result_of(MONEY, ASKED.with_value(name, value)).left_ore) <= 1


def test_where_no_value_saves_the_case_none_is_given() -> None:
    dear = CaseMoney("case", "2016 p/l", 30_000, 10**9, 0, 6, horizon_years=5)
    assert break_even(dear, ASKED, "adoption") is None
    assert break_even(dear, ASKED, "delay") is None
    nothing = ASKED.with_value("minutes", 0)
    assert [break_even(MONEY, nothing, name) for name in ("adoption", "rate", "delay")] == [None, None, None]
