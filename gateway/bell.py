"""Wakes whoever waits for new events. Redis only wakes; everybody also polls (design §3)."""

from collections.abc import Callable
from threading import Event, Thread

import fakeredis
import redis
import structlog

log = structlog.get_logger(__name__)

CHANNEL = "omsorgstid:log"


class Bell:
    """Rung after each commit that wrote events; heard by every process that shares the Redis."""

    def __init__(self, url: str) -> None:
        self._redis: redis.Redis = redis.Redis.from_url(url) if url else fakeredis.FakeRedis()
        self._local: list[Callable[[], None]] = []
        self._stop = Event()
        self._shared = bool(url)
        self._thread: Thread | None = None

    def on_ring(self, heard: Callable[[], None]) -> None:
        """Call this when the bell rings; it has to be quick."""
        self._local.append(heard)

    def ring(self) -> None:
        """Wake everybody here and, over Redis, elsewhere. A dead Redis costs a poll of delay only."""
        for heard in self._local:
            heard()
        self.ring_elsewhere()

    def ring_elsewhere(self) -> None:
        """Wake the other processes only: events have got their positions and can be read now."""
        if not self._shared:
            return
        try:
            self._redis.publish(CHANNEL, b"1")
        except redis.RedisError as err:
            log.warning("bell_not_heard_elsewhere", error=type(err).__name__)

    def start(self) -> None:
        """Listen for rings of other processes."""
        if self._shared:
            self._thread = Thread(target=self._listen, name="bell", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._redis.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with self._redis.pubsub() as channel:  # type: ignore[no-untyped-call]
                    channel.subscribe(CHANNEL)
                    while not self._stop.is_set():
                        if channel.get_message(ignore_subscribe_messages=True, timeout=1.0):
                            for heard in self._local:
                                heard()
            except redis.RedisError as err:
                log.warning("bell_lost_redis", error=type(err).__name__)
                self._stop.wait(1.0)
