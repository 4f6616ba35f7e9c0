"""How sure a realised figure is: P10, P50, P90 and the chance of the target.

Estimand: what the enrolled subjects really saved in the period, against their own counterfactual. Which subjects
and occasions there were, and what these took, is known exactly; what they would have taken is not. So neither
subjects nor what they took are redrawn. Redrawn is what is unknown: how far the counterfactual of just these
occasions lies from the baseline they were measured against. (Redrawing whole subjects with their savings answers
another question, what other subjects would save; measured, it held the truth about nine times in ten where savings
differ between subjects: docs/benchmarks/benefits.md.)

Screen visits, lifts and turning systems are measured against the subject itself (:func:`draw_paired`): within each
subject the measured weeks or days are redrawn, once for the mean and once for the occasions of the period.

Keys and routing have one mean per unit (:func:`draw_unit`). Whole carers are redrawn there, for a carer's usual
time is not the mean's: deviations of the measured carers, shrunk to what is theirs and not the single day's, fall on
each carer by as much as the carer weighs more in the mean than in the period or less. One who was measured and
works as much as was measured leaves no error. On top comes the chance of the single shifts or legs.

With fewer than 15 subjects (or measured subjects) a redraw says too little and a t-interval is used, with the
degrees of freedom of Satterthwaite.

Everything is summed in integers before the one division, and subjects are put in an order of their figures, not
of their pseudonyms: the same events give the same draws byte for byte on any machine.

Sources: J. R. Carpenter, H. Goldstein, J. Rasbash, "A novel bootstrap procedure for assessing the relationship
between class size and achievement", JRSS C 52 (2003), for residuals rescaled to their variance; S. R. Searle,
G. Casella, C. E. McCulloch, "Variance Components" (1992), for unbalanced data; F. E. Satterthwaite, "An approximate
distribution of estimates of variance components", Biometrics Bulletin 2 (1946).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from metrics.targets import Comparison
from metrics.variance_components import Measurement, components, degrees_of_freedom, rescaled, spreads_of

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

    ``counts`` are shifts or legs, one number per baseline; ``spent_s`` is actual and overhead. ``subject`` finds
    the same one among the measured; empty where nobody can be found.
    """

    counts: tuple[int, ...]
    spent_s: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class MeasuredSubject:
    """One subject of the measurements: how many shifts or legs were measured and their sum.

    ``days`` are the same figures of each measured day: how many, and their seconds.
    """

    count: int
    total_s: int
    subject: str = ""
    days: tuple[tuple[int, int], ...] = ()


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
    errors = _unit_errors(sample)
    if min(sizes) < MINIMUM_FOR_REDRAWING:
        return _t_draws(rng, sample.realised_s, errors.variance, errors.freedom)
    carers = errors.residuals[rng.integers(len(errors.residuals), size=(DRAWS, len(errors.weights)))] @ errors.weights
    chance = np.sqrt(errors.chance_variance) * rng.standard_normal(DRAWS)
    return UnitDraws(sample.realised_s + carers + chance, "redraw")


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
    parts = sorted((n, tuple(sorted(measured))) for s in sample.subjects for n, measured in s.before)
    spreads = spreads_of(parts)
    if spreads is None:
        # Everybody was measured once: only the scatter between subjects is left to go by.
        return _t_draws(rng, sample.realised_s, _scatter(sample.subjects), len(sample.subjects) - 1)
    chance_variance = sum(n * spread for (n, _measured), spread in zip(parts, spreads, strict=True))
    of_means = [n**2 * spread / len(measured) for (n, measured), spread in zip(parts, spreads, strict=True)]
    if len(sample.subjects) < MINIMUM_FOR_REDRAWING:
        each = [n * spread + mean for (n, _m), spread, mean in zip(parts, spreads, of_means, strict=True)]
        freedom = degrees_of_freedom([(v, len(m) - 1) for v, (_n, m) in zip(each, parts, strict=True) if len(m) > 1])
        return _t_draws(rng, sample.realised_s, sum(each), freedom)
    error = np.sqrt(chance_variance) * rng.standard_normal(DRAWS)
    for (count, measured), spread in zip(parts, spreads, strict=True):
        error += count * _redrawn_mean_error(rng, measured, spread)
    return UnitDraws(sample.realised_s + error, "redraw")


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


def grade(*, measured_baseline: bool, all_by_device: bool, subject_count: int, compared: bool) -> Grade:
    """How strong the evidence is (design §7.8).

    A and B compare before and after with a group that was not treated at the same time: A by device events
    throughout, B with taps among them. C has no such group (``compared``: one that was stated, or measured beside the
    figure), or too few subjects. D has no measured baseline.
    """
    if not measured_baseline:
        return "D"
    if not compared or subject_count < MINIMUM_FOR_REDRAWING:
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


@dataclass(frozen=True, slots=True)
class _UnitErrors:
    """Where the error of a unit's saving comes from, in seconds.

    ``weights`` say how many occasions each carer's own deviation falls on, ``residuals`` what such deviations are;
    ``chance_variance`` is that of the single shifts and legs.
    """

    weights: _Floats
    residuals: _Floats
    chance_variance: float
    variance: float
    freedom: float


def _unit_errors(sample: UnitSample) -> _UnitErrors:
    occasions = [sum(s.counts[b] for s in sample.subjects) for b in range(len(sample.baselines))]
    weights: dict[tuple[str, int], float] = {}
    for number, subject in enumerate(sample.subjects):
        key = (subject.subject, 0 if subject.subject else number)
        weights[key] = weights.get(key, 0.0) - sum(subject.counts)
    parts = [components([Measurement(m.count, m.total_s, m.days) for m in measured]) for measured in sample.baselines]
    number = len(sample.subjects)
    chance = []
    for count, measured, part in zip(occasions, sample.baselines, parts, strict=True):
        whole = sum(m.count for m in measured)
        chance.append(part.within * (count**2 / whole + count))
        for one in measured:
            number += 1
            key = (one.subject, 0 if one.subject else number)
            weights[key] = weights.get(key, 0.0) + count * one.count / whole
    applied = max(1, sum(occasions))
    between = sum(n * part.between for n, part in zip(occasions, parts, strict=True)) / applied
    of_carers = between * sum(w**2 for w in sorted(weights.values()))
    residuals = np.sort(np.concatenate([rescaled(part.residuals, part.between) for part in parts]))
    measured_count = sum(len(measured) for measured in sample.baselines)
    sources = [(of_carers, measured_count - len(parts))]
    sources += [(v, part.within_freedom) for v, part in zip(chance, parts, strict=True)]
    return _UnitErrors(
        weights=np.array(sorted(weights.values())),
        residuals=residuals,
        chance_variance=sum(chance),
        variance=of_carers + sum(chance),
        freedom=degrees_of_freedom([source for source in sources if source[1] > 0]),
    )


def _redrawn_mean_error(rng: np.random.Generator, measured: Sequence[int], spread: float) -> _Floats:
    """How far a redrawn mean of one subject's measurements lies from the mean, shape ``(DRAWS,)``."""
    size = len(measured)
    if size == 1:
        single: _Floats = np.sqrt(spread) * rng.standard_normal(DRAWS)
        return single
    values = np.array(measured, dtype=np.int64)
    residuals = rescaled(values - values.mean(), spread)
    drawn: _Floats = residuals[rng.integers(size, size=(DRAWS, size))].mean(axis=1)
    return drawn


def _scatter(subjects: Sequence[PairedSubject]) -> float:
    """Variance of a unit's saving by the scatter of savings between subjects."""
    saved = np.sort([sum(n * sum(m) / len(m) for n, m in s.before) - s.spent_s for s in subjects])
    return _clustered(saved - saved.mean())


def _t_draws(rng: np.random.Generator, realised_s: int, variance: float, freedom: float) -> UnitDraws:
    from scipy.special import stdtrit  # noqa: PLC0415 - heavy: imported where it is used

    error_s = float(np.sqrt(variance))
    reach_s = float(stdtrit(freedom, 0.9)) * error_s
    draws = realised_s + error_s * rng.standard_t(freedom, size=DRAWS)
    return UnitDraws(draws, "t", (realised_s - reach_s, realised_s + reach_s))


def _clustered(residuals: npt.NDArray[Any]) -> float:
    size = len(residuals)
    return float((residuals**2).sum()) * size / (size - 1)


def _seed(rule_version: str, unit_id: str, period: tuple[date, date]) -> int:
    text = f"{rule_version}|{unit_id}|{period[0].isoformat()}|{period[1].isoformat()}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
