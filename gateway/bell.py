"""Wakes whoever waits for new events. Redis only wakes; everybody also polls (design §3).

It rings twice for an event: once when it is committed, for who gives it its position, and once when it has one, for
who reads by position. Nobody is woken to find nothing. What need not be looked at at once is rung for within
:data:`CALM_S`, together with whatever else comes until then.
"""

import secrets
from collections.abc import Callable
from enum import StrEnum
from threading import Event, Thread

import redis
import structlog

log = structlog.get_logger(__name__)

CHANNEL = "omsorgstid:log"
#: A tap at a door is followed by its lock's answer: whoever is woken for both at once has half the work, and does it
#: when nobody waits at the door any more.
CALM_S = 0.2


class Ring(StrEnum):
    """What there is to look at: events that were committed, or events that got their positions."""

    WRITTEN = "written"
    READABLE = "readable"
    #: there will be something to look at; heard in this process only
    COMING = "coming"


class Bell:
    """Rung after each commit that wrote events; heard by every process that shares the Redis."""

    def __init__(self, url: str) -> None:
        self._redis: redis.Redis = redis.Redis.from_url(url) if url else _in_process()
        self._shared = bool(url)
        self._local: dict[Ring, list[Callable[[], None]]] = {ring: [] for ring in Ring}
        #: by which we know our own rings when Redis brings them back
        self._name = secrets.token_hex(4)
        self._stop = Event()
        self._thread: Thread | None = None
        self._calm = Event()
        self._calm_thread: Thread | None = None

    def on_ring(self, heard: Callable[[], None], *what: Ring) -> None:
        """Call this when the bell rings, for this or for anything; it has to be quick."""
        for ring in what or Ring:
            self._local[ring].append(heard)

    def ring(self) -> None:
        """Events were committed: wake who waits for them here and, over Redis, elsewhere.

        A dead Redis costs a poll of delay only.
        """
        self._calm.clear()
        self._ring(Ring.WRITTEN)

    def ring_calmly(self) -> None:
        """The same in a moment, if nobody has rung by then. Before the bell is started, at once."""
        if self._calm_thread is None:
            self.ring()
            return
        self._hear(Ring.COMING)
        self._calm.set()

    def ring_readable(self) -> None:
        """Events have got their positions: wake who reads by position."""
        self._ring(Ring.READABLE)

    def _ring(self, what: Ring) -> None:
        self._hear(what)
        if not self._shared:
            return
        try:
            self._redis.publish(CHANNEL, f"{what}:{self._name}")
        except redis.RedisError as err:
            log.warning("bell_not_heard_elsewhere", error=type(err).__name__)

    def start(self) -> None:
        """Listen for rings of other processes."""
        self._calm_thread = Thread(target=self._ring_in_a_moment, name="bell-calm", daemon=True)
        self._calm_thread.start()
        if self._shared:
            self._thread = Thread(target=self._listen, name="bell", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._calm.set()
        for thread in (self._thread, self._calm_thread):
            if thread is not None:
                thread.join(timeout=5)
        self._redis.close()

    def _ring_in_a_moment(self) -> None:
        while not self._stop.is_set():
            self._calm.wait()
            self._stop.wait(CALM_S)
            if self._calm.is_set():
                self.ring()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with self._redis.pubsub() as channel:  # type: ignore[no-untyped-call]
                    channel.subscribe(CHANNEL)
                    while not self._stop.is_set():
                        message = channel.get_message(ignore_subscribe_messages=True, timeout=1.0)
                        if message:
                            self._heard_elsewhere(message["data"])
            except redis.RedisError as err:
                log.warning("bell_lost_redis", error=type(err).__name__)
                self._stop.wait(1.0)

    def _heard_elsewhere(self, data: bytes) -> None:
        what, _, name = data.decode("ascii", "replace").partition(":")
        if name != self._name and what in set(map(str, Ring)):
            self._hear(Ring(what))

    def _hear(self, what: Ring) -> None:
        for heard in self._local[what]:
            heard()


def _in_process() -> redis.Redis:
    import fakeredis  # noqa: PLC0415 - heavy: imported where it is used, and not at all beside a real one

    return fakeredis.FakeRedis()
