"""How much work each carer of a plan has, and what it costs that it is shared unevenly.

Kept up to date visit by visit: a move changes the load of the carers it names and nothing else, because a
load holds no travel and the fair shares follow from the day alone (``scheduling.cost``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scheduling.cost import CostWeights, uneven_price_min


class Loads:
    """Load of each carer in minutes, changed inside the same transactions as a schedule.

    Parameters
    ----------
    work_min
        Work of each visit.
    fair_min
        Fair share of each carer; empty where the objective has no price for unevenness.
    weights
        The prices of the objective.
    """

    __slots__ = ("_fair", "_kept", "_log", "_weights", "_work", "load", "uneven")

    def __init__(self, work_min: Sequence[float], fair_min: Sequence[float], weights: CostWeights) -> None:
        self._work, self._fair, self._weights = work_min, fair_min, weights
        self._log: list[tuple[int, float]] = []
        self.load: list[float] = []
        self.uneven = 0.0
        self.recount([()] * len(fair_min))

    def add(self, c: int, work_min: float) -> None:
        """Give carer ``c`` more work, or less, until ``commit`` or ``rollback``."""
        if self._fair:
            self._log.append((c, self.load[c]))
            self.uneven += self.rise_min(c, work_min)
            self.load[c] += work_min

    def rise_min(self, c: int, work_min: float, share: float = 1.0) -> float:
        """How much dearer carer ``c``'s load gets with that much more work (negative: cheaper).

        ``share`` (0 to 1) scales her fair share: while a plan is filled, nobody has her whole day yet.
        """
        if not self._fair:
            return 0.0
        fair, load = self._fair[c] * share, self.load[c]
        now = uneven_price_min(load, fair, self._weights)
        return uneven_price_min(load + work_min, fair, self._weights) - now

    def commit(self) -> None:
        """Keep what was changed."""
        self._log.clear()
        self._kept = self.uneven

    def rollback(self) -> None:
        """Undo what was changed, to the last bit."""
        for c, load in reversed(self._log):
            self.load[c] = load
        self._log.clear()
        self.uneven = self._kept

    def recount(self, routes: Sequence[Sequence[int]]) -> None:
        """Count afresh from the visits of each carer, without the float dust of many additions."""
        if self._fair:
            self.load = [math.fsum(self._work[v] for v in route) for route in routes]
            loads = zip(self.load, self._fair, strict=True)
            self.uneven = math.fsum(uneven_price_min(load, fair, self._weights) for load, fair in loads)
        self.commit()
