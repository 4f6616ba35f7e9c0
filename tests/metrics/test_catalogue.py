"""Names that do not drift: catalogue, documentation, rules and dashboard agree."""

import re
from pathlib import Path

from metrics.catalogue import BENEFITS, CATALOGUE, catalogue_table
from metrics.dashboards import DASHBOARDS

ROOT = Path(__file__).parents[2]
NAMES = {m.name for m in CATALOGUE}


def test_the_documented_table_is_the_catalogue() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert catalogue_table() in text


def test_times_are_told_in_seconds_and_shares_as_ratios() -> None:
    for metric in BENEFITS:
        ends = ("_seconds", "_ratio", "_info", "_events", "_missing", "_withheld", "_subjects")
        assert metric.name.endswith(ends)


def test_names_follow_the_conventions() -> None:
    for metric in CATALOGUE:
        assert re.fullmatch(r"omsorgstid_[a-z]+_[a-z_]+", metric.name)
        assert not metric.name.endswith("_total"), "gauges may go down"
        assert metric.help.endswith(".")


def test_no_label_could_name_a_person_or_an_address() -> None:
    closed = {"technology", "unit", "estimate", "grade", "stage", "step", "kind", "level", "outcome"}
    assert {label for m in CATALOGUE for label in m.labels} <= closed


def test_rules_and_dashboard_ask_only_for_metrics_that_exist() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "rules" / "benefits.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"(?<![:\w])omsorgstid_\w+", rules + "".join(one.as_text() for one in DASHBOARDS)))
    assert used <= NAMES
    assert NAMES - used <= {"omsorgstid_benefit_ledger_lag_events"}
