"""How sure a realised figure is: P10, P50, P90 and the chance of the target.

Estimand: what the enrolled subjects really saved in the period, against their own counterfactual. The number of
occasions is known exactly; what one saved is not, because the counterfactual is seen only through the baseline.
So whole subjects are redrawn with all their occasions, the baseline is redrawn too, and the saving per occasion
of each redraw is multiplied by the occasions there were. With fewer than 15 subjects (or measured subjects) a
redraw says too little and a t-interval is used.

Keys and routing have a baseline per unit, measured on other shifts: its measured carers are redrawn
(:func:`draw_unit`). Screen visits, lifts and turning systems are measured against the subject itself: within
each subject the measured weeks or days are redrawn (:func:`draw_paired`).

Everything is summed in integers before the one division, and subjects are put in an order of their figures, not
of their pseudonyms: the same events give the same draws byte for byte on any machine.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from metrics.targets import Comparison

DRAWS = 4_000
MINIMUM_FOR_REDRAWING = 15
#: Of fewer subjects nothing is said.
MINIMUM_DRAWN = 2
Grade = Literal["A", "B", "C", "D"]
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SubjectOccasions:
    """One subject's counted occasions: how often each baseline was applied, and what they took.

    ``counts`` are shifts, legs, weeks or days, one number per baseline; ``spent_s`` is actual and overhead.
    """

    counts: tuple[int, ...]
    spent_s: int


@dataclass(frozen=True, slots=True)
class MeasuredSubject:
    """One subject of the measurements: how many shifts or legs were measured and their sum."""

    count: int
    total_s: int


@dataclass(frozen=True, slots=True)
class PairedSubject:
    """One subject measured against itself: per baseline how many occasions, and what was measured before.

    ``before`` holds pairs of a number of occasions and the seconds of each measured week or day; ``spent_s`` is
    actual and overhead of all occasions.
    """

    before: tuple[tuple[int, tuple[int, ...]], ...]
    spent_s: int

    @property
    def occasion_count(self) -> int:
        """Occasions of the subject, against any baseline."""
        return sum(count for count, _measured in self.before)


@dataclass(frozen=True, slots=True)
class PairedSample:
    """All that is known of one unit whose subjects are measured against themselves."""

    unit_id: str
    realised_s: int
    subjects: tuple[PairedSubject, ...]


@dataclass(frozen=True, slots=True)
class UnitSample:
    """All that is known of one unit in a period. ``realised_s`` is the ledger's own sum of net seconds."""

    unit_id: str
    realised_s: int
    subjects: tuple[SubjectOccasions, ...]
    baselines: tuple[tuple[MeasuredSubject, ...], ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds realised with their 80 % interval, and the chance that the target was reached."""

    p10_s: int
    p50_s: int
    p90_s: int
    target_probability_ratio: float
    method: Literal["redraw", "t"]


@dataclass(frozen=True, slots=True)
class UnitDraws:
    """Plausible true savings of one unit, in seconds, shape ``(DRAWS,)``; with a t-interval its own ends."""

    draws_s: _Floats
    method: Literal["redraw", "t"]
    ends_s: tuple[float, float] | None = None


def draw_unit(sample: UnitSample, *, rule_version: str, period: tuple[date, date]) -> UnitDraws | None:
    """Plausible true savings of a unit in a period.

    Returns
    -------
    UnitDraws | None
        ``None`` with fewer than two subjects or fewer than two measured subjects: nothing can be said.
    """
    sizes = [len(sample.subjects), *(len(measured) for measured in sample.baselines)]
    if not sample.baselines or min(sizes) < MINIMUM_DRAWN:
        return None
    rng = np.random.default_rng(_seed(rule_version, sample.unit_id, period))
    counts, spent = _subject_arrays(sample.subjects)
    baselines = [_measured_arrays(measured) for measured in sample.baselines]
    if min(sizes) < MINIMUM_FOR_REDRAWING:
        return _t_draws(rng, sample.realised_s, _variance(counts, spent, baselines), min(sizes) - 1)
    redrawn = _weights(rng, len(sample.subjects))
    applied = redrawn @ counts
    means = np.stack([_redrawn_means(rng, *measured) for measured in baselines], axis=1)
    saved = (applied * means).sum(axis=1) - (redrawn @ spent)
    return UnitDraws(saved / applied.sum(axis=1) * counts.sum(), "redraw")


def draw_paired(sample: PairedSample, *, rule_version: str, period: tuple[date, date]) -> UnitDraws | None:
    """Plausible true savings of a unit whose subjects are measured against themselves.

    Returns
    -------
    UnitDraws | None
        ``None`` with fewer than two subjects: nothing can be said.
    """
    if len(sample.subjects) < MINIMUM_DRAWN:
        return None
    rng = np.random.default_rng(_seed(rule_version, sample.unit_id, period))
    ordered = sorted(
        (PairedSubject(tuple((n, tuple(sorted(m))) for n, m in s.before), s.spent_s) for s in sample.subjects),
        key=lambda s: (s.before, s.spent_s),
    )
    occasions = np.array([s.occasion_count for s in ordered], dtype=np.int64)
    if len(ordered) < MINIMUM_FOR_REDRAWING:
        saved_each = np.array([sum(n * sum(m) / len(m) for n, m in s.before) - s.spent_s for s in ordered])
        # What a subject saved is uncertain by its own baseline too: that scatter is in the figures already.
        variance = _clustered(saved_each - occasions * (saved_each.sum() / occasions.sum()))
        return _t_draws(rng, sample.realised_s, variance, len(ordered) - 1)
    redrawn = _weights(rng, len(ordered))
    saved = np.zeros(DRAWS)
    for column, subject in enumerate(ordered):
        before_s = np.zeros(DRAWS)
        for count, measured in subject.before:
            drawn = rng.integers(len(measured), size=(DRAWS, len(measured)))
            before_s += count * np.array(measured, dtype=np.int64)[drawn].sum(axis=1) / len(measured)
        saved += redrawn[:, column] * (before_s - subject.spent_s)
    return UnitDraws(saved / (redrawn @ occasions) * occasions.sum(), "redraw")


def estimate_unit(drawn: UnitDraws, target_s: int) -> Estimate:
    """The interval of one unit and its chance of a target."""
    return _estimate(drawn.draws_s, target_s, drawn.method, drawn.ends_s)


def estimate_total(parts: Sequence[UnitDraws], target_s: int) -> Estimate:
    """The interval of several units together: they share neither subjects' draws nor baseline."""
    if not parts:
        raise ValueError("Expected at least one unit, got none.")
    draws: _Floats = np.zeros(DRAWS)
    for part in parts:
        draws = draws + part.draws_s
    if len(parts) == 1:
        return estimate_unit(parts[0], target_s)
    method: Literal["redraw", "t"] = "t" if any(p.method == "t" for p in parts) else "redraw"
    return _estimate(draws, target_s, method, None)


def grade(*, measured_baseline: bool, all_by_device: bool, subject_count: int, comparison: Comparison | None) -> Grade:
    """How strong the evidence is (design §7.8).

    A and B compare before and after with a group that was not treated at the same time: A by device events
    throughout, B with taps among them. C has no such group, or too few subjects. D has no measured baseline.
    """
    if not measured_baseline:
        return "D"
    if comparison is None or subject_count < MINIMUM_FOR_REDRAWING:
        return "C"
    return "A" if all_by_device else "B"


def selection_not_ruled_out(comparison: Comparison | None) -> bool:
    """Whether those who use it may differ from those who do not. Only drawing lots rules that out."""
    return comparison is None or not comparison.by_lot


def _estimate(
    draws_s: _Floats, target_s: int, method: Literal["redraw", "t"], ends_s: tuple[float, float] | None
) -> Estimate:
    p10, p50, p90 = (float(q) for q in np.quantile(draws_s, (0.1, 0.5, 0.9)))
    if ends_s is not None:
        p10, p50, p90 = ends_s[0], (ends_s[0] + ends_s[1]) / 2, ends_s[1]
    reached = int(np.count_nonzero(draws_s >= target_s))
    return Estimate(round(p10), round(p50), round(p90), round(reached / len(draws_s), 4), method)


def _subject_arrays(subjects: Sequence[SubjectOccasions]) -> tuple[_Ints, _Ints]:
    ordered = sorted(subjects, key=lambda s: (s.counts, s.spent_s))
    counts = np.array([s.counts for s in ordered], dtype=np.int64)
    return counts, np.array([s.spent_s for s in ordered], dtype=np.int64)


def _measured_arrays(measured: Sequence[MeasuredSubject]) -> tuple[_Ints, _Ints]:
    ordered = sorted((m.count, m.total_s) for m in measured)
    columns = np.array(ordered, dtype=np.int64)
    return columns[:, 0], columns[:, 1]


def _weights(rng: np.random.Generator, size: int) -> _Ints:
    """How often each of ``size`` subjects is drawn, shape ``(DRAWS, size)``."""
    return rng.multinomial(size, np.full(size, 1 / size), size=DRAWS)


def _redrawn_means(rng: np.random.Generator, measured_counts: _Ints, totals_s: _Ints) -> _Floats:
    redrawn = _weights(rng, len(measured_counts))
    means: _Floats = (redrawn @ totals_s) / (redrawn @ measured_counts)
    return means


def _variance(counts: _Ints, spent: _Ints, baselines: Sequence[tuple[_Ints, _Ints]]) -> float:
    """Variance of a unit's saving: between its subjects, and of the means they are measured against."""
    means = np.array([totals.sum() / measured.sum() for measured, totals in baselines])
    saved = (counts * means).sum(axis=1) - spent
    each = counts.sum(axis=1)
    variance = _clustered(saved - each * (saved.sum() / each.sum()))
    for baseline, (measured, totals) in enumerate(baselines):
        of_mean = _clustered(totals - measured * means[baseline]) / float(measured.sum()) ** 2
        variance += of_mean * float(counts[:, baseline].sum()) ** 2
    return variance


def _t_draws(rng: np.random.Generator, realised_s: int, variance: float, freedom: int) -> UnitDraws:
    error_s = float(np.sqrt(variance))
    reach_s = float(stats.t.ppf(0.9, freedom)) * error_s
    draws = realised_s + error_s * rng.standard_t(freedom, size=DRAWS)
    return UnitDraws(draws, "t", (realised_s - reach_s, realised_s + reach_s))


def _clustered(residuals: npt.NDArray[Any]) -> float:
    size = len(residuals)
    return float((residuals**2).sum()) * size / (size - 1)


def _seed(rule_version: str, unit_id: str, period: tuple[date, date]) -> int:
    text = f"{rule_version}|{unit_id}|{period[0].isoformat()}|{period[1].isoformat()}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
