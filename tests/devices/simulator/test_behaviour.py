"""Faults come at their rates, inside their limits, and from the lock's own stream."""

from statistics import median
from typing import Any

import pytest

from devices.simulator.behaviour import FAULTLESS, LockBehaviour, LockStreams

NORMAL = LockBehaviour()


def _streams(behaviour: LockBehaviour = NORMAL, seed: int = 1, lock_id: str = "lock-1") -> LockStreams:
    return LockStreams(seed, lock_id, behaviour)


def test_a_motor_takes_one_to_three_seconds_around_its_median() -> None:
    streams = _streams()
    times_ms = [streams.motor_ms() for _ in range(2_000)]

    assert min(times_ms) >= 1_000
    assert max(times_ms) <= 3_000
    assert median(times_ms) == pytest.approx(1_700, rel=0.05)


def test_jams_and_lost_clocks_come_at_their_rates() -> None:
    streams = _streams(LockBehaviour(jam_ratio=0.1, clock_lost_ratio=0.3))

    assert sum(streams.jams() for _ in range(4_000)) == pytest.approx(400, rel=0.2)
    assert sum(streams.loses_clock() for _ in range(4_000)) == pytest.approx(1_200, rel=0.2)


def test_a_fleet_drifts_within_its_limit_and_a_few_locks_begin_nearly_empty() -> None:
    fleet = [_streams(LockBehaviour(battery_low_start_ratio=0.1), lock_id=f"lock-{n}") for n in range(1_000)]

    drifts = [streams.drift_ppm() for streams in fleet]
    levels = [streams.battery_start_mv() for streams in fleet]

    assert max(map(abs, drifts)) <= 20
    assert min(drifts) < -5 < 5 < max(drifts)
    assert all(4_400 <= level <= 6_000 for level in levels)
    assert sum(level <= 4_450 for level in levels) == pytest.approx(100, rel=0.35)


def test_outages_come_at_their_rate_and_end() -> None:
    streams = _streams()
    outages = [outage for outage in (streams.next_outage_s() for _ in range(2_000)) if outage is not None]

    assert sum(wait_s for wait_s, _ in outages) / len(outages) == pytest.approx(5 * 86_400, rel=0.1)
    assert median(length_s for _, length_s in outages) == pytest.approx(240, rel=0.1)


def test_a_faultless_lock_does_what_it_is_told_at_once() -> None:
    streams = _streams(FAULTLESS)

    assert [streams.motor_ms(), streams.drift_ppm(), streams.next_outage_s()] == [0, 0, None]
    assert not any(streams.jams() or streams.loses_clock() for _ in range(100))
    assert streams.battery_start_mv() == FAULTLESS.battery_full_mv


def test_streams_differ_by_lock_and_seed_and_repeat_otherwise() -> None:
    def draws(seed: int, lock_id: str) -> tuple[object, ...]:
        streams = _streams(seed=seed, lock_id=lock_id)
        return streams.private_key(), streams.octets(16), streams.motor_ms(), streams.next_outage_s()

    assert draws(1, "a") == draws(1, "a")
    assert len({draws(1, "a"), draws(2, "a"), draws(1, "b")}) == 3


def test_one_kind_of_fault_never_shifts_another() -> None:
    alone, busy = _streams(), _streams()
    for _ in range(50):
        busy.jams()
        busy.octets(16)
        busy.next_outage_s()

    assert [alone.motor_ms() for _ in range(5)] == [busy.motor_ms() for _ in range(5)]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"jam_ratio": 1.1}, id="more than every run jams"),
        pytest.param({"clock_lost_ratio": -0.1}, id="negative ratio"),
        pytest.param({"motor_min_s": 4.0}, id="slower than its median"),
        pytest.param({"battery_empty_mv": 7_000}, id="empty above full"),
    ],
)
def test_a_behaviour_that_cannot_be_is_a_wrong_argument(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        LockBehaviour(**wrong)
