"""The day as it is lived: what has begun is a fact, nobody goes back in time, who drives is not turned round.

A planned day says when things should happen. Whoever changes it while it runs needs three more things: how long
visits really took, that nothing can begin before now, and which visit each carer is on her way to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernel.ids import CarerId, VisitId
from scheduling.model import Carer, Day, Plan, Visit


@dataclass(frozen=True, slots=True)
class Life:
    """When a visit really began and ended; ``ended_at`` is ``None`` while it goes on."""

    begun_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """What is known of a running day beside its plan.

    ``lives`` are the visits that have begun. ``free_at`` says for carers who have reported a delay when they can
    leave for their next stop. ``out`` are the carers whose shift has begun.
    """

    now: datetime
    lives: Mapping[VisitId, Life]
    free_at: Mapping[CarerId, datetime]
    out: Collection[CarerId]


def running_day(day: Day, routes: Mapping[str, list[VisitId]], happened: Happened) -> Day:
    """The day from now on.

    An ended visit took as long as it took, one that goes on ends now at the earliest, and one that has not begun
    cannot begin before now. Lateness is still counted from the window the citizen was promised.
    """
    last: dict[VisitId, datetime] = {}
    idle: dict[CarerId, datetime] = {}
    for carer_id, free_at in happened.free_at.items():
        begun = [v for v in routes.get(carer_id, ()) if v in happened.lives]
        if begun:
            last[begun[-1]] = free_at
        else:
            idle[carer_id] = free_at
    carers = tuple(_delayed(c, idle[c.id]) if c.id in idle else c for c in day.carers)
    does = {visit_id: CarerId(carer_id) for carer_id, visit_ids in routes.items() for visit_id in visit_ids}
    visits = tuple(_lived(v, happened, last.get(v.id), does.get(v.id)) for v in day.visits)
    return replace(day, carers=carers, visits=visits)


def _lived(visit: Visit, happened: Happened, free_at: datetime | None, carer_id: CarerId | None) -> Visit:
    life = happened.lives.get(visit.id)
    if life is None:
        return replace(visit, window_open_at=max(visit.window_open_at, happened.now))
    planned_end = life.begun_at + timedelta(seconds=visit.duration_s)
    ends_at = life.ended_at or max(planned_end, happened.now)
    ends_at = max(ends_at, free_at) if free_at is not None else ends_at
    took_s = max(0.0, (ends_at - life.begun_at).total_seconds())
    return replace(visit, begun=True, pinned_start_at=life.begun_at, pinned_carer_id=carer_id, duration_s=took_s)


def _delayed(carer: Carer, free_at: datetime) -> Carer:
    # A shift that would begin after its end would make no sense to any rule.
    return replace(carer, shift_starts_at=min(max(carer.shift_starts_at, free_at), carer.shift_ends_at))


def driven_to(plan: Plan, happened: Happened) -> dict[VisitId, CarerId]:
    """The visits somebody is on her way to, by visit.

    A carer whose shift has begun and who is in no visit is on her way to her next stop from the minute she has to
    leave for it. ``plan`` is timed on the running day, so that minute is an estimate of what happens, not a wish.
    """
    found: dict[VisitId, CarerId] = {}
    for route in plan.routes:
        if route.carer_id not in happened.out:
            continue
        for stop in route.stops:
            life = happened.lives.get(stop.visit_id)
            if life is not None and life.ended_at is not None:
                continue
            leaves_at = stop.starts_at - timedelta(minutes=stop.travel_min)
            if life is None and leaves_at <= happened.now:
                found[stop.visit_id] = route.carer_id
            break
    return found


def frozen(day: Day, plan: Plan, on_the_way: Mapping[VisitId, CarerId]) -> Day:
    """The day on which nobody who drives is turned round: her next visit is as good as begun."""
    starts = {s.visit_id: s.starts_at for r in plan.routes for s in r.stops if s.visit_id in on_the_way}

    def hold(visit: Visit) -> Visit:
        if visit.id not in on_the_way:
            return visit
        return replace(
            visit, begun=True, pinned_start_at=starts[visit.id], pinned_carer_id=CarerId(on_the_way[visit.id])
        )

    return replace(day, visits=tuple(hold(v) for v in day.visits))
