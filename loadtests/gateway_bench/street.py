"""Many simulated locks in a process of their own, told what to do over a pipe."""

import multiprocessing
import random
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from devices.broker_address import BrokerAddress
from devices.simulator.body import Outgoing
from devices.simulator.fleet import Fleet
from devices.simulator.lock import SimulatedLock
from kernel.clock import SystemLinkClock
from loadtests.ingest import TENANT, Load, make_locks, silence

WAIT_S = 120.0

Published = list[tuple[str, int, float]]


class Street:
    """The other process. ``held`` events wait in each of the first ``holding`` locks before they connect."""

    def __init__(self, address: BrokerAddress, load: Load, holding: int = 0, held: int = 0) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._ours, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_live, args=(address, load, holding, held, theirs))

    def __enter__(self) -> "Street":
        self._process.start()
        self._ask("ready")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ours.send(("stop",))
        self._process.join(WAIT_S)

    def connect(self) -> float:
        """Bring every lock up; seconds until all are and nothing is under way."""
        return float(self._ask("connect"))

    def send(self, lock_ids: Sequence[str], rate: float, seconds: float) -> Published:
        """Have locks report something, evenly spaced. Returns lock, number and time of each."""
        return list(self._ask("send", list(lock_ids), rate, seconds))

    def settle(self) -> float:
        """Seconds until every lock is up and has the watermark of all it holds."""
        return float(self._ask("settle"))

    def begin(self) -> None:
        """Bring the locks to the network without waiting for them."""
        self._ask("begin")

    def _ask(self, *question: Any) -> Any:
        self._ours.send(question)
        return self._ours.recv()


def _live(address: BrokerAddress, load: Load, holding: int, held: int, pipe: Connection) -> None:
    silence()
    locks = make_locks(load)
    for lock in locks[:holding]:
        lock.power_on()
        for _ in range(held):
            lock.observe("door_ajar")
    fleet = Fleet(address, TENANT, locks, SystemLinkClock(), delay_ratio=0)
    order = random.Random(load.seed)
    while True:
        what, *details = pipe.recv()
        if what == "stop":
            fleet.stop()
            return
        if what == "begin":
            fleet.start()
        answer: object = None
        if what == "connect":
            fleet.start()
            answer = _until_settled(fleet, len(locks))
        elif what == "settle":
            answer = _until_settled(fleet, len(locks))
        elif what == "send":
            answer = _send(fleet, order, *details)
        pipe.send(answer)


def _until_settled(fleet: Fleet, count: int) -> float:
    began_s = time.monotonic()
    while not (fleet.up_count == count and fleet.wait_idle(5.0)):
        if time.monotonic() - began_s > 10 * WAIT_S:
            raise TimeoutError(f"Expected {count} locks up and settled, got {fleet.up_count}.")
        time.sleep(0.01)
    return time.monotonic() - began_s


def _send(fleet: Fleet, order: random.Random, lock_ids: list[str], rate: float, seconds: float) -> Published:
    published: Published = []
    start_s = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, start_s + number / rate - time.monotonic()))
        lock_id = order.choice(lock_ids)

        def act(lock: SimulatedLock, lock_id: str = lock_id) -> Sequence[Outgoing]:
            out = lock.observe("door_ajar")
            published.append((lock_id, lock.log.next_seq - 1, time.monotonic()))
            return out

        fleet.act(lock_id, act)
    return published
