"""Two processes and a real Redis between them: the bell wakes the other's tailer, Celery runs a job elsewhere."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest
import redis

from gateway.demo.municipality import Municipality
from gateway.jobs import CeleryQueue, make_celery
from gateway.runtime import Duties, Runtime
from gateway.settings import Settings
from gateway.usecases.days import import_day
from gateway.usecases.planning import KIND
from kernel import jobs
from kernel.tables import JobRow
from tests.conftest import SMALL, TODAY, missing
from tests.gateway.platform import eventually
from tests.kernel.facts import noted

ROOT = Path(__file__).resolve().parents[2]

#: A process that listens to the log and, on its own, would look once in ten minutes.
LISTENER = """
import sys
from threading import Event
from gateway.bell import Bell
from kernel.database import Database
from kernel.tailer import Tailer

database, bell = Database(sys.argv[1]), Bell(sys.argv[2])
tailer, arrived = Tailer(database, poll_s=600.0), Event()
subscription = tailer.subscribe(lambda event: event.event_type == sys.argv[3], arrived.set)
tailer.start()
bell.on_ring(tailer.wake)
bell.start()
print("listening", flush=True)
arrived.wait(60)
print("heard", len(subscription.take()), flush=True)
bell.stop()
tailer.stop()
"""


@dataclass
class RedisServer:
    """A redis-server of our own: nothing kept, one port of this machine."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["redis-server", *options], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert eventually(self._answers)

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None

    def listeners(self) -> int:
        """How many connections listen for the bell."""
        with redis.Redis.from_url(self.url) as connection:
            ((_, count),) = connection.pubsub_numsub("omsorgstid:log")
            return int(count)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that is not started yet."""
    if shutil.which("redis-server") is None:
        missing("Redis (Debian: redis-server)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = RedisServer(tmp_path, port)
    yield server
    server.stop()


@contextmanager
def _process(command: list[str], out: IO[bytes] | int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, "-c", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=out,
        stderr=subprocess.STDOUT if out != subprocess.PIPE else None,
    )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=30)
        if started.stdout is not None:
            started.stdout.close()


def test_the_bell_wakes_the_tailer_of_another_process(redis_server: RedisServer, tmp_path: Path) -> None:
    redis_server.start()
    settings = Settings(work_dir=tmp_path, redis_url=redis_server.url)
    runtime = Runtime(settings, Duties(web=False, work=False, signer=False))
    runtime.start()
    event = noted("hello over there")
    command = [LISTENER, settings.database_url, redis_server.url, event.event_type]
    with _process(command, subprocess.PIPE) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == b"listening\n"
        assert eventually(lambda: redis_server.listeners() == 2)

        with runtime.units.begin() as work:
            work.record(event)

        assert listener.stdout.readline() == b"heard 1\n"
        assert listener.wait(20) == 0
    runtime.stop()


def test_a_job_asked_for_while_redis_is_away_is_run_by_a_worker_of_its_own_once_it_is_back(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = Settings(work_dir=tmp_path, redis_url=redis_server.url)
    runtime = Runtime(settings, Duties(web=False, ingest=False, work=False, signer=False))
    day = Municipality(1, SMALL).day(TODAY)
    unit_id = str(day.units[0].id)
    with runtime.units.begin() as work:
        import_day(work, day)
        asked = jobs.request(work, KIND, {"day": str(TODAY), "unit_id": unit_id, "seed": 1, "moves": 100}, unit_id)
    CeleryQueue(make_celery(redis_server.url)).trigger(asked.id)

    def job() -> JobRow:
        with runtime.database.reading() as session:
            return jobs.get(session, asked.id)

    redis_server.start()
    with (
        (tmp_path / "worker.out").open("wb") as out,
        _process(
            ["from gateway.cli import main; main()", "worker"],
            out,
            OMSORGSTID_WORK_DIR=str(tmp_path),
            OMSORGSTID_REDIS_URL=redis_server.url,
        ) as worker,
    ):
        assert eventually(lambda: job().state in jobs.ENDED, 60.0), (tmp_path / "worker.out").read_text()
        ended = job()
        assert (ended.state, ended.error_code) == ("done", None)
        assert ended.result is not None
        assert ended.result["visit_count"] > 0
        assert ended.lease_holder is not None
        assert worker.poll() is None
    runtime.stop()
