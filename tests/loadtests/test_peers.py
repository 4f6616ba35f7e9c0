"""What another solver is given and what is made of its answer; and prices tried beside the one in force."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loadtests.continuity import measured as continuity
from loadtests.continuity import page, price_of_unfamiliar
from loadtests.danish_towns import TOWNS, generated
from loadtests.peers.__main__ import main
from loadtests.peers.wire import UNITS_PER_MIN, flat, plan_of_answer
from scheduling.cost import CARE_WEIGHTS, weights_for
from scheduling.model import Day, Objective, VisitMode
from scheduling.problem import Problem
from scheduling.solver import solve_day
from tests.scheduling.test_engine import needs_engine


def town() -> Day:
    """A small day as peers get it: no breaks, no screens, with double visits."""
    day = generated(replace(TOWNS[1], visits=60), 1)
    return replace(
        day,
        visits=tuple(v for v in day.visits if v.mode is VisitMode.PHYSICAL),
        carers=tuple(replace(c, breaks=()) for c in day.carers),
    )


def test_a_plan_that_is_sent_out_and_answered_unchanged_is_the_same_plan() -> None:
    day = town()
    first = solve_day(day, moves=0)

    problem, content = flat(day, first)
    back = plan_of_answer(problem, content["start"])

    assert back.carer_of == first.carer_of
    assert back.cost_min == pytest.approx(first.cost_min)
    assert len(content["pairs"]) == len(day.pairs) > 0
    for visit, given in zip(problem.visits, content["visits"], strict=True):
        assert given["duration"] == round(visit.duration_s / 60.0 * UNITS_PER_MIN)
        assert given["close"] >= given["open"]
    travel = sum(content["legs"][content["carers"][c]["mode"]][a][b] for c, a, b in _ways(content))
    assert travel / UNITS_PER_MIN == pytest.approx(sum(problem.legs[c][i][j] for c, i, j in _own(problem, content)))


def test_of_a_double_visit_that_was_placed_in_half_nothing_is_placed() -> None:
    day = town()
    problem, content = flat(day, solve_day(day, moves=0))
    half, other = next((a, b) for a, b, *_ in content["pairs"] if {a, b} <= {v for r in content["start"] for v in r})

    plan = plan_of_answer(problem, [[v for v in route if v != half] for route in content["start"]])

    left = {u.visit_id for u in plan.unallocated}
    assert {problem.visits[half].id, problem.visits[other].id} <= left


def test_without_a_python_that_has_the_other_solver_the_command_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--python", str(tmp_path / "none")]) == 2
    assert "make bench-peers" in capsys.readouterr().err


@needs_engine
def test_another_price_is_tried_and_the_one_in_force_is_back_afterwards() -> None:
    with price_of_unfamiliar(7.0):
        assert weights_for(Objective.CARE).not_regular_min == 7.0
    assert weights_for(Objective.CARE) is CARE_WEIGHTS

    found = continuity(0.2, "cpu", [(replace(TOWNS[0], visits=40), 3)])

    assert [one.price_min for one in found] == [2.0, 3.0]
    said = "\n".join(page(found, "--seconds 0.2"))
    assert said.count("| tæt by | 3 |") == 2
    assert f"hold in {sum(one.holds for one in found[:1])} of 1 towns with the price in force" in said


def _ways(content: dict[str, Any]) -> list[tuple[int, int, int]]:
    """Carer, from and to of every way between two visits of the start."""
    place = [v["place"] for v in content["visits"]]
    return [(c, place[a], place[b]) for c, route in enumerate(content["start"]) for a, b in pairwise(route)]


def _own(problem: Problem, content: dict[str, Any]) -> list[tuple[int, int, int]]:
    return [
        (c, problem.location[a], problem.location[b])
        for c, route in enumerate(content["start"])
        for a, b in pairwise(route)
    ]
