"""Three measurements of a unit, by the dates of its own rollout."""

from datetime import date, timedelta

from metrics.adoption import AdoptedUnit
from metrics.business_case import load_cases
from metrics.evaluation.points import POINTS, WINDOW, points_of

CASE = load_cases()["copenhagen-sof-screen"]
GO_LIVE = date(2026, 1, 5)


def unit(**changes: object) -> AdoptedUnit:
    facts = {"unit_id": "nord", "name": "Nord", "document_unit": "Center Nord", "go_live_on": GO_LIVE, "share": 1}
    return AdoptedUnit.model_validate(facts | changes)


def test_a_unit_is_measured_at_go_live_in_the_middle_and_when_the_rollout_is_complete() -> None:
    # 2017-01-01 to 2017-12-31 in the document
    ramp = timedelta(days=364)
    points = points_of(CASE, unit(), date(2026, 7, 10))
    assert [point.key for point in points] == list(POINTS)
    assert [point.from_on for point in points] == [GO_LIVE, GO_LIVE + ramp / 2, GO_LIVE + ramp]
    assert {point.to_on - point.from_on for point in points} == {WINDOW - timedelta(days=1)}
    assert [point.state for point in points] == ["over", "running", "to_come"]


def test_measurements_of_a_short_rollout_follow_each_other_without_overlapping() -> None:
    begun = CASE.rollout.units[0].begun.date_on
    short = CASE.rollout.units[0].model_copy(
        update={"full": CASE.rollout.units[0].full.model_copy(update={"date_on": begun + timedelta(days=10)})}
    )
    case = CASE.model_copy(update={"rollout": CASE.rollout.model_copy(update={"units": (short,)})})
    first, midway, last = points_of(case, unit(), GO_LIVE)
    assert first.to_on < midway.from_on
    assert midway.to_on < last.from_on


def test_a_unit_that_ends_is_measured_up_to_its_end_and_no_more() -> None:
    ended = unit(valid_to_on=GO_LIVE + timedelta(days=9), merged_into="amager")
    first, midway, last = points_of(CASE, ended, date(2027, 6, 1))
    assert (first.state, first.to_on) == ("over", GO_LIVE + timedelta(days=9))
    assert (midway.state, last.state) == ("unit_ended", "unit_ended")
