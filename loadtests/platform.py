"""The grown-up platform: each command a process of its own, put together by settings alone."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from gateway.settings import PREFIX, DatabaseSettings, MqttSettings, Settings
from loadtests.parts import Parts, free_port, throw_away_parts

ROOT = Path(__file__).resolve().parents[1]
TENANT = "load"
#: only to end what hangs: a machine that is busy with other things takes its time
_WAIT_S = 240.0


class PlatformError(Exception):
    """A process ended or does not answer. Carries the end of its log."""


@dataclass(frozen=True)
class Platform:
    """A running platform: where its pages are, its settings, and its processes by name where they are ours."""

    urls: tuple[str, ...]
    settings: Settings
    pids: Mapping[str, int] = field(default_factory=dict)
    parts: Parts | None = None


@contextmanager
def running_platform(directory: Path, web_processes: int = 1) -> Iterator[Platform]:
    """Parts and processes in a directory of their own; everything is stopped afterwards.

    Raises
    ------
    PartMissingError, PlatformError
        If a part is not installed, or a process does not come up.
    """
    with ExitStack() as stack:
        parts = stack.enter_context(throw_away_parts(directory / "parts"))
        work_dir = directory / "work"
        work_dir.mkdir()
        environment = environment_of(work_dir, parts)
        processes = Processes(work_dir, environment)
        stack.callback(processes.stop)
        # It migrates; the others wait for nobody then.
        processes.start("ingest")
        processes.wait_for_database(parts.database_url)
        for name in ("signer", "worker"):
            processes.start(name)
        ports = [free_port() for _ in range(web_processes)]
        for number, port in enumerate(ports, 1):
            name = "serve" if number == 1 else f"serve#{number}"
            processes.start("serve", name, {f"{PREFIX}HTTP__PORT": str(port)})
        urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
        for url in urls:
            processes.wait_ready(url)
        pids = {
            **processes.pids,
            "postgres": parts.postgres_pid,
            "redis": parts.redis_pid,
            "mosquitto": parts.broker.pid or 0,
        }
        yield Platform(urls, settings_of(work_dir, parts), pids, parts)


def environment_of(work_dir: Path, parts: Parts) -> dict[str, str]:
    """What every process of a platform on these parts is told."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        f"{PREFIX}WORK_DIR": str(work_dir),
        f"{PREFIX}DEMO": "true",
        f"{PREFIX}DATABASE__URL": parts.database_url,
        f"{PREFIX}REDIS_URL": parts.redis_url,
        f"{PREFIX}MQTT__BROKER": "external",
        f"{PREFIX}MQTT__HOST": parts.broker.address.host,
        f"{PREFIX}MQTT__PORT": str(parts.broker.address.port),
        f"{PREFIX}MQTT__TENANT": TENANT,
        # An hour is compressed into minutes, and a whole centre into one unit's hour: so is its quota of grants.
        f"{PREFIX}SIGNER__PER_CARER_HOUR": "600",
        f"{PREFIX}SIGNER__PER_UNIT_HOUR": "100000",
    }


def settings_of(work_dir: Path, parts: Parts) -> Settings:
    """The same as settings."""
    address = parts.broker.address
    return Settings(
        work_dir=work_dir,
        demo=True,
        redis_url=parts.redis_url,
        database=DatabaseSettings(url=parts.database_url),
        mqtt=MqttSettings(broker="external", host=address.host, port=address.port, tenant=TENANT),
    )


class Processes:
    """``omsorgstid`` commands, each with its own log, stopped last first."""

    def __init__(self, work_dir: Path, environment: Mapping[str, str]) -> None:
        self._work_dir = work_dir
        self._environment = environment
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: process.pid for name, process in self._started.items()}

    def start(self, command: str, name: str = "", more: Mapping[str, str] | None = None) -> None:
        """Start a command, under another name where it runs more than once."""
        name = name or command
        with self._log(name).open("ab") as out:
            self._started[name] = subprocess.Popen(
                command_line(command), env={**self._environment, **(more or {})}, stdout=out, stderr=out
            )

    def kill(self, name: str) -> None:
        """End a process as a power cut does."""
        process = self._started.pop(name)
        process.kill()
        process.wait(timeout=10)

    def stop(self) -> None:
        """Ask all of them to end, last first."""
        for process in reversed(self._started.values()):
            process.terminate()
        for process in self._started.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)

    def wait_for_database(self, url: str) -> None:
        """Wait until it is migrated."""
        from devices.keys.signer.book import wait_for_log  # noqa: PLC0415 - the process that asks is the only one

        deadline_s = monotonic() + _WAIT_S
        while not wait_for_log(url, 5.0):
            self._require_alive(deadline_s)

    def wait_ready(self, url: str) -> None:
        """Wait until a gateway answers."""
        deadline_s = monotonic() + _WAIT_S
        while not _answers(f"{url}/readyz"):
            self._require_alive(deadline_s)
            sleep(0.1)

    def _require_alive(self, deadline_s: float) -> None:
        for name, process in self._started.items():
            if process.poll() is not None or monotonic() > deadline_s:
                end = self._log(name).read_text(encoding="utf-8", errors="replace")[-2000:]
                raise PlatformError(f"Expected {name} to come up within {_WAIT_S:g} s, got: {end or 'silence'}")

    def _log(self, name: str) -> Path:
        return self._work_dir / f"{name.replace('#', '-')}.log"


def command_line(command: str) -> Sequence[str]:
    """How a command of the program is started with the Python that runs this."""
    return [sys.executable, "-c", "from gateway.cli import main; main()", command]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - an address we made ourselves
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
