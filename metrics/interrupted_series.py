"""One joint interrupted series of minutes per visit: level of each unit, one trend, one step where technology came.

The model is minutes per visit of a unit in a month = the unit's own level + a trend that all units share + a step
from the first whole month with any technology, weighted by the visits of the month. It describes and proves nothing:
no p-value is computed, and there is no answer where the months cannot tell a trend from a step.

Source: A. K. Wagner, S. B. Soumerai, F. Zhang, D. Ross-Degnan, "Segmented regression analysis of interrupted time
series studies in medication use research", J. Clin. Pharm. Ther. 27 (2002).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Below this nothing is said (design §7.9).
MINIMUM_UNTREATED = 2


@dataclass(frozen=True, slots=True)
class UnitMonth:
    """A whole month of one unit. ``number`` counts calendar months; ``minutes`` are all time of its shifts."""

    unit_id: str
    number: int
    treated: bool
    minutes: float
    visits: int

    @property
    def per_visit_min(self) -> float:
        """Minutes per visit."""
        return self.minutes / self.visits


@dataclass(frozen=True, slots=True)
class Series:
    """Minutes per visit: the step when technology came, and the trend that all units share in a month."""

    step_min: float
    trend_min_a_month: float


def interrupted_series(months: Sequence[UnitMonth]) -> Series | None:
    """The joint fit, or ``None`` where it cannot be decided.

    Parameters
    ----------
    months
        In any order; months without a visit are left out.
    """
    told = sorted((m for m in months if m.visits), key=lambda m: (m.unit_id, m.number))
    if sum(not m.treated for m in told) < MINIMUM_UNTREATED or not any(m.treated for m in told):
        return None
    units = sorted({m.unit_id for m in told})
    first = min(m.number for m in told)
    design = np.array(
        [[*(float(m.unit_id == unit) for unit in units), float(m.number - first), float(m.treated)] for m in told]
    )
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    root = np.sqrt([float(m.visits) for m in told])
    measured = np.array([m.per_visit_min for m in told])
    fitted, *_rest = np.linalg.lstsq(design * root[:, None], measured * root, rcond=None)
    return Series(step_min=float(fitted[-1]), trend_min_a_month=float(fitted[-2]))
