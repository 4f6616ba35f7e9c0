"""The day as it is lived: lengths as they were, nothing before now, delays that hold, and who is on her way."""

from datetime import timedelta

from scheduling.reassignment.lived import Happened, Life, driven_to, running_day
from scheduling.reassignment.situation import retimed
from tests.scheduling.reassignment.morning import NOW, happened, planned


def test_nothing_that_has_not_begun_can_begin_before_now() -> None:
    day, plan = planned()
    routes = {str(r.carer_id): [s.visit_id for s in r.stops] for r in plan.routes}
    later = NOW + timedelta(hours=2)
    assert any(v.window_open_at < later for v in day.visits)

    lived = running_day(day, routes, Happened(later, {}, {}, set()))

    assert all(v.window_open_at >= later for v in lived.visits)
    assert all(s.starts_at >= later for r in retimed(lived, plan).routes for s in r.stops)
    assert [v.window_close_at for v in lived.visits] == [v.window_close_at for v in day.visits]


def test_an_ended_visit_took_as_long_as_it_took_and_one_that_goes_on_ends_now_at_the_earliest() -> None:
    day, plan = planned()
    route = next(r for r in plan.routes if len(r.stops) >= 2)
    first, second = route.stops[:2]
    lives = {
        first.visit_id: Life(first.starts_at, first.starts_at + timedelta(minutes=3)),
        second.visit_id: Life(second.starts_at),
    }
    long_after = second.ends_at + timedelta(hours=1)
    routes = {str(route.carer_id): [s.visit_id for s in route.stops]}

    lived = running_day(day, routes, Happened(long_after, lives, {}, {route.carer_id})).visit_by_id

    assert lived[first.visit_id].duration_s == 180.0
    ongoing = lived[second.visit_id]
    assert second.starts_at + timedelta(seconds=ongoing.duration_s) == long_after
    assert ongoing.pinned_carer_id == route.carer_id


def test_a_reported_delay_moves_the_next_stop_of_that_carer_and_of_nobody_else() -> None:
    day, plan = planned()
    on_time, _ = happened(day, plan)
    carer = next(r.carer_id for r in plan.routes if any(not on_time.day.visit_by_id[s.visit_id].begun for s in r.stops))
    late, _ = happened(day, plan, free_at={carer: NOW + timedelta(hours=2)})
    before, after = retimed(on_time.day, plan), retimed(late.day, plan)
    ahead = [s for s in after.route_of[carer].stops if not late.day.visit_by_id[s.visit_id].begun]
    assert ahead[0].starts_at >= NOW + timedelta(hours=2)
    untied = [r.carer_id for r in plan.routes if not any(s.visit_id in day.pair_of for s in r.stops)]
    assert all(before.route_of[c] == after.route_of[c] for c in untied if c != carer)


def test_who_has_to_leave_by_now_is_on_her_way_and_who_is_in_a_visit_or_off_shift_is_not() -> None:
    day, plan = planned()
    at, known = happened(day, plan)
    timed = retimed(at.day, plan)
    for route in timed.routes:
        ahead = [s for s in route.stops if s.visit_id not in known.lives]
        inside = any(life.ended_at is None for v, life in known.lives.items() if plan.carer_of[v] == route.carer_id)
        leaves = bool(ahead) and ahead[0].starts_at - timedelta(minutes=ahead[0].travel_min) <= NOW
        assert (route.carer_id in at.on_the_way.values()) == (leaves and not inside)
    assert driven_to(timed, Happened(NOW, known.lives, {}, set())) == {}
