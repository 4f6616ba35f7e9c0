"""How sure a realised figure is: P10, P50, P90 and the chance of the target.

Estimand: what the enrolled carers really saved in the period, against their own counterfactual. The number of
shifts is known exactly; what a shift saved is not, because the counterfactual is seen only through the time
study. So whole carers are redrawn with all their shifts, the measured carers of the time study are redrawn
too, and the saving per shift of each redraw is multiplied by the shifts there were. With fewer than 15 carers
(or measured carers) a redraw says too little and a t-interval is used.

Everything is summed in integers before the one division, and carers are put in an order of their figures, not
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
Grade = Literal["A", "B", "C", "D"]
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SubjectShifts:
    """One carer's counted shifts: how many against each baseline, and what they took (actual + overhead)."""

    shift_counts: tuple[int, ...]
    spent_s: int


@dataclass(frozen=True, slots=True)
class MeasuredSubject:
    """One carer of the time study: how many shifts were measured and their sum."""

    shift_count: int
    total_s: int


@dataclass(frozen=True, slots=True)
class UnitSample:
    """All that is known of one unit in a period. ``realised_s`` is the ledger's own sum of net seconds."""

    unit_id: str
    realised_s: int
    subjects: tuple[SubjectShifts, ...]
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
        ``None`` with fewer than two carers or fewer than two measured carers: nothing can be said.
    """
    sizes = [len(sample.subjects), *(len(measured) for measured in sample.baselines)]
    if not sample.baselines or min(sizes) < 2:
        return None
    rng = np.random.default_rng(_seed(rule_version, sample.unit_id, period))
    counts, spent = _subject_arrays(sample.subjects)
    baselines = [_measured_arrays(measured) for measured in sample.baselines]
    if min(sizes) < MINIMUM_FOR_REDRAWING:
        return _t_draws(rng, sample.realised_s, counts, spent, baselines)
    redrawn = _weights(rng, len(sample.subjects))
    shifts = redrawn @ counts
    means = np.stack([_redrawn_means(rng, *measured) for measured in baselines], axis=1)
    saved = (shifts * means).sum(axis=1) - (redrawn @ spent)
    return UnitDraws(saved / shifts.sum(axis=1) * counts.sum(), "redraw")


def estimate_unit(drawn: UnitDraws, target_s: int) -> Estimate:
    """The interval of one unit and its chance of a target."""
    return _estimate(drawn.draws_s, target_s, drawn.method, drawn.ends_s)


def estimate_total(parts: Sequence[UnitDraws], target_s: int) -> Estimate:
    """The interval of several units together: they share neither carers' draws nor baseline."""
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
    throughout, B with taps among them. C has no such group, or too few carers. D has no measured baseline.
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


def _subject_arrays(subjects: Sequence[SubjectShifts]) -> tuple[_Ints, _Ints]:
    ordered = sorted(subjects, key=lambda s: (s.shift_counts, s.spent_s))
    counts = np.array([s.shift_counts for s in ordered], dtype=np.int64)
    return counts, np.array([s.spent_s for s in ordered], dtype=np.int64)


def _measured_arrays(measured: Sequence[MeasuredSubject]) -> tuple[_Ints, _Ints]:
    ordered = sorted((m.shift_count, m.total_s) for m in measured)
    columns = np.array(ordered, dtype=np.int64)
    return columns[:, 0], columns[:, 1]


def _weights(rng: np.random.Generator, size: int) -> _Ints:
    """How often each of ``size`` carers is drawn, shape ``(DRAWS, size)``."""
    return rng.multinomial(size, np.full(size, 1 / size), size=DRAWS)


def _redrawn_means(rng: np.random.Generator, shift_counts: _Ints, totals_s: _Ints) -> _Floats:
    redrawn = _weights(rng, len(shift_counts))
    means: _Floats = (redrawn @ totals_s) / (redrawn @ shift_counts)
    return means


def _t_draws(
    rng: np.random.Generator,
    realised_s: int,
    counts: _Ints,
    spent: _Ints,
    baselines: Sequence[tuple[_Ints, _Ints]],
) -> UnitDraws:
    means = np.array([totals.sum() / shifts.sum() for shifts, totals in baselines])
    saved = (counts * means).sum(axis=1) - spent
    shifts_each = counts.sum(axis=1)
    residuals = saved - shifts_each * (saved.sum() / shifts_each.sum())
    variance = _clustered(residuals)
    for baseline, (shifts, totals) in enumerate(baselines):
        of_mean = _clustered(totals - shifts * means[baseline]) / float(shifts.sum()) ** 2
        variance += of_mean * float(counts[:, baseline].sum()) ** 2
    error_s = float(np.sqrt(variance))
    freedom = min(len(spent), *(len(shifts) for shifts, _totals in baselines)) - 1
    reach_s = float(stats.t.ppf(0.9, freedom)) * error_s
    draws = realised_s + error_s * rng.standard_t(freedom, size=DRAWS)
    return UnitDraws(draws, "t", (realised_s - reach_s, realised_s + reach_s))


def _clustered(residuals: npt.NDArray[Any]) -> float:
    size = len(residuals)
    return float((residuals**2).sum()) * size / (size - 1)


def _seed(rule_version: str, unit_id: str, period: tuple[date, date]) -> int:
    text = f"{rule_version}|{unit_id}|{period[0].isoformat()}|{period[1].isoformat()}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
