"""What is promised on which day, in both readings."""

import json
from datetime import date, timedelta
from fractions import Fraction

import pytest
from pydantic import ValidationError

from metrics.business_case import BusinessCase, load_cases
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

CASES = load_cases()
CASE = CASES["copenhagen-sof-keys"]
SCREEN = CASES["copenhagen-sof-screen"]
TRANSFERS = CASES["copenhagen-sof-transfers"]
TRANSFER_DAY_S = round((30 * 30 + 25 * 35) * 60 * 0.8)
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
    assert "125 carers (weekday) x 15 minutes per day" in target.basis
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


def test_shares_that_do_not_sum_to_one_are_refused() -> None:
    unit = AdoptedUnit(unit_id="nord", name="Nord", document_unit="Center Nord", go_live_on=GO_LIVE_ON, share=0.9)
    with pytest.raises(ValidationError, match="sum to 1"):
        Adoption(case_id=CASE.id, units=(unit,))


def test_the_year_table_shows_the_money_ahead_of_the_schedule() -> None:
    rows = {row.year: row for row in targets_table({CASE.id: CASE})}
    assert [rows[year].stated_ratio for year in CASE.years] == [0.105, 0.6602, 1.0, 1.0, 1.0]
    implied = [rows[year].implied_ratio for year in CASE.years]
    assert implied == pytest.approx([1 / 12, 1 / 2, 10 / 12, 1, 1], abs=0.002)
    assert rows[2017].stated_s > rows[2017].implied_s > 0
    assert rows[2017].saving_dkk_ore == -2_019_000_00
    assert "keys-lasting-2017" in rows[2017].contradictions
    assert "keys-factor-twice" in rows[2019].contradictions


def test_the_year_table_has_every_case_with_the_years_of_its_money() -> None:
    years = {(row.technology, row.year): row for row in targets_table(CASES)}
    assert [year for technology, year in years if technology == "tablets"] == [2017, 2018, 2019]
    assert years["screen", 2019].stated_s < years["screen", 2019].implied_s
    # The schedule has 19 of the 115 citizens on average in 2017, at 25 of 30 minutes; the money 75 of them.
    assert years["screen", 2017].implied_ratio == pytest.approx(19.2 / 115 * 25 / 30, abs=0.002)
    assert years["screen", 2017].stated_ratio == pytest.approx(75 / 115 * 25 / 30, abs=0.002)
    assert years["transfers", 2018].stated_s == 365 * TRANSFER_DAY_S
    assert years["citizen_access", 2017].implied_s == years["citizen_access", 2017].stated_s == 0
    assert years["citizen_access", 2017].implied_ratio == pytest.approx(0.5, abs=0.002)
    assert set(years["transfers", 2018].lines) >= {503, 542, 548, 544, 549, 550, 573}


def test_the_stated_reading_lived_by_the_documents_own_calendar_agrees_with_its_money() -> None:
    # The money books 66 % in 2017: two of three centres in full, though only one is fully implemented.
    lived = document_adoption(CASE)
    year = (date(2017, 1, 1), date(2017, 12, 31))
    stated_s = sum(target_over(CASE, lived, unit.unit_id, *year, "stated") for unit in lived.units)
    full_s = sum(full_day_s(CASE, year[0] + timedelta(days=n)) for n in range(365))
    money = CASE.amount_dkk_ore("wage_saving", 2017) / CASE.amount_dkk_ore("wage_saving", 2018)
    assert stated_s / full_s == pytest.approx(money, abs=0.01)


def test_the_year_table_is_plain_json() -> None:
    rows = [row.as_json() for row in targets_table(CASES)]
    assert json.loads(json.dumps(rows)) == rows


def one_unit(case: BusinessCase, document_unit: str) -> Adoption:
    unit = AdoptedUnit(unit_id="nord", name="Nord", document_unit=document_unit, go_live_on=GO_LIVE_ON, share=1)
    return Adoption(case_id=case.id, units=(unit,))


def test_a_week_of_screen_visits_is_the_citizens_minutes_a_week() -> None:
    adopted = one_unit(SCREEN, "Center Nord")
    monday = date(2026, 11, 2)
    week_s = target_over(SCREEN, adopted, "nord", monday, monday + timedelta(days=6), "stated")
    assert week_s == pytest.approx(115 * (10 + 15) * 60, abs=7)


@pytest.mark.parametrize(
    ("years_after", "stated_min", "implied_min"),
    [(0, 25, 25), (1, 25, 25), (2, 25, 30), (3, 30, 30)],
    ids=["first year", "second year", "the text takes the step", "the money takes the step"],
)
def test_the_step_to_twenty_minutes_comes_as_long_after_go_live_as_the_document_says(
    years_after: int, stated_min: int, implied_min: int
) -> None:
    # Center Nord begins on 1 January 2017; the text raises the rate in 2019, the money in 2020.
    adopted = one_unit(SCREEN, "Center Nord")
    on = GO_LIVE_ON + timedelta(days=365 * years_after + 200)
    ramp = min(Fraction(1), Fraction((on - GO_LIVE_ON).days, SCREEN.document_unit("Center Nord").ramp_days))
    for reading, minutes, ratio in (("stated", stated_min, Fraction(1)), ("implied", implied_min, ramp)):
        target = target_for(SCREEN, adopted, "nord", on, reading)
        assert target.seconds == round(Fraction(115 * minutes * 60, 7) * ratio), target.basis


def test_lifts_and_turning_systems_add_up_with_the_factor_in_and_no_smaller_staff_on_sundays() -> None:
    adopted = one_unit(TRANSFERS, "Borgercenter Handicap")
    later_on = GO_LIVE_ON + timedelta(days=200)
    for on in (later_on, later_on + timedelta(days=(6 - later_on.weekday()))):
        target = target_for(TRANSFERS, adopted, "nord", on, "stated")
        assert target.seconds == TRANSFER_DAY_S
        assert "20 + 10 residents x 30 minutes per day x 0.8" in target.basis
        assert target.line == 542


def test_the_first_quarter_of_the_transfers_is_what_the_money_books_and_what_the_dates_say() -> None:
    adopted = one_unit(TRANSFERS, "Borgercenter Handicap")
    quarter = (GO_LIVE_ON, GO_LIVE_ON + timedelta(days=91))
    stated_s = target_over(TRANSFERS, adopted, "nord", *quarter, "stated")
    implied_s = target_over(TRANSFERS, adopted, "nord", *quarter, "implied")
    assert stated_s / (92 * TRANSFER_DAY_S) == pytest.approx(177 / (3166 / 4), abs=0.001)
    assert implied_s / (92 * TRANSFER_DAY_S) == pytest.approx(0.5, abs=0.01)


def test_a_tablets_hours_of_a_year_are_spread_over_all_its_days() -> None:
    case = CASES["copenhagen-sof-tablets"]
    adopted = one_unit(case, "Socialforvaltningen")
    on = GO_LIVE_ON + timedelta(days=800)
    assert target_for(case, adopted, "nord", on, "implied").seconds == round(1350 * 20 * 3600 / 365)


def test_a_case_of_money_only_promises_no_minutes_and_says_so() -> None:
    case = CASES["copenhagen-sof-citizen-access"]
    target = target_for(case, one_unit(case, "Socialforvaltningen"), "nord", GO_LIVE_ON, "stated")
    assert target.seconds == 0
    assert "money only" in target.basis
    assert (target.document, target.line) == ("004", 825)


def test_great_prayer_day_was_a_holiday_until_2023_only() -> None:
    assert date(2023, 5, 5) in public_holidays(2023)
    assert not is_rest_day(date(2024, 4, 26))


def test_the_movable_holidays_of_2026_follow_easter() -> None:
    expected = {(4, 2), (4, 3), (4, 5), (4, 6), (5, 14), (5, 24), (5, 25), (1, 1), (12, 25), (12, 26)}
    assert {(day.month, day.day) for day in public_holidays(2026)} == expected
