"""The figures are honest: short runs of municipalities whose true saving is known (`make honesty` runs them all)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from loadtests.honesty.kinds import MEASURED, Measured, kind_named
from loadtests.honesty.rules_alone import run_rules
from loadtests.honesty.run import generate, rows_of, run
from loadtests.honesty.table import Line, as_markdown, lines, wilson
from metrics.benefit_row import BenefitRow

#: Runs of the rules alone per generator (shifts give keys and routing), and of the whole platform.
RUNS, WHOLE = 40, 2
SOURCES: Sequence[Measured] = ("screen", "transfers", "keys")


def ruled(name: str, runs: int, sources: Sequence[Measured] = SOURCES) -> list[Line]:
    """Runs of one kind, a line per technology."""
    return lines(o for source in sources for seed in range(runs) for o in run_rules(source, kind_named(name), seed))


@pytest.fixture(scope="module")
def plain() -> list[Line]:
    """Municipalities in which nothing breaks a rule."""
    return ruled("plain", RUNS)


@pytest.mark.parametrize(
    ("name", "technology", "runs"),
    [
        *((name, technology, WHOLE) for name in ("plain", "merge", "lost") for technology in SOURCES),
        ("season-beside", "screen", 1),
        ("season-beside", "keys", 1),
        ("turnover-types", "screen", 1),
    ],
)
def test_rules_alone_and_the_whole_platform_give_the_same_figures(technology: Measured, name: str, runs: int) -> None:
    kind = kind_named(name)
    for seed in range(runs):
        whole = run(technology, kind, seed)
        assert [replace(outcome, warnings=None) for outcome in whole] == run_rules(technology, kind, seed)


def test_over_all_technologies_the_interval_holds_the_truth_about_eight_times_in_ten(plain: list[Line]) -> None:
    assert [line.technology for line in plain] == list(MEASURED)
    covered = sum(line.covered for line in plain)
    # Of 160 runs an honest interval holds fewer than 112 or more than 144 once in 500 tries.
    assert 112 <= covered <= 144


def test_no_technology_has_an_error_on_average_that_is_more_than_chance(plain: list[Line]) -> None:
    for line in plain:
        assert abs(line.bias_ratio) < 0.01 + 1.5 * line.bias_reach_ratio
        assert line.bias_reach_ratio < 0.05


def test_what_saves_nothing_is_not_shown_as_reached() -> None:
    found = ruled("zero", 20)
    assert [line.shown for line in found] == [0, 0, 0, None]
    for line in found:
        assert abs(line.bias_ratio) < 0.01 + 1.5 * line.bias_reach_ratio


def test_what_saves_a_fifth_more_than_promised_is_shown_as_reached_more_often_than_a_fifth_less() -> None:
    more, less = ruled("target-120", 20), ruled("target-80", 20)
    for above, below in zip(more, less, strict=True):
        if above.shown is not None and below.shown is not None:
            assert above.shown >= 10
            assert below.shown <= 2


def test_a_shift_whose_events_are_lost_is_left_out_and_never_a_saving() -> None:
    keys, routing = ruled("lost", 20, ("keys",))
    for line in (keys, routing):
        # What is not told is not counted: less is shown, about as much less as there are shifts without an end.
        assert -0.2 < line.bias_ratio < 0.02
    whole = run("keys", kind_named("lost"), 1)
    for outcome in whole:
        assert "events_missing_in_part" in (outcome.warnings or ())


def test_a_figure_no_rule_can_get_right_says_so() -> None:
    for line in ruled("healthiest", 10, ("keys",)):
        assert line.bias_ratio > 0.1
        assert not line.claimed
        assert not line.honest
    warned = lines(run("keys", kind_named("healthiest"), 0))
    for line in warned:
        assert {"selection_not_ruled_out", "no_comparison"} <= set(line.warnings)
        assert line.honest
    (turned,) = lines(run("screen", kind_named("turnover"), 0))
    assert "baseline_missing_in_part" in turned.warnings


def test_what_everybody_lives_through_is_taken_out_by_those_who_have_not_begun() -> None:
    plain, beside = ruled("season", 15, ("screen", "keys")), ruled("season-beside", 15, ("screen", "keys"))
    compared_with = {line.technology: line for line in beside}
    assert set(compared_with) == {"screen", "keys"}
    for line in plain:
        if line.technology in compared_with:
            assert line.bias_ratio < -0.05
            found = compared_with[line.technology]
            assert abs(found.bias_ratio) < 0.01 + 1.5 * found.bias_reach_ratio
            assert found.covered > line.covered


def test_citizens_who_were_never_measured_count_by_their_visits_and_are_right_on_average() -> None:
    (without,) = ruled("turnover", 15, ("screen",))
    (by_type,) = ruled("turnover-types", 15, ("screen",))
    assert without.bias_ratio < -0.1
    assert abs(by_type.bias_ratio) < 0.01 + 1.5 * by_type.bias_reach_ratio


@pytest.mark.parametrize("technology", ["screen", "transfers"])
def test_who_is_enrolled_at_a_peak_of_need_is_shown_to_save_too_much_and_the_figure_warns(technology: Measured) -> None:
    (line,) = ruled("enrolled-peak", 10, (technology,))
    assert line.bias_ratio > 0.05
    assert not line.claimed
    (warned,) = lines(run(technology, kind_named("enrolled-peak"), 0))
    assert {"regression_not_ruled_out", "baseline_trend"} <= set(warned.warnings)


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


def test_the_table_has_a_row_for_each_technology_and_kind(plain: list[Line]) -> None:
    rows = as_markdown(plain).splitlines()[2:]
    assert [row.split(" | ")[:3] for row in rows] == [[f"| {name}", "plain", str(RUNS)] for name in MEASURED]
