"""The near link of simulated locks: a WebSocket on loopback where the field has Bluetooth.

``ws://127.0.0.1:{port}/near/{lock_id}``, binary frames, one fragment each (docs/protocol.md, section 10). It
needs no broker, no gateway and no network: it is what is left when everything else is gone. One connection is
one source with its own challenges and its own patience. The log goes out sealed for the server, so whoever
stands at the door may carry it and learns nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from http import HTTPStatus
from itertools import count
from urllib.parse import unquote

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from devices.keys.errors import TopicError
from devices.keys.fragments import MAX_FRAGMENT_BYTES, Joiner, NearMessage, Splitter
from devices.keys.topics import Direction, Topic
from devices.network_thread import NetworkThread
from devices.simulator.body import Outgoing
from devices.simulator.fleet import KIND, Fleet
from devices.simulator.lock import SimulatedLock

log = structlog.get_logger(__name__)

PATH = "/near/"
#: a frame beyond this is not a long fragment but somebody else's protocol
_MAX_FRAME_BYTES = 16 * MAX_FRAGMENT_BYTES

Act = Callable[[SimulatedLock], Sequence[Outgoing]]


class NearLink:
    """Serves the near links of locks until stopped.

    Parameters
    ----------
    fleet_or_locks
        A fleet, whose locks also speak over the broker, or locks by id that nobody else carries.
    host, port
        Where to listen; port 0 takes a free one.
    delay_ratio
        Seconds of link time per second a lock takes for an act; a fleet brings its own.
    """

    def __init__(
        self,
        fleet_or_locks: Fleet | Mapping[str, SimulatedLock],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        delay_ratio: float = 0.0,
    ) -> None:
        self._carriers: list[Fleet | Mapping[str, SimulatedLock]] = [fleet_or_locks]
        self._host = host
        self._port = port
        self._delay_ratio = delay_ratio
        self._network: NetworkThread | None = None
        self._server: Server | None = None
        self._sources = count(1)

    def add(self, fleet_or_locks: Fleet | Mapping[str, SimulatedLock]) -> None:
        """More locks; they are reachable at once."""
        self._carriers = [*self._carriers, fleet_or_locks]

    def start(self) -> None:
        """Listen; returns when it does.

        Raises
        ------
        OSError
            If the port is taken.
        """
        network = self._network = NetworkThread("near-link")
        listening = asyncio.run_coroutine_threadsafe(self._listen(), network.loop)
        try:
            self._server = listening.result(timeout=30)
        except OSError:
            network.stop()
            raise
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    def stop(self) -> None:
        """Hang up on everybody; may be called twice."""
        if self._server is None or self._network is None:
            return
        server, network = self._server, self._network
        self._server = self._network = None

        async def close() -> None:
            server.close()
            await server.wait_closed()

        asyncio.run_coroutine_threadsafe(close(), network.loop).result(timeout=30)
        network.stop()

    @property
    def url(self) -> str:
        """The carrier's address; a lock's id follows after a slash."""
        return f"ws://{self._host}:{self._port}{PATH.rstrip('/')}"

    async def _listen(self) -> Server:
        return await serve(
            self._talk, self._host, self._port, process_request=self._admit, max_size=_MAX_FRAME_BYTES, compression=None
        )

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        found = self._find(_lock_id(request.path))
        if found is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "No lock of this name is near.\n")
        _, lock = found
        return None if lock.radio else connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The radio is off.\n")

    def _find(self, lock_id: str) -> tuple[Fleet | None, SimulatedLock] | None:
        for carrier in self._carriers:
            fleet = carrier if isinstance(carrier, Fleet) else None
            locks = carrier.locks if isinstance(carrier, Fleet) else carrier
            if lock_id in locks:
                return fleet, locks[lock_id]
        return None

    async def _talk(self, connection: ServerConnection) -> None:
        request = connection.request
        found = self._find(_lock_id("" if request is None else request.path))
        if found is None:
            return
        talk = _Talk(connection, *found, source=f"near-{next(self._sources)}", delay_ratio=self._delay_ratio)
        with suppress(ConnectionClosed):
            await talk.run()
        await talk.end()


class _Talk:
    """One connection to one lock."""

    def __init__(
        self,
        connection: ServerConnection,
        fleet: Fleet | None,
        lock: SimulatedLock,
        *,
        source: str,
        delay_ratio: float,
    ) -> None:
        self._connection = connection
        self._fleet = fleet
        self._lock = lock
        self._source = source
        self._delay_ratio = delay_ratio if fleet is None else fleet.delay_ratio
        self._splitter, self._joiner = Splitter(), Joiner()
        self._late: set[asyncio.Task[None]] = set()
        self._speaking = asyncio.Lock()

    async def run(self) -> None:
        await self._say(await self._do(lambda lock: lock.met()))
        async for frame in self._connection:
            if not self._lock.radio:
                return
            message = self._joiner.take(frame) if isinstance(frame, bytes) else None
            if message is not None:
                await self._say(await self._do(self._heard(message)))

    async def end(self) -> None:
        for task in self._late:
            task.cancel()
        if self._joiner.dropped:
            log.info("near_link_fragments_dropped", source=self._source, count=self._joiner.dropped.total())
        await self._do(self._forgotten)
        await self._connection.close()

    def _heard(self, message: NearMessage) -> Act:
        return lambda lock: lock.on_message(message.name, message.payload, self._source)

    def _forgotten(self, lock: SimulatedLock) -> Sequence[Outgoing]:
        lock.gone(self._source)
        return ()

    async def _do(self, act: Act) -> Sequence[Outgoing]:
        if self._fleet is None:
            return act(self._lock)
        said: Future[Sequence[Outgoing]] = self._fleet.beside(self._lock.lock_id, act)
        return await asyncio.wrap_future(said)

    async def _say(self, outgoing: Sequence[Outgoing]) -> None:
        for message in outgoing:
            delay_s = message.delay_s * self._delay_ratio
            if delay_s <= 0:
                await self._send(message)
            else:
                task = asyncio.create_task(self._send_late(message, delay_s))
                self._late.add(task)
                task.add_done_callback(self._late.discard)

    async def _send_late(self, message: Outgoing, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        with suppress(ConnectionClosed):
            await self._send(message)

    async def _send(self, message: Outgoing) -> None:
        payload = self._lock.for_strangers(message)
        async with self._speaking:  # fragments of two messages must not be mixed
            for fragment in self._splitter.split(NearMessage(message.name, payload)):
                await self._connection.send(fragment)


def _lock_id(path: str) -> str:
    name = unquote(path.partition("?")[0].removeprefix(PATH)) if path.startswith(PATH) else ""
    try:
        return Topic("near", KIND, name, Direction.DOWN, "open").device_id
    except TopicError:
        return ""
