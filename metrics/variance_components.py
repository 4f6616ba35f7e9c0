"""How measurements vary: between subjects, from one occasion of a subject to the next. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class Measurement:
    """One measured subject: units (shifts or legs), their seconds, and the same of each measured day."""

    count: int
    total_s: int
    days: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Components:
    """How the seconds of one shift or leg vary: between carers, and from day to day of one."""

    residuals: Floats
    between: float
    within: float
    within_freedom: int


def components(measured: Sequence[Measurement]) -> Components:
    """Variance components of one baseline by the method of moments.

    Without days, or with one day each, all scatter is taken as between subjects.

    Notes
    -----
    S. R. Searle, G. Casella, C. E. McCulloch, "Variance Components", Wiley 1992, chapter 3 (unbalanced data).
    """
    ordered = sorted(measured)
    counts = np.array([m.count for m in ordered], dtype=np.int64)
    means = np.array([m.total_s for m in ordered], dtype=np.int64) / counts
    residuals: Floats = means - sum(m.total_s for m in ordered) / int(counts.sum())
    within_freedom = sum(max(0, len(m.days) - 1) for m in ordered)
    within_sum = sum(
        (seconds - count * mean) ** 2 / count
        for m, mean in zip(ordered, means, strict=True)
        for count, seconds in m.days
        if len(m.days) > 1
    )
    within = float(within_sum) / within_freedom if within_freedom else 0.0
    whole = float(counts.sum())
    between = float((counts * residuals**2).sum()) - (len(ordered) - 1) * within
    between = max(0.0, between / (whole - float((counts**2).sum()) / whole))
    return Components(residuals, between, within, within_freedom)


def rescaled(residuals: Floats, variance: float) -> Floats:
    """Residuals about their mean with a given variance."""
    centred: Floats = residuals - residuals.mean()
    found = float((centred**2).mean())
    return centred * (np.sqrt(variance / found) if found else 0.0)


def spreads_of(parts: Sequence[tuple[int, tuple[int, ...]]]) -> list[float] | None:
    """Variance of one subject's weeks or days; of a subject measured once by the relative spread of the others."""
    several = [m for _n, m in parts if len(m) > 1 and any(m)]
    if not several:
        return None
    freedom = sum(len(m) - 1 for m in several)
    relative = sum(float(np.var(m, ddof=1)) * (len(m) - 1) / float(np.mean(m)) ** 2 for m in several) / freedom
    return [float(np.var(m, ddof=1)) if len(m) > 1 else relative * m[0] ** 2 for _n, m in parts]


def degrees_of_freedom(sources: Sequence[tuple[float, int]]) -> float:
    """Degrees of freedom of a sum of variances, each with its own.

    Notes
    -----
    F. E. Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2
    (1946).
    """
    whole = sum(variance for variance, _freedom in sources)
    inverse = sum(variance**2 / freedom for variance, freedom in sources)
    return whole**2 / inverse if inverse else float(max(1, sum(freedom for _variance, freedom in sources)))
