"""One load run: generators started, started together, measured, judged."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypeVar

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import col, select

from devices.inbox.tables import ReportRow
from gateway.load_verdict import Machine, Share, Verdict
from gateway.settings import Settings
from kernel.database import Database
from loadtests.generator import Broker, DeviceResult, PeopleResult, Task
from loadtests.judge import Measured, Request, Timed, broke_first, judge
from loadtests.machine import Meter, calibration_ms
from loadtests.platform import ROOT, Platform, PlatformError, running_platform
from loadtests.profile import Profile, Profiles, load_profiles, pick
from loadtests.world import World, prepare

_READY_S = 120.0
_AHEAD_S = 3.0
#: beyond the profile's time: what devices still wait for, and what greenlets still write
_AFTER_S = 90.0
#: streams open and sign-ins happen in the first moments
_WARM_S = 3.0
#: a message handed over just before the cut is answered after it
_LAST_WORDS_S = 1.0
_FAILURES_SHOWN = 12
_Result = TypeVar("_Result", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    profile: str
    seed: int = 1
    urls: tuple[str, ...] = ()
    profiles_file: Path | None = None


def load_test(settings: Settings, wanted: Wanted) -> Verdict:
    """Run a profile against a platform of our own, or against the one the settings and addresses name.

    Raises
    ------
    ProfileError, PartMissingError, PlatformError, NotADemoError, SchedulingError
        Each says what to do.
    """
    profiles = load_profiles(wanted.profiles_file) if wanted.profiles_file else load_profiles()
    profile = pick(profiles, wanted.profile)
    with tempfile.TemporaryDirectory(prefix="omsorgstid-load-") as name:
        directory = Path(name)
        given = nullcontext(Platform(wanted.urls, settings))
        with given if wanted.urls else running_platform(directory, profile.web_processes) as platform:
            world = prepare(platform.settings, profile, seed=wanted.seed)
            return run(platform, world, profiles, wanted.profile, directory)


def run(
    platform: Platform,
    world: World,
    profiles: Profiles,
    name: str,
    directory: Path,
    started: Callable[[], object] = lambda: None,
) -> Verdict:
    """Measure once on a prepared platform, and judge. ``started`` is called when the load is about to begin."""
    profile = pick(profiles, name)
    measured, verdict = measure(platform, world, profiles, name, directory, started)
    lines = judge(profiles, profile, measured)
    return verdict.model_copy(
        update={"lines": tuple(lines), "broke_first": broke_first(lines), "ready": all(line.ok for line in lines)}
    )


def measure(
    platform: Platform,
    world: World,
    profiles: Profiles,
    name: str,
    directory: Path,
    started: Callable[[], object] = lambda: None,
) -> tuple[Measured, Verdict]:
    """Run the generators. Returns what they measured, and the verdict's frame, still without its lines."""
    profile = pick(profiles, name)
    directory.mkdir(parents=True, exist_ok=True)
    tasks = {part: _task(platform, world, profile, directory / f"{part}.json") for part in ("devices", "people")}
    with _generators(tasks, directory) as generators:
        for generator in generators.values():
            generator.wait_ready(_READY_S)
        before_ms = calibration_ms()
        meter = Meter({**platform.pids, **{part: g.pid for part, g in generators.items()}})
        began_at = datetime.now(UTC)
        start_s = time.monotonic() + _AHEAD_S
        meter.start()
        for generator in generators.values():
            generator.go(start_s)
        started()
        try:
            for generator in generators.values():
                generator.wait_ended(start_s + profile.seconds + _AFTER_S)
        finally:
            meter.stop()
    devices = _read(tasks["devices"].out, DeviceResult)
    people = _read(tasks["people"].out, PeopleResult)
    stored = _stored(platform.settings, world)
    measured = _measured(profile, start_s, devices, people, stored)
    return measured, Verdict(
        profile=name,
        title_da=profile.da,
        title_en=profile.en,
        started_at=began_at,
        ready=False,
        broke_first=None,
        lines=(),
        shares=tuple(_shares(meter, platform, generators)),
        machine=_machine(meter, platform, generators, before_ms),
        failures=tuple(measured.failures.most_common(_FAILURES_SHOWN)),
    )


def _task(platform: Platform, world: World, profile: Profile, out: Path) -> Task:
    mqtt = platform.settings.mqtt
    broker = Broker(
        host=mqtt.host,
        port=mqtt.port or 1883,
        username=mqtt.username,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
    )
    return Task(profile=profile, world=world, urls=platform.urls, broker=broker, out=out)


class _Generator:
    """One generator process; its standard error is kept for when it fails."""

    def __init__(self, part: str, task: Task, errors: IO[bytes]) -> None:
        self._part, self._errors = part, errors
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"loadtests.{part}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            text=True,
        )
        self._say(task.model_dump_json())

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self, timeout_s: float) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe above
        began_s = time.monotonic()
        if self._process.stdout.readline().strip() != "ready" or time.monotonic() - began_s > timeout_s:
            raise self._failed(f"get ready within {timeout_s:g} s")

    def go(self, start_s: float) -> None:
        self._say(repr(start_s))

    def wait_ended(self, deadline_s: float) -> None:
        try:
            status = self._process.wait(max(1.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            status = None
        if status != 0:
            raise self._failed("end well")

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(timeout=10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _failed(self, what: str) -> PlatformError:
        said = Path(self._errors.name).read_text(encoding="utf-8", errors="replace")[-2000:]
        return PlatformError(f"Expected the load generator ({self._part}) to {what}, got: {said or 'silence'}")


@contextmanager
def _generators(tasks: dict[str, Task], directory: Path) -> Iterator[dict[str, _Generator]]:
    started: dict[str, _Generator] = {}
    try:
        for part, task in tasks.items():
            with (directory / f"{part}.log").open("wb") as errors:
                started[part] = _Generator(part, task, errors)
        yield started
    finally:
        for generator in started.values():
            generator.close()


def _read(file: Path, shape: type[_Result]) -> _Result:
    return shape.model_validate_json(file.read_bytes())


def _stored(settings: Settings, world: World) -> dict[str, int]:
    """How many events of each lock of the world are in the database."""
    database = Database(settings.database_url)
    try:
        with database.reading() as session:
            rows = session.exec(
                select(ReportRow.device_id, func.count())
                .where(col(ReportRow.device_id).in_(world.locks))
                .group_by(col(ReportRow.device_id))
            ).all()
    finally:
        database.dispose()
    return dict(rows)


def _measured(
    profile: Profile, start_s: float, devices: DeviceResult, people: PeopleResult, stored: dict[str, int]
) -> Measured:
    requests = [
        Request(s.name, Timed(s.at_s, s.ms), bool(s.error)) for s in people.samples if s.name != "stream" or s.error
    ]
    committed = [Timed(e.at_s - start_s, _ms(e.ack_s)) for e in devices.sent]
    committed += [Timed(at_s - start_s, took_s * 1000) for at_s, took_s in devices.others]
    missing = sum(max(0, count - stored.get(lock, 0)) for lock, count in devices.acknowledged.items())
    recovered = None
    if devices.recovered_s is not None and people.recovered_s is not None:
        recovered = max(devices.recovered_s, people.recovered_s)
    return Measured(
        requests=requests,
        committed=_outside_outage(profile, recovered, committed),
        live_board=_outside_outage(profile, recovered, _live(profile, start_s, devices, people)),
        messages_sent=sum(devices.acknowledged.values()) + devices.unacknowledged,
        messages_lost=missing + devices.unacknowledged,
        facts_sent=people.facts_sent,
        facts_lost=people.facts_lost,
        recovered_s=recovered,
        failures=Counter(s.error for s in people.samples if s.error),
    )


def _outside_outage(profile: Profile, recovered_s: float | None, times: Sequence[Timed]) -> list[Timed]:
    """What began before the outage or after everything was back: what lies between is judged by the recovery.

    Where nothing came back within its limit, the outage ends with that limit.
    """
    storm = profile.storm
    if storm is None:
        return list(times)
    allowed_s = profile.limits.get("recovery", 0.0)
    back_s = storm.back_after_s + min(allowed_s, allowed_s if recovered_s is None else recovered_s)
    return [t for t in times if not storm.cut_after_s - _LAST_WORDS_S <= t.at_s < back_s]


def _live(profile: Profile, start_s: float, devices: DeviceResult, people: PeopleResult) -> list[Timed]:
    heard: dict[tuple[str, int, int], list[float]] = {}
    for device, boot, seq, at_s in people.board:
        heard.setdefault((device, boot, seq), []).append(at_s)
    found = []
    for event in devices.sent:
        at_s = event.at_s - start_s
        # Before the streams are open nobody can hear; at the very end nobody is there any more.
        if not _WARM_S <= at_s <= profile.seconds - _WARM_S:
            continue
        arrived = heard.get((event.device, event.boot, event.seq), [])
        found += [Timed(at_s, (one - event.at_s) * 1000) for one in arrived] or [Timed(at_s, _ms(None))]
    return found


def _ms(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds * 1000


def _shares(meter: Meter, platform: Platform, generators: dict[str, _Generator]) -> Iterator[Share]:
    cores = _cores()
    for name in (*platform.pids, *generators):
        cpu_s = meter.cpu_s(name)
        yield Share(
            name=name,
            generator=name in generators,
            cpu_s=round(cpu_s, 2),
            cpu_ratio=round(cpu_s / meter.wall_s / cores, 4),
            memory_mib=round(meter.memory_mib(name), 1),
        )


def _machine(meter: Meter, platform: Platform, generators: dict[str, _Generator], before_ms: float) -> Machine:
    total_s = meter.wall_s * _cores()
    generated_s = sum(meter.cpu_s(name) for name in generators)
    platform_s = sum(meter.cpu_s(name) for name in platform.pids)
    return Machine(
        cores=_cores(),
        wall_s=round(meter.wall_s, 1),
        calibration_before_ms=round(before_ms, 1),
        calibration_after_ms=round(calibration_ms(), 1),
        generator_ratio=round(generated_s / total_s, 4),
        platform_ratio=round(platform_s / total_s, 4),
        others_ratio=round(max(0.0, meter.busy_s - generated_s - platform_s) / total_s, 4),
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def write(verdict: Verdict, out: Path, files: Sequence[tuple[str, str]]) -> None:
    """Write a verdict's files, each whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (("verdict.json", verdict.model_dump_json(indent=2)), *files):
        draft = out / f".{name}"
        draft.write_text(content, encoding="utf-8")
        shutil.move(draft, out / name)
