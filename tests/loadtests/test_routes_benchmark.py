"""The benchmark's command: what it plans is judged, and what it says is what it measured."""

from pathlib import Path

import pytest

from loadtests.routes import Published, Run, gaps, main, summary_lines
from tests.scheduling.test_engine import needs_engine
from tests.scheduling.test_hhcrsp import needs_benchmarks


def run(name: str, patients: int, seed: int, gap_percent: float) -> Run:
    return Run(Published(name, Path(f"{name}.json"), patients, 100.0), 1.0, seed, True, gap_percent, 1.0, 1.0)


def test_a_gap_is_the_mean_over_the_seeds_and_the_worst_is_the_largest_such_mean() -> None:
    found = gaps(
        [run("small", 25, 1, 0.0), run("small", 25, 2, 4.0), run("big", 400, 1, -3.0), run("big", 400, 2, 1.0)]
    )

    assert [(g.instance.name, g.mean_percent, g.best_percent, g.worst_percent) for g in found] == [
        ("small", 2.0, 0.0, 4.0),
        ("big", -1.0, -3.0, 1.0),
    ]
    assert summary_lines(found)[-1] == "| 1 | 2 | +0.50 % | +0.50 % | +2.00 % | -1.00 % | 1 |"


@needs_engine
@needs_benchmarks
def test_a_run_plans_is_judged_and_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "routes.md"

    code = main(["--seconds", "0.2", "--seeds", "2", "--only", "_10_1", "25_1", "--out", str(page)])

    said = page.read_text()
    assert code == 0
    assert "4 plans, 4 of them feasible by the strict judge" in said
    assert "| InstanzCPLEX_HCSRP_10_1 | 10 | 218.20 | +0.00 %" in said
    assert str(tmp_path) not in said


def test_a_folder_without_published_costs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["--instances", str(tmp_path)])

    assert refusal.value.code == 2
    assert "Expected best_known.csv" in capsys.readouterr().err
