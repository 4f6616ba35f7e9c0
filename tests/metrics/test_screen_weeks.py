"""Rule screen-1: a citizen's week, computed by hand."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.events import Event
from kernel.localtime import at_local
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement
from metrics.ledger import epoch_ms
from metrics.screen_weeks import (
    WeekProgress,
    fold_week,
    follow_ups,
    judge_week,
    week_due_at,
    week_last_on,
    week_name,
)
from metrics.subject_baselines import SubjectBaseline
from tests.metrics.care import MONDAY, SUNDAY, screen_visit, visit

#: 200 minutes a week before: 150 of visits, 50 of travel.
BASELINE = SubjectBaseline("b", "s", date(2026, 9, 1), date(2027, 9, 1), 8 * 200 * 60, 8, 1)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)


def enrolment(from_on: date = date(2026, 9, 30), until_on: date | None = None) -> Enrolment:
    found = Enrolment("s")
    found.enrol(1, "nord", epoch_ms(at_local(from_on, time(8))))
    if until_on is not None:
        found.leave(2, epoch_ms(at_local(until_on, time(8))))
    return found


def folded(events: Sequence[Event]) -> WeekProgress:
    progress = WeekProgress("s", SUNDAY)
    for position, event in enumerate(events, start=10):
        assert fold_week(progress, position, event)
    return progress


def judged(*visits: list[Event], enrolled: Enrolment | None = None) -> Judgement:
    events = [event for each in visits for event in each]
    return judge_week(folded(events), enrolled or enrolment(), BASELINE)


def test_a_week_is_the_baseline_less_everything_delivered() -> None:
    found = judged(
        visit("c", MONDAY, minutes=30, travel_s=600),
        visit("c", WEDNESDAY, minutes=20, travel_s=300),
        screen_visit("c", TUESDAY, minutes=8),
        screen_visit("c", SUNDAY, minutes=7),
    )
    assert found.outcome == "counted"
    assert found.inputs["visit_s"] == 50 * 60
    assert found.inputs["travel_s"] == 900
    assert found.inputs["screen_s"] == 15 * 60
    assert (found.baseline_s, found.actual_s, found.overhead_s) == (12_000, 4_800, 0)
    assert found.net_s == 12_000 - 4_800


def test_a_failed_screen_visit_and_the_visit_it_caused_are_overhead_and_counted_once() -> None:
    found = judged(
        screen_visit("c", TUESDAY, time(9), minutes=4, call="converted_physical"),
        visit("c", TUESDAY, time(11), minutes=25, travel_s=480, service="medicine"),
        visit("c", WEDNESDAY, time(9), minutes=30, travel_s=600, service="hygiene"),
        screen_visit("c", SUNDAY, minutes=8),
    )
    delivered_s = 4 * 60 + 25 * 60 + 480 + 30 * 60 + 600 + 8 * 60
    assert found.overhead_s == 4 * 60 + 25 * 60 + 480
    assert found.actual_s == 30 * 60 + 600 + 8 * 60
    assert (found.actual_s or 0) + (found.overhead_s or 0) == delivered_s
    assert found.net_s == 12_000 - delivered_s
    assert (found.inputs["follow_up_s"], found.inputs["failed_screen_s"]) == (25 * 60 + 480, 240)
    assert (found.inputs["follow_ups"], found.inputs["failed_screen_visits"]) == (1, 1)


def test_a_week_of_failed_screen_visits_with_physical_follow_ups_nets_negative() -> None:
    failures = [
        part
        for day in range(6)
        for part in (
            screen_visit("c", MONDAY + timedelta(days=day), time(9), minutes=5, call="technical_failure"),
            visit("c", MONDAY + timedelta(days=day), time(12), minutes=30, travel_s=480, service="medicine"),
        )
    ]
    found = judged(*failures, screen_visit("c", SUNDAY, minutes=8))
    assert found.net_s == 12_000 - 6 * (300 + 1_800 + 480) - 480
    assert (found.net_s or 0) < 0


@pytest.mark.parametrize(
    ("call", "service", "hours", "caused"),
    [
        ("no_answer", "medicine", 3, True),
        ("technical_failure", "medicine", 23.9, True),
        ("declined", "medicine", 24.5, False),
        ("no_answer", "hygiene", 3, False),
        ("converted_physical", "hygiene", 3, True),
        ("completed", "medicine", 3, False),
        ("cancelled", "medicine", 3, False),
    ],
    ids=["same service", "within a day", "a day later", "another errand", "handed over", "held", "cancelled"],
)
def test_a_follow_up_has_the_errand_of_a_failure_and_comes_within_a_day(
    call: str, service: str, hours: float, caused: bool
) -> None:
    failed = screen_visit("c", MONDAY, time(9), minutes=5, call=call)  # type: ignore[arg-type]
    at = datetime.combine(MONDAY, time(9, 5)) + timedelta(hours=hours)
    progress = folded([*failed, *visit("c", at.date(), at.time(), service=service)])
    assert bool(follow_ups(progress)) is caused


def test_one_failure_causes_one_visit_and_two_failures_do_not_share_one() -> None:
    progress = folded(
        [
            *screen_visit("c", MONDAY, time(9), minutes=5, call="no_answer"),
            *screen_visit("c", MONDAY, time(10), minutes=5, call="no_answer"),
            *visit("c", MONDAY, time(11), service="medicine"),
            *visit("c", MONDAY, time(13), service="medicine"),
            *visit("c", MONDAY, time(15), service="medicine"),
        ]
    )
    assert len(follow_ups(progress)) == 2


def test_each_try_nobody_answered_costs_its_ringing_and_not_the_wait_between_tries() -> None:
    found = judged(screen_visit("c", MONDAY, minutes=8, attempts=2))
    assert found.inputs["screen_s"] == 8 * 60 + 45


def test_a_call_whose_visit_was_never_told_costs_its_talk_and_ringing() -> None:
    *_visit, call = screen_visit("c", MONDAY, minutes=8)
    found = judge_week(folded([call]), enrolment(), BASELINE)
    assert found.inputs["screen_s"] == (8 * 60 - 20) + 45


def test_a_visit_without_planned_travel_counts_none_and_says_so() -> None:
    found = judged(visit("c", MONDAY, travel_s=None), screen_visit("c", TUESDAY))
    assert (found.inputs["travel_s"], found.inputs["visits_without_travel"]) == (0, 1)


@pytest.mark.parametrize(
    ("visits", "enrolled", "reason"),
    [
        ([visit("c", MONDAY)], enrolment(), "no_screen_visit"),
        ([screen_visit("c", MONDAY, call="no_answer")], enrolment(), "no_screen_visit"),
        ([screen_visit("c", MONDAY)], enrolment(from_on=MONDAY), "enrolled_in_part"),
        ([screen_visit("c", MONDAY)], enrolment(until_on=SUNDAY), "enrolled_in_part"),
        ([screen_visit("c", MONDAY)], enrolment(from_on=SUNDAY + timedelta(days=1)), "not_enrolled"),
        ([screen_visit("c", MONDAY), visit("c", TUESDAY, minutes=None)], enrolment(), "visit_not_ended"),
    ],
    ids=["none planned", "none held", "begun in it", "left in it", "begun after it", "open visit"],
)
def test_a_week_that_cannot_be_measured_says_why_and_has_no_minutes(
    visits: list[list[Event]], enrolled: Enrolment, reason: str
) -> None:
    found = judged(*visits, enrolled=enrolled)
    assert (found.outcome, found.eligible, found.reason) == ("ineligible", False, reason)
    assert found.net_s is None


def test_a_citizen_without_an_own_baseline_waits_for_one() -> None:
    found = judge_week(folded(screen_visit("c", MONDAY)), enrolment(), None)
    assert (found.outcome, found.eligible, found.net_s) == ("no_baseline", True, None)


_WEEK = (
    *visit("c", MONDAY),
    *screen_visit("c", TUESDAY, time(9), call="no_answer", attempts=2),
    *visit("c", TUESDAY, time(12), service="medicine"),
    *screen_visit("c", WEDNESDAY),
)


@given(st.permutations(_WEEK), st.sampled_from(_WEEK))
def test_the_order_events_come_in_and_what_is_told_twice_changes_no_figure(told: list[Event], again: Event) -> None:
    found, expected = (judge_week(folded(each), enrolment(), BASELINE) for each in ([*told, again], _WEEK))
    assert found.inputs == expected.inputs
    assert (found.actual_s, found.overhead_s) == (1_800 + 300 + 480, 480 + 45 + 1_800 + 300)


def test_progress_survives_being_stored() -> None:
    progress = folded([*visit("c", MONDAY), *screen_visit("c", TUESDAY, attempts=2)])
    stored = WeekProgress.from_json("s", SUNDAY, progress.last_position, progress.as_json())
    assert stored == progress


def test_weeks_are_local_iso_weeks_and_settle_a_day_after_they_end() -> None:
    late_sunday_at = datetime.fromisoformat("2026-10-11T23:30+02:00")
    assert week_last_on(late_sunday_at) == SUNDAY
    assert week_last_on(late_sunday_at + timedelta(hours=1)) == SUNDAY + timedelta(days=7)
    assert week_name(date(2027, 1, 3)) == "2026-W53"
    assert week_due_at(SUNDAY) == datetime.fromisoformat("2026-10-13T00:00+02:00")
