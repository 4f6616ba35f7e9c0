"""The joint series finds the step under a trend, and says nothing where it cannot."""

import pytest

from metrics.interrupted_series import UnitMonth, interrupted_series

LIVE = {"nord": 6, "amager": 9, "midtbyen": 12}
LEVELS = {"nord": 40.0, "amager": 45.0, "midtbyen": 38.0}


def months(step_min: float, trend_min: float, count: int = 15) -> list[UnitMonth]:
    return [
        UnitMonth(
            unit, n, n >= LIVE[unit], 500.0 * (LEVELS[unit] + trend_min * n + step_min * (n >= LIVE[unit])), visits=500
        )
        for unit in LIVE
        for n in range(count)
    ]


@pytest.mark.parametrize(("step_min", "trend_min"), [(-5.0, 0.0), (0.0, -0.3), (-4.0, 0.2), (3.0, -0.5)])
def test_a_known_step_is_told_from_a_known_trend(step_min: float, trend_min: float) -> None:
    found = interrupted_series(months(step_min, trend_min))
    assert found is not None
    assert (found.step_min, found.trend_min_a_month) == (pytest.approx(step_min), pytest.approx(trend_min))


def test_a_month_counts_by_its_visits() -> None:
    two = [UnitMonth("nord", 0, False, 4_000, 100), UnitMonth("amager", 0, False, 4_000, 100)]
    heavy = [UnitMonth("nord", 1, True, 35_000, 1_000), UnitMonth("amager", 1, False, 4_000, 100)]
    light = [UnitMonth("nord", 1, True, 35, 1), UnitMonth("amager", 1, False, 4_000, 100)]
    for after in (heavy, light):
        found = interrupted_series([*two, *after])
        assert found is not None
        assert found.step_min == pytest.approx(-5)


def test_fewer_than_two_months_without_technology_decide_nothing() -> None:
    told = months(-5, 0)
    untreated = [m for m in told if not m.treated]
    assert interrupted_series([untreated[0], *(m for m in told if m.treated)]) is None
    assert interrupted_series(untreated) is None


def test_where_trend_and_step_are_the_same_column_nothing_is_said() -> None:
    # One month of each unit before and one after, everywhere at once: a step or a trend, nobody can tell.
    told = [UnitMonth(unit, n, n == 1, 4_000, 100) for unit in LIVE for n in range(2)]
    assert interrupted_series(told) is None


def test_a_month_without_a_visit_is_left_out() -> None:
    assert interrupted_series([*months(-5, 0), UnitMonth("nord", 99, True, 800, 0)]) == interrupted_series(
        months(-5, 0)
    )
