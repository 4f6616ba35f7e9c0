"""What others report: as their documents say it, with what they leave out, and without a target."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from metrics.business_case import load_cases
from metrics.case_arithmetic import arithmetic_findings
from metrics.case_scenarios import scenario_money
from metrics.reported_case import REPORTED_DIR, ReportedCase, load_reported_cases

REPORTED = load_reported_cases()
SHARED = Path(__file__).parents[3] / "shared"
WORDS = {1: "en ", 2: "to ", 4: "fire"}
every_report = pytest.mark.parametrize("case", REPORTED.values(), ids=lambda case: case.id)


def lines_of(number: str) -> list[str]:
    files = list((SHARED / "seeds").glob(f"{number}_*.txt"))
    if not files:
        pytest.skip("The source documents are not here: the figures were NOT compared with their lines.")
    return files[0].read_text(encoding="utf-8").splitlines()


def danish(value: float) -> str:
    written = f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
    return written.rstrip("0").rstrip(",")


def test_five_reports_are_there() -> None:
    assert {case.municipality.split(",")[0] for case in REPORTED.values()} == {
        "Fredensborg",
        "Vejen",
        "Slagelse",
        "Næstved",
        "København",
    }
    assert not set(REPORTED) & set(load_cases())


@every_report
def test_what_differs_by_rule_is_exactly_what_is_declared(case: ReportedCase) -> None:
    found = {(f.row, f.year) for f in arithmetic_findings(case)}
    assert found == {(c.row, c.year) for c in case.contradictions if c.kind == "arithmetic"}


def test_the_table_of_vejen_differs_where_the_source_facts_say() -> None:
    file = SHARED / "facts" / "targets.yaml"
    if not file.exists():
        pytest.skip("The source material is not here: the mismatches of the document were NOT compared.")
    mismatches = yaml.safe_load(file.read_text(encoding="utf-8"))["mismatches"]
    known = {(m["line"], round(m["computed"]), m["stated"]) for m in mismatches if m["id"] == "S3-VEJEN-PLAN"}
    found = {(f.line, f.computed, f.stated) for f in arithmetic_findings(REPORTED["vejen-staff-in-planning"])}
    assert found == known
    assert len(found) == 4


@every_report
def test_every_figure_stands_on_the_line_it_names(case: ReportedCase) -> None:
    lines = lines_of(case.document.number)
    for name, figure in case.figures.items():
        written = lines[figure.line - 1]
        if figure.note_da and "skrevet som" in figure.note_da:
            expected = figure.note_da.rpartition("skrevet som ")[2]
        elif figure.note_da and "bogstaver" in figure.note_da:
            expected = WORDS[int(figure.value)]
        else:
            expected = danish(figure.value * 100 if figure.unit == "ratio" else figure.value)
        assert expected in written or expected.replace(".", "") in written, (name, expected, written)
    for row in case.rows:
        written = lines[row.line - 1].replace(".", "")
        assert all(str(amount) in written for amount in row.thousand_dkk.values() if amount), row.id


@every_report
def test_lines_lie_within_the_document(case: ReportedCase) -> None:
    lines = [f.line for f in case.figures.values()] + [stage.line for stage in case.rollout]
    lines += [line for c in case.contradictions for line in c.lines] + [c.line for c in case.success_criteria]
    known = set(range(case.document.first_line, case.document.last_line + 1)) | set(case.document.overview_lines)
    assert set(lines) <= known


@every_report
def test_what_is_neither_given_nor_named_as_missing_is_refused(case: ReportedCase) -> None:
    data = yaml.safe_load((REPORTED_DIR / f"{case.id}.yaml").read_text(encoding="utf-8"))
    del data["not_stated"]["minutes"]
    with pytest.raises(ValidationError, match="minutes either in the case or under not_stated"):
        ReportedCase.model_validate(data, strict=False)


def test_the_scenarios_are_weighed_by_the_cases_own_numbers() -> None:
    money = {one.population: one for one in scenario_money(load_cases()["copenhagen-sof-screen"])}
    assert set(money) == {75, 115, 150}
    assert {n: one.stated_dkk_ore for n, one in money.items()} == {75: 10_000_000, 115: None, 150: -10_000_000}
    in_proportion = {n: round(one.proportional_dkk_ore / 100_000) for n, one in money.items()}
    assert in_proportion == {75: 355, 115: 0, 150: -311}


def test_success_criteria_say_how_by_whom_and_when() -> None:
    for case in load_cases().values():
        assert all(c.measured_da and c.responsible_da and c.when_da for c in case.success_criteria)
