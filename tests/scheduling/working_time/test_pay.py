from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from kernel.localtime import at_local
from scheduling.working_time.pay import (
    PAY_RATES,
    duty_change_ore,
    overtime_notice_ore,
    overtime_ore,
    premium_ratio,
    premiums_ore,
    rates_on,
)

RATES = PAY_RATES[-1]
WEDNESDAY, SATURDAY, SUNDAY = date(2026, 11, 25), date(2026, 11, 28), date(2026, 11, 29)
MAUNDY_THURSDAY = date(2026, 4, 2)


@pytest.mark.parametrize(
    ("on", "clock", "expected"),
    [
        pytest.param(WEDNESDAY, time(9), 0.0, id="day"),
        pytest.param(WEDNESDAY, time(17), 0.30, id="evening begins at 17"),
        pytest.param(WEDNESDAY, time(22, 59), 0.30, id="evening"),
        pytest.param(WEDNESDAY, time(23), 0.35, id="night begins at 23"),
        pytest.param(WEDNESDAY, time(5, 59), 0.35, id="night"),
        pytest.param(SATURDAY, time(7, 59), 0.0, id="Saturday before 8"),
        pytest.param(SATURDAY, time(8), 0.30, id="Saturday"),
        pytest.param(SUNDAY, time(9), 0.50, id="Sunday"),
        pytest.param(SUNDAY, time(23), 0.50, id="Sunday night: the higher"),
        pytest.param(MAUNDY_THURSDAY, time(9), 0.50, id="public holiday"),
    ],
)
def test_the_premium_of_an_instant_goes_by_the_danish_clock(on: date, clock: time, expected: float) -> None:
    assert premium_ratio(at_local(on, clock), RATES) == expected


def test_a_stretch_of_work_is_paid_part_by_part() -> None:
    starts_at, ends_at = at_local(WEDNESDAY, time(15)), at_local(WEDNESDAY, time(23, 30))

    assert premiums_ore(starts_at, ends_at, RATES) == round((6 * 0.30 + 0.5 * 0.35) * RATES.hour_ore)
    assert premiums_ore(starts_at, starts_at + timedelta(hours=2), RATES) == 0


def test_the_night_the_clocks_change_is_paid_by_the_hours_worked() -> None:
    """From 23:00 to 06:00 on the last Sunday of March are six hours, of which five are Sunday."""
    starts_at, ends_at = at_local(date(2026, 3, 28), time(23)), at_local(date(2026, 3, 29), time(6))

    assert premiums_ore(starts_at, ends_at, RATES) == round((1 * 0.35 + 5 * 0.50) * RATES.hour_ore)


@pytest.mark.parametrize(("days", "expected"), [(5, 0), (4, 0), (3, 2 * 4407)])
def test_a_shift_changed_within_four_days_costs_by_the_hour(days: int, expected: int) -> None:
    starts_at = datetime(2026, 11, 25, 6, tzinfo=UTC)

    assert duty_change_ore(starts_at - timedelta(days=days), starts_at, timedelta(hours=2), RATES) == expected


def test_overtime_told_on_the_day_costs_each_time_and_the_day_before_nothing() -> None:
    at = at_local(WEDNESDAY, time(15))

    assert overtime_notice_ore(at_local(WEDNESDAY, time(0, 1)), at, RATES) == 3987
    assert overtime_notice_ore(at_local(date(2026, 11, 24), time(23, 59)), at, RATES) == 0


def test_a_part_timers_hours_are_paid_plainly_up_to_the_norm() -> None:
    starts_at = at_local(WEDNESDAY, time(15))
    ends_at = starts_at + timedelta(hours=2)

    assert overtime_ore(starts_at, ends_at, timedelta(0), RATES) == 3 * RATES.hour_ore
    assert overtime_ore(starts_at, ends_at, timedelta(hours=1), RATES) == round(2.5 * RATES.hour_ore)
    assert overtime_ore(starts_at, ends_at, timedelta(hours=9), RATES) == 2 * RATES.hour_ore
    assert overtime_ore(starts_at, ends_at, timedelta(hours=-9), RATES) == 3 * RATES.hour_ore


def test_the_rates_of_a_day_are_the_latest_that_hold() -> None:
    newer = replace(RATES, hour_ore=19_000, valid_from_on=date(2027, 4, 1))
    rates = (newer, RATES)

    assert rates_on(date(2027, 3, 31), rates) == RATES
    assert rates_on(date(2027, 4, 1), rates) == newer
    assert rates_on(date(2010, 1, 1), rates) == RATES
