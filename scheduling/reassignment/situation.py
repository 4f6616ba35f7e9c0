"""A running day as an event finds it, and the same day as each event changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernel.ids import CarerId, VisitId
from scheduling.model import Carer, Day, Plan, Visit
from scheduling.problem import Problem
from scheduling.reassignment.lived import frozen
from scheduling.reassignment.settings import ReassignmentSettings, settings_on
from scheduling.routes import plan_of, schedule_of


@dataclass(frozen=True, slots=True)
class Situation:
    """The running day as an event finds it.

    ``told`` is the plan people know, with the times they were told; ``on_the_way`` the visits driven to.
    """

    day: Day
    told: Plan
    on_the_way: Mapping[VisitId, CarerId]
    now: datetime

    @property
    def settings(self) -> ReassignmentSettings:
        """Prices and bounds that hold on the day."""
        return settings_on(self.day.on)

    def held(self, *released: VisitId) -> Day:
        """The day with everything driven to held, but for some visits the event itself is about.

        Who was told when somebody comes is not visited earlier than that, but for the free minutes: a plan that is
        mended by coming early is mended on the citizens' doorsteps.
        """
        kept = {v: c for v, c in self.on_the_way.items() if v not in released}
        day = frozen(self.day, retimed(self.day, self.told), kept)
        free = timedelta(minutes=self.settings.shift_free_min)
        earliest = {s.visit_id: s.starts_at - free for r in self.told.routes for s in r.stops}
        return replace(
            day,
            visits=tuple(
                v
                if v.begun or v.id not in earliest
                else replace(v, window_open_at=max(v.window_open_at, earliest[v.id]))
                for v in day.visits
            ),
        )


def retimed(day: Day, plan: Plan) -> Plan:
    """The same routes, timed on another day."""
    schedule = schedule_of(Problem(day, [u.id for u in day.units], dense=False), plan, strict=False)
    return plan_of(day, [schedule], {u.visit_id: u.reason for u in plan.unallocated})


def longer(day: Day, visit_id: VisitId, extra_s: float) -> Day:
    """The day on which one visit takes longer than it was planned to."""
    return replace(
        day,
        visits=tuple(replace(v, duration_s=v.duration_s + extra_s) if v.id == visit_id else v for v in day.visits),
    )


def changed_day(at: Situation, changed: Visit) -> Day:
    """The day with one visit changed, everything driven to held."""
    held = at.held(changed.id)
    return replace(held, visits=tuple(changed if v.id == changed.id else v for v in held.visits))


def shut_day(at: Situation, visit_id: VisitId, retry_at: datetime) -> Day:
    """The day on which nobody is let in at a visit before an instant; whoever stands at the door may leave."""
    visit = at.day.visit_by_id[visit_id]
    again_at = max(visit.window_open_at, retry_at)
    return changed_day(at, replace(visit, window_open_at=again_at, pinned_start_at=None))


def away_day(at: Situation, carer_id: CarerId, substitute: Carer | None = None) -> Day:
    """The day on which a carer takes nothing more; gone altogether if she has not begun anything."""
    moving = set(not_begun(at, carer_id))
    day = at.held(*moving)
    stays = len(moving) < len(at.told.route_of[carer_id].stops) if carer_id in at.told.route_of else False
    carers = [
        replace(c, shift_ends_at=max(at.now, c.shift_starts_at), skills=frozenset()) if c.id == carer_id else c
        for c in day.carers
        if c.id != carer_id or stays
    ]
    if substitute is not None:
        carers.append(substitute)
    visits = tuple(replace(v, pinned_carer_id=None) if v.id in moving else v for v in day.visits)
    return replace(day, carers=tuple(sorted(carers, key=lambda c: c.id)), visits=visits)


def not_begun(at: Situation, carer_id: CarerId) -> tuple[VisitId, ...]:
    """The visits of a carer that have not begun, in the order of her route."""
    route = at.told.route_of.get(carer_id)
    stops = route.stops if route is not None else ()
    return tuple(s.visit_id for s in stops if not at.day.visit_by_id[s.visit_id].begun)
