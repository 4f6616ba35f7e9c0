"""The money of a case follows from the document's own rows and sums."""

import pytest

from metrics.business_case import load_cases
from metrics.money.case_money import case_money, worth_ore
from metrics.technologies import TECHNOLOGIES

#: By hand from source document 004: rate, investment of all years, lasting amounts beside the time saved.
BY_HAND = {
    # 345: 3723 + 1388 + 573; 338-340 of 2020: 977 + 205 + 300
    "keys": (5_684, 1_482),
}


def test_the_keys_cost_what_their_rows_say() -> None:
    money = case_money(load_cases()["copenhagen-sof-keys"])
    assert money is not None
    investment, running = BY_HAND["keys"]
    assert (money.investment_ore, money.running_ore_a_year) == (investment * 100_000, running * 100_000)
    assert (money.rate_ore_an_hour, money.payback_years, money.horizon_years) == (32_446, 6, 5)


def test_every_case_with_minutes_has_money_and_the_one_without_has_none() -> None:
    found = {case.technology: case_money(case) for case in load_cases().values()}
    assert set(found) <= set(TECHNOLOGIES)
    assert [t for t, money in found.items() if money is None] == ["citizen_access"]
    for money in found.values():
        assert money is None or money.investment_ore > 0


@pytest.mark.parametrize(("seconds", "rate", "ore"), [(3600, 34_200, 34_200), (60, 32_374, 540), (-1800, 100, -50)])
def test_minutes_become_money_at_the_cases_own_rate(seconds: int, rate: int, ore: int) -> None:
    assert worth_ore(seconds, rate) == ore
