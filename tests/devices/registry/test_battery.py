"""The battery forecast on simulated discharge: in time, not fooled by cold or a wrong report, silent without data."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest

from devices.keys.model import Bolt
from devices.registry.battery import BatteryDay, forecast
from devices.simulator.behaviour import LockBehaviour
from devices.simulator.body import LockBody
from kernel.clock import ManualLinkClock, SimulatedWorldClock

FIRST = date(2026, 6, 1)
EMPTY_MV = 4_400
RUNS_A_DAY = 12


def discharged(drop_uv: int, seed: int = 1, cold_mv: float = 0.0, noise_mv: float = 0.0) -> list[BatteryDay]:
    """A lock's own reports from a full battery to the day its motor gives up.

    The body takes its drop per motor run; cold lowers what is reported in a wave of three weeks, and each day's
    report is off by up to ``noise_mv``, the same way every time.
    """
    behaviour = LockBehaviour(battery_drop_uv=drop_uv, battery_low_start_ratio=0.0)
    clock = SimulatedWorldClock(datetime(2026, 6, 1, tzinfo=UTC))
    body = LockBody(
        f"lock-{seed}", world=clock, link=ManualLinkClock(0.0), behaviour=behaviour, seed=seed, capacity=1_000
    )
    body.battery_uv = behaviour.battery_full_mv * 1_000
    days: list[BatteryDay] = []
    while body.battery_mv > EMPTY_MV:
        for n in range(RUNS_A_DAY):
            body.run_motor(Bolt.UNLOCKED if n % 2 == 0 else Bolt.LOCKED)
        at = len(days)
        dip = cold_mv * max(0.0, math.sin(2 * math.pi * at / 42))
        wobble = noise_mv * math.sin(at * 12.9898)
        days.append(BatteryDay(FIRST + timedelta(days=at), round(body.battery_mv - dip + wobble)))
    return days


@pytest.mark.parametrize("drop_uv", [600, 900, 1_500])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_change_is_asked_for_within_thirty_days_and_named_to_a_few_days(drop_uv: int, seed: int) -> None:
    days = discharged(drop_uv, seed, cold_mv=40.0, noise_mv=8.0)
    empty_on = days[-1].on

    levels = [forecast(days[: n + 1], EMPTY_MV, days[n].on).level for n in range(len(days))]
    soon_on = days[levels.index("soon")].on
    now_on = days[levels.index("now")].on

    assert timedelta(days=20) <= empty_on - soon_on <= timedelta(days=45)
    assert timedelta(days=2) <= empty_on - now_on <= timedelta(days=16)
    told = forecast(days[:-20], EMPTY_MV, days[-21].on)
    assert told.empty_on is not None
    assert abs(told.empty_on - empty_on) <= timedelta(days=10)


def test_a_cold_week_and_a_wrong_report_do_not_cry_wolf() -> None:
    days = discharged(600)
    half = days[:100]
    cold = [BatteryDay(d.on, d.level_mv - 120) if n >= 93 else d for n, d in enumerate(half)]
    wrong = [BatteryDay(d.on, EMPTY_MV + 5) if n == 60 else d for n, d in enumerate(half)]

    for told in (half, cold, wrong):
        assert forecast(told, EMPTY_MV, half[-1].on).level == "good"


def test_too_few_days_say_nothing_unless_it_is_empty_already() -> None:
    days = discharged(900)

    assert forecast(days[:7], EMPTY_MV, days[6].on).level == "too_little_data"
    assert forecast(days[:10], EMPTY_MV, days[9].on).level == "too_little_data", "ten days in a row are too close"
    assert forecast([], EMPTY_MV, FIRST).level == "too_little_data"
    assert forecast([BatteryDay(FIRST, EMPTY_MV - 1)], EMPTY_MV, FIRST).level == "now"


def test_a_new_battery_starts_its_own_history() -> None:
    worn = discharged(1_500)
    fresh = [BatteryDay(worn[-1].on + timedelta(days=n + 1), 6_000 - n) for n in range(3)]

    assert forecast([*worn, *fresh], EMPTY_MV, fresh[-1].on).level == "too_little_data"


def test_a_device_that_loses_nothing_is_good_and_gets_no_date() -> None:
    steady = [BatteryDay(FIRST + timedelta(days=n), 5_900) for n in range(60)]

    told = forecast(steady, EMPTY_MV, steady[-1].on)

    assert (told.level, told.empty_on) == ("good", None)
