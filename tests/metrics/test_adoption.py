"""Centres that begin late, end, merge and change name in the middle of a rollout."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from metrics.adoption import AdoptedUnit, Adoption
from metrics.business_case import load_cases
from metrics.case_drivers import Reading
from metrics.targets import READINGS, days, full_day_s, target_for, target_over

CASE = load_cases()["copenhagen-sof-keys"]
GO_LIVE_ON = date(2026, 1, 1)
MERGED_ON = date(2026, 7, 1)
LAST_OF_THREE_ON = date(2026, 6, 30)


def unit(unit_id: str, **changes: Any) -> AdoptedUnit:
    values: dict[str, Any] = {
        "unit_id": unit_id,
        "name": unit_id.title(),
        "document_unit": "Center Nord",
        "go_live_on": GO_LIVE_ON,
        "share": 1 / 3,
    }
    return AdoptedUnit(**values | changes)


def three_to_two(*, midtbyen_live_on: date = date(2026, 3, 1)) -> Adoption:
    """Nord goes on; Midtbyen and Amager become Syd on 1 July 2026, in the middle of their growth."""
    ended = {"valid_to_on": LAST_OF_THREE_ON, "merged_into": "syd"}
    return Adoption(
        case_id=CASE.id,
        units=(
            unit("nord"),
            unit("midtbyen", document_unit="Center Midtbyen", go_live_on=midtbyen_live_on, **ended),
            unit("amager", document_unit="Center Amager", **ended),
            unit("syd", share=0, go_live_on=MERGED_ON, valid_from_on=MERGED_ON),
        ),
    )


def seconds_of(adopted: Adoption, unit_id: str, on: date, reading: Reading) -> int:
    return target_for(CASE, adopted, unit_id, on, reading).seconds


@pytest.mark.parametrize("reading", READINGS)
def test_no_minute_is_doubled_or_lost_when_three_centres_become_two(reading: Reading) -> None:
    merged = three_to_two()
    lived_on = Adoption(
        case_id=CASE.id,
        units=tuple(
            each.model_copy(update={"valid_to_on": None, "merged_into": None})
            for each in merged.units
            if each.unit_id != "syd"
        ),
    )
    for on in days(MERGED_ON - timedelta(days=40), MERGED_ON + timedelta(days=400)):
        together = sum(seconds_of(merged, u.unit_id, on, reading) for u in merged.units)
        apart = sum(seconds_of(lived_on, u.unit_id, on, reading) for u in lived_on.units)
        assert abs(together - apart) <= 1, on


def test_the_target_of_a_merged_centre_ends_and_its_successor_carries_it_on_with_its_own_growth() -> None:
    merged = three_to_two()
    before_s = [seconds_of(merged, u, LAST_OF_THREE_ON, "implied") for u in ("midtbyen", "amager", "syd")]
    after_s = [seconds_of(merged, u, MERGED_ON, "implied") for u in ("midtbyen", "amager", "syd")]
    assert before_s[2] == 0
    assert after_s[:2] == [0, 0]
    # Midtbyen is a third of the way after 122 of 365 days, Amager nearly there after 181 of 183.
    expected_s = full_day_s(CASE, MERGED_ON) / 3 * (122 / 365 + 181 / 183)
    assert after_s[2] == pytest.approx(expected_s, abs=1)
    assert after_s[2] > sum(before_s[:2])


def test_once_everything_is_in_full_the_two_centres_have_the_whole_day() -> None:
    on = date(2027, 10, 6)
    assert seconds_of(three_to_two(), "nord", on, "stated") == round(full_day_s(CASE, on) / 3)
    assert seconds_of(three_to_two(), "syd", on, "stated") == round(full_day_s(CASE, on) * 2 / 3)


def test_a_centre_that_was_merged_before_it_went_live_still_begins_on_its_day() -> None:
    late = three_to_two(midtbyen_live_on=date(2026, 9, 1))
    with_amager_only_s = round(full_day_s(CASE, date(2026, 8, 31)) / 3)
    assert seconds_of(late, "syd", date(2026, 8, 31), "stated") == with_amager_only_s
    assert seconds_of(late, "syd", date(2026, 9, 1), "stated") > with_amager_only_s


def test_a_centre_whose_id_changes_is_carried_on_by_the_new_one() -> None:
    renamed = Adoption(
        case_id=CASE.id,
        units=(
            unit("old", share=1, valid_to_on=LAST_OF_THREE_ON, merged_into="new"),
            unit("new", share=0, go_live_on=MERGED_ON, valid_from_on=MERGED_ON),
        ),
    )
    alone = Adoption(case_id=CASE.id, units=(unit("old", share=1),))
    year = (date(2026, 1, 1), date(2026, 12, 31))
    for reading in READINGS:
        total_s = sum(target_over(CASE, renamed, u, *year, reading) for u in ("old", "new"))
        assert total_s == target_over(CASE, alone, "old", *year, reading)


def test_a_centre_that_is_split_gives_way_to_units_that_begin_the_day_after() -> None:
    split = Adoption(
        case_id=CASE.id,
        units=(
            unit("whole", share=1, valid_to_on=LAST_OF_THREE_ON),
            unit("east", share=0.25, valid_from_on=MERGED_ON),
            unit("west", share=0.75, valid_from_on=MERGED_ON),
        ),
    )
    assert seconds_of(split, "east", LAST_OF_THREE_ON, "stated") == 0
    assert seconds_of(split, "whole", MERGED_ON, "stated") == 0
    # They grew up in the whole: their go-live is the whole's.
    assert seconds_of(split, "east", MERGED_ON, "implied") == pytest.approx(
        full_day_s(CASE, MERGED_ON) * 0.25 * 181 / 365, abs=1
    )


def test_units_in_use_are_those_that_exist_and_are_live() -> None:
    merged = three_to_two()
    assert [u.unit_id for u in merged.units_in_use(date(2026, 2, 1))] == ["nord", "amager"]
    assert [u.unit_id for u in merged.units_in_use(MERGED_ON)] == ["nord", "syd"]
    assert merged.unit("amager").used_between(date(2025, 1, 1), date(2027, 1, 1)) == (GO_LIVE_ON, LAST_OF_THREE_ON)
    assert merged.unit("syd").used_between(date(2025, 1, 1), LAST_OF_THREE_ON) is None
    assert merged.first_on == GO_LIVE_ON


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ([unit("a", share=0.5), unit("b", share=0.5, valid_to_on=LAST_OF_THREE_ON)], "sum to 1 on 2026-07-01"),
        ([unit("a", share=0.5), unit("b", share=0.5), unit("c", share=0.5, valid_from_on=MERGED_ON)], "got 1.5"),
        ([unit("a", share=1, valid_to_on=LAST_OF_THREE_ON, merged_into="z")], "merged into a unit of the adoption"),
        (
            [
                unit("a", share=1, valid_to_on=LAST_OF_THREE_ON, merged_into="b"),
                unit("b", share=0, valid_from_on=MERGED_ON + timedelta(days=1)),
            ],
            "sum to 1 on 2026-07-01, got 0.0",
        ),
        (
            [
                unit("a", share=0.5, valid_to_on=LAST_OF_THREE_ON, merged_into="b"),
                unit("b", share=0.5, valid_to_on=LAST_OF_THREE_ON, merged_into="a"),
            ],
            "sum to 1",
        ),
        ([unit("a", share=0.5), unit("a", share=0.5)], "every unit once"),
    ],
    ids=["ends without a successor", "too much from a day on", "unknown successor", "a gap", "a circle", "twice"],
)
def test_units_that_do_not_add_up_on_a_day_are_refused_with_the_day(units: list[AdoptedUnit], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Adoption(case_id=CASE.id, units=tuple(units))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"merged_into": "b"}, "valid_to_on"),
        ({"merged_into": "a", "valid_to_on": LAST_OF_THREE_ON}, "got itself"),
        ({"valid_from_on": MERGED_ON, "valid_to_on": LAST_OF_THREE_ON}, "end after it begins"),
        ({"share": 1.2}, "share"),
    ],
)
def test_a_unit_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        unit("a", **changes)


@given(
    merged_after_days=st.integers(0, 800),
    late_days=st.integers(0, 500),
    day=st.integers(0, 1_200),
    reading=st.sampled_from(READINGS),
)
def test_whenever_centres_merge_the_sum_of_the_targets_is_the_same(
    merged_after_days: int, late_days: int, day: int, reading: Reading
) -> None:
    last_on = GO_LIVE_ON + timedelta(days=merged_after_days)
    late_on = GO_LIVE_ON + timedelta(days=late_days)
    ended = {"valid_to_on": last_on, "merged_into": "c"}
    merged = Adoption(
        case_id=CASE.id,
        units=(
            unit("a", share=0.5, **ended),
            unit("b", share=0.5, go_live_on=late_on, **ended),
            unit("c", share=0, valid_from_on=last_on + timedelta(days=1), go_live_on=last_on),
        ),
    )
    apart = Adoption(case_id=CASE.id, units=(unit("a", share=0.5), unit("b", share=0.5, go_live_on=late_on)))
    on = GO_LIVE_ON + timedelta(days=day)
    together_s = sum(seconds_of(merged, u.unit_id, on, reading) for u in merged.units)
    assert abs(together_s - sum(seconds_of(apart, u.unit_id, on, reading) for u in apart.units)) <= 1
