"""`omsorgstid targets`: the five cases with document and line, both readings, and what they say in two ways."""

import json
import subprocess
from pathlib import Path

from gateway.target_table import target_text, targets_json
from metrics.business_case import load_cases
from metrics.targets import targets_table
from tests.gateway.demo_days import COMMAND, command_environment

CASES = load_cases()
ROWS = targets_table(CASES)


def test_every_case_is_listed_with_its_lines_drivers_rate_and_contradictions() -> None:
    text = target_text(CASES, ROWS)
    for case in CASES.values():
        assert f"{case.id} · clock {case.clock} · 004:{case.document.first_line}-{case.document.last_line}" in text
        assert all(f"§ {found.id} (" in text for found in case.contradictions)
    assert "115 citizens x 10 minutes per citizen week (004:131, 133)" in text
    assert "15 from 2017, then 20 from 2019 (the money from 2020) minutes per citizen week" in text
    assert "20 + 10 residents x 30 minutes per day x 0.8 (004:542, 548, 549, 596)" in text
    assert "125 carers (rest days 50) x 15 minutes per day, 0.8 contained (004:389)" in text
    assert "1350 tablets x 20 hours per tablet year (004:692, 703)" in text
    assert "no minutes in the document: money only" in text
    assert "an hour is 342 kr." in text


def test_the_years_show_both_readings_side_by_side() -> None:
    lines = target_text(CASES, ROWS).splitlines()
    screen_2019 = next(line for line in lines if line.startswith("  2019"))
    assert screen_2019.split()[:4] == ["2019", "2,497", "2,998", "-851,000"]
    assert "004:71, 131, 133, 134, 174, 178" in screen_2019


def test_the_overview_is_held_against_its_cases() -> None:
    text = target_text(CASES, ROWS)
    assert "Nettoeffektivisering i alt 2018 (line 41): -11,600 thousand DKK, the cases give -11,415" in text


def test_the_command_prints_the_same_as_json() -> None:
    printed = subprocess.run(
        [COMMAND, "targets", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=command_environment(Path.cwd()),
    )
    assert printed.returncode == 0, printed.stderr
    said = json.loads(printed.stdout)
    assert said == json.loads(json.dumps(targets_json(CASES, ROWS)))
    assert [case["technology"] for case in said["cases"]] == [case.technology for case in CASES.values()]
    screen = said["cases"][0]
    assert screen["hourly_rate_dkk_ore"] == 34181
    assert screen["drivers"][1]["rates"][1]["money_from_on"] == "2020-01-01"
    assert {"stated_s", "implied_s", "saving_dkk_ore", "lines", "document"} <= set(screen["years"][0])
    assert said["cases"][-1]["hourly_rate_dkk_ore"] is None
    assert {found["line"] for found in said["overview_findings"]} == {41, 42}
