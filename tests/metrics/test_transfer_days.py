"""Rule transfers-1: a resident's day, computed by hand."""

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.events import Event
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement
from metrics.subject_baselines import SubjectBaseline
from metrics.transfer_days import DayProgress, day_due_at, day_of, fold_day, judge_day
from tests.metrics.care import MONDAY, answer, transfer

#: 35 minutes a day with a second carer before.
BASELINE = SubjectBaseline("b", "s", date(2026, 9, 1), date(2027, 9, 1), 10 * 35 * 60, 10, 1)
EVENING_AT = datetime.fromisoformat("2026-10-05T20:00+02:00")


def folded(*events: Event) -> DayProgress:
    progress = DayProgress("s", MONDAY)
    for position, event in enumerate(events, start=10):
        assert fold_day(progress, position, event)
    return progress


def judged(*events: Event) -> Judgement:
    return judge_day(folded(*events), None, BASELINE)


def test_a_day_is_the_baseline_less_the_second_carer_and_the_setting_up() -> None:
    found = judged(
        transfer("r", MONDAY, time(8), setup_s=90),
        transfer("r", MONDAY, time(12), carers=2, second_carer_s=240, setup_s=60),
        transfer("r", MONDAY, time(20), setup_s=30),
    )
    assert (found.baseline_s, found.actual_s, found.overhead_s) == (2_100, 240, 180)
    assert found.net_s == 2_100 - 240 - 180
    assert (found.component, found.evidence_class) == ("lift", "device")


def test_a_resident_with_a_lift_and_a_turning_system_has_one_baseline_for_both() -> None:
    found = judged(transfer("r", MONDAY, time(8)), transfer("r", MONDAY, time(22), kind="turning", setup_s=0))
    assert found.component == "both"
    assert found.net_s == 2_100 - 60
    assert (found.inputs["lift"], found.inputs["turning"]) == (1, 1)


def test_a_day_with_a_transfer_of_unknown_carers_is_not_counted_until_it_is_answered() -> None:
    known, unknown = transfer("r", MONDAY, time(8)), transfer("r", MONDAY, time(12), carers=None)
    waiting = judged(known, unknown)
    assert (waiting.outcome, waiting.reason, waiting.net_s) == ("ineligible", "unanswered", None)
    answered = judged(known, unknown, answer(unknown, 2, 300, EVENING_AT))
    assert (answered.outcome, answered.net_s) == ("counted", 2_100 - 300 - 120)
    assert answered.evidence_class == "tap"


def test_what_one_tablet_told_is_corrected_by_one_that_was_offline_and_a_badge_by_nobody() -> None:
    by_tablet = transfer("r", MONDAY, time(8), setup_s=0).model_copy(update={"evidence": "tablet"})
    by_badge = transfer("r", MONDAY, time(12), setup_s=0)
    corrected = judged(by_tablet, by_badge, *(answer(t, 2, 300, EVENING_AT) for t in (by_tablet, by_badge)))
    assert corrected.inputs["second_carer_s"] == 300


def test_an_answer_that_comes_before_its_record_is_kept_for_it() -> None:
    unknown = transfer("r", MONDAY, carers=None)
    assert judged(answer(unknown, 1, 0, EVENING_AT), unknown).net_s == 2_100 - 60


def test_the_word_of_a_device_stands_over_an_answer() -> None:
    by_badge = transfer("r", MONDAY, carers=2, second_carer_s=240)
    assert judged(by_badge, answer(by_badge, 1, 0, EVENING_AT)).actual_s == 240


def test_a_transfer_with_two_carers_all_day_can_cost_more_than_before() -> None:
    found = judged(*(transfer("r", MONDAY, time(7 + n), carers=2, second_carer_s=600) for n in range(4)))
    assert found.net_s == 2_100 - 2_400 - 240


@pytest.mark.parametrize(
    ("enrolled", "reason"), [(True, "no_use"), (False, "not_enrolled")], ids=["enrolled", "not enrolled"]
)
def test_a_day_without_transfers_is_not_counted(enrolled: bool, reason: str) -> None:
    enrolment = Enrolment("s")
    if enrolled:
        enrolment.enrol(1, "nord", 0)
    found = judge_day(DayProgress("s", MONDAY), enrolment, BASELINE)
    assert (found.outcome, found.reason, found.net_s) == ("ineligible", reason, None)


def test_a_resident_without_an_own_baseline_waits_for_one() -> None:
    found = judge_day(folded(transfer("r", MONDAY)), None, None)
    assert (found.outcome, found.eligible, found.net_s) == ("no_baseline", True, None)


def test_a_lift_in_a_home_belongs_to_no_resident_day() -> None:
    assert day_of(transfer("r", MONDAY, in_residence=False)) is None
    assert day_of(transfer("r", MONDAY)) == MONDAY


_UNKNOWN = transfer("r", MONDAY, time(12), carers=None)
_TOLD = (
    transfer("r", MONDAY, time(8)),
    _UNKNOWN,
    answer(_UNKNOWN, 2, 240, EVENING_AT),
    transfer("r", MONDAY, time(20), kind="turning", carers=2, second_carer_s=120),
    transfer("r", MONDAY, time(22), kind="turning"),
)


@given(st.permutations(_TOLD), st.sampled_from(_TOLD))
def test_the_order_devices_report_in_and_what_they_repeat_changes_no_figure(told: list[Event], again: Event) -> None:
    found, expected = judged(*told, again), judged(*_TOLD)
    assert found.inputs == expected.inputs
    assert (found.net_s, found.component, found.evidence_class) == (2_100 - 360 - 240, "both", "tap")


def test_the_same_record_told_twice_counts_once() -> None:
    once = transfer("r", MONDAY)
    assert judged(once, once).net_s == judged(once).net_s


def test_progress_survives_being_stored() -> None:
    unknown = transfer("r", MONDAY, carers=None)
    progress = folded(unknown, answer(unknown, 2, 60, EVENING_AT))
    assert DayProgress.from_json("s", MONDAY, progress.last_position, progress.as_json()) == progress


def test_a_day_settles_at_six_in_the_morning_after() -> None:
    assert day_due_at(MONDAY) == datetime.fromisoformat("2026-10-06T06:00+02:00")
