"""One or two: badges first, then tablets, else nobody has said so."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.transfers.model import Presence, Situation, Stay, situation_of, transfer_id_of
from devices.transfers.rules import STAY, answered, judge, nearest, second_carer_s, stay_at

NINE = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
#: two minutes of set-up and four of lifting
SITUATION = situation_of(NINE, NINE + timedelta(minutes=4), 120)


def stay(carer_id: str | None, from_s: int, until_s: int) -> Stay:
    """At the device, in seconds after the set-up began."""
    return Stay(
        carer_id, SITUATION.begun_at + timedelta(seconds=from_s), SITUATION.begun_at + timedelta(seconds=until_s)
    )


def test_the_situation_is_the_cycle_and_the_set_up_before_it() -> None:
    assert Situation(NINE - timedelta(minutes=2), NINE + timedelta(minutes=4)) == SITUATION
    assert SITUATION.duration_s == 360


@pytest.mark.parametrize(
    ("badges", "tablets", "expected"),
    [
        pytest.param([stay("a", -60, 500)], [], Presence(1, 0, "badge"), id="one badge"),
        pytest.param([stay("a", 0, 360), stay("b", 100, 160)], [], Presence(2, 60, "badge"), id="two badges"),
        pytest.param([stay("a", 0, 100), stay("a", 200, 360)], [], Presence(1, 0, "badge"), id="one badge, twice"),
        pytest.param([stay("a", 0, 360)], [stay("b", 0, 360)], Presence(1, 0, "badge"), id="a badge says it better"),
        pytest.param([], [stay("a", 0, 900)], Presence(1, 0, "tablet"), id="one tablet"),
        pytest.param([], [stay("a", 0, 900), stay("b", 300, 1200)], Presence(2, 60, "tablet"), id="two tablets"),
        pytest.param([stay(None, 0, 360)], [], None, id="a badge that is nobody's"),
        pytest.param([stay("a", 0, 360), stay(None, 0, 360)], [], None, id="a known and an unknown badge"),
        pytest.param(
            [stay("a", 0, 360), stay(None, 0, 360)], [stay("a", 0, 900)], Presence(1, 0, "tablet"), id="tablet decides"
        ),
        pytest.param([stay("a", -100, 0)], [stay("b", 360, 900)], None, id="before and after"),
        pytest.param([], [], None, id="nobody"),
    ],
)
def test_evidence_tells_one_from_two_or_does_not(
    badges: Sequence[Stay], tablets: Sequence[Stay], expected: Presence | None
) -> None:
    assert judge(SITUATION, badges, tablets) == expected


@pytest.mark.parametrize(
    ("tablets", "expected"),
    [
        pytest.param([], ["a", "b"], id="no tablet: everybody on duty"),
        pytest.param([stay("a", -1500, -600), stay("b", -900, -60)], ["b"], id="the one who left last"),
        pytest.param([stay("a", -900, -60), stay("b", 400, 1300)], ["b"], id="the one who came first afterwards"),
        pytest.param([stay("c", -900, -10), stay("a", -1500, -600)], ["a"], id="somebody off duty is not asked"),
        pytest.param([stay("a", -5400, -4500)], ["a", "b"], id="more than an hour ago says nothing"),
        pytest.param([stay("a", -900, -60), stay("b", -900, -60)], ["a", "b"], id="both as near"),
    ],
)
def test_whose_tablet_was_nearest_is_asked_first(tablets: Sequence[Stay], expected: Sequence[str]) -> None:
    assert nearest(SITUATION, tablets, ["a", "b"]) == expected


def test_who_stayed_longest_is_the_one_carer_and_the_others_are_counted_once() -> None:
    relay = [stay("a", 0, 360), stay("b", 0, 120), stay("c", 60, 180)]

    assert second_carer_s(SITUATION, relay) == 180


def test_two_by_answer_were_both_there_all_the_time_and_one_had_no_second() -> None:
    assert answered(SITUATION, 2) == Presence(2, 360, "asked")
    assert answered(SITUATION, 1) == Presence(1, 0, "asked")


def test_a_tablet_counts_as_being_there_for_a_quarter_of_an_hour() -> None:
    assert stay_at(NINE, "a") == Stay("a", NINE, NINE + STAY)
    assert timedelta(minutes=15) == STAY


@given(
    st.lists(
        st.builds(stay, st.sampled_from(["a", "b", "c", None]), st.integers(-600, 600), st.integers(-600, 1200)).filter(
            lambda s: s.from_at <= s.until_at
        ),
        max_size=6,
    )
)
def test_a_second_carer_is_never_there_longer_than_the_situation_and_one_carer_has_no_second(stays: list[Stay]) -> None:
    told = judge(SITUATION, stays, ())

    if told is not None:
        assert 0 <= told.second_carer_s <= SITUATION.duration_s
        assert (told.carers == 2) == (told.second_carer_s > 0)
    assert judge(SITUATION, list(reversed(stays)), ()) == told


def test_a_cycle_has_one_id_that_says_nothing_of_it() -> None:
    assert transfer_id_of("lift-1", 2, 3) == transfer_id_of("lift-1", 2, 3)
    assert len({transfer_id_of("lift-1", 2, 3), transfer_id_of("lift-1", 3, 2), transfer_id_of("lift-12", 0, 3)}) == 3
    assert "lift" not in transfer_id_of("lift-1", 2, 3)
