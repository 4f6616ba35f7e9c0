"""The figures are honest: short runs of municipalities whose true saving is known (`make honesty` runs them all)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from loadtests.honesty.kinds import MEASURED, Measured, kind_named
from loadtests.honesty.run import Outcome, generate, rows_of, run
from loadtests.honesty.table import as_markdown, lines, wilson
from metrics.benefit_row import BenefitRow

#: Runs per generator; one of shifts gives keys and routing.
RUNS = 8
SOURCES: Sequence[Measured] = ("screen", "transfers", "keys")


@pytest.fixture(scope="module")
def plain() -> list[Outcome]:
    """Municipalities in which nothing breaks a rule."""
    return [o for source in SOURCES for seed in range(RUNS) for o in run(source, kind_named("plain"), seed)]


def test_over_all_technologies_the_interval_holds_the_truth_about_eight_times_in_ten(plain: list[Outcome]) -> None:
    covered = sum(outcome.covered for outcome in plain)
    assert len(plain) == 4 * RUNS
    # 32 runs: fewer than 19 or more than 31 come in 1 of 100 tries if the interval is honest.
    assert 19 <= covered <= 31


@pytest.mark.parametrize("technology", MEASURED)
def test_the_mean_error_is_no_more_than_chance(plain: list[Outcome], technology: Measured) -> None:
    found = next(line for line in lines(plain) if line.technology == technology)
    assert abs(found.bias_ratio) < 0.03 + 1.5 * found.bias_reach_ratio
    assert abs(found.bias_ratio) < 0.12
    assert "selection_not_ruled_out" in found.warnings


def test_what_saves_nothing_is_not_shown_as_reached() -> None:
    found = [o for source in SOURCES for seed in range(2) for o in run(source, kind_named("zero"), seed)]
    for outcome in found:
        assert abs(outcome.truth_s) < 0.2 * outcome.target_s
        assert outcome.probability_ratio is None or outcome.probability_ratio < 0.5


def test_events_that_are_lost_do_not_turn_into_savings_or_losses() -> None:
    found = lines(o for source in SOURCES for seed in range(3) for o in run(source, kind_named("lost"), seed))
    assert [line.technology for line in found] == list(MEASURED)
    for line in found:
        assert abs(line.bias_ratio) < 0.15


def test_a_figure_a_rule_cannot_get_right_is_wrong_here_too_and_says_so() -> None:
    found = lines(o for seed in range(3) for o in run("keys", kind_named("healthiest"), seed))
    for line in found:
        assert line.bias_ratio > 0.1
        assert not line.claimed
        assert "selection_not_ruled_out" in line.warnings
        assert line.honest
    turned = lines(o for seed in range(2) for o in run("screen", kind_named("turnover"), seed))
    assert "baseline_missing_in_part" in turned[0].warnings


@pytest.mark.parametrize("technology", SOURCES)
def test_the_same_events_in_another_order_and_twice_over_give_the_same_figures(technology: Measured) -> None:
    kind = kind_named("plain")
    lived = generate(technology, kind, 0)
    rng = np.random.default_rng(1)
    shuffled = [lived.events[n] for n in rng.permutation(len(lived.events))]
    twice = [event for event in lived.events for _copy in range(2)]
    asked = rows_of(lived, kind)
    for events in (shuffled, twice):
        assert _figures(rows_of(lived, kind, events)) == _figures(asked)


def _figures(rows: Mapping[Measured, BenefitRow]) -> list[BenefitRow]:
    """Everything but how many places of the log were looked at: a fact told twice stands in two places."""
    return [replace(row, event_count=None) for row in rows.values()]


def test_the_interval_of_a_proportion_is_wilsons() -> None:
    # Wilson's interval of 8 in 10 is 49.0 to 94.3 %.
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    with pytest.raises(ValueError, match="at least one"):
        wilson(0, 0)


def test_the_table_has_a_row_for_each_technology_and_kind(plain: list[Outcome]) -> None:
    rows = as_markdown(lines(plain)).splitlines()[2:]
    assert [row.split(" | ")[:3] for row in rows] == [[f"| {name}", "plain", str(RUNS)] for name in MEASURED]
