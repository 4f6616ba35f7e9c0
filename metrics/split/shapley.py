"""Shapley's value: the one way to share a whole that treats alike what does alike, and shares all of it.

Of every order in which technologies could have been taken into use each gets what it added when its turn came; its
share is the mean over all orders (L. S. Shapley, A value for n-person games, 1953). With four there are 16 sets.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial

from metrics.technologies import Technology

#: All 2^n sets are looked at.
MAXIMUM_PLAYERS = 4
Freed = Callable[[frozenset[Technology]], int]


def subsets(players: Sequence[Technology]) -> Iterator[frozenset[Technology]]:
    """Every set of players, the empty one first."""
    for size in range(len(players) + 1):
        for chosen in combinations(players, size):
            yield frozenset(chosen)


def shapley(freed: Freed, players: Sequence[Technology]) -> dict[Technology, Fraction]:
    """Each player's share of what all of them freed together.

    Parameters
    ----------
    freed
        Seconds freed with exactly these in use, against none of them: 0 for the empty set.
    players
        One to four, each once.

    Returns
    -------
    dict[Technology, Fraction]
        Exact; the shares sum to ``freed`` of all players.

    Raises
    ------
    ValueError
        For more than four players, or one twice.
    """
    if len(players) > MAXIMUM_PLAYERS or len(set(players)) != len(players):
        raise ValueError(f"Expected up to {MAXIMUM_PLAYERS} different players, got {list(players)}.")
    known = {chosen: freed(chosen) for chosen in subsets(players)}
    count = len(players)
    shares: dict[Technology, Fraction] = {}
    for player in players:
        share = Fraction(0)
        for before, before_s in known.items():
            if player not in before:
                weight = Fraction(factorial(len(before)) * factorial(count - len(before) - 1), factorial(count))
                share += weight * (known[before | {player}] - before_s)
        shares[player] = share
    return shares
