"""Short texts to whoever listens, in this process at once and in the others over Redis.

The port of the signalling: two pages in one call may be served by two processes. Nothing is kept: a text nobody
listens for is gone, as is one sent while Redis is away (pages ask again).
"""

import secrets
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread

import redis
import structlog

log = structlog.get_logger(__name__)

PREFIX = "omsorgstid:call:"
Heard = Callable[[str, str], None]


class Postbox:
    """Sends and hears texts by channel. The same calls with and without Redis."""

    def __init__(self, url: str) -> None:
        self._redis: redis.Redis | None = redis.Redis.from_url(url) if url else None
        self._origin = secrets.token_hex(8)
        self._heard: list[Heard] = []
        self._outgoing: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._stop = Event()
        self._threads: list[Thread] = []

    def on_text(self, heard: Heard) -> None:
        """Call this with channel and text of everything sent anywhere; it has to be quick and thread-safe."""
        self._heard.append(heard)

    def send(self, channel: str, text: str) -> None:
        """Hand a text to everybody who listens. Never waits for Redis: a thread carries it, in order."""
        self._tell(channel, text)
        if self._redis is not None:
            self._outgoing.put((channel, text))

    def start(self) -> None:
        """Begin to hear the other processes."""
        if self._redis is None:
            return
        for name, run in (("postbox-out", self._carry), ("postbox-in", self._listen)):
            thread = Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End; what is still under way is dropped."""
        self._stop.set()
        self._outgoing.put(None)
        for thread in self._threads:
            thread.join(timeout=5)
        if self._redis is not None:
            self._redis.close()

    def _tell(self, channel: str, text: str) -> None:
        for heard in self._heard:
            heard(channel, text)

    def _carry(self) -> None:
        assert self._redis is not None  # noqa: S101 - only started with one
        while (letter := self._outgoing.get()) is not None and not self._stop.is_set():
            channel, text = letter
            try:
                self._redis.publish(PREFIX + channel, f"{self._origin} {text}")
            except redis.RedisError as err:
                log.warning("signalling_not_carried", error=type(err).__name__)

    def _listen(self) -> None:
        assert self._redis is not None  # noqa: S101 - only started with one
        while not self._stop.is_set():
            try:
                with self._redis.pubsub() as channels:  # type: ignore[no-untyped-call]
                    channels.psubscribe(PREFIX + "*")
                    while not self._stop.is_set():
                        self._take(channels.get_message(ignore_subscribe_messages=True, timeout=1.0))
            except redis.RedisError as err:
                log.warning("signalling_lost_redis", error=type(err).__name__)
                self._stop.wait(1.0)

    def _take(self, message: dict[str, bytes] | None) -> None:
        if message is None:
            return
        origin, _, text = message["data"].decode().partition(" ")
        if origin != self._origin:
            self._tell(message["channel"].decode().removeprefix(PREFIX), text)
