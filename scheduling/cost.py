"""The one cost of a plan, in minutes. Lower is better; the same function judges every plan and every move.

For an HHCRSP instance it is exactly the benchmark's objective,

    (distance + total tardiness + maximum tardiness) / 3

(S. Ceschia, L. Di Gaspero, R. M. Rosati, A. Schaerf, ITOR 2024, doi 10.1111/itor.13585). A Danish day has the
same three terms and three more: minutes beyond the end of a shift, visits nobody does (by priority), and
visits to a citizen with regular carers that are given to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from kernel.ids import CarerId
from scheduling.model import Carer, Citizen, Day, Objective, Place, Plan, Visit, VisitMode
from scheduling.travel import travel_times


@dataclass(frozen=True, slots=True)
class CostWeights:
    """Prices in minutes of cost. Dated settings, never constants in a formula."""

    overrun_ratio: float
    unallocated_min: tuple[float, float, float, float, float]
    not_regular_min: float
    valid_from_on: date
    source: str


HHCRSP_WEIGHTS = CostWeights(
    overrun_ratio=0.0,
    # The benchmark knows no refusal: the price only keeps a search from ever choosing one.
    unallocated_min=(1e6, 1e6, 1e6, 1e6, 1e6),
    not_regular_min=0.0,
    valid_from_on=date(2023, 10, 1),
    source="doi 10.1111/itor.13585",
)

CARE_WEIGHTS = CostWeights(
    # A minute of overtime costs its wage and half of it again; travel inside the shift weighs a third.
    overrun_ratio=1.5,
    unallocated_min=(2000.0, 1000.0, 500.0, 250.0, 125.0),
    not_regular_min=3.0,
    valid_from_on=date(2026, 11, 1),
    source="assumption: a visit is never dropped to save travel, an important one never for a lesser one",
)


@dataclass(frozen=True, slots=True)
class CostTerms:
    """What a plan consists of, in minutes, before it is weighed into one number."""

    distance_min: float
    tardiness_min: float
    max_tardiness_min: float
    overrun_min: float
    unallocated_min: float
    not_regular_min: float


def weights_for(objective: Objective) -> CostWeights:
    """The prices of an objective."""
    return HHCRSP_WEIGHTS if objective is Objective.HHCRSP else CARE_WEIGHTS


def plan_cost_min(
    distance_min: float,
    tardiness_min: float,
    max_tardiness_min: float,
    overrun_min: float,
    extra_min: float,
    overrun_ratio: float,
) -> float:
    """Weigh the terms. ``extra_min`` is the sum of the terms that already are prices."""
    return (distance_min + tardiness_min + max_tardiness_min) / 3 + overrun_ratio * overrun_min + extra_min


def visit_price_min(visit: Visit, weights: CostWeights) -> float:
    """What it costs that nobody does the visit; priority 1 is the dearest."""
    return weights.unallocated_min[visit.priority - 1]


def regular_price_min(citizen: Citizen, carer_id: CarerId, weights: CostWeights) -> float:
    """What it costs that somebody comes who is not a regular carer of the citizen; 0 if there are none."""
    regular = citizen.preferences.regular_carer_ids
    return weights.not_regular_min if regular and carer_id not in regular else 0.0


def shift_overrun_min(back_at_min: float, shift_end_min: float) -> float:
    """Minutes from the end of the shift to the arrival where the shift ends."""
    return max(0.0, back_at_min - shift_end_min)


def terms_cost_min(terms: CostTerms, weights: CostWeights) -> float:
    """The cost of summed terms."""
    return plan_cost_min(
        terms.distance_min,
        terms.tardiness_min,
        terms.max_tardiness_min,
        terms.overrun_min,
        terms.unallocated_min + terms.not_regular_min,
        weights.overrun_ratio,
    )


def recomputed_terms(day: Day, plan: Plan) -> CostTerms:
    """The terms of a plan from its start times, the day and nothing else.

    This is the slow, plain twin of what a search keeps up to date move by move.
    """
    weights = weights_for(day.objective)
    times = travel_times(day)
    distance = overrun = not_regular = 0.0
    late: list[float] = []
    for route in plan.routes:
        carer = day.carer_by_id[route.carer_id]
        visits = [day.visit_by_id[stop.visit_id] for stop in route.stops]
        places = _places(day, carer, visits) if visits else []
        legs = [times.leg_min(carer.transport, a, b) for a, b in pairwise(places)]
        distance += sum(legs)
        for stop, visit in zip(route.stops, visits, strict=True):
            late.append(max(0.0, stop.start_min - day.minute(visit.window_close_at)))
            not_regular += regular_price_min(day.citizen_by_id[visit.citizen_id], carer.id, weights)
        if route.stops:
            # The way back is the last leg unless the shift ends at the last citizen.
            back = legs[-1] if legs and carer.end_place is not None else 0.0
            end = route.stops[-1].end_min + back
            overrun += shift_overrun_min(end, day.minute(carer.shift_ends_at))
    return CostTerms(
        distance_min=distance,
        tardiness_min=sum(late),
        max_tardiness_min=max(late, default=0.0),
        overrun_min=overrun,
        unallocated_min=_unallocated_min(day, plan, weights),
        not_regular_min=not_regular,
    )


def _places(day: Day, carer: Carer, visits: Iterable[Visit]) -> list[Place]:
    """Where the carer is, in order; a screen visit takes place wherever the carer already is."""
    stops = [day.citizen_by_id[v.citizen_id].place for v in visits if v.mode is VisitMode.PHYSICAL]
    ends = [carer.start_place] if carer.start_place is not None else []
    return [*ends, *stops, *([carer.end_place] if carer.end_place is not None else [])]


def _unallocated_min(day: Day, plan: Plan, weights: CostWeights) -> float:
    return sum(visit_price_min(day.visit_by_id[u.visit_id], weights) for u in plan.unallocated)
