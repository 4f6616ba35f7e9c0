"""Every hard rule a plan breaks, judged stop by stop from the day and the plan alone: no search is asked.

What has begun is a fact and breaks nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scheduling import rules
from scheduling.cost import fetching_min
from scheduling.model import Carer, Day, Plan, Rest, Route, Visit, VisitMode
from scheduling.rules import Breach, Weight
from scheduling.travel import UNREACHABLE_MIN, TravelTimes, travel_times

TOLERANCE_MIN = 1e-5


def hard_breaches(day: Day, plan: Plan) -> list[Breach]:
    """The hard rules the plan breaks, by route and stop; empty: none."""
    times = travel_times(day)
    found = [breach for route in plan.routes for breach in _on_route(day, times, route)]
    found += list(_on_pairs(day, plan))
    named = Counter(stop.visit_id for route in plan.routes for stop in route.stops)
    named.update(u.visit_id for u in plan.unallocated)
    for visit in day.visits:
        if named[visit.id] != 1:
            found.append(Breach("visit_lost", Weight.HARD, {"visit_id": visit.id, "count": named[visit.id]}))
    return found


def _on_route(day: Day, times: TravelTimes, route: Route) -> Iterator[Breach]:
    carer = day.carer_by_id[route.carer_id]
    fetch_min, _ = fetching_min(carer, times)
    free_at = day.minute(carer.shift_starts_at) + fetch_min
    here = carer.start_place if carer.vehicle is None else carer.vehicle.place
    rests: dict[int, list[Rest]] = {}
    for rest in route.rests:
        rests.setdefault(rest.after_stops, []).append(rest)
    yield from _on_breaks(day, carer, route)
    for number, stop in enumerate(route.stops):
        visit = day.visit_by_id[stop.visit_id]
        for rest in rests.get(number, ()):
            if rest.start_min < free_at - TOLERANCE_MIN:
                yield Breach("break_overlaps", Weight.HARD, {"carer_id": carer.id, "visit_id": visit.id})
            free_at = rest.end_min
        leg_min = 0.0
        if visit.mode is VisitMode.PHYSICAL:
            there = day.citizen_by_id[visit.citizen_id].place
            leg_min = times.leg_min(carer.transport, here, there) if here is not None else 0.0
            here = there
        if not visit.begun:
            yield from _on_stop(day, carer, visit, stop.start_min, free_at + leg_min, leg_min)
        free_at = stop.end_min


def _on_stop(
    day: Day, carer: Carer, visit: Visit, start_min: float, earliest_min: float, leg_min: float
) -> Iterator[Breach]:
    starts_at, ends_at = day.instant(start_min), day.instant(start_min + visit.duration_s / 60.0)
    found = (
        *rules.may_do(day, visit, carer),
        rules.shift_hours(carer, visit, starts_at, ends_at),
        rules.visit_window(visit, starts_at),
        rules.pinned_start(visit, starts_at),
        rules.rest_after_shift(carer, ends_at, None),
        rules.reach_in_time(visit, carer.id, starts_at, day.instant(min(earliest_min, UNREACHABLE_MIN))),
    )
    yield from (breach for breach in found if breach is not None and breach.weight is Weight.HARD)
    if leg_min >= UNREACHABLE_MIN:
        yield Breach("no_travel_time", Weight.HARD, {"visit_id": visit.id, "carer_id": carer.id})


def _on_breaks(day: Day, carer: Carer, route: Route) -> Iterator[Breach]:
    for rest, taken in zip(carer.breaks, route.rests, strict=False):
        late = rules.shift_break(carer.id, rest, day.instant(taken.start_min))
        if late is not None:
            yield late
        early = taken.start_min < day.minute(rest.earliest_at) - TOLERANCE_MIN
        if early or abs(taken.end_min - taken.start_min - rest.duration_s / 60.0) > TOLERANCE_MIN:
            yield Breach("break_cut", Weight.HARD, {"carer_id": carer.id})
    for rest in carer.breaks[len(route.rests) :]:
        if route.stops and route.stops[-1].end_min > day.minute(rest.latest_at) + TOLERANCE_MIN:
            yield Breach("break_missing", Weight.HARD, {"carer_id": carer.id})


def _on_pairs(day: Day, plan: Plan) -> Iterator[Breach]:
    start = {stop.visit_id: stop.start_min for route in plan.routes for stop in route.stops}
    for pair in day.pairs:
        facts: dict[str, rules.Fact] = {"first_visit_id": pair.first_id, "second_visit_id": pair.second_id}
        if (pair.first_id in start) != (pair.second_id in start):
            yield Breach("half_a_double_visit", Weight.HARD, facts)
        elif pair.first_id in start and not all(day.visit_by_id[v].begun for v in (pair.first_id, pair.second_id)):
            gap_s = (start[pair.second_id] - start[pair.first_id]) * 60.0
            if not pair.min_gap_s - 1e-3 <= gap_s <= pair.max_gap_s + 1e-3:
                yield Breach("gap_not_kept", Weight.HARD, facts | {"gap_s": gap_s})
            two = rules.two_carers(pair, plan.carer_of[pair.first_id], plan.carer_of[pair.second_id])
            if two is not None:
                yield two
