"""What a change of a plan that people have already been told costs, beside what the plan itself costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from kernel.ids import VisitId
from scheduling.model import Plan


@dataclass(frozen=True, slots=True)
class ChangePrices:
    """Prices in minutes of cost. Dated settings, never constants in a formula.

    A visit that changes its carer costs ``changed_carer_min``; one that keeps its carer but starts more than
    ``shift_free_min`` earlier or later than was told costs ``shifted_start_min``.
    """

    changed_carer_min: float
    shifted_start_min: float
    shift_free_min: float
    valid_from_on: date
    source: str


CHANGE_PRICES = ChangePrices(
    # Dearer than a detour between two neighbouring homes, cheaper than a visit that is ten minutes late for three.
    changed_carer_min=10.0,
    shifted_start_min=1.0,
    shift_free_min=10.0,
    valid_from_on=date(2026, 11, 1),
    source="assumption: a citizen who has been told who comes and when is worth a short detour, not a late visit",
)


@dataclass(frozen=True, slots=True)
class Changes:
    """How two plans of one day differ. ``handed`` visits got another carer, ``shifted`` ones another start.

    ``handed`` counts visits that had a carer before or after; ``dropped`` had one before and have none after.
    """

    handed: tuple[VisitId, ...]
    shifted: tuple[VisitId, ...]
    dropped: tuple[VisitId, ...]

    def price_min(self, prices: ChangePrices, unavoidable: Collection[VisitId] = ()) -> float:
        """The price of the changes; visits that have to change their carer anyway cost nothing extra."""
        handed = sum(1 for v in self.handed if v not in unavoidable)
        return handed * prices.changed_carer_min + len(self.shifted) * prices.shifted_start_min


def changes_between(before: Plan, after: Plan, prices: ChangePrices = CHANGE_PRICES) -> Changes:
    """What the people on two plans would notice of going from one to the other."""
    old = {s.visit_id: (r.carer_id, s.starts_at) for r in before.routes for s in r.stops}
    new = {s.visit_id: (r.carer_id, s.starts_at) for r in after.routes for s in r.stops}
    handed = tuple(v for v, (carer, _) in new.items() if v not in old or old[v][0] != carer)
    free_s = prices.shift_free_min * 60.0
    shifted = tuple(
        v
        for v, (carer, at) in new.items()
        if v in old and old[v][0] == carer and abs((at - old[v][1]).total_seconds()) > free_s
    )
    return Changes(handed, shifted, tuple(v for v in old if v not in new))
