"""What is a period of somebody who has not begun, and what is none: by figures that can be worked out by hand."""

from collections.abc import Sequence
from datetime import date, time, timedelta

import pytest

from kernel.events import Event
from kernel.localtime import at_local
from metrics.comparison.untouched import judge_ends, judge_week, unit_of_week
from metrics.enrolments import Enrolment
from metrics.ledger import Baseline, RouteProgress, ShiftProgress, epoch_ms, fold_route, fold_shift, route_key
from metrics.screen_weeks import WeekProgress, fold_week
from metrics.subject_baselines import SubjectBaseline
from scheduling.events import RouteDelivered, RoutePublished
from tests.metrics.care import MONDAY, SUNDAY, screen_visit, visit
from tests.metrics.world import Shift, Stop, shift_events

OWN = SubjectBaseline("own", "c", date(2026, 9, 1), date(2027, 9, 1), 12_000, 1, 1)
UNIT_MEAN = Baseline("unit", "keys", "nord", "day", 1, date(2026, 9, 1), date(2027, 9, 1), 1_500, 1, 1)


def week(*events: Event) -> WeekProgress:
    progress = WeekProgress("c", SUNDAY)
    for position, event in enumerate(events, start=1):
        fold_week(progress, position, event)
    return progress


def enrolled_from(day: date) -> Enrolment:
    enrolment = Enrolment("c")
    enrolment.enrol(1, "nord", epoch_ms(at_local(day, time(8))))
    return enrolment


def test_a_week_at_the_door_is_measured_like_any_other() -> None:
    found = judge_week(week(*visit("c", MONDAY), *visit("c", MONDAY + timedelta(days=2))), None, OWN)
    # 200 minutes before; twice half an hour and five minutes of travel now.
    assert (found.outcome, found.baseline_s, found.actual_s, found.net_s) == ("counted", 12_000, 4_200, 7_800)
    assert found.evidence == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("events", "enrolment", "reason"),
    [
        (visit("c", MONDAY), enrolled_from(SUNDAY), "enrolled_in_part"),
        (visit("c", MONDAY), enrolled_from(MONDAY - timedelta(days=30)), "enrolled_in_part"),
        ([*visit("c", MONDAY), *screen_visit("c", SUNDAY)], None, "no_visit"),
        ([*visit("c", MONDAY), *visit("c", SUNDAY, unit_id="amager")], None, "no_visit"),
        ([*visit("c", MONDAY), *visit("c", SUNDAY, minutes=None)], None, "visit_not_ended"),
        ([], None, "no_visit"),
    ],
    ids=["begins in it", "has begun", "by screen", "two units", "left open", "away"],
)
def test_a_week_that_is_not_one_of_before_says_why(
    events: Sequence[Event], enrolment: Enrolment | None, reason: str
) -> None:
    found = judge_week(week(*events), enrolment, OWN)
    assert (found.outcome, found.reason, found.net_s) == ("ineligible", reason, None)


def test_who_begins_after_a_week_has_lived_it_as_before() -> None:
    lived = week(*visit("c", MONDAY))
    assert judge_week(lived, enrolled_from(SUNDAY + timedelta(days=1)), OWN).outcome == "counted"
    assert judge_week(lived, None, None).reason == "no_baseline"
    assert unit_of_week(lived) == "nord"


def shift_and_route(shift: Shift) -> tuple[ShiftProgress, RouteProgress]:
    progress, route = ShiftProgress(shift.id), RouteProgress(route_key("c", shift.day.isoformat()))
    for position, event in enumerate(shift_events(shift), start=1):
        if isinstance(event, RoutePublished | RouteDelivered):
            fold_route(route, position, event)
        else:
            fold_shift(progress, position, event, "c")
    return progress, route


def test_a_shift_without_a_route_on_the_tablet_and_with_a_key_to_fetch_is_one_of_before() -> None:
    stops = (Stop(15, 200), Stop(206, 405))
    found = judge_ends(*shift_and_route(Shift("c", MONDAY, stops, delivered_min=None)), UNIT_MEAN)
    assert (found.outcome, found.actual_s, found.overhead_s, found.net_s) == ("counted", 1_800, 0, -300)
    without_key = tuple(Stop(s.begun_min, s.ended_min, formerly_key=False) for s in stops)
    others = {
        "delivered": Shift("c", MONDAY, stops),
        "delivered late": Shift("c", MONDAY, stops, delivered_min=100),
        "no key": Shift("c", MONDAY, without_key, delivered_min=None),
        "no visit": Shift("c", MONDAY, (), delivered_min=None),
    }
    for name, shift in others.items():
        assert judge_ends(*shift_and_route(shift), UNIT_MEAN).outcome == "ineligible", name
