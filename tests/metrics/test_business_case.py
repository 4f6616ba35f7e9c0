"""The five cases: what the document says, and where it contradicts itself."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from metrics.business_case import CASES_DIR, BusinessCase, load_cases, parse_case
from metrics.case_arithmetic import arithmetic_findings
from metrics.overview import load_overview, overview_findings
from metrics.targets import hourly_rate_dkk_ore
from metrics.technologies import TARGET_ONLY, TECHNOLOGIES, WATERFALL, WITHOUT_TARGET

CASES = load_cases()
KEYS = CASES["copenhagen-sof-keys"]
SCREEN = CASES["copenhagen-sof-screen"]
TRANSFERS = CASES["copenhagen-sof-transfers"]
SHARED = Path(__file__).parents[3] / "shared"
SOURCE_IDS = {
    "copenhagen-sof-screen": "S4-SCREEN",
    "copenhagen-sof-transfers": "S4-WELFARE",
    "copenhagen-sof-keys": "S4-EKEY",
    "copenhagen-sof-tablets": "S4-TABLET",
    "copenhagen-sof-citizen-access": "S4-CITIZEN",
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.technology)


def case_text(case: BusinessCase = KEYS) -> str:
    return (CASES_DIR / f"{case.id}.yaml").read_text(encoding="utf-8")


def source_facts() -> dict[str, Any]:
    file = SHARED / "facts" / "targets.yaml"
    if not file.exists():
        pytest.skip("The source material is not here: the mismatches of the document were NOT compared.")
    facts: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return facts


def source_lines() -> list[str]:
    files = list((SHARED / "seeds").glob("004_*.txt"))
    if not files:
        pytest.skip("The source document is not here: the figures were NOT compared with its lines.")
    return files[0].read_text(encoding="utf-8").splitlines()


def test_every_technology_but_routing_has_a_case_in_the_order_of_the_waterfall() -> None:
    expected = [t for t in TECHNOLOGIES if t not in WITHOUT_TARGET]
    assert [case.technology for case in CASES.values()] == expected
    assert (*WATERFALL, *TARGET_ONLY) == TECHNOLOGIES


@every_case
def test_the_declared_contradictions_are_exactly_what_the_tables_own_rules_find(case: BusinessCase) -> None:
    found = {(f.row, f.year) for f in arithmetic_findings(case)}
    declared = {(c.row, c.year) for c in case.contradictions if c.kind == "arithmetic"}
    assert found == declared
    assert found


@every_case
def test_every_figure_names_a_line_of_its_document(case: BusinessCase) -> None:
    lines = [f.line for f in case.figures.values()] + [row.line for row in case.rows]
    lines += [c.line for c in case.success_criteria] + [line for c in case.contradictions for line in c.lines]
    for driver in case.drivers:
        lines += [step.line for step in driver.rates] + ([driver.factor.line] if driver.factor else [])
        lines += [f.line for f in (driver.population.on(False) if driver.population else ())]
    known = set(range(case.document.first_line, case.document.last_line + 1)) | set(case.document.overview_lines)
    assert set(lines) <= known
    assert set(case.document.overview_lines) <= set(lines)


@pytest.mark.parametrize(
    ("case_id", "rate_dkk"),
    [
        ("copenhagen-sof-screen", 341.8),
        ("copenhagen-sof-transfers", 366.5),
        ("copenhagen-sof-keys", 324.5),
        ("copenhagen-sof-tablets", 188.9),
    ],
)
def test_each_case_has_an_hourly_rate_of_its_own(case_id: str, rate_dkk: float) -> None:
    assert (hourly_rate_dkk_ore(CASES[case_id]) or 0) / 100 == pytest.approx(rate_dkk, abs=0.05)


def test_a_case_without_minutes_has_no_hourly_rate() -> None:
    case = CASES["copenhagen-sof-citizen-access"]
    assert not case.has_minutes
    assert hourly_rate_dkk_ore(case) is None


def test_the_hours_of_a_year_at_full_effect_are_the_documents_own() -> None:
    hours = {c.technology: float(sum(d.full_year_h for d in c.drivers)) for c in CASES.values()}
    assert hours["screen"] == 115 * (10 + 20) / 60 * 52
    assert hours["transfers"] == pytest.approx((30 * 30 + 25 * 35) / 60 * 365 * 0.8)
    assert hours["keys"] == (125 * 5 + 50 * 2) * 15 / 60 * 52
    assert hours["tablets"] == 1350 * 20
    assert hours["citizen_access"] == 0


def test_a_corrected_table_has_no_findings() -> None:
    data = yaml.safe_load(case_text())
    rows = {row["id"]: row["thousand_dkk"] for row in data["rows"]}
    for rule in data["sums"]:
        for year in data["years"]:
            rows[rule["total"]][year] = sum(rows[part][year] for part in rule["parts"])
    for rule in data["pooled"]:
        for year in data["years"]:
            rows[rule["stated"]][year] = rows[rule["exact"]][year]
    assert arithmetic_findings(parse_case(yaml.safe_dump(data))) == []


def test_the_factor_of_the_keys_is_contained_and_that_of_the_transfers_applied() -> None:
    (keys,) = KEYS.drivers
    assert keys.factor is not None
    assert (keys.factor.value, keys.applied_factor) == (0.8, 1)
    twice = next(c for c in KEYS.contradictions if c.id == "keys-factor-twice")
    assert twice.effect_ratio == keys.factor.value
    assert {float(driver.applied_factor) for driver in TRANSFERS.drivers} == {0.8}
    without = next(c for c in TRANSFERS.contradictions if c.id == "transfers-factor")
    assert without.effect_ratio == 1 / 0.8


def test_the_step_of_the_screen_case_is_taken_when_the_money_takes_it_only_in_the_stated_reading() -> None:
    delivered = next(d for d in SCREEN.drivers if d.id == "delivered")
    rates = {
        reading: [getattr(delivered.step_on(date(year, 6, 1), reading), "value", None) for year in range(2016, 2021)]
        for reading in ("stated", "implied")
    }
    assert rates == {"stated": [None, 15, 15, 15, 20], "implied": [None, 15, 15, 20, 20]}
    money = SCREEN.row("wage_saving").thousand_dkk
    assert (money[2019] or 0) / (money[2020] or 1) == pytest.approx(25 / 30, abs=0.001)


def test_the_schedule_keeps_the_dates_as_written() -> None:
    nord = KEYS.document_unit("Center Nord")
    assert (nord.full.as_written, nord.full.line, nord.full.date_on) == ("Ultimo 2018", 424, date(2018, 12, 31))
    assert KEYS.document_unit("Center Amager").begun.line is None


def test_amounts_are_in_oere_and_negative_when_less_is_spent_and_empty_cells_are_nothing() -> None:
    assert KEYS.amount_dkk_ore("wage_saving", 2017) == -2_019_000_00
    tablets = CASES["copenhagen-sof-tablets"]
    assert tablets.row("running").thousand_dkk[2016] is None
    assert tablets.amount_dkk_ore("running", 2016) == 0
    assert tablets.saving_years == (2017, 2018, 2019)


@pytest.mark.parametrize(
    ("case", "old", "new", "path"),
    [
        (KEYS, "value: 125,", "value: '125',", "population.weekday"),
        (KEYS, "\nclock: vejtid", "\nclock: travel", "clock"),
        (KEYS, "payback_years:", "payback_yeers:", "payback_years"),
        (KEYS, "line: 422}", "line: null}", "rollout.units"),
        (SCREEN, "minutes_per_citizen_week\n    pop", "minutes_per_month\n    pop", "drivers.0.unit"),
        (SCREEN, "from_on: 2017-01-01,", "from_on: 2020-01-01,", "order of their days"),
        (
            TRANSFERS,
            "      every_day:\n        - {value: 20",
            "      weekday:\n        - {value: 20",
            "weekday and rest",
        ),
        (TRANSFERS, "parts: [new_lifts,", "parts: [old_lifts,", "figures of the case"),
        (KEYS, "parts: [lasting_change,", "parts: [lasting_chance,", "rows of the table"),
        (KEYS, "saving_row: wage_saving", "saving_row: wages", "rows of the table"),
        (KEYS, "technology: keys", "technology: locks", "technology"),
    ],
    ids=[
        "number as text",
        "unknown clock",
        "misspelt field",
        "date without line or note",
        "unknown rate",
        "rates out of order",
        "a weekday without a rest day",
        "a rule about an unknown figure",
        "a rule about an unknown row",
        "an unknown row of saving",
        "unknown technology",
    ],
)
def test_a_case_typed_wrong_does_not_load_and_names_the_place(
    case: BusinessCase, old: str, new: str, path: str
) -> None:
    assert old in case_text(case)
    with pytest.raises(ValidationError) as caught:
        parse_case(case_text(case).replace(old, new))
    assert path in str(caught.value)


def test_every_mismatch_known_of_the_source_is_found_and_no_other() -> None:
    known: Mapping[str, set[tuple[int, int, int]]] = {case_id: set() for case_id in CASES}
    for mismatch in source_facts()["mismatches"]:
        for case_id, source_id in SOURCE_IDS.items():
            if mismatch["id"] == source_id:
                known[case_id].add((mismatch["line"], mismatch["computed"], mismatch["stated"]))
    found = {case.id: {(f.line, f.computed, f.stated) for f in arithmetic_findings(case)} for case in CASES.values()}
    assert found == known
    assert sum(len(pairs) for pairs in found.values()) >= 15


def test_the_overview_differs_from_its_cases_where_the_source_says_and_in_the_years_beside_it() -> None:
    found = {(f.line, f.computed, f.stated) for f in overview_findings(load_overview(), CASES)}
    net = {(41, -9_475, -9_600), (41, -11_415, -11_600), (41, -11_500, -11_700)}
    investment = {(42, 26_879, 27_500), (42, 11_637, 13_100), (42, 1_098, 0)}
    assert found == net | investment
    known = {(m["line"], m["computed"], m["stated"]) for m in source_facts()["mismatches"] if m["id"] == "S4-OVERVIEW"}
    assert known
    assert known <= found


def test_the_overview_is_as_written() -> None:
    lines = source_lines()
    for line in load_overview().lines:
        written = lines[line.line - 1].replace(".", "").split()
        assert written[-5:] == [str(amount) for amount in line.thousand_dkk.values()]


@every_case
def test_the_money_rows_stand_on_the_lines_they_name(case: BusinessCase) -> None:
    lines = source_lines()
    for row in case.rows:
        written = lines[row.line - 1].replace(".", "").replace("<i>", " ").replace("</i>", " ").split()
        amounts = [amount for amount in row.thousand_dkk.values() if amount]
        amounts += [row.total_thousand_dkk] if row.total_thousand_dkk else []
        assert all(str(amount) in written for amount in amounts), (row.id, written)


@every_case
def test_the_numbers_of_the_text_stand_on_the_lines_they_name(case: BusinessCase) -> None:
    lines = source_lines()
    for driver in case.drivers:
        for figure in driver.population.on(False) + driver.population.on(True) if driver.population else ():
            assert f"{figure.value:g}" in lines[figure.line - 1], (driver.id, figure)
        for step in driver.rates:
            assert f"{step.value:g}" in lines[step.line - 1], (driver.id, step)
        if driver.factor is not None:
            assert f"{driver.factor.value * 100:g}" in lines[driver.factor.line - 1]
    for name, figure in case.figures.items():
        written = lines[figure.line - 1].replace(".", "")
        value = abs(figure.value * 100 if figure.unit == "ratio" else figure.value)
        assert f"{value:.0f}" in written, (name, written)
