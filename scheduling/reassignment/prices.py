"""What a change of a plan that people have already been told costs, beside what the plan itself costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kernel.ids import VisitId
from scheduling.model import Plan
from scheduling.reassignment.settings import ReassignmentSettings


@dataclass(frozen=True, slots=True)
class Changes:
    """How two plans of one day differ. ``handed`` visits got another carer, ``shifted`` ones another start.

    ``handed`` counts visits that had a carer before or after; ``dropped`` had one before and have none after.
    """

    handed: tuple[VisitId, ...]
    shifted: tuple[VisitId, ...]
    dropped: tuple[VisitId, ...]

    def price_min(self, settings: ReassignmentSettings, unavoidable: Collection[VisitId] = ()) -> float:
        """The price of the changes; visits that have to change their carer anyway cost nothing extra."""
        handed = sum(1 for v in self.handed if v not in unavoidable)
        return handed * settings.changed_carer_min + len(self.shifted) * settings.shifted_start_min


def changes_between(before: Plan, after: Plan, settings: ReassignmentSettings) -> Changes:
    """What the people on two plans would notice of going from one to the other."""
    old = {s.visit_id: (r.carer_id, s.starts_at) for r in before.routes for s in r.stops}
    new = {s.visit_id: (r.carer_id, s.starts_at) for r in after.routes for s in r.stops}
    handed = tuple(v for v, (carer, _) in new.items() if v not in old or old[v][0] != carer)
    free_s = settings.shift_free_min * 60.0
    shifted = tuple(
        v
        for v, (carer, at) in new.items()
        if v in old and old[v][0] == carer and abs((at - old[v][1]).total_seconds()) > free_s
    )
    return Changes(handed, shifted, tuple(v for v in old if v not in new))
