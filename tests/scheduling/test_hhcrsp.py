"""Benchmark instances as days, judged by the benchmark's own strict checker where it is at hand."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduling.cost import recomputed_terms
from scheduling.day_errors import DayFileError, Problem
from scheduling.day_file import dump_day, load_day
from scheduling.hhcrsp import day_from_instance, solution_json
from scheduling.model import Consent, Objective
from scheduling.solver import solve_day
from tests.scheduling.days import BENCHMARKS, SEVEN, lillestad

ON = date(2026, 11, 25)
needs_benchmarks = pytest.mark.skipif(
    not BENCHMARKS.is_dir(),
    reason="BENCHMARK INSTANCES MISSING: ../shared/benchmarks/hhcrsp is not beside this checkout",
)


def instance() -> dict[str, Any]:
    """Three patients on a line, one of them served by two carers 10 to 20 minutes apart."""
    return {
        "patients": [
            {
                "id": "p1",
                "location": [3.0, 0.0],
                "time_window": [0.0, 10.0],
                "required_caregivers": [{"service": "s1", "duration": 15}],
            },
            {
                "id": "p2",
                "location": [0.0, 4.0],
                "time_window": [29.999999999999996, 60.0],
                "required_caregivers": [{"service": "s1", "duration": 10}, {"service": "s2"}],
                "synchronization": {"type": "sequential", "distance": [10, 20]},
            },
            {
                "id": "p3",
                "location": [3.0, 4.0],
                "time_window": [0.0, 90.0],
                "required_caregivers": [{"service": "s2", "duration": 5}],
            },
        ],
        "services": [{"id": "s1", "default_duration": 15}, {"id": "s2", "default_duration": 12.5}],
        "caregivers": [{"id": "c1", "abilities": ["s1"]}, {"id": "c2", "abilities": ["s1", "s2"]}],
        "central_offices": [{"id": "d", "location": [0.0, 0.0]}],
        "distances": [[0, 3, 4, 5], [3, 0, 5, 4], [4, 5, 0, 3], [5, 4, 3, 0]],
    }


def judged(path: Path, solution: bytes, scratch: Path) -> dict[str, Any]:
    file = scratch / "solution.json"
    file.write_bytes(solution)
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "check.py"), str(path), str(file)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def benchmark(name: str) -> Path:
    (path,) = BENCHMARKS.glob(f"*{name}*.json")
    return path


def test_minute_zero_is_seven_in_the_morning_and_every_patient_has_a_lock() -> None:
    day = day_from_instance(instance(), on=ON)

    assert day.objective is Objective.HHCRSP
    assert day.zero_at == SEVEN
    assert [v.id for v in day.visits] == ["p1-s1", "p2-s1", "p2-s2", "p3-s2"]
    assert [v.duration_s for v in day.visits] == [900.0, 600.0, 750.0, 300.0]
    assert (day.pairs[0].min_gap_s, day.pairs[0].max_gap_s) == (600.0, 1200.0)
    assert [c.door.device_id for c in day.citizens if c.door] == ["lock-p1", "lock-p2", "lock-p3"]
    assert not any(c.formerly_key_fetched for c in day.citizens)
    assert {c.consents for c in day.citizens} == {(Consent("electronic_key", ON),)}


@pytest.mark.parametrize("on", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 7, 1)])
def test_minute_zero_is_seven_on_the_clock_of_copenhagen_in_every_season(on: date) -> None:
    day = day_from_instance(instance(), on=on)

    assert day.zero_at.astimezone(ZoneInfo("Europe/Copenhagen")).hour == 7


def test_a_plane_is_kept_as_a_plane() -> None:
    place = day_from_instance(instance(), on=ON).citizens[1].place

    assert (place.x, place.y, place.matrix_row, place.lat_deg) == (0.0, 4.0, 2, None)


@pytest.mark.parametrize(
    ("area", "lat_lon"),
    [(None, (41.9, 12.5)), ("rome", (12.5, 41.9))],
    ids=["latitude first", "longitude first"],
)
def test_on_earth_the_family_decides_which_number_is_the_latitude(
    area: str | None, lat_lon: tuple[float, float]
) -> None:
    value = instance()
    value["patients"][0]["location"] = [41.9, 12.5]
    if area is not None:
        value["area"] = area

    place = day_from_instance(value, on=ON).citizens[0].place

    assert (place.lat_deg, place.lon_deg) == lat_lon


def test_an_instance_survives_the_way_through_a_day_file() -> None:
    day = day_from_instance(instance(), on=ON)

    assert load_day(dump_day(day)) == day


def test_an_instance_is_recognised_without_a_word() -> None:
    assert load_day(json.dumps(instance()).encode(), hhcrsp_on=ON) == day_from_instance(instance(), on=ON)


def test_a_small_instance_is_planned_at_its_optimum() -> None:
    """By hand: c1 office 4 p2 4 office = 8; c2 office 3 p1 4 p3 3 p2 4 office = 14; nobody is late."""
    day = day_from_instance(instance(), on=ON)

    plan = solve_day(day, moves=2000)

    assert plan.cost_min == pytest.approx(22 / 3)
    assert recomputed_terms(day, plan).tardiness_min == 0.0
    solution = json.loads(solution_json(day, plan))
    stops = {(s["patient"], s["service"]): s for r in solution["routes"] for s in r["locations"]}
    gap = stops["p2", "s2"]["arrival_time"] - stops["p2", "s1"]["arrival_time"]
    assert 10 <= gap <= 20
    assert stops["p2", "s2"]["departure_time"] - stops["p2", "s2"]["arrival_time"] == 12.5
    assert sorted(solution["global_ordering"]) == ["p1", "p2", "p3"]


def test_a_day_of_our_own_has_no_solution_in_the_benchmark_format() -> None:
    with pytest.raises(ValueError, match="Expected a day made of an HHCRSP instance, got 'Lillestad'"):
        solution_json(lillestad(), solve_day(lillestad(), moves=10))


BROKEN: list[tuple[str, Callable[[dict[str, Any]], object], Problem]] = [
    (
        "no window",
        lambda i: i["patients"][0].pop("time_window"),
        Problem("$.patients[0].time_window", "a value", "nothing"),
    ),
    (
        "a window backwards",
        lambda i: i["patients"][0].update(time_window=[20.0, 10.0]),
        Problem("$.patients[0].time_window", "the smaller number first", "[20.0, 10.0]"),
    ),
    (
        "an unknown service",
        lambda i: i["patients"][0]["required_caregivers"][0].update(service="s9"),
        Problem("$.patients[0].required_caregivers[0].service", "the id of a service in the file", '"s9"'),
    ),
    (
        "an unknown ability",
        lambda i: i["caregivers"][1]["abilities"].append("s9"),
        Problem("$.caregivers[1].abilities[2]", "the id of a service in the file", '"s9"'),
    ),
    (
        "no duration anywhere",
        lambda i: i["services"][1].pop("default_duration"),
        Problem(
            "$.patients[1].required_caregivers[1].duration",
            "minutes here or as the service's default",
            "nothing",
        ),
    ),
    (
        "two carers and no word on how",
        lambda i: i["patients"][1].pop("synchronization"),
        Problem("$.patients[1].synchronization", "simultaneous or sequential", "null"),
    ),
    (
        "the same service twice",
        lambda i: i["patients"][1]["required_caregivers"][1].update(service="s1"),
        Problem("$.patients[1].required_caregivers[1].service", "another service than the first", '"s1"'),
    ),
    (
        "a matrix for fewer patients",
        lambda i: i["distances"].pop(),
        Problem("$.distances", "4 rows", "3 rows"),
    ),
    (
        "the same patient twice",
        lambda i: i["patients"][2].update(id="p1"),
        Problem("$.patients[2].id", "an id of its own, not that of $.patients[0]", '"p1"'),
    ),
    (
        "a patient whose lock no MQTT topic could name",
        lambda i: i["patients"][2].update(id="p 3"),
        Problem("$.patients[2].id", "text of the form ^[A-Za-z0-9_-]{1,31}$", '"p 3"'),
    ),
    (
        "a way that takes less than no time",
        lambda i: i["distances"][0].__setitem__(1, -3),
        Problem("$.distances[0][1]", "a number >= 0.0", "-3"),
    ),
]


@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_instance_names_path_expected_and_found(
    edit: Callable[[dict[str, Any]], object], expected: Problem
) -> None:
    value = instance()
    edit(value)

    with pytest.raises(DayFileError) as refusal:
        day_from_instance(value, on=ON)

    assert refusal.value.problems == (expected,)


@needs_benchmarks
@pytest.mark.parametrize(("name", "moves"), [("003-rome", 6000), ("021-florence", 6000), ("25_1", 4000)])
def test_the_strict_judge_finds_our_plan_feasible_and_our_cost_right(name: str, moves: int, tmp_path: Path) -> None:
    path = benchmark(name)
    day = load_day(path, hhcrsp_on=ON)

    plan = solve_day(day, moves=moves)

    verdict = judged(path, solution_json(day, plan), tmp_path)
    assert verdict["feasible"], verdict
    assert verdict["cost"] == pytest.approx(plan.cost_min, abs=1e-6)


@needs_benchmarks
def test_every_instance_of_the_suite_becomes_a_day_and_a_feasible_first_plan(tmp_path: Path) -> None:
    paths = sorted(BENCHMARKS.glob("*.json"))

    verdicts = {}
    for path in paths:
        day = load_day(path, hhcrsp_on=ON)
        verdicts[path.name] = judged(path, solution_json(day, solve_day(day, moves=0)), tmp_path)

    assert len(verdicts) >= 21
    assert [name for name, verdict in verdicts.items() if not verdict["feasible"]] == []


@needs_benchmarks
@pytest.mark.parametrize(
    ("name", "lat", "lon"),
    [("003-rome", (41.7, 42.1), (12.3, 12.8)), ("HHCRSP_100_20", (-30.3, -29.8), (-51.4, -50.9))],
)
def test_real_towns_lie_where_they_lie(name: str, lat: tuple[float, float], lon: tuple[float, float]) -> None:
    day = load_day(benchmark(name), hhcrsp_on=ON)

    for citizen in day.citizens:
        assert citizen.place.lat_deg is not None
        assert citizen.place.lon_deg is not None
        assert lat[0] < citizen.place.lat_deg < lat[1]
        assert lon[0] < citizen.place.lon_deg < lon[1]


@needs_benchmarks
def test_planes_of_the_suite_stay_planes() -> None:
    day = load_day(benchmark("HCSRP_100_1"), hhcrsp_on=ON)

    assert all(c.place.x is not None and c.place.lat_deg is None for c in day.citizens)
