"""Splitting one day: every set of technologies replayed with the same draws, shares by Shapley, with their error."""

import statistics
from dataclasses import dataclass
from math import sqrt
from typing import Protocol

from metrics.split.lived import LivedUnitDay
from metrics.split.shapley import shapley, subsets
from metrics.technologies import Technology

#: Replays of every set. The error falls with the root; the sum of a day's error is a few per cent by then.
DRAWS = 32


class Replayer(Protocol):
    """Re-times a lived day as if only some technologies had been in use. Handed in by the gateway."""

    def retime(self, day: LivedUnitDay, in_use: frozenset[Technology], draw: int) -> int:
        """Seconds of work the day takes.

        The same sequence, nothing is planned anew. One draw draws the same for every set (common random numbers), so
        that the difference between two sets is not the difference between two draws. Only players of the day are
        weighed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One technology's share of a day: mean over the draws and its standard error, seconds."""

    technology: Technology
    seconds: int
    error_s: int


def split_day(replayer: Replayer, day: LivedUnitDay, draws: int = DRAWS) -> tuple[Part, ...]:
    """The shares of a day's players, in the order of the waterfall.

    Raises
    ------
    ValueError
        For fewer than two draws: one has no error.
    """
    if draws < 2:
        raise ValueError(f"Expected at least 2 draws, got {draws}.")
    players = day.players()
    drawn: dict[Technology, list[float]] = {player: [] for player in players}
    for draw in range(draws):
        taken_s = {chosen: replayer.retime(day, chosen, draw) for chosen in subsets(players)}
        nothing_s = taken_s[frozenset()]
        shares = shapley(lambda chosen, t=taken_s, n=nothing_s: n - t[chosen], players)  # type: ignore[misc]
        for player, share in shares.items():
            drawn[player].append(float(share))
    return tuple(
        Part(player, round(statistics.fmean(values)), round(statistics.stdev(values) / sqrt(draws)))
        for player, values in drawn.items()
    )
