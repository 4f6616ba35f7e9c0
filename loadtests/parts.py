"""Throw-away PostgreSQL, Redis and mosquitto: Debian's programs in a directory of our own, on free ports."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import redis

from devices.broker_process import BrokerProcess, mosquitto_path, start_broker

_WAIT_S = 30.0


class PartMissingError(Exception):
    """A program that is needed is not installed. Says which Debian package has it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Running parts, and the process ids to measure them by."""

    database_url: str
    redis_url: str
    broker: BrokerProcess
    postgres_pid: int
    redis_pid: int


@contextmanager
def throw_away_parts(directory: Path) -> Iterator[Parts]:
    """Start all three; stop them and remove what they kept afterwards.

    Raises
    ------
    PartMissingError
        Naming every package that has to be installed.
    """
    binaries = _needed()
    directory.mkdir(parents=True, exist_ok=True)
    with _postgres(binaries, directory) as (database_url, postgres_pid), _redis(directory) as (redis_url, redis_pid):
        broker = start_broker(directory / "broker", "mosquitto")
        try:
            yield Parts(database_url, redis_url, broker, postgres_pid, redis_pid)
        finally:
            broker.stop()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _needed() -> Path:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    missing = [] if binaries else ["postgresql"]
    missing += [] if shutil.which("redis-server") else ["redis-server"]
    missing += [] if mosquitto_path() else ["mosquitto"]
    if missing:
        raise PartMissingError(f"Missing: {', '.join(missing)}. Install with: apt-get install {' '.join(missing)}")
    return binaries[-1].parent


@contextmanager
def _postgres(binaries: Path, directory: Path) -> Iterator[tuple[str, int]]:
    # A directory of its own: as root it runs as Debian's user, who may not go below our others.
    data = Path(tempfile.mkdtemp(prefix="omsorgstid-pg-"))
    run_as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if run_as:
        shutil.chown(data, "postgres")
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        command = [*run_as, str(binaries / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/")

    run("initdb", "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
    # fsync stays on: a verdict about a database that does not write would be worth nothing.
    options = f"-k '' -c listen_addresses=127.0.0.1 -p {port} -c max_connections=300 -c shared_buffers=256MB"
    # as docs/operations.md asks for
    options += " -c deadlock_timeout=100ms"
    run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(data / "log"), "start")
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres", pid
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        # Who waited for whom in a deadlock is told here and nowhere else.
        shutil.copyfile(data / "log", directory / "postgres.log")
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def _redis(directory: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(
        ["redis-server", *options], cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _wait_for_redis(url)
        yield url, server.pid
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for_redis(url: str) -> None:
    deadline_s = monotonic() + _WAIT_S
    while True:
        try:
            with redis.Redis.from_url(url) as connection:
                connection.ping()
                return
        except redis.RedisError:
            if monotonic() > deadline_s:
                raise
            sleep(0.05)
