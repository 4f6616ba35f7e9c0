"""The judge: percentiles against limits, and what broke first, from figures alone."""

from dataclasses import replace

import pytest

from loadtests.judge import Measured, Request, Timed, broke_first, judge
from loadtests.profile import Profile, Profiles, load_profiles, pick

QUICK = Measured(
    requests=[
        Request(name, Timed(float(n), 10.0), failed=False)
        for n in range(100)
        for name in ("tablet_read", "tablet_fact", "waited_fact", "door", "board", "planning", "screen_meet")
    ],
    committed=[Timed(float(n), 5.0) for n in range(100)],
    live_board=[Timed(float(n), 20.0) for n in range(100)],
    messages_sent=100,
    messages_lost=0,
    facts_sent=20,
    facts_lost=0,
    recovered_s=1.5,
)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    """The file of the project."""
    return load_profiles()


@pytest.fixture(scope="module")
def smoke(profiles: Profiles) -> Profile:
    """Its smallest profile."""
    return pick(profiles, "smoke")


def _first(profiles: Profiles, smoke: Profile, measured: Measured) -> str | None:
    return broke_first(judge(profiles, smoke, measured))


def test_where_every_limit_holds_nothing_broke(profiles: Profiles, smoke: Profile) -> None:
    lines = judge(profiles, smoke, QUICK)

    assert [line.id for line in lines if not line.ok] == []
    assert broke_first(lines) is None


def test_one_slow_message_in_a_hundred_is_let_pass_at_the_99th_percentile_and_two_are_not(
    profiles: Profiles, smoke: Profile
) -> None:
    def slow(count: int) -> list[Timed]:
        return [Timed(float(n), 9_000.0 if n < count else 5.0) for n in range(100)]

    ninety_fifth = smoke.model_copy(update={"limits": {"tablet_read_p95": 3000.0}})
    reads = [Request("tablet_read", each, failed=False) for each in slow(4)]
    assert judge(profiles, ninety_fifth, replace(QUICK, requests=reads))[0].ok
    reads = [Request("tablet_read", each, failed=False) for each in slow(5)]
    assert not judge(profiles, ninety_fifth, replace(QUICK, requests=reads))[0].ok


def test_what_was_beyond_saving_first_is_named_first_whatever_was_worst(profiles: Profiles, smoke: Profile) -> None:
    late_and_terrible = [Timed(float(n), 5.0 if n < 80 else 60_000.0) for n in range(100)]
    early_and_just_over = [Timed(float(n), 2_001.0 if n < 3 else 5.0) for n in range(100)]

    measured = replace(QUICK, live_board=late_and_terrible, committed=early_and_just_over)

    assert _first(profiles, smoke, measured) == "committed_p99"


def test_a_message_that_was_never_acknowledged_counts_from_the_moment_its_time_was_up(
    profiles: Profiles, smoke: Profile
) -> None:
    never = [*QUICK.committed, Timed(12.0, float("inf")), Timed(13.0, float("inf"))]

    line = next(x for x in judge(profiles, smoke, replace(QUICK, committed=never)) if x.id == "committed_p99")

    assert (line.ok, line.measured) == (False, None)
    assert line.broke_at_s == pytest.approx(13.0 + 2.0)


def test_what_was_not_measured_is_no_pass(profiles: Profiles, smoke: Profile) -> None:
    without_calls = replace(QUICK, requests=[r for r in QUICK.requests if r.name != "screen_meet"])

    line = next(x for x in judge(profiles, smoke, without_calls) if x.id == "screen_p95")

    assert (line.ok, line.measured, line.samples) == (False, None, 0)


def test_a_platform_that_never_comes_back_has_broken_its_limit_when_the_time_was_up(
    profiles: Profiles, smoke: Profile
) -> None:
    line = next(x for x in judge(profiles, smoke, replace(QUICK, recovered_s=None)) if x.id == "recovery")

    assert smoke.storm is not None
    assert (line.ok, line.broke_at_s) == (False, smoke.storm.back_after_s + 10)


def test_failed_requests_break_the_limit_with_the_first_one_too_many(profiles: Profiles, smoke: Profile) -> None:
    failed = [Request("board", Timed(float(n), 100.0), failed=True) for n in (3, 7)]

    line = judge(profiles, smoke, replace(QUICK, requests=[*QUICK.requests, *failed]))[0]

    assert (line.id, line.ok) == ("failed", False)
    assert line.measured == pytest.approx(2 / 702, abs=1e-4)
    assert line.broke_at_s == pytest.approx(3.1)
