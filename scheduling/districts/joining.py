"""Parts of a day as days of their own, and their plans joined into one plan of the whole day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import heapify, heappop, heappush

from kernel.ids import CarerId, VisitId
from scheduling import rules
from scheduling.cost import recomputed_terms, terms_cost_min, weights_for
from scheduling.left_over import NO_ROOM
from scheduling.model import Carer, Day, Pair, Plan, Route, Unallocated, Visit
from scheduling.routes import NOT_PLANNED


def part_of(
    day: Day, visit_ids: Iterable[VisitId], carer_ids: Iterable[CarerId], routes: Mapping[CarerId, Route] | None = None
) -> Day:
    """Some visits and carers of a day as a day of their own.

    Parameters
    ----------
    routes
        The plan so far of whoever else is there. Half of a double visit whose other half is not in the part stays
        with its carer at its minute: the other carer is on her way.
    """
    chosen = tuple(day.visit_by_id[v] for v in visit_ids)
    inside = {v.id for v in chosen}
    pairs = {day.pair_of[v]: None for v in inside if v in day.pair_of}
    whole = [p for p in pairs if p.first_id in inside and p.second_id in inside]
    halves = {v for p in pairs for v in (p.first_id, p.second_id) if v in inside} - {
        v for p in whole for v in (p.first_id, p.second_id)
    }
    if routes is not None and halves:
        at = {s.visit_id: (c, s.starts_at) for c, route in routes.items() for s in route.stops if s.visit_id in halves}
        chosen = tuple(_held(v, *at[v.id]) if v.id in at and not v.begun else v for v in chosen)
    return replace(
        day,
        carers=tuple(day.carer_by_id[c] for c in carer_ids),
        citizens=tuple({v.citizen_id: day.citizen_by_id[v.citizen_id] for v in chosen}.values()),
        visits=chosen,
        pairs=tuple(sorted(whole, key=lambda p: p.first_id)),
    )


def joined(day: Day, parts: Sequence[Plan]) -> Plan:
    """The plans of disjoint parts as one plan of the day, priced by the one cost function over the whole day.

    A visit no part knows is not planned; one that a part could not do for want of somebody able is looked at again
    with the carers of all parts.
    """
    routes = {route.carer_id: route for part in parts for route in part.routes}
    reasons = {u.visit_id: u.reason for part in parts for u in part.unallocated}
    done = {s.visit_id for route in routes.values() for s in route.stops}
    left = tuple(
        Unallocated(v.id, _reason(day, v, reasons.get(v.id, NOT_PLANNED))) for v in day.visits if v.id not in done
    )
    plan = Plan(
        order=order_of(day, routes.values()),
        routes=tuple(routes.get(c.id, Route(c.id, (), 0.0, 0.0)) for c in day.carers),
        unallocated=left,
        cost_min=0.0,
    )
    return replace(plan, cost_min=terms_cost_min(recomputed_terms(day, plan), weights_for(day.objective)))


def able_carers(day: Day, visit: Visit) -> list[Carer]:
    """Everybody whom no rule forbids the visit, whatever the time of day."""
    acting = day.acting_unit
    unit_id = acting.get(visit.unit_id, visit.unit_id)
    of_unit = (c for c in day.carers if acting.get(c.unit_id, c.unit_id) == unit_id)
    return [c for c in of_unit if not rules.may_do(day, visit, c)]


def order_of(day: Day, routes: Iterable[Route]) -> tuple[VisitId, ...]:
    """One order of all visits (of a double visit the first) that every route agrees with, earliest start first."""
    follows: dict[VisitId, list[VisitId]] = {}
    waits: dict[VisitId, int] = {}
    start: dict[VisitId, float] = {}
    for route in routes:
        before: VisitId | None = None
        for stop in route.stops:
            pair = day.pair_of.get(stop.visit_id)
            job = stop.visit_id if pair is None else pair.first_id
            waits.setdefault(job, 0)
            start[job] = min(stop.start_min, start.get(job, stop.start_min))
            if before is not None:
                follows.setdefault(before, []).append(job)
                waits[job] += 1
            before = job
    ready = [(start[job], job) for job, count in waits.items() if count == 0]
    heapify(ready)
    order: list[VisitId] = []
    while ready:
        _, job = heappop(ready)
        order.append(job)
        for after in follows.get(job, ()):
            waits[after] -= 1
            if waits[after] == 0:
                heappush(ready, (start[after], after))
    if len(order) < len(waits):
        raise ArithmeticError(f"Expected routes that do not wait for each other, {len(waits) - len(order)} jobs do.")
    return tuple(order)


def _held(visit: Visit, carer_id: CarerId, starts_at: datetime) -> Visit:
    return replace(visit, pinned_carer_id=carer_id, pinned_start_at=starts_at)


def _reason(day: Day, visit: Visit, code: str) -> str:
    """A rule that forbids the visit to all carers of a district but not to all of the unit is no reason."""
    if code in (NO_ROOM, NOT_PLANNED):
        return code
    members: list[Visit] = [visit]
    pair: Pair | None = day.pair_of.get(visit.id)
    if pair is not None:
        members = [day.visit_by_id[pair.first_id], day.visit_by_id[pair.second_id]]
    able = [{c.id for c in able_carers(day, member)} for member in members]
    enough = all(able) and len(set().union(*able)) >= len(members)
    known = {b.code for member in members for c in day.carers for b in rules.may_do(day, member, c)}
    return NO_ROOM if enough and code in known | {"same_carer_twice"} else code
