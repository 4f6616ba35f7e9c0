"""Two processes' hubs with a real Redis between them: a call may be served by both, and survives Redis' return."""

import asyncio
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import pytest
import redis

from gateway.postbox import Postbox
from gateway.signalling import Deliver, Hub, Leave, Member, Met
from kernel.clock import SystemLinkClock
from tests import own_loop
from tests.conftest import missing
from tests.gateway.platform import eventually
from tests.gateway.test_wiring_redis import RedisServer
from video.model import Side


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of our own."""
    if shutil.which("redis-server") is None:
        missing("Redis (Debian: redis-server)")
    folder: Path = tmp_path_factory.mktemp("redis")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    started = RedisServer(folder, port)
    started.start()
    yield started
    started.stop()


class Process:
    """What one web process has of the signalling."""

    def __init__(self, url: str) -> None:
        self.postbox = Postbox(url)
        self.hub = Hub(self.postbox, SystemLinkClock())
        self.postbox.start()

    def member(self, conn: str, side: Side) -> Member:
        """A page's socket in this process."""
        made = Member(conn, side, "room-1", None, asyncio.get_running_loop())
        self.hub.enter(made)
        return made


@pytest.fixture
def pair(server: RedisServer) -> Iterator[tuple[Process, Process]]:
    """Two processes that hear each other."""
    made = Process(server.url), Process(server.url)
    _wait_for_listeners(server, 2)
    yield made
    for process in made:
        process.postbox.stop()


def _wait_for_listeners(server: RedisServer, count: int) -> None:
    def listeners() -> int:
        with redis.Redis.from_url(server.url) as connection:
            clients: Any = connection.client_list(_type="pubsub")
            return sum(c["psub"] == "1" for c in clients)

    assert eventually(lambda: listeners() == count)


async def took(member: Member, fits: Callable[[Any], bool]) -> Any:
    """The next parcel of a kind."""
    while True:
        parcel = await asyncio.wait_for(member.parcels.get(), 10.0)
        if fits(parcel):
            return parcel


async def met(*members: Member) -> None:
    """Both are in the call."""
    for member in members:
        await took(member, lambda p: isinstance(p, Met) and p.both)


def test_two_pages_of_one_call_in_two_processes_meet_and_talk(pair: tuple[Process, Process]) -> None:
    async def call() -> list[float]:
        staff, citizen = pair[0].member("s", "staff"), pair[1].member("c", "citizen")
        pair[0].hub.join(staff)
        pair[1].hub.join(citizen)
        await met(staff, citizen)
        hops_ms = []
        for n in range(50):
            began_s = perf_counter()
            assert pair[0].hub.relay(staff, {"type": "offer", "sdp": f"{n} {'x' * 2_000}"})
            parcel = await took(citizen, lambda p: isinstance(p, Deliver) and p.body["type"] == "offer")
            hops_ms.append((perf_counter() - began_s) * 1_000)
            assert parcel.body["sdp"].startswith(f"{n} ")
        pair[1].hub.exit(citizen)
        await took(staff, lambda p: isinstance(p, Met) and not p.both)
        assert not pair[0].hub.relay(staff, {"type": "offer", "sdp": "to nobody"})
        pair[0].hub.exit(staff)
        return hops_ms

    hops_ms = own_loop.run(call())
    # Generous beside the goal of 10 ms: other tests share these cores.
    assert quantiles(hops_ms, n=20)[-1] < 250


def test_a_newer_page_in_the_other_process_takes_over(pair: tuple[Process, Process]) -> None:
    async def call() -> Leave:
        older, newer = pair[0].member("old", "staff"), pair[1].member("new", "staff")
        pair[0].hub.join(older)
        pair[1].hub.join(newer)
        left: Leave = await took(older, lambda p: isinstance(p, Leave))
        return left

    assert own_loop.run(call()).code == 4409


def test_a_call_goes_on_when_redis_has_been_away(server: RedisServer, pair: tuple[Process, Process]) -> None:
    async def call() -> None:
        staff, citizen = pair[0].member("s", "staff"), pair[1].member("c", "citizen")
        pair[0].hub.join(staff)
        pair[1].hub.join(citizen)
        await met(staff, citizen)
        await asyncio.to_thread(server.stop)
        assert pair[0].hub.relay(staff, {"type": "restart"})  # carried by nobody, and no error to the page
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(_wait_for_listeners, server, 2)
        pair[0].hub.relay(staff, {"type": "offer", "sdp": "after"})
        assert (await took(citizen, lambda p: isinstance(p, Deliver) and p.body["type"] == "offer")).body == {
            "type": "offer",
            "sdp": "after",
        }

    own_loop.run(call())


def test_what_goes_over_redis_names_nobody(server: RedisServer, pair: tuple[Process, Process]) -> None:
    with redis.Redis.from_url(server.url) as connection, connection.pubsub() as listening:  # type: ignore[no-untyped-call]
        listening.psubscribe("*")
        listening.get_message(timeout=5.0)
        pair[0].hub.ring("room-1", "citizen-1042")
        message = listening.get_message(timeout=5.0)

    assert message is not None
    assert b"1042" not in message["channel"]
    assert json.loads(message["data"].partition(b" ")[2]) == {"kind": "ring", "room": "room-1"}
