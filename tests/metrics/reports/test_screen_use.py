"""Randers' figures of screen visits, by their definitions, and what must not be shown of them."""

from dataclasses import replace
from datetime import date

import pytest

from metrics.reports.screen_use import WeekCounts, weeks_use

MONDAY = date(2026, 10, 5)


def counts(unit_id: str, citizens: int, first: int = 0) -> WeekCounts:
    return WeekCounts(
        unit_id=unit_id,
        monday_on=MONDAY,
        answered=35,
        unanswered=5,
        talk_s=35 * 420,
        active_citizens=frozenset(f"c{n}" for n in range(first, first + citizens)),
        all_citizens=200,
        planned_visits=900,
        planned_s=900 * 1_200,
        planned_screen_visits=45,
        planned_screen_s=45 * 600,
    )


def test_the_seven_figures_are_computed_as_randers_defines_them() -> None:
    (week,) = weeks_use([counts("nord", 10)])
    assert (week.answered, week.unanswered, week.mean_talk_s, week.active_citizens) == (35, 5, 420, 10)
    assert week.use_ratio == pytest.approx(35 / 10 / 7)
    assert week.conversion_ratio == pytest.approx(10 / 200)
    assert week.target_figure == pytest.approx(5 * 0.5)
    assert (week.planned_visits, week.planned_h, week.planned_screen_visits, week.planned_screen_h) == (
        900,
        300,
        45,
        7.5,
    )


def test_all_units_of_a_week_count_a_citizen_once() -> None:
    *_units, whole = weeks_use([counts("nord", 10), counts("amager", 10, first=5)])
    assert (whole.unit_id, whole.active_citizens, whole.answered) == ("", 15, 70)
    assert whole.conversion_ratio == pytest.approx(15 / 400)


def test_a_unit_of_few_citizens_is_withheld_and_cannot_be_found_by_subtraction() -> None:
    found = weeks_use([counts("nord", 3), counts("amager", 10, 5), counts("midtbyen", 12, 20)])
    assert {week.unit_id for week in found if week.withheld} == {"nord", "amager"}
    assert all(week.answered is None for week in found if week.withheld)
    (alone,) = weeks_use([counts("nord", 4)])
    assert alone.withheld


def test_a_week_without_calls_has_counts_and_no_ratios() -> None:
    quiet = replace(counts("nord", 0), answered=0, unanswered=0, talk_s=0, all_citizens=0)
    (week,) = weeks_use([quiet])
    assert (week.answered, week.mean_talk_s, week.use_ratio, week.conversion_ratio, week.target_figure) == (
        0,
        None,
        None,
        None,
        None,
    )
