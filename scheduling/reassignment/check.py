"""Whether a solution somebody chose may be carried out: what it newly breaks, and nothing that was broken already."""

from __future__ import annotations

from collections.abc import Iterator

from kernel.ids import CarerId
from scheduling import rules
from scheduling.model import Day, Plan, Route, Stop, Visit
from scheduling.rules import Breach, Weight


def newly_broken(day: Day, told: Plan, untouched: Plan, after: Plan) -> tuple[Breach, ...]:
    """Hard rules a plan breaks that doing nothing would not break.

    Parameters
    ----------
    day
        The day as it now is; what has begun or is driven to is held on it.
    told
        The plan people know.
    untouched
        The same routes as they would go on now.
    after
        The plan to be carried out.
    """
    return tuple(b for b in _broken(day, told, untouched, after) if b.weight is Weight.HARD)


def _broken(day: Day, told: Plan, untouched: Plan, after: Plan) -> Iterator[Breach]:
    yield from _begun(day, told, after)
    for pair in day.pairs:
        first, second = after.carer_of.get(pair.first_id), after.carer_of.get(pair.second_id)
        twice = rules.two_carers(pair, first, second) if first is not None and second is not None else None
        if twice is not None:
            yield twice
    for route in after.routes:
        carer = day.carer_by_id[route.carer_id]
        before = untouched.route_of.get(route.carer_id)
        ended_min = before.stops[-1].end_min if before is not None and before.stops else float("-inf")
        for stop in route.stops:
            visit = day.visit_by_id[stop.visit_id]
            if visit.begun:
                continue
            if told.carer_of.get(visit.id) != carer.id:
                yield from rules.may_do(day, visit, carer)
            yield from _times(day, visit, stop, route, untouched, ended_min)
        if route.stops and route.stops[-1].end_min > ended_min:
            rest = rules.rest_after_shift(carer, route.stops[-1].ends_at, None)
            if rest is not None:
                yield rest


def _begun(day: Day, told: Plan, after: Plan) -> Iterator[Breach]:
    """What has begun or is driven to stays with its carer, ahead of everything that has not."""
    for visit_id, carer_id in told.carer_of.items():
        visit = day.visit_by_id.get(visit_id)
        if visit is not None and visit.begun and after.carer_of.get(visit_id) != carer_id:
            yield Breach("visit_begun", Weight.HARD, {"visit_id": visit_id})
    for route in after.routes:
        ahead = False
        for stop in route.stops:
            begun = day.visit_by_id[stop.visit_id].begun
            if begun and ahead:
                yield Breach("visit_begun", Weight.HARD, {"visit_id": stop.visit_id})
            ahead = ahead or not begun


def _times(day: Day, visit: Visit, stop: Stop, route: Route, untouched: Plan, ended_min: float) -> Iterator[Breach]:
    carer_id: CarerId = route.carer_id
    same = untouched.carer_of.get(visit.id) == carer_id
    as_it_would = (
        next((s for s in untouched.route_of[carer_id].stops if s.visit_id == visit.id), None) if same else None
    )
    if as_it_would is not None and stop.start_min <= as_it_would.start_min + 1e-6:
        return
    if stop.end_min > ended_min + 1e-6:
        found = rules.shift_hours(day.carer_by_id[carer_id], visit, stop.starts_at, stop.ends_at)
        if found is not None:
            yield found
    pinned = rules.pinned_start(visit, stop.starts_at)
    if pinned is not None:
        yield pinned
