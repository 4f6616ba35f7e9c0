"""Payback and forecast with their intervals."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.money.outlook import Spread, a_year, forecast, payback, payback_years


def test_a_year_is_the_days_stretched_and_keeps_the_order_of_its_ends() -> None:
    assert a_year(Spread(-73, 73, 146), 73) == Spread(-365, 365, 730)
    with pytest.raises(ValueError, match="at least one day"):
        a_year(Spread(1, 2, 3), 0)
    with pytest.raises(ValueError, match="zero or more"):
        Spread(1, 2, 3).times(Fraction(-1))


def test_a_forecast_is_what_is_known_and_the_rest_at_the_recent_pace() -> None:
    assert forecast(Spread(80, 100, 120), Spread(14, 28, 42), 28, 56) == Spread(108, 156, 204)
    assert forecast(Spread(80, 100, 120), Spread(14, 28, 42), 28, 0) == Spread(80, 100, 120)
    with pytest.raises(ValueError, match="recent days"):
        forecast(Spread(0, 0, 0), Spread(0, 0, 0), 0, 5)


def test_what_earns_most_pays_back_first_and_what_earns_less_than_it_costs_never_does() -> None:
    found = payback(1_000, 100, Spread(90, 300, 600))
    assert (found.early, found.middle, found.late) == (2, 5, None)
    assert payback_years(0, 100, 100) == 0
    assert payback_years(1_000, 100, 600, delay_years=1) == (1_000 + 600) / 500


@given(
    st.integers(1, 10**9),
    st.integers(-(10**6), 10**8),
    st.integers(1, 10**9),
    st.floats(0, 5),
)
def test_at_the_payback_the_money_is_even(investment: int, running: int, saving: int, delay: float) -> None:
    years = payback_years(investment, running, saving, delay)
    if years is not None and years >= delay:
        left = saving * (years - delay) - running * years - investment
        assert left == pytest.approx(0, abs=1e-6 * (investment + saving * (years + delay) + abs(running) * years))
