"""The page of kroner: each case at its own rate, the year, the payback, and assumptions moved without a script."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from gateway.pages.benefit_money import curves_of
from gateway.pages.manager_choice import Choice, Period
from gateway.pages.money_facts import CaseKroner, kroner_of, ranges_of
from gateway.parts import Benefits
from kernel.localtime import at_local
from metrics.business_case import load_cases
from metrics.money.case_money import worth_ore
from metrics.report import adopted_subjects
from tests.gateway.benefits_town import BenefitsTown, benefits_town
from tests.metrics.all_technologies import LAST_ON, RESIDENCE, adoptions
from tests.metrics.world import GO_LIVE_ON, UNITS

NOW = at_local(LAST_ON + timedelta(days=1), time(12))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenefitsTown]:
    with benefits_town(tmp_path_factory.mktemp("money")) as started:
        yield started


def choice(seen: tuple[str, ...] = (*UNITS, RESIDENCE), unit_id: str | None = None) -> Choice:
    benefits = Benefits(load_cases(), adoptions())
    known = {u.unit_id: u for adoption in benefits.adoptions.values() for u in adoption.units}
    mine = tuple(known[unit] for unit in seen)
    return Choice(
        benefits=benefits,
        subjects=adopted_subjects(benefits.cases, benefits.adoptions),
        mine=mine,
        units=tuple(u for u in mine if unit_id in (None, u.unit_id)),
        period=Period(GO_LIVE_ON, LAST_ON, "golive"),
        reading="stated",
        unit_id=unit_id,
    )


def cases(town: BenefitsTown, asked: Choice) -> dict[str, CaseKroner]:
    with town.runtime.database.reading() as session:
        return {one.row.technology: one for one in kroner_of(session, asked, NOW)}


@pytest.fixture(scope="module")
def whole(town: BenefitsTown) -> dict[str, CaseKroner]:
    """Every case over all units."""
    return cases(town, choice())


def test_each_case_is_worth_its_minutes_at_its_own_rate(whole: dict[str, CaseKroner]) -> None:
    found = whole
    assert set(found) == {"screen", "transfers", "keys", "tablets"}
    assert len({one.money.rate_ore_an_hour for one in found.values()}) == len(found)
    for one in found.values():
        assert one.budget_ore == worth_ore(one.row.target_s, one.money.rate_ore_an_hour)
        if one.row.status == "ok":
            assert one.realised_ore == worth_ore(one.row.realised_s or 0, one.money.rate_ore_an_hour)
            assert one.spread_ore is not None
            assert one.spread_ore.p10 < one.spread_ore.p50 < one.spread_ore.p90
    assert (found["tablets"].realised_ore, found["tablets"].payback, found["tablets"].basis) == (None, None, None)


def test_the_sums_of_the_months_end_at_the_row(whole: dict[str, CaseKroner]) -> None:
    for one in whole.values():
        if one.points:
            rate = one.money.rate_ore_an_hour
            assert one.points[-1].realised_ore == one.realised_ore
            assert one.points[-1].budget_ore == pytest.approx(worth_ore(one.row.target_s, rate), abs=rate / 60)
            assert [p.last_on for p in one.points] == sorted(p.last_on for p in one.points)


def test_the_forecast_is_the_year_so_far_and_the_rest_at_the_last_weeks_pace(whole: dict[str, CaseKroner]) -> None:
    keys = whole["keys"]
    assert keys.year is not None
    assert keys.realised_ore is not None
    assert keys.row.covered_from_on is not None
    assert keys.row.covered_to_on is not None
    days = (keys.row.covered_to_on - keys.row.covered_from_on).days + 1
    left = (date(keys.year.number, 12, 31) - keys.row.covered_to_on).days
    # go-live lies within the last four weeks here, so the pace is that of all days
    assert days <= 28
    assert keys.year.forecast_ore.p50 == pytest.approx(keys.realised_ore * (1 + left / days), rel=0.02)
    assert keys.year.forecast_ore.p10 < keys.year.forecast_ore.p50 < keys.year.forecast_ore.p90
    assert keys.year.budget_ore > keys.budget_ore


def test_a_centre_bears_its_share_of_the_investment(town: BenefitsTown, whole: dict[str, CaseKroner]) -> None:
    every, nord = whole["keys"], cases(town, choice(seen=("nord",)))["keys"]
    share = next(u.exact_share for a in adoptions().values() for u in a.units if u.unit_id == "nord")
    assert nord.row.unit_id == "nord"
    assert nord.money.investment_ore == round(every.money.investment_ore * share)
    assert nord.payback is not None


def test_a_month_that_may_not_be_shown_ends_the_line(whole: dict[str, CaseKroner]) -> None:
    keys = whole["keys"]
    first = replace(keys.points[0], last_on=date(2026, 9, 30))
    hidden = replace(keys, points=(first, replace(keys.points[-1], realised_ore=None)))
    drawn = curves_of(hidden)
    assert drawn is not None
    assert (len(drawn.realised), len(drawn.budget), drawn.interval) == (1, 2, None)
    assert curves_of(replace(keys, points=(first,))) is None


def test_minutes_range_over_the_interval_and_adoption_stays_a_share(whole: dict[str, CaseKroner]) -> None:
    keys = whole["keys"]
    assert keys.basis is not None
    ranges = ranges_of(keys, keys.basis)
    assert keys.basis.adoption_ratio == 1
    assert ranges["adoption"] == (0.9, 1.0)
    assert ranges["minutes"][0] < keys.basis.minutes < ranges["minutes"][1]


def test_the_assumptions_are_a_form_that_needs_no_script(town: BenefitsTown) -> None:
    manager = town.person()

    def left(query: str) -> int:
        page = manager.get(f"/leder/oekonomi?sag=keys{query}")
        assert page.status == 200
        (text,) = re.findall(r'<p class="figure tabular">([^<]+)</p>', page.content.decode())
        return int(re.sub(r"[^\d−-]", "", text.replace("t.kr.", "")).replace("−", "-"))

    as_measured = left("")
    assert left("&brug=50") < left("&brug=100")
    assert left("&minutter=0") < 0
    assert left("&forsinkelse=12") < as_measured
    assert left("&sats=600") > as_measured
    assert manager.get("/leder/oekonomi?brug=101").status == 422
    assert "hænger mest på" in manager.get("/leder/oekonomi?sag=screen").content.decode()
    manager.close()


def test_who_sees_one_centre_gets_its_row_alone(town: BenefitsTown) -> None:
    leader = town.person("leader-nord")
    page = leader.get("/leder/oekonomi").content.decode()
    leader.close()
    assert "Nøgler og kørebog, Center Nord" in page
    assert "Center Amager" not in page
