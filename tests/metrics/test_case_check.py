"""A municipality's own case: one file, taken whole or refused with everything that is wrong with it."""

import json
from pathlib import Path

import pytest
import yaml

from metrics.business_case import CASES_DIR, load_cases
from metrics.case_check import MAXIMUM_BYTES, check_case, load_own_cases
from metrics.errors import CaseFileError
from metrics.targets import targets_table

PAGE = Path(__file__).parents[2] / "docs" / "extend" / "business-case.md"
OWN = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]


def problems_of(text: str | bytes) -> list[tuple[str, str, str]]:
    with pytest.raises(CaseFileError) as caught:
        check_case(text if isinstance(text, bytes) else text.encode(), load_cases())
    return [(p.path, p.expected, p.found) for p in caught.value.problems]


def test_the_case_of_the_page_is_taken_and_promises_minutes() -> None:
    case = check_case(OWN.encode(), load_cases())
    rows = {row.year: row for row in targets_table({case.id: case})}
    assert rows[2027].stated_s == pytest.approx(rows[2028].stated_s / 2, rel=0.01)
    assert 0 < rows[2027].implied_s < rows[2028].implied_s
    # 40 x 5 + 15 x 2 shifts a week, 12 minutes, nine of ten; holidays are worked by the smaller staff
    assert rows[2028].stated_s / 3600 == pytest.approx(230 * 12 * 0.9 / 60 * 52, rel=0.03)


def test_every_case_that_ships_would_be_taken_from_a_file() -> None:
    for path in CASES_DIR.glob("*.yaml"):
        assert check_case(path.read_bytes(), {}).id == path.stem


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "clock: vejtid                   #",
            "clock: leveret_tid #",
            ("clock", "vejtid, on which keys", "leveret_tid"),
        ),
        ("2028: -600}", "2028: 600}", ("rows.wages.2028", "below zero", "600")),
        ("sign: negative_is_saving", "sign: positive_is_saving", ("sign", "negative_is_saving", "positive_is_saving")),
        ("2028: -500}", "2028: -510}", ("net, 2028 (line 22)", "-500", "-510")),
        ("price_level: 2026 p/l\n", "", ("price_level", "the price level", "nothing")),
        ("weekday: [{value: 40,", "weekday: [{value: forty,", ("weekday.0.value", "a number", "forty")),
        (
            "denominator: 5}\n      begun: {date_on: 2027-07",
            "denominator: 6}\n      begun: {date_on: 2027-07",
            ("file", "sum to 1", ""),
        ),
        ("id: lillestad-keys", "id: copenhagen-sof-keys", ("id", "no other case", "copenhagen-sof-keys")),
        ("years: [2027, 2028]", "years: [2027, 2028]\nyears: [2027]", ("line 13", "every key once", "years twice")),
        ("line: 50}", "line: 500}", ("success_criteria.time", "from 1 to 80", "500")),
        ("component: base_trip\nclock", "component: lift\nclock", ("component", "base_trip", "lift")),
        ("figures: {}", "figures: {}\nnote: x", ("note", "no such field", "note")),
        ("figures: {}", "figures: &a {}\nnote: *a", ("line", "written out", "*a")),
    ],
    ids=[
        "wrong clock",
        "saving above zero",
        "wrong sign",
        "sum that does not hold",
        "missing field",
        "text for a number",
        "shares",
        "id of another case",
        "key twice",
        "line outside",
        "component of another technology",
        "unknown field",
        "value by reference",
    ],
)
def test_a_broken_file_is_refused_with_place_expected_and_found(
    old: str, new: str, expected: tuple[str, str, str]
) -> None:
    assert old in OWN
    found = problems_of(OWN.replace(old, new))
    assert any(all(part in said for part, said in zip(expected, problem, strict=True)) for problem in found), found


def test_all_faults_are_named_at_once() -> None:
    broken = OWN.replace("title_da: Nøgler i Lillestad\n", "").replace("saving_row: wages\n", "")
    assert {path for path, _expected, _found in problems_of(broken)} == {"title_da", "saving_row"}


def test_a_declared_contradiction_lets_the_tables_differ_and_a_false_one_is_refused() -> None:
    named = {"id": "x", "kind": "arithmetic", "row": "net", "year": 2028, "lines": [22], "text_da": "x", "text_en": "x"}
    declared = f"contradictions: [{json.dumps(named)}]"
    differing = OWN.replace("2028: -500}", "2028: -510}").replace("contradictions: []", declared)
    assert check_case(differing.encode(), load_cases()).contradictions[0].year == 2028
    assert problems_of(OWN.replace("contradictions: []", declared)) == [
        ("contradictions", "a difference the tables have", "net, 2028: they agree")
    ]


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"\xff\xfe", b"a: [", b"x" * (MAXIMUM_BYTES + 1), b"a: \x01"])
def test_what_is_no_case_at_all_is_one_plain_problem(content: bytes) -> None:
    assert len(problems_of(content)) == 1


def test_a_folder_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(OWN, encoding="utf-8")
    assert set(load_own_cases(tmp_path)) == {*load_cases(), "lillestad-keys"}
    (tmp_path / "b.yaml").write_text(OWN, encoding="utf-8")
    with pytest.raises(CaseFileError, match=r"b\.yaml: id"):
        load_own_cases(tmp_path)
    assert "lillestad-keys" not in load_cases()


def test_the_page_speaks_of_every_field_a_case_cannot_do_without() -> None:
    assert set(yaml.safe_load(OWN)) >= {"id", "technology", "clock", "price_level", "sign", "drivers", "rollout"}
