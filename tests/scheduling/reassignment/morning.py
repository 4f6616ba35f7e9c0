"""A seeded morning in its second hour, for tests of what happens on a running day."""

from dataclasses import replace
from datetime import datetime, timedelta

from kernel.ids import CarerId, VisitId
from scheduling.model import Day, Plan
from scheduling.reassignment.lived import Happened, Life, driven_to, running_day
from scheduling.reassignment.situation import Situation, retimed
from scheduling.solver import solve_day
from tests.scheduling.days import SEVEN, municipality

NOW = SEVEN + timedelta(minutes=75)


def planned(seed: int = 3, carers: int = 8, visits_each: int = 8) -> tuple[Day, Plan]:
    """A day of one unit and its plan."""
    day = municipality(seed, carers=carers, visits_each=visits_each)
    return day, solve_day(day, moves=20_000)


def happened(
    day: Day, plan: Plan, now: datetime = NOW, free_at: dict[CarerId, datetime] | None = None
) -> tuple[Situation, Happened]:
    """Everything went to the minute until now; some carers have reported when they can go on."""
    lives = {
        s.visit_id: Life(s.starts_at, s.ends_at if s.ends_at <= now else None)
        for r in plan.routes
        for s in r.stops
        if s.starts_at <= now
    }
    known = Happened(now, lives, free_at or {}, {c.id for c in day.carers})
    routes = {str(r.carer_id): [s.visit_id for s in r.stops] for r in plan.routes}
    lived = running_day(day, routes, known)
    return Situation(lived, plan, driven_to(retimed(lived, plan), known), now), known


def busy(at: Situation) -> CarerId:
    """A carer with several visits to come."""
    ahead = {r.carer_id: sum(not at.day.visit_by_id[s.visit_id].begun for s in r.stops) for r in at.told.routes}
    return max(sorted(ahead), key=lambda c: ahead[c])


def single_ahead(at: Situation, carer_id: CarerId) -> VisitId:
    """A visit of a carer that is not begun, not driven to and not double."""
    stops = at.told.route_of[carer_id].stops
    return next(
        s.visit_id
        for s in stops
        if not at.day.visit_by_id[s.visit_id].begun
        and s.visit_id not in at.on_the_way
        and s.visit_id not in at.day.pair_of
    )


def with_new_visit(at: Situation, like: VisitId) -> Situation:
    """The same morning with an urgent visit at the home of another."""
    visit = replace(
        at.day.visit_by_id[like],
        id=VisitId("urgent"),
        window_open_at=at.now,
        window_close_at=at.now + timedelta(minutes=30),
        priority=1,
        pinned_carer_id=None,
        pinned_start_at=None,
    )
    return replace(at, day=replace(at.day, visits=(*at.day.visits, visit)))
