"""A running platform with carers in front of doors they may open: what G5, G6 and G7 are measured on.

Gateway, ingest, signer, worker, PostgreSQL, Redis and mosquitto are processes of their own, put together as in
operation; the locks are another one, the tablets are this one and speak HTTP like real ones. Locks and tablets stand
in for what is not here and are made cheap: the two cores are for the platform.
"""

import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from devices.broker_address import BrokerAddress
from devices.keys.opening import OpeningState
from devices.simulator.holder import HolderKey
from gateway.bell import Bell, Ring
from kernel.database import Database
from loadtests.devices import DeviceFleet
from loadtests.gateway_bench.tablets import QuickTablet
from loadtests.generator import Broker, Task
from loadtests.ingest import silence
from loadtests.platform import Platform, running_platform
from loadtests.profile import load_profiles, pick
from loadtests.world import prepare

PEOPLE = 40
WAIT_S = 30.0
_GOING_ON = (OpeningState.REQUESTED.value, OpeningState.CHALLENGED.value, OpeningState.SENT.value)
# As plain text: put together by the compiler for each number of ids it would take longer than the answer.
_OVER = "SELECT opening_id, state FROM opening WHERE opening_id = ANY(%s) AND state <> ALL(%s)"


class Outcomes:
    """Looks after a ring what became of the openings somebody waits for: all of them in one question."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._waiting: dict[str, tuple[Event, list[tuple[str, float]]]] = {}
        self._lock = Lock()
        self._rung = Event()
        self._stop = False
        bell.on_ring(self._rung.set, Ring.WRITTEN)
        self._thread = Thread(target=self._run, name="outcomes", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop = True
        self._rung.set()
        self._thread.join(WAIT_S)

    def of(self, opening_id: str) -> tuple[str, float]:
        """State of an opening that is over, and when that was seen.

        Raises
        ------
        TimeoutError
            If that does not come about.
        """
        over, found = Event(), list[tuple[str, float]]()
        with self._lock:
            self._waiting[opening_id] = over, found
        self._rung.set()
        if not over.wait(WAIT_S):
            raise TimeoutError("Expected the lock's answer, got nothing.")
        return found[0]

    def _run(self) -> None:
        while not self._stop:
            self._rung.wait()
            self._rung.clear()
            with self._lock:
                ids = list(self._waiting)
            if not ids:
                continue
            with self._database.reading() as session:
                rows = session.connection().exec_driver_sql(_OVER, (ids, list(_GOING_ON))).all()
            seen_s = time.perf_counter()
            for opening_id, state in rows:
                with self._lock:
                    over, found = self._waiting.pop(opening_id)
                found.append((state, seen_s))
                over.set()


class Doors:
    """Carers, their tablets and doors, and when each was unlocked."""

    def __init__(self, platform: Platform, locks_pid: int) -> None:
        self._where = urlsplit(platform.urls[0])
        address = platform.settings.mqtt
        self.tenant = address.tenant
        self.broker = BrokerAddress(address.host, address.port)
        self.database = Database(platform.settings.database_url)
        #: processes by name; ``locks`` and ``tablets`` stand in for what is outside
        self.pids: Mapping[str, int] = {**platform.pids, "locks": locks_pid, "tablets": os.getpid()}
        self._bell = Bell(platform.settings.redis_url)
        self._outcomes = Outcomes(self.database, self._bell)
        self._bell.start()
        self._outcomes.start()
        self.tablets: list[tuple[QuickTablet, str, str]] = []

    def let_in(self, carers: list[str]) -> None:
        """Carers begin their shifts; those who have a door stand in front of it."""
        for carer_id in carers:
            tablet = QuickTablet(str(self._where.hostname), int(self._where.port or 80), carer_id, HolderKey.generate())
            tablet.sign_in()
            day = tablet.day()
            tablet.start_shift("base")
            door = next((stop for stop in day["route"]["stops"] if _opens_now(stop)), None)
            if door is None:
                tablet.close()
            else:
                self.tablets.append((tablet, door["door"]["id"], door["visit_id"]))

    def close(self) -> None:
        """Everybody goes home."""
        for tablet, _, _ in self.tablets:
            tablet.close()
        self._outcomes.stop()
        self._bell.stop()
        self.database.dispose()

    def open(self, number: int) -> float:
        """One unlock; seconds from the tap to the commit of its end.

        Raises
        ------
        TimeoutError
            If it did not come about within the five seconds of the protocol.
        """
        tablet, door_id, visit_id = self.tablets[number]
        began_s = time.perf_counter()
        return self.unlocked(tablet.open_door(door_id, visit_id)) - began_s

    def unlocked(self, opening: Mapping[str, Any]) -> float:
        """When an opening whose command has left was unlocked, by this process's performance counter.

        Raises
        ------
        TimeoutError
            As :meth:`open`.
        """
        if opening["state"] == "expired":
            raise TimeoutError("Expected the command to leave within five seconds of the tap, got an expired opening.")
        if opening["state"] == "refused":
            raise RuntimeError(f"Expected the door to open, got {opening}.")
        state, seen_s = self._outcomes.of(str(opening["id"]))
        if state != OpeningState.UNLOCKED.value:
            raise TimeoutError(f"Expected the door to open in time, got {state}.")
        return seen_s


def _opens_now(stop: dict[str, Any]) -> bool:
    door = stop.get("door")
    if not door:
        return False
    opens, closes = (datetime.fromisoformat(door[name]) for name in ("opens_from_at", "opens_to_at"))
    return bool(opens <= datetime.now(UTC) <= closes - timedelta(minutes=10))


@contextmanager
def doors(directory: Path, people: int = PEOPLE) -> Iterator[Doors]:
    """The platform, its locks, and carers with a shift begun."""
    smoke = pick(load_profiles(), "smoke")
    fleet = {"tablets": people, "citizens": 4 * people, "locks": 4 * people, "screen_citizens": 0}
    profile = smoke.model_copy(
        update={
            "fleet": smoke.fleet.model_copy(update=fleet),
            "pace": smoke.pace.model_copy(update={"compress": 4}),
        }
    )
    with running_platform(directory) as platform:
        world = prepare(platform.settings, profile, seed=1)
        mqtt = platform.settings.mqtt
        task = Task(
            profile=profile,
            world=world,
            urls=platform.urls,
            broker=Broker(host=mqtt.host, port=mqtt.port, username=None, password=None),
            out=directory / "unused.json",
        )
        spawning = multiprocessing.get_context("spawn")
        ours, theirs = spawning.Pipe()
        locks = spawning.Process(target=_live, args=(task.model_dump_json(), theirs))
        locks.start()
        ours.recv()
        made = Doors(platform, locks.pid or 0)
        try:
            made.let_in(sorted(world.locks_of_carer))
            yield made
        finally:
            made.close()
            ours.send("stop")
            locks.join(WAIT_S)


def _live(task: str, pipe: Connection) -> None:
    """The locks' process: up until told to stop."""
    silence()
    devices = DeviceFleet(Task.model_validate_json(task))
    devices.locks.start()
    devices.locks.wait_up(60.0)
    devices.locks.wait_idle(60.0)
    pipe.send("up")
    pipe.recv()
    devices.locks.stop()
