"""Difference in differences: how those who have not begun changed, and what a figure is when that is taken out.

Everybody in a comparison group was measured before, and lives the same period without the technology. Together they
took ``ratio`` times what they took before. Had the others changed as much, they would have taken ``ratio`` times their
counterfactual, so what they saved is ``ratio`` x counterfactual - what they took. The change is taken in proportion and
not in minutes, for need differs between citizens by far more than it changes.

Its error is drawn apart from the figure's own: whole subjects of the group are redrawn, each with its period and its
measurements; with fewer than 15 of them a t-interval is used. It rules out what both groups lived through (seasons,
granted time, a reform), and not that the groups differ: only lots would.

Sources: D. Card, A. B. Krueger, "Minimum Wages and Employment", American Economic Review 84 (1994), for the design;
M. Bertrand, E. Duflo, S. Mullainathan, "How much should we trust differences-in-differences estimates?", Quarterly
Journal of Economics 119 (2004), for redrawing whole subjects.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from metrics.estimate import DRAWS, MINIMUM_FOR_REDRAWING, UnitDraws
from metrics.suppression import MINIMUM_SUBJECTS

Where = Literal["same_unit", "other_units"]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class ComparedSubject:
    """One subject without the technology: seconds by the own baseline for the period's occasions, and seconds taken."""

    expected_s: int
    spent_s: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A comparison group. ``where`` they are: in the unit of the figure, or in units that have not begun."""

    where: Where
    subjects: tuple[ComparedSubject, ...]

    @property
    def large_enough(self) -> bool:
        """Whether anything may be said of it: of fewer than five nothing is, without measured time nothing can be."""
        return len(self.subjects) >= MINIMUM_SUBJECTS and self.expected_s > 0

    @property
    def expected_s(self) -> int:
        """Seconds of all by their own baselines."""
        return sum(subject.expected_s for subject in self.subjects)

    @property
    def ratio(self) -> float:
        """What they took over what they took before."""
        return sum(subject.spent_s for subject in self.subjects) / self.expected_s


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure with the change of a comparison group taken out, its 80 % interval, and who was compared with."""

    where: Where
    subject_count: int
    #: by how much those who have not begun changed, part of one
    change_ratio: float
    realised_s: int
    p10_s: int
    p50_s: int
    p90_s: int


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Plausible true savings with the group's change taken out, seconds, shape ``(DRAWS,)``."""

    draws_s: _Floats
    realised_s: float
    group: Group


def adjusted(
    drawn: UnitDraws, spent_s: int, realised_s: int, group: Group, *, rule_version: str, period: tuple[date, date]
) -> Adjusted:
    """The plausible savings of a unit with the change of a group taken out.

    Parameters
    ----------
    spent_s, realised_s
        What the unit's occasions took and saved by the ledger; together they are the counterfactual.

    Raises
    ------
    ValueError
        If the group is not large enough.
    """
    if not group.large_enough:
        raise ValueError(f"Expected a group of at least {MINIMUM_SUBJECTS}, got {len(group.subjects)}.")
    ratios = _ratio_draws(group, rule_version, period)
    return Adjusted(
        draws_s=ratios * (spent_s + drawn.draws_s) - spent_s,
        realised_s=group.ratio * (spent_s + realised_s) - spent_s,
        group=group,
    )


def compared(parts: Sequence[Adjusted]) -> Compared:
    """One figure of some units, each against its own group. Raises ``ValueError`` without a unit."""
    if not parts:
        raise ValueError("Expected at least one unit, got none.")
    draws: _Floats = np.zeros(DRAWS)
    for part in parts:
        draws = draws + part.draws_s
    p10, p50, p90 = (round(float(q)) for q in np.quantile(draws, (0.1, 0.5, 0.9)))
    everybody = together([part.group for part in parts])
    return Compared(
        where=everybody.where,
        subject_count=len(everybody.subjects),
        change_ratio=round(everybody.ratio - 1, 4),
        realised_s=round(sum(part.realised_s for part in parts)),
        p10_s=p10,
        p50_s=p50,
        p90_s=p90,
    )


def together(groups: Sequence[Group]) -> Group:
    """Several groups as one; who is in two of them counts once."""
    where: Where = "same_unit" if all(group.where == "same_unit" for group in groups) else "other_units"
    by_subject: dict[object, ComparedSubject] = {}
    for number, one in enumerate(subject for group in groups for subject in group.subjects):
        by_subject.setdefault(one.subject or number, one)
    return Group(where, tuple(sorted(by_subject.values())))


def _ratio_draws(group: Group, rule_version: str, period: tuple[date, date]) -> _Floats:
    # In the order of figures, not of pseudonyms: the same figures give the same draws.
    pairs = np.array(sorted((s.expected_s, s.spent_s) for s in group.subjects), dtype=np.int64)
    size = len(pairs)
    text = f"{rule_version}|comparison|{size}|{period[0].isoformat()}|{period[1].isoformat()}"
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    if size >= MINIMUM_FOR_REDRAWING:
        sums = pairs[rng.integers(size, size=(DRAWS, size))].sum(axis=1)
        redrawn: _Floats = sums[:, 1] / sums[:, 0]
        return redrawn
    deviations = (pairs[:, 1] - group.ratio * pairs[:, 0]) / pairs[:, 0].mean()
    error = float(np.sqrt((deviations**2).sum() / (size * (size - 1))))
    drawn: _Floats = group.ratio + error * rng.standard_t(size - 1, size=DRAWS)
    return drawn
