from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.ids import CarerId, VisitId
from scheduling.moves import Move, check_move
from scheduling.routes import plan_from_routes
from scheduling.working_time.overtime import overrun_ore, overtime_rise_ore
from scheduling.working_time.pay import PAY_RATES
from tests.scheduling.days import SEVEN, lillestad, with_carer

RATES = PAY_RATES[-1]
YESTERDAY = SEVEN - timedelta(days=1)
ANNA = lillestad().carers[0]


@pytest.mark.parametrize(
    ("balance_s", "minutes", "told_at", "expected"),
    [
        pytest.param(None, 20.0, YESTERDAY, 9_000, id="a third of an hour and half of it"),
        pytest.param(None, 20.0, SEVEN, 9_000 + 3_987, id="not told the day before"),
        pytest.param(-3600.0, 20.0, SEVEN, 6_000, id="below the norm"),
        pytest.param(-600.0, 20.0, SEVEN, 3_000 + 4_500 + 3_987, id="half below the norm"),
        pytest.param(None, 0.4, SEVEN, 0, id="some seconds"),
    ],
)
def test_minutes_beyond_a_shift_are_paid_by_norm_and_notice(
    balance_s: float | None, minutes: float, told_at: object, expected: int
) -> None:
    carer = replace(ANNA, norm_balance_s=balance_s)

    assert overrun_ore(carer, minutes, told_at) == expected  # type: ignore[arg-type]


def test_an_evening_shift_pays_its_premium_on_top() -> None:
    evening = replace(ANNA, shift_ends_at=ANNA.shift_ends_at + timedelta(hours=5))

    assert overrun_ore(evening, 60.0, YESTERDAY) == round((1.5 + 0.30) * RATES.hour_ore)


def test_a_move_tells_the_overtime_it_makes_and_the_move_back_what_it_saves() -> None:
    day = with_carer(lillestad(), "bo", shift_ends_at=SEVEN + timedelta(minutes=120))
    alone = plan_from_routes(day, {"anna": [VisitId("v3")], "bo": [VisitId("v4")]})
    done = check_move(day, plan_from_routes(day, {}), Move(VisitId("v3"), CarerId("anna"), None)).plan

    # Bo is back at the base six minutes after his shift, and heard of it this morning.
    assert alone.route_of[CarerId("bo")].overrun_min == 6.0
    expected = round(0.1 * 1.5 * RATES.hour_ore) + RATES.overtime_notice_ore
    assert overtime_rise_ore(day, plan_from_routes(day, {}), alone, SEVEN) == expected
    assert overtime_rise_ore(day, alone, plan_from_routes(day, {}), SEVEN) == -expected
    assert overtime_rise_ore(day, done, alone, SEVEN) == 0
