"""The one cost of a plan, in minutes. Lower is better; the same function judges every plan and every move.

For an HHCRSP instance it is exactly the benchmark's objective,

    (distance + total tardiness + maximum tardiness) / 3

(S. Ceschia, L. Di Gaspero, R. M. Rosati, A. Schaerf, ITOR 2024, doi 10.1111/itor.13585). A Danish day has the
same three terms and more: minutes beyond the end of a shift (dearer in the evening, at night and on rest days,
cheaper below the norm of 37 hours), visits nobody does (by priority), visits to a citizen with regular carers
that are given to somebody else, work shared unevenly within a unit, long gaps between two visits of a route,
and visits that start when hardly any of their window is left. docs/rules.md has the table.

A carer's work is her minutes of care and a fixed time at each door. Travel is left out on purpose: the fair
share of a unit is then known before anybody is planned, so that a move changes the load of two carers and
nothing else, and travel, which has its own price, is not paid twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from kernel.ids import CarerId, UnitId
from kernel.localtime import COPENHAGEN
from scheduling.model import Carer, Citizen, Day, Objective, Place, Plan, Route, Visit, VisitMode
from scheduling.travel import TravelTimes, travel_times
from scheduling.working_time.pay import premium_ratio, rates_on

UNEVEN_KNEE_MIN = 30.0
"""Minutes outside the free band from which the price of a load grows evenly."""


@dataclass(frozen=True, slots=True)
class CostWeights:
    """Prices in minutes of cost. Dated settings, never constants in a formula."""

    overrun_ratio: float
    unallocated_min: tuple[float, float, float, float, float]
    not_regular_min: float
    uneven_ratio: float
    """Minutes of cost for each minute of load far outside the free band; near it less."""
    load_tolerance_ratio: float
    load_tolerance_min: float
    load_per_door_min: float
    idle_min: float
    """What a gap costs at most, reached an hour beyond the free length."""
    idle_free_min: float
    more_work_ratio: float
    """Minutes of cost for each minute beyond a shift that stays below the norm of 37 hours."""
    slack_ratio: float
    """Minutes of cost for each minute of slack that is missing."""
    slack_min: float
    valid_from_on: date
    source: str


HHCRSP_WEIGHTS = CostWeights(
    overrun_ratio=0.0,
    # The benchmark knows no refusal: the price only keeps a search from ever choosing one.
    unallocated_min=(1e6, 1e6, 1e6, 1e6, 1e6),
    not_regular_min=0.0,
    uneven_ratio=0.0,
    load_tolerance_ratio=0.0,
    load_tolerance_min=0.0,
    load_per_door_min=0.0,
    idle_min=0.0,
    idle_free_min=0.0,
    more_work_ratio=0.0,
    slack_ratio=0.0,
    slack_min=0.0,
    valid_from_on=date(2023, 10, 1),
    source="doi 10.1111/itor.13585",
)

CARE_WEIGHTS = CostWeights(
    # A minute of overtime costs its wage and half of it again; travel inside the shift weighs a third.
    overrun_ratio=1.5,
    unallocated_min=(2000.0, 1000.0, 500.0, 250.0, 125.0),
    not_regular_min=2.0,
    # Ten minutes beyond the band cost less than two, as they may save travel; far beyond, a minute costs one.
    uneven_ratio=1.0,
    load_tolerance_ratio=0.10,
    # One long visit more or less is no unevenness, however small the unit or short the shift.
    load_tolerance_min=30.0,
    # Stands for the way, the door and the notes, so that many short visits are no light day.
    load_per_door_min=8.0,
    # Windows leave gaps in any plan; one carer's two hours are worse than four carers' half hours. Both
    # prices together stay below that of the least important visit of up to an hour: none is dropped for them.
    idle_min=45.0,
    idle_free_min=60.0,
    more_work_ratio=1.0,
    # Ten minutes missing cost half a minute: of two plans of equal travel the one that bears a delay wins.
    slack_ratio=0.05,
    slack_min=10.0,
    valid_from_on=date(2026, 11, 1),
    source="assumption: a visit is never dropped to save travel, an important one never for a lesser one; "
    "nobody minds a tenth more work than her colleagues, or an hour's gap; a door takes eight minutes",
)


class OverrunRate(NamedTuple):
    """What a carer's minutes beyond her shift cost: ``more_ratio`` each up to ``room_min``, then ``over_ratio``."""

    room_min: float
    more_ratio: float
    over_ratio: float


@dataclass(frozen=True, slots=True)
class CostTerms:
    """What a plan consists of, in minutes, before it is weighed into one number."""

    distance_min: float
    tardiness_min: float
    max_tardiness_min: float
    overrun_min: float
    unallocated_min: float
    not_regular_min: float
    uneven_min: float = 0.0
    idle_min: float = 0.0
    supplement_min: float = 0.0
    """Minutes beyond shifts at each carer's own rate, less the same minutes at the plain one; may be negative."""
    slack_min: float = 0.0


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


def visit_load_min(visit: Visit, weights: CostWeights) -> float:
    """The work of a visit when loads are compared: care, and the time at the door if it has one."""
    return visit.duration_s / 60.0 + (weights.load_per_door_min if visit.mode is VisitMode.PHYSICAL else 0.0)


def fair_loads_min(
    visits: Iterable[Visit],
    carers: Iterable[Carer],
    weights: CostWeights,
    acting: Mapping[UnitId, UnitId] | None = None,
) -> dict[CarerId, float]:
    """Each carer's share of all work of her unit in minutes, by length of shift; {} if evenness is free.

    ``acting`` names the unit a merged one has become (``Day.acting_unit``). Visits count whether or not somebody
    does them, so that dropping work never makes a plan look fairer.
    """
    if weights.uneven_ratio == 0.0:
        return {}
    now = acting or {}
    work: dict[UnitId, list[float]] = {}
    for visit in visits:
        work.setdefault(now.get(visit.unit_id, visit.unit_id), []).append(visit_load_min(visit, weights))
    hours: dict[UnitId, list[float]] = {}
    on_duty = list(carers)
    unit_of = {carer.id: now.get(carer.unit_id, carer.unit_id) for carer in on_duty}
    for carer in on_duty:
        hours.setdefault(unit_of[carer.id], []).append(_shift_h(carer))
    rate = {unit: math.fsum(work.get(unit, ())) / (math.fsum(of_unit) or 1.0) for unit, of_unit in hours.items()}
    return {carer.id: rate[unit_of[carer.id]] * _shift_h(carer) for carer in on_duty}


def uneven_price_min(load_min: float, fair_min: float, weights: CostWeights) -> float:
    """What a load costs that lies outside the band around the fair share; 0 inside it.

    The price grows with the square for half an hour and evenly from there on: what one visit adds to it
    stays below the price of leaving the visit undone. Too little is priced like too much: with none below,
    the cheapest plan gives most carers all the free band allows and sends the others home.
    """
    band = max(weights.load_tolerance_min, weights.load_tolerance_ratio * fair_min)
    outside = abs(load_min - fair_min) - band
    if outside <= 0.0:
        return 0.0
    # The parabola and its tangent at the knee.
    knee = UNEVEN_KNEE_MIN
    return weights.uneven_ratio * (outside**2 / (2 * knee) if outside < knee else outside - knee / 2)


def idle_price_min(gap_min: float, weights: CostWeights) -> float:
    """What it costs to wait that long between two visits (not before the first); 0 up to the free length.

    Bounded, so that a late visit only one carer can do is not dropped because she waits for it.
    """
    beyond = gap_min - weights.idle_free_min
    return weights.idle_min * min(1.0, beyond / 60.0) ** 2 if beyond > 0.0 else 0.0


def shift_overrun_min(back_at_min: float, shift_end_min: float) -> float:
    """Minutes from the end of the shift to the arrival where the shift ends."""
    return max(0.0, back_at_min - shift_end_min)


def overrun_rate(carer: Carer, weights: CostWeights) -> OverrunRate:
    """What minutes beyond this shift cost: an hour's wage up to 37 hours a week, half a wage more beyond.

    Evening, night, Saturday and rest-day premiums come on top (``working_time.pay``), by the end of the shift:
    it is there that minutes are added. Without a known balance of the norm period all minutes are overtime.
    """
    if weights.overrun_ratio == 0.0:
        return OverrunRate(0.0, 0.0, 0.0)
    rates = rates_on(carer.shift_ends_at.astimezone(COPENHAGEN).date())
    premium = premium_ratio(carer.shift_ends_at, rates)
    room_min = max(0.0, -(carer.norm_balance_s or 0.0) / 60.0)
    return OverrunRate(room_min, weights.more_work_ratio + premium, weights.overrun_ratio + premium)


def overrun_price_min(over_min: float, rate: OverrunRate) -> float:
    """What so many minutes beyond the shift cost."""
    return rate.more_ratio * min(over_min, rate.room_min) + rate.over_ratio * max(0.0, over_min - rate.room_min)


def tight_from_min(open_min: float, close_min: float, weights: CostWeights) -> float:
    """The start from which a visit lacks slack: the last minutes of its window, the whole of a short one."""
    return close_min - min(weights.slack_min, close_min - open_min)


def slack_price_min(start_min: float, tight_from: float, close_min: float, weights: CostWeights) -> float:
    """What it costs that a visit starts with little of its window left: the next delay makes it late.

    Bounded: beyond the close it is lateness that grows.
    """
    return weights.slack_ratio * max(0.0, min(start_min, close_min) - tight_from)


def fetching_min(carer: Carer, times: TravelTimes) -> tuple[float, float]:
    """Minutes to the vehicle a carer fetches and from it to where her shift ends; zeros without one."""
    vehicle = carer.vehicle
    if vehicle is None:
        return 0.0, 0.0
    there = times.leg_min(vehicle.reached_by, carer.start_place, vehicle.place) if carer.start_place else 0.0
    home = times.leg_min(vehicle.reached_by, vehicle.place, carer.end_place) if carer.end_place else 0.0
    return there, home


def terms_cost_min(terms: CostTerms, weights: CostWeights) -> float:
    """The cost of summed terms."""
    return plan_cost_min(
        terms.distance_min,
        terms.tardiness_min,
        terms.max_tardiness_min,
        terms.overrun_min,
        terms.unallocated_min
        + terms.not_regular_min
        + terms.uneven_min
        + terms.idle_min
        + terms.supplement_min
        + terms.slack_min,
        weights.overrun_ratio,
    )


def recomputed_terms(day: Day, plan: Plan) -> CostTerms:
    """The terms of a plan from its start times, the day and nothing else.

    This is the slow, plain twin of what a search keeps up to date move by move.
    """
    weights = weights_for(day.objective)
    times = travel_times(day)
    fair = fair_loads_min(day.visits, day.carers, weights, day.acting_unit)
    distance = overrun = not_regular = uneven = idle = supplement = slack = 0.0
    late: list[float] = []
    for route in plan.routes:
        carer = day.carer_by_id[route.carer_id]
        visits = [day.visit_by_id[stop.visit_id] for stop in route.stops]
        for stop, visit in zip(route.stops, visits, strict=True):
            late.append(max(0.0, stop.start_min - day.minute(visit.window_close_at)))
            not_regular += regular_price_min(day.citizen_by_id[visit.citizen_id], carer.id, weights)
            slack += _slack_of(day, visit, stop.start_min, weights)
        if fair:
            load = math.fsum(visit_load_min(visit, weights) for visit in visits)
            uneven += uneven_price_min(load, fair[carer.id], weights)
        idle += sum(idle_price_min(gap, weights) for gap in _gaps_min(day, route, times))
        if route.stops:
            fetch, bring = fetching_min(carer, times)
            places = _places(day, carer, visits)
            legs = [times.leg_min(carer.transport, a, b) for a, b in pairwise(places)]
            distance += fetch + sum(legs) + bring
            # The way back is the last leg unless the shift ends at the last citizen.
            back = (legs[-1] if legs and _closes_at(carer) is not None else 0.0) + bring
            over = shift_overrun_min(route.stops[-1].end_min + back, day.minute(carer.shift_ends_at))
            overrun += over
            supplement += overrun_price_min(over, overrun_rate(carer, weights)) - weights.overrun_ratio * over
    return CostTerms(
        distance_min=distance,
        tardiness_min=sum(late),
        max_tardiness_min=max(late, default=0.0),
        overrun_min=overrun,
        unallocated_min=_unallocated_min(day, plan, weights),
        not_regular_min=not_regular,
        uneven_min=uneven,
        idle_min=idle,
        supplement_min=supplement,
        slack_min=slack,
    )


def _slack_of(day: Day, visit: Visit, start_min: float, weights: CostWeights) -> float:
    if visit.begun and visit.pinned_start_at is not None:
        return 0.0
    opens, closes = day.minute(visit.window_open_at), day.minute(visit.window_close_at)
    return slack_price_min(start_min, tight_from_min(opens, closes, weights), closes, weights)


def _opens_at(carer: Carer) -> Place | None:
    return carer.vehicle.place if carer.vehicle is not None else carer.start_place


def _closes_at(carer: Carer) -> Place | None:
    return carer.vehicle.place if carer.vehicle is not None else carer.end_place


def _shift_h(carer: Carer) -> float:
    return (carer.shift_ends_at - carer.shift_starts_at).total_seconds() / 3600.0


def _places(day: Day, carer: Carer, visits: Iterable[Visit]) -> list[Place]:
    """Where the carer is, in order; a screen visit takes place wherever the carer already is."""
    stops = [day.citizen_by_id[v.citizen_id].place for v in visits if v.mode is VisitMode.PHYSICAL]
    first, last = _opens_at(carer), _closes_at(carer)
    return [*([first] if first is not None else []), *stops, *([last] if last is not None else [])]


def _gaps_min(day: Day, route: Route, times: TravelTimes) -> Iterator[float]:
    """Minutes from the arrival at each stop but the first to its start, below 0 if begun visits overlap."""
    carer = day.carer_by_id[route.carer_id]
    here = _opens_at(carer)
    rests = {rest.after_stops: rest.end_min for rest in route.rests}
    for number, stop in enumerate(route.stops):
        visit = day.visit_by_id[stop.visit_id]
        leg = 0.0
        if visit.mode is VisitMode.PHYSICAL:
            there = day.citizen_by_id[visit.citizen_id].place
            leg = times.leg_min(carer.transport, here, there) if here is not None else 0.0
            here = there
        if number:
            yield stop.start_min - rests.get(number, route.stops[number - 1].end_min) - leg


def _unallocated_min(day: Day, plan: Plan, weights: CostWeights) -> float:
    return sum(visit_price_min(day.visit_by_id[u.visit_id], weights) for u in plan.unallocated)
