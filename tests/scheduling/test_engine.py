"""The compiled engine: its running cost is the one cost function, and it is never the only way to plan."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
from dataclasses import fields, replace
from datetime import timedelta
from itertools import permutations, product
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build_engine import fingerprint
from kernel.ids import VisitId
from scheduling.cost import CostTerms, recomputed_terms, terms_cost_min, weights_for
from scheduling.day_file import load_day
from scheduling.engine import Engine, library
from scheduling.flat import FlatProblem
from scheduling.hhcrsp import day_from_instance
from scheduling.model import Day
from scheduling.problem import Problem
from scheduling.routes import plan_from_routes, plan_of
from scheduling.search import MOVES_FOR_LANES, schedule_from
from scheduling.solver import AnnealingSolver, solve_day
from tests.scheduling.days import SEVEN, lillestad, municipality, with_terms_of_shifts, with_visit
from tests.scheduling.test_hhcrsp import ON, benchmark, instance, needs_benchmarks
from tests.scheduling.test_solver import breaches

ROOT = Path(__file__).parents[2]
needs_engine = pytest.mark.skipif(library() is None, reason="COMPILED ENGINE MISSING: python build_engine.py makes it")


def flat(day: Day) -> tuple[Problem, FlatProblem]:
    problem = Problem(day, [u.id for u in day.units], dense=True)
    return problem, FlatProblem(problem)


def lived_in(seed: int) -> Day:
    """A Danish day with short shifts, breaks, vehicles, a begun visit, a pinned one and one nobody can do."""
    day = with_terms_of_shifts(municipality(seed, carers=4, visits_each=8), seed)
    random = Random(seed)
    carers = tuple(
        replace(c, shift_ends_at=c.shift_ends_at - timedelta(minutes=random.choice((0, 120, 240, 300))))
        for c in day.carers
    )
    day = replace(day, carers=carers)
    paired = set(day.pair_of)
    single = [v.id for v in day.visits if v.id not in paired]
    day = with_visit(day, single[0], begun=True, pinned_carer_id=carers[0].id, pinned_start_at=SEVEN)
    day = with_visit(day, single[1], pinned_start_at=SEVEN + timedelta(minutes=95))
    return with_visit(day, single[2], required_skills=frozenset({"tracheostomi"}))


def solved(day: Day, *, compiled: bool, moves: int, seed: int = 1) -> bytes:
    plan = AnnealingSolver(compiled=compiled).solve(
        day, moves=moves, seconds=600.0, seed=seed, progress=lambda _: None, cancelled=lambda: False
    )
    assert breaches(day, plan) == []
    assert plan.cost_min == pytest.approx(terms_cost_min(recomputed_terms(day, plan), weights_for(day.objective)))
    return pickle.dumps((plan.order, plan.routes, plan.unallocated, plan.cost_min))


def check_running_cost(day: Day, seed: int, warm_min: float, ruins: float) -> None:
    problem, arrays = flat(day)
    with Engine(arrays, seed) as engine:
        engine.fill(0, len(problem.jobs))
        for _ in range(3):
            engine.anneal(700, warm_min, warm_min, ruins, 6)
            schedule = schedule_from(problem, engine)
            plan = plan_of(day, [schedule], {})
            afresh = terms_cost_min(recomputed_terms(day, plan), weights_for(day.objective))
            assert engine.cost() == pytest.approx(afresh, abs=1e-6)
            assert schedule.cost_min() == pytest.approx(afresh, abs=1e-6)


@needs_engine
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), warm_min=st.sampled_from([0.5, 20.0, 1e6]), ruins=st.sampled_from([0.0, 0.2]))
def test_the_engines_running_cost_is_the_cost_counted_afresh_on_danish_days(
    seed: int, warm_min: float, ruins: float
) -> None:
    check_running_cost(lived_in(seed), seed, warm_min, ruins)


@needs_engine
@needs_benchmarks
@pytest.mark.parametrize("name", ["50_1", "020-cesena"])
def test_the_engines_running_cost_is_the_cost_counted_afresh_on_the_benchmark(name: str) -> None:
    check_running_cost(load_day(benchmark(name), hhcrsp_on=ON), 1, 20.0, 0.05)


@needs_engine
def test_random_moves_meet_every_term_of_the_cost() -> None:
    """Otherwise the law above would say nothing about some of them."""
    met: set[str] = set()
    for seed in range(8):
        day = lived_in(seed)
        problem, arrays = flat(day)
        with Engine(arrays, 1) as engine:
            engine.fill(0, len(problem.jobs))
            engine.anneal(2_000, 1e6, 1e6, 0.1, 6)
            terms = recomputed_terms(day, plan_of(day, [schedule_from(problem, engine)], {}))
        met |= {field.name for field in fields(terms) if getattr(terms, field.name) != 0.0}

    assert met == {field.name for field in fields(CostTerms)}


@needs_engine
def test_a_plan_that_is_put_in_comes_out_again() -> None:
    day = municipality(5)
    problem, arrays = flat(day)
    with Engine(arrays, 1) as one, Engine(arrays, 2) as other:
        one.fill(0, len(problem.jobs))
        one.anneal(5_000, 10.0, 1.0, 0.01, 6)
        one.best()

        assert other.load(*one.read())
        assert other.cost() == pytest.approx(one.cost(), abs=1e-9)
        assert [list(x) for x in other.read()] == [list(x) for x in one.read()]


@needs_engine
def test_a_plan_that_breaks_a_limit_is_not_taken_in() -> None:
    day = with_visit(lillestad(), "v1", duration_s=20 * 3600.0)
    problem, arrays = flat(day)
    with Engine(arrays, 1) as engine:
        keys, carers = engine.read()
        carers[problem.visit_index[VisitId("v1")]] = 0

        assert not engine.load(keys, carers)
        assert set(engine.read()[1]) == {-1}


@needs_engine
def test_same_moves_and_seed_give_the_same_bytes_on_several_lanes() -> None:
    day = municipality(11, carers=6, visits_each=12)

    first, second = (solved(day, compiled=True, moves=MOVES_FOR_LANES, seed=7) for _ in range(2))

    assert first == second
    assert first != solved(day, compiled=True, moves=MOVES_FOR_LANES, seed=8)


@needs_engine
def test_the_number_of_cores_does_not_change_the_plan() -> None:
    script = (
        "import hashlib, os, sys\n"
        "if len(sys.argv) > 1: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from tests.scheduling.days import municipality\n"
        "from scheduling.solver import solve_day\n"
        "print(repr(solve_day(municipality(11, carers=6, visits_each=12), moves=120_000)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = [
        subprocess.run([sys.executable, "-c", script, *more], capture_output=True, check=True, env=environment).stdout
        for more in ([], ["one"])
    ]

    assert said[0] == said[1]


@needs_engine
def test_other_threads_go_on_while_the_engine_searches() -> None:
    """One call is one step of the interpreter: with its lock held nobody else would get a turn."""
    _, arrays = flat(municipality(4, carers=6, visits_each=12))
    turns = 0
    with Engine(arrays, 1) as engine:
        search = threading.Thread(target=engine.anneal, args=(300_000, 10.0, 1.0, 0.01, 6))
        search.start()
        while search.is_alive():
            turns += 1

    assert turns > 1_000


@needs_engine
def test_the_library_is_made_of_these_sources() -> None:
    lib = library()

    assert lib is not None
    assert lib.engine_source().decode() == fingerprint()


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_engine), False])
def test_both_engines_keep_every_rule_and_repeat_themselves(compiled: bool) -> None:
    day = with_terms_of_shifts(municipality(8, units=2, carers=3, visits_each=9), 8)

    assert solved(day, compiled=compiled, moves=2_000) == solved(day, compiled=compiled, moves=2_000)


def test_an_installation_without_a_compiler_still_plans(tmp_path: Path) -> None:
    for package in ("scheduling", "kernel"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    script = (
        "import sys, scheduling.engine as engine, scheduling.solver as solver\n"
        "from scheduling.day_file import load_day\n"
        "from pathlib import Path\n"
        "assert engine.library() is None\n"
        "print(engine.LIBRARY, solver.solve_day(load_day(Path(sys.argv[1])), moves=500).cost_min)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "tests" / "data" / "lillestad.json")],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )

    library_path, cost = done.stdout.split()
    assert library_path.startswith(str(tmp_path))
    assert float(cost) == pytest.approx(34 / 3)


@needs_engine
@pytest.mark.parametrize("seed", range(4))
def test_a_tiny_day_is_planned_as_well_as_by_trying_everything(seed: int) -> None:
    """Five visits and two carers: every order and every carer of each."""
    day = municipality(seed, carers=2, visits_each=3)
    day = replace(day, visits=tuple(v for v in day.visits if v.id not in day.pair_of)[:5], pairs=())
    skilled = tuple(replace(c, skills=frozenset({"pleje", "sygepleje"})) for c in day.carers)
    day = replace(day, carers=skilled)
    ids = [v.id for v in day.visits]

    cheapest = min(
        plan_from_routes(
            day,
            {c.id: [v for v, who in zip(order, doers, strict=True) if who == n] for n, c in enumerate(day.carers)},
        ).cost_min
        for order in permutations(ids)
        for doers in product(range(2), repeat=len(ids))
    )

    assert solve_day(day, moves=20_000).cost_min == pytest.approx(cheapest, abs=1e-6)


@needs_engine
def test_the_smallest_instance_is_planned_alike_by_both_engines() -> None:
    day = day_from_instance(instance(), on=ON)

    costs = [
        AnnealingSolver(compiled=compiled)
        .solve(day, moves=2_000, seconds=60.0, seed=1, progress=lambda _: None, cancelled=lambda: False)
        .cost_min
        for compiled in (True, False)
    ]

    assert costs == pytest.approx([22 / 3, 22 / 3])
