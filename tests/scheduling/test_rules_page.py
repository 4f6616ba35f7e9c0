"""docs/rules.md is compared with the code: a rule, a price or a rate cannot change without it."""

import inspect
import re
from dataclasses import fields
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.views.breaches import TEXTS
from scheduling import left_over, rules
from scheduling.cost import CARE_WEIGHTS
from scheduling.reassignment.settings import REASSIGNMENT_SETTINGS
from scheduling.rules import RULE_SETTINGS
from scheduling.working_time.pay import PAY_RATES

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
NO_RULES = {"may_do", "rest_before_shift", "rest_after_shift", "latest_work_end", "key_kind"}
"""Public functions that put rules together or look something up."""


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def shown(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / 60:g}"
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, tuple):
        return ", ".join(f"{number:g}" for number in value)
    return f"{value:.10g}"


@pytest.mark.parametrize(
    ("title", "settings"),
    [
        ("Numbers of the rules", RULE_SETTINGS),
        ("Prices of a plan", CARE_WEIGHTS),
        ("When the day breaks", REASSIGNMENT_SETTINGS[-1]),
        ("Pay", PAY_RATES[-1]),
    ],
    ids=["rules", "prices", "reassignment", "pay"],
)
def test_every_number_of_the_page_is_the_one_of_the_code(title: str, settings: Any) -> None:
    told = {row[0].strip("`"): row[2] for row in rows(title)}
    numbers = [f.name for f in fields(settings) if f.name not in ("valid_from_on", "source")]
    dated: date = settings.valid_from_on

    assert told == {name: shown(getattr(settings, name)) for name in numbers}
    assert dated.isoformat() in section(title)


def test_every_rule_is_on_the_page_and_every_code_has_words() -> None:
    told = {row[1].strip("`").removeprefix("rules.") for row in rows("Rules")}
    public = {
        name
        for name, function in inspect.getmembers(rules, inspect.isfunction)
        if function.__module__ == rules.__name__ and not name.startswith("_")
    }

    assert told == public - NO_RULES
    assert {row[3].strip("`") for row in rows("Rules")} <= set(TEXTS)


def test_every_code_a_rule_gives_is_on_the_page() -> None:
    given = set(re.findall(r'(?:_hard|Breach)\(\s*"(\w+)"', inspect.getsource(rules)))

    assert given == {row[3].strip("`") for row in rows("Rules")}


def test_every_reason_of_a_visit_left_over_is_on_the_page() -> None:
    told = {row[0].strip("`") for row in rows("A day that cannot be done whole")}
    codes = {value for name, value in vars(left_over).items() if name.isupper() and isinstance(value, str)}

    assert told == codes - {left_over.SAME_CARER, left_over.NOBODY_ABLE}


def test_every_rule_names_its_source_or_what_it_is() -> None:
    for name in {row[1].strip("`").removeprefix("rules.") for row in rows("Rules")}:
        assert (getattr(rules, name).__doc__ or "").strip()
