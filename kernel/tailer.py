"""One reader of the log per process, fanning out to many listeners.

A page that stays open must not hold a database session. The tailer reads new positions once and hands them to
bounded queues; a listener that cannot keep up is told to reload instead of being fed forever (design §3).
"""

from collections import deque
from collections.abc import Callable
from threading import Event as Signal
from threading import Lock, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from kernel.database import Database
from kernel.events import StoredEvent
from kernel.log import latest_position, read_after

log = structlog.get_logger(__name__)

Wanted = Callable[[StoredEvent], bool]


class Subscription:
    """A listener's bounded queue. ``overflowed`` means: events were lost, reload.

    Nothing up to position ``after`` is offered again: the listener has seen it, here or in another process.
    """

    def __init__(self, wanted: Wanted, capacity: int, ready: Callable[[], None], after: int = 0) -> None:
        self._wanted = wanted
        self._after = after
        self._capacity = capacity
        self._ready = ready
        self._queue: deque[StoredEvent] = deque()
        self._lock = Lock()
        self.overflowed = False

    def offer(self, events: list[StoredEvent]) -> None:
        """Take the wanted ones of a batch and tell the listener."""
        self._put(events, self._queue.extend)

    def offer_missed(self, events: list[StoredEvent]) -> None:
        """The same for what happened before the listener joined: it comes before what happened since."""
        self._put(events, lambda chosen: self._queue.extendleft(reversed(chosen)))

    def overflow(self) -> None:
        """Events were lost: drop the rest, half of the story is worse than none."""
        with self._lock:
            self.overflowed = True
            self._queue.clear()
        self._ready()

    def _put(self, events: list[StoredEvent], into_queue: Callable[[list[StoredEvent]], None]) -> None:
        chosen = [e for e in events if e.position > self._after and self._wanted(e)]
        if not chosen:
            return
        with self._lock:
            if self.overflowed or len(self._queue) + len(chosen) > self._capacity:
                self.overflowed = True
                self._queue.clear()
            else:
                into_queue(chosen)
        self._ready()

    def take(self) -> list[StoredEvent]:
        """Everything that has arrived since the last call, in order."""
        with self._lock:
            events = list(self._queue)
            self._queue.clear()
        return events


class Tailer:
    """Follows the log from its present end in a thread of its own."""

    def __init__(self, database: Database, poll_s: float = 0.5, batch: int = 1_000) -> None:
        self._database = database
        self._poll_s = poll_s
        self._batch = batch
        self._subscriptions: set[Subscription] = set()
        self._lock = Lock()
        self._wake = Signal()
        self._stop = Signal()
        self._thread: Thread | None = None
        self.position = 0

    def start(self) -> None:
        """Begin to follow the log."""
        with self._database.reading() as session:
            self.position = latest_position(session)
        self._thread = Thread(target=self._run, name="tailer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following; returns when the thread has ended."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def wake(self) -> None:
        """Look at the log now instead of at the next poll."""
        self._wake.set()

    def subscribe(
        self, wanted: Wanted, ready: Callable[[], None], after: int | None = None, capacity: int = 1_000
    ) -> Subscription:
        """Listen from now on, or from just after a position seen before (resume).

        Missed events between ``after`` and the tailer's position are put into the queue first; if there are
        more than the queue holds the subscription starts out overflowed.
        """
        subscription = Subscription(wanted, capacity, ready, after or 0)
        with self._lock:
            self._subscriptions.add(subscription)
            joined_at = self.position
        if after is not None and after < joined_at:
            with self._database.reading() as session:
                missed = read_after(session, after, capacity + 1)
            missed = [e for e in missed if e.position <= joined_at]
            if len(missed) > capacity:
                subscription.overflow()
            else:
                subscription.offer_missed(missed)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop feeding a listener."""
        with self._lock:
            self._subscriptions.discard(subscription)

    @property
    def listeners(self) -> int:
        """How many are listening."""
        with self._lock:
            return len(self._subscriptions)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._poll_s)
            self._wake.clear()
            try:
                self._drain()
            except SQLAlchemyError as err:
                # The database may be away for a while; the next poll reads from the same position.
                log.warning("tailer_read_failed", error=type(err).__name__)

    def _drain(self) -> None:
        while not self._stop.is_set():
            with self._database.reading() as session:
                events = read_after(session, self.position, self._batch)
            if not events:
                return
            with self._lock:
                self.position = events[-1].position
                targets = tuple(self._subscriptions)
            for subscription in targets:
                subscription.offer(events)
            if len(events) < self._batch:
                return  # a short read has seen everything there is
