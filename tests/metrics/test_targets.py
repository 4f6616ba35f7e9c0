"""What is promised on which day, in both readings."""

import json
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from metrics.business_case import load_cases
from metrics.danish_days import is_rest_day, public_holidays
from metrics.targets import (
    AdoptedUnit,
    Adoption,
    Reading,
    document_adoption,
    full_day_s,
    target_for,
    target_over,
    targets_table,
)
from tests.metrics.world import GO_LIVE_ON, adoption

CASE = load_cases()["copenhagen-sof-keys"]
WEEKDAY_S = 125 * 15 * 60
REST_DAY_S = 50 * 15 * 60


@pytest.mark.parametrize(
    ("on", "stated_s"),
    [
        (date(2026, 9, 29), 0),
        (date(2026, 9, 30), WEEKDAY_S // 3),
        (date(2026, 11, 25), WEEKDAY_S // 3),
        (date(2026, 11, 28), REST_DAY_S // 3),
        (date(2026, 11, 29), REST_DAY_S // 3),
        (date(2026, 12, 24), WEEKDAY_S // 3),
        (date(2026, 12, 25), REST_DAY_S // 3),
        (date(2027, 3, 25), REST_DAY_S // 3),
        (date(2027, 5, 6), REST_DAY_S // 3),
    ],
    ids=[
        "the day before go-live",
        "go-live",
        "a Wednesday",
        "a Saturday",
        "a Sunday",
        "Christmas Eve is no public holiday",
        "Christmas Day",
        "Maundy Thursday",
        "Ascension Day",
    ],
)
def test_the_stated_target_is_full_from_go_live(on: date, stated_s: int) -> None:
    assert target_for(CASE, adoption(), "nord", on, "stated").seconds == stated_s


@pytest.mark.parametrize(
    ("unit", "days_after", "ratio"),
    [
        ("nord", -1, 0.0),
        ("nord", 0, 0.0),
        ("nord", 73, 0.2),
        ("nord", 365, 1.0),
        ("nord", 2000, 1.0),
        ("amager", 61, 61 / 183),
        ("amager", 183, 1.0),
    ],
)
def test_the_implied_target_grows_as_the_documents_own_dates_say(unit: str, days_after: int, ratio: float) -> None:
    on = GO_LIVE_ON + timedelta(days=days_after)
    full_s = full_day_s(CASE, on) / 3
    assert target_for(CASE, adoption(), unit, on, "implied").seconds == round(full_s * ratio)


@pytest.mark.parametrize("reading", ["stated", "implied"])
def test_a_target_names_its_document_line_and_basis(reading: Reading) -> None:
    target = target_for(CASE, adoption(), "nord", date(2026, 11, 25), reading)
    assert (target.document, target.line) == ("004", 389)
    assert "125 carers (weekday) x 15 min" in target.basis
    assert reading in target.basis


def test_the_shares_of_the_units_add_up_to_the_whole_day() -> None:
    units = adoption().units
    total_s = sum(target_for(CASE, adoption(), u.unit_id, date(2026, 11, 25), "stated").seconds for u in units)
    assert total_s == WEEKDAY_S == 1875 * 60


def test_a_period_is_the_sum_of_its_days_and_an_empty_one_promises_nothing() -> None:
    week_s = target_over(CASE, adoption(), "nord", date(2026, 11, 23), date(2026, 11, 29), "stated")
    assert week_s * 3 == 5 * WEEKDAY_S + 2 * REST_DAY_S
    assert target_over(CASE, adoption(), "nord", date(2026, 11, 2), date(2026, 11, 1), "stated") == 0


def test_units_that_did_not_adopt_have_no_target() -> None:
    with pytest.raises(ValueError, match="unit that adopted"):
        target_for(CASE, adoption(), "syd", date(2026, 11, 25), "stated")


def test_an_adoption_belongs_to_one_case() -> None:
    other = adoption().model_copy(update={"case_id": "another"})
    with pytest.raises(ValueError, match="adoption of copenhagen-sof-keys"):
        target_for(CASE, other, "nord", date(2026, 11, 25), "stated")


def test_carer_shares_that_do_not_sum_to_one_are_refused() -> None:
    unit = AdoptedUnit(unit_id="nord", name="Nord", document_unit="Center Nord", go_live_on=GO_LIVE_ON, carer_share=0.9)
    with pytest.raises(ValidationError, match="sum to 1"):
        Adoption(case_id=CASE.id, units=(unit,))


def test_the_year_table_shows_the_money_ahead_of_the_schedule() -> None:
    rows = {row.year: row for row in targets_table(load_cases())}
    assert [rows[year].stated_ratio for year in CASE.years] == [0.105, 0.6602, 1.0, 1.0, 1.0]
    implied = [rows[year].implied_ratio for year in CASE.years]
    assert implied == pytest.approx([1 / 12, 1 / 2, 10 / 12, 1, 1], abs=0.002)
    assert rows[2017].stated_s > rows[2017].implied_s > 0
    assert rows[2017].wage_saving_dkk_ore == -2_019_000_00
    assert "keys-lasting-2017" in rows[2017].contradictions
    assert "keys-factor-twice" in rows[2019].contradictions


def test_the_stated_reading_lived_by_the_documents_own_calendar_agrees_with_its_money() -> None:
    # The money books 66 % in 2017: two of three centres in full, though only one is fully implemented.
    lived = document_adoption(CASE)
    year = (date(2017, 1, 1), date(2017, 12, 31))
    stated_s = sum(target_over(CASE, lived, unit.unit_id, *year, "stated") for unit in lived.units)
    full_s = sum(full_day_s(CASE, year[0] + timedelta(days=n)) for n in range(365))
    money = CASE.amount_dkk_ore("wage_saving", 2017) / CASE.amount_dkk_ore("wage_saving", 2018)
    assert stated_s / full_s == pytest.approx(money, abs=0.01)


def test_the_year_table_is_plain_json() -> None:
    rows = [row.as_json() for row in targets_table(load_cases())]
    assert json.loads(json.dumps(rows)) == rows


def test_great_prayer_day_was_a_holiday_until_2023_only() -> None:
    assert date(2023, 5, 5) in public_holidays(2023)
    assert not is_rest_day(date(2024, 4, 26))


def test_the_movable_holidays_of_2026_follow_easter() -> None:
    expected = {(4, 2), (4, 3), (4, 5), (4, 6), (5, 14), (5, 24), (5, 25), (1, 1), (12, 25), (12, 26)}
    assert {(day.month, day.day) for day in public_holidays(2026)} == expected
