"""Sharing what several freed together: all of it, alike to those who do alike, nothing to who does nothing."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.split.shapley import shapley, subsets
from metrics.technologies import WATERFALL, Technology

Sets = dict[frozenset[Technology], int]


def freed_by(additive: dict[Technology, int], together: Sets) -> Sets:
    """What each set frees: its members' own, and what comes of some of them being there together."""
    return {
        chosen: sum(additive[one] for one in chosen) + sum(s for pair, s in together.items() if pair <= chosen)
        for chosen in subsets(list(additive))
    }


whole_sets = st.fixed_dictionaries({chosen: st.integers(-9_000, 9_000) for chosen in subsets(WATERFALL) if chosen})


def test_minutes_that_do_not_depend_on_each_other_stay_whose_they_are() -> None:
    own: dict[Technology, int] = {"screen": 900, "transfers": -120, "keys": 45, "routing": 0}
    freed = freed_by(own, {})
    assert shapley(freed.__getitem__, WATERFALL) == own


def test_what_two_free_only_together_is_shared_in_halves_and_of_three_in_thirds() -> None:
    pair = frozenset[Technology]({"screen", "routing"})
    freed = freed_by(
        {"screen": 600, "keys": 300, "routing": 0}, {pair: 100, frozenset({"screen", "keys", "routing"}): 9}
    )
    assert shapley(freed.__getitem__, ("screen", "keys", "routing")) == {"screen": 653, "keys": 303, "routing": 53}


@given(whole_sets)
def test_the_shares_sum_to_the_whole(freed: Sets) -> None:
    shares = shapley(lambda chosen: freed.get(chosen, 0), WATERFALL)
    assert sum(shares.values()) == freed[frozenset(WATERFALL)]


@given(whole_sets, whole_sets)
def test_two_days_shared_apart_and_together_come_to_the_same(one: Sets, other: Sets) -> None:
    both = shapley(lambda chosen: one.get(chosen, 0) + other.get(chosen, 0), WATERFALL)
    apart = [shapley(lambda chosen, f=f: f.get(chosen, 0), WATERFALL) for f in (one, other)]  # type: ignore[misc]
    assert both == {technology: apart[0][technology] + apart[1][technology] for technology in WATERFALL}


def test_one_alone_has_everything_and_nobody_nothing() -> None:
    assert shapley(lambda chosen: 77 * len(chosen), ["keys"]) == {"keys": Fraction(77)}
    assert shapley(lambda _chosen: 0, []) == {}


@pytest.mark.parametrize("players", [[*WATERFALL, "tablets"], ["keys", "keys"]], ids=["five", "one twice"])
def test_more_than_four_or_one_twice_is_refused(players: list[Technology]) -> None:
    with pytest.raises(ValueError, match="Expected up to 4 different players"):
        shapley(lambda _chosen: 0, players)
