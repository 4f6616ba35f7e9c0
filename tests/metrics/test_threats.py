"""What a figure cannot rule out, and a baseline that moved while it was measured."""

from datetime import date, timedelta

import numpy as np
import pytest

from metrics.report_words import threats_text
from metrics.targets import Comparison
from metrics.threats import has_trend, threats_of

FIRST_ON = date(2026, 7, 20)


def weeks(seed: int, a_week: float, subjects: int = 30, count: int = 8) -> list[tuple[str, date, float]]:
    rng = np.random.default_rng(seed)
    return [
        (f"s{n}", FIRST_ON + timedelta(weeks=week), level * (1 + a_week) ** week * (1 + rng.normal(0, 0.1)))
        for n, level in enumerate(rng.lognormal(8, 0.5, subjects))
        for week in range(count)
    ]


def test_only_lots_rule_out_selection_and_regression_and_any_comparison_rules_out_drift() -> None:
    assert threats_of(None, baseline_trend=False) == ("selection", "regression", "drift")
    beside = Comparison(description="naboens center uden lås")
    assert threats_of(beside, baseline_trend=False) == ("selection", "regression")
    assert threats_of(beside.model_copy(update={"by_lot": True}), baseline_trend=False) == ()
    assert threats_of(None, baseline_trend=True)[-1] == "baseline_trend"


def test_need_that_fell_while_it_was_measured_is_found() -> None:
    found = [has_trend(weeks(seed, -0.02)) for seed in range(20)]
    assert sum(found) >= 18


def test_need_that_only_scatters_is_seldom_called_a_trend() -> None:
    found = [has_trend(weeks(seed, 0.0)) for seed in range(200)]
    assert 2 <= sum(found) <= 20


@pytest.mark.parametrize("measured", [weeks(1, -0.2, subjects=4), weeks(1, -0.2, count=2), []])
def test_too_little_measured_tells_nothing_of_a_slope(measured: list[tuple[str, date, float]]) -> None:
    assert not has_trend(measured)


def test_the_order_the_measurements_come_in_changes_nothing() -> None:
    one = weeks(3, -0.004)
    assert has_trend(one) == has_trend(list(reversed(one)))


def test_the_warning_is_a_sentence_in_both_languages() -> None:
    assert threats_text(("selection", "drift")) == "Kan ikke udelukkes: selektion, udvikling over tid."
    assert threats_text(("baseline_trend",), "en").startswith("The baseline has a trend")
    assert threats_text(()) == ""
