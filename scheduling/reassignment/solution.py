"""One whole answer to something that happened: the plan after it, who gets what, and what it costs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kernel.ids import CarerId, VisitId
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.model import Day, Plan, Route, Unallocated
from scheduling.reassignment.prices import changes_between
from scheduling.reassignment.settings import ReassignmentSettings

SolutionKind = Literal[
    "split",
    "substitute",
    "searched",
    "wait",
    "hand_over",
    "try_later",
    "other_later",
    "take_off",
    "insert",
    "swap",
    "lend",
    "change_mode",
    "fall_away",
    "fill",
    "give_back",
    "place",
    "leave_waiting",
]


@dataclass(frozen=True, slots=True)
class Handed:
    """One visit that gets another carer (or a first one), when it starts then and by how much that shifts."""

    visit_id: VisitId
    from_carer_id: CarerId | None
    to_carer_id: CarerId
    starts_at: datetime
    shifted_s: float


@dataclass(frozen=True, slots=True)
class Solution:
    """One whole solution. Costs are minutes of ``scheduling.cost``; ``change_price_min`` is the price of change.

    ``day`` and ``plan`` are the unit's after it; ``routes`` those that differ from what people were told.
    ``late_s`` is the lateness of the plan after it, ``late_before_s`` what it would be with nothing done.
    """

    id: str
    kind: SolutionKind
    day: Day
    plan: Plan
    routes: tuple[Route, ...]
    handed: tuple[Handed, ...]
    shifted: tuple[VisitId, ...]
    left_over: tuple[Unallocated, ...]
    cost_delta_min: float
    change_price_min: float
    extra_travel_s: float
    late_s: float
    late_before_s: float

    @property
    def price_min(self) -> float:
        """What it is ranked by after the visits left over: cost and change together."""
        return self.cost_delta_min + self.change_price_min


def ranked(found: Iterable[Solution]) -> list[Solution]:
    """Best first: fewest visits left over, then the cheapest; each set of routes once. Plans, never people."""
    best: dict[tuple[tuple[CarerId, tuple[VisitId, ...]], ...], Solution] = {}
    for one in sorted(found, key=lambda s: (len(s.left_over), round(s.price_min, 6), s.id)):
        shape = tuple(sorted((r.carer_id, tuple(s.visit_id for s in r.stops)) for r in one.plan.routes))
        best.setdefault(shape, one)
    return list(best.values())


def solution_of(
    solution_id: str,
    kind: SolutionKind,
    told: Plan,
    untouched: Plan | None,
    day: Day,
    after: Plan,
    settings: ReassignmentSettings,
    *,
    unavoidable: Collection[VisitId] = (),
) -> Solution:
    """Make a solution of a plan.

    Parameters
    ----------
    told
        The plan people know: what counts as a change is counted from it.
    untouched
        The same routes timed on ``day``: what would happen if nothing were done. ``None`` where that cannot be,
        because a carer of the day is gone; cost is then counted from ``told`` as it stands.
    day, after
        The day as it now is, and the plan of the solution on it.
    unavoidable
        Visits that change their carer whatever is done.
    """
    changes = changes_between(told, after, settings)
    old = {s.visit_id: (r.carer_id, s.starts_at) for r in told.routes for s in r.stops}
    new = {s.visit_id: (r.carer_id, s.starts_at) for r in after.routes for s in r.stops}
    handed = tuple(_handed(v, old, new) for v in sorted(changes.handed, key=lambda v: (new[v][1], v)))
    weights = weights_for(day.objective)
    before = untouched if untouched is not None else told
    waiting = {u.visit_id for u in before.unallocated}
    return Solution(
        id=solution_id,
        kind=kind,
        day=day,
        plan=after,
        routes=changed_routes(told, after),
        handed=handed,
        shifted=changes.shifted,
        left_over=tuple(u for u in after.unallocated if u.visit_id in old or u.visit_id not in waiting),
        cost_delta_min=terms_cost_min(recomputed_terms(day, after), weights) - _cost_min(day, before, untouched),
        change_price_min=changes.price_min(settings, unavoidable),
        extra_travel_s=60.0 * (sum(r.travel_min for r in after.routes) - sum(r.travel_min for r in before.routes)),
        late_s=_late_s(after),
        late_before_s=_late_s(before),
    )


def _cost_min(day: Day, before: Plan, untouched: Plan | None) -> float:
    if untouched is None:
        return before.cost_min
    return terms_cost_min(recomputed_terms(day, before), weights_for(day.objective))


def _handed(
    visit_id: VisitId, old: dict[VisitId, tuple[CarerId, datetime]], new: dict[VisitId, tuple[CarerId, datetime]]
) -> Handed:
    to_carer, starts_at = new[visit_id]
    from_carer, was_at = old.get(visit_id, (None, starts_at))
    return Handed(visit_id, from_carer, to_carer, starts_at, (starts_at - was_at).total_seconds())


def _late_s(plan: Plan) -> float:
    return 60.0 * sum(s.late_min for r in plan.routes for s in r.stops)


def changed_routes(told: Plan, after: Plan) -> tuple[Route, ...]:
    """Routes whose visits or starts differ; a carer who is gone has an empty one."""
    gone = tuple(Route(r.carer_id, (), 0.0, 0.0) for r in told.routes if r.stops and r.carer_id not in after.route_of)
    return tuple(r for r in after.routes if _shape(told, r.carer_id) != _shape(after, r.carer_id)) + gone


def _shape(plan: Plan, carer_id: CarerId) -> tuple[tuple[VisitId, int], ...]:
    route = plan.route_of.get(carer_id)
    # Tablets show minutes: a start that moves by less than half of one has not moved.
    return tuple((s.visit_id, round(s.starts_at.timestamp() / 60)) for s in route.stops) if route else ()
