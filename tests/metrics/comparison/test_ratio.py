"""Difference in differences by figures: what a group's change does to a figure, and how sure that is."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from metrics.comparison.ratio import Adjusted, ComparedSubject, Group, adjusted, compared, together
from metrics.estimate import DRAWS, UnitDraws

PERIOD = (date(2026, 10, 5), date(2026, 11, 1))
CERTAIN = UnitDraws(np.full(DRAWS, 400.0), "redraw")


def group(change: float, size: int = 20, scatter: float = 0.0) -> Group:
    rng = np.random.default_rng(3)
    taken = [round(1_000 * change * (1 + scatter * rng.normal())) for _n in range(size)]
    return Group("same_unit", tuple(ComparedSubject(1_000, s, f"s{n}") for n, s in enumerate(taken)))


def of(one: Group, drawn: UnitDraws = CERTAIN) -> Adjusted:
    """A unit that took 600 s and saved 400 against a counterfactual of 1,000."""
    return adjusted(drawn, 600, 400, one, rule_version="screen-1", period=PERIOD)


@pytest.mark.parametrize(("change", "saved_s"), [(1.0, 400), (1.1, 500), (0.7, 100)])
def test_what_the_others_took_more_or_less_is_what_these_would_have(change: float, saved_s: int) -> None:
    found = compared([of(group(change))])
    assert (found.realised_s, found.p10_s, found.p90_s) == (saved_s, saved_s, saved_s)
    assert (found.change_ratio, found.subject_count) == (pytest.approx(change - 1), 20)


def test_the_interval_holds_the_error_of_both_groups_and_small_groups_have_wider_ones() -> None:
    alone = compared([of(group(1.0, scatter=0.2))])
    scattered = UnitDraws(400 + 30 * np.random.default_rng(5).standard_normal(DRAWS), "redraw")
    both = compared([of(group(1.0, scatter=0.2), scattered)])
    few = compared([of(group(1.0, size=6, scatter=0.2), scattered)])
    assert 0 < alone.p90_s - alone.p10_s < both.p90_s - both.p10_s < few.p90_s - few.p10_s
    # 0.2 of 1,000 s over the root of 20, in seconds: an 80 % interval is 2.56 of them wide.
    assert alone.p90_s - alone.p10_s == pytest.approx(2.56 * 1_000 * 0.2 / 20**0.5, rel=0.25)


def test_the_same_figures_give_the_same_draws_whatever_the_pseudonyms() -> None:
    one = group(1.05, scatter=0.1)
    renamed = replace(one, subjects=tuple(replace(s, subject=s.subject[::-1]) for s in reversed(one.subjects)))
    assert compared([of(one)]) == compared([of(renamed)])


def test_units_are_added_each_against_its_own_group_and_who_is_in_two_counts_once() -> None:
    both = compared([of(group(1.1)), of(group(0.9, size=10))])
    assert both.realised_s == 500 + 300
    assert both.subject_count == 20
    assert together([group(1.0), replace(group(1.0), where="other_units")]).where == "other_units"


def test_fewer_than_five_are_no_group() -> None:
    assert not group(1.0, size=4).large_enough
    with pytest.raises(ValueError, match="at least 5"):
        of(group(1.0, size=4))
    with pytest.raises(ValueError, match="at least one unit"):
        compared([])
