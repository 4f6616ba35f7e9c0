"""The smallest load against the grown-up platform: ready when healthy, not ready when a limit or the broker breaks."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import pytest

from devices.broker_process import mosquitto_path
from gateway.load_verdict import Verdict, latest, latest_file
from loadtests.command import as_page, as_text
from loadtests.judge import Measured, broke_first, judge
from loadtests.platform import Platform, running_platform
from loadtests.profile import Profiles, Storm, load_profiles, pick
from loadtests.run import measure, run, write
from loadtests.world import World, prepare
from tests.conftest import missing

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
RUNS = 2


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    """The smoke profile, twelve seconds of it; and a calm one of eight."""
    found = load_profiles()
    smoke = pick(found, "smoke")
    pace = smoke.pace.model_copy(update={"arrive_s": 1.5, "visit_s": 1.0, "call_s": 0.5})
    storm = Storm(cut_after_s=7, back_after_s=8, facts_per_tablet=4, events_per_device=1)
    # The suite shares this machine: how long it takes to recover is for `make load` to judge.
    limits = {**smoke.limits, "recovery": 60.0, "committed_p99": 5000.0}
    short = smoke.model_copy(update={"seconds": 12.0, "pace": pace, "storm": storm, "limits": limits})
    calm_limits = {"failed": 0.001, "committed_p99": 2000.0, "lost_messages": 0.0}
    calm = short.model_copy(update={"seconds": 8.0, "storm": None, "limits": calm_limits})
    return found.model_copy(update={"profiles": {"smoke": short, "calm": calm}})


@dataclass(frozen=True)
class Town:
    """A grown-up platform with two shares of a municipality: one for each run."""

    platform: Platform
    world: World
    folder: Path


@pytest.fixture(scope="module")
def town(profiles: Profiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """PostgreSQL, Redis, mosquitto, ingest, worker, signer and serve: separate processes, by settings alone."""
    if shutil.which("redis-server") is None or not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        missing("PostgreSQL or Redis (Debian: postgresql, redis-server)")
    if mosquitto_path() is None:
        missing("mosquitto")
    folder = tmp_path_factory.mktemp("load")
    with running_platform(folder) as platform:
        yield Town(platform, prepare(platform.settings, pick(profiles, "smoke"), seed=1, runs=RUNS), folder)


@pytest.fixture(scope="module")
def healthy(town: Town, profiles: Profiles) -> tuple[Measured, Verdict]:
    """One run with nothing broken."""
    measured, frame = measure(town.platform, town.world.part(0, RUNS), profiles, "smoke", town.folder / "run")
    lines = tuple(judge(profiles, pick(profiles, "smoke"), measured))
    ready = all(line.ok for line in lines)
    return measured, frame.model_copy(update={"lines": lines, "ready": ready, "broke_first": broke_first(lines)})


def test_a_healthy_platform_is_ready_and_everything_was_measured(healthy: tuple[Measured, Verdict]) -> None:
    _, verdict = healthy

    assert verdict.ready, as_text(verdict)
    assert verdict.heading("da") == "Klar til udrulning"
    assert all(line.samples > 0 for line in verdict.lines)
    assert {s.name for s in verdict.shares if s.cpu_s > 0} >= {"ingest", "serve", "postgres", "devices", "people"}
    assert 0 < verdict.machine.generator_ratio < 1
    assert verdict.machine.calibration_before_ms > 0


def test_a_limit_no_platform_can_keep_makes_the_same_run_not_ready_and_is_named(
    healthy: tuple[Measured, Verdict], profiles: Profiles
) -> None:
    measured, frame = healthy
    smoke = pick(profiles, "smoke")
    impossible = smoke.model_copy(update={"limits": {**smoke.limits, "board_p95": 0.001}})

    lines = judge(profiles, impossible, measured)
    verdict = frame.model_copy(update={"lines": tuple(lines), "broke_first": broke_first(lines), "ready": False})

    assert [line.id for line in lines if not line.ok] == ["board_p95"]
    assert "IKKE KLAR: PLANLÆGGERENS TAVLE" in as_text(verdict)
    assert verdict.heading("en") == "Not ready: the planner's board, 95 of 100"


def test_the_verdict_is_read_back_by_the_page_for_operations_and_stands_alone(
    healthy: tuple[Measured, Verdict], tmp_path: Path
) -> None:
    _, verdict = healthy

    write(verdict, latest_file(tmp_path).parent, [("verdict.html", as_page(verdict))])

    assert latest(tmp_path) == verdict
    page = (latest_file(tmp_path).parent / "verdict.html").read_text()
    assert "Klar til udrulning" in page
    assert "src=" not in page, "it needs no other file"
    assert "href=" not in page


def test_a_broker_that_dies_in_the_middle_is_found_out(town: Town, profiles: Profiles, healthy: object) -> None:
    assert town.platform.parts is not None
    broker = town.platform.parts.broker
    # The load begins three seconds after this; three seconds later the broker is gone.
    killer = Timer(6.0, broker.kill)
    verdict = run(town.platform, town.world.part(1, RUNS), profiles, "calm", town.folder / "killed", killer.start)
    killer.join()

    assert not verdict.ready
    assert verdict.broke_first == "committed_p99"
    assert "Ikke klar: enhedens besked er gemt og kvitteret" in verdict.heading("da")
    assert next(line for line in verdict.lines if line.id == "lost_messages").measured != 0
