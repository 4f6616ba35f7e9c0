"""From the broker to the database and back: gather, commit, acknowledge, answer, in this order and no other.

One thread per connection, so acknowledgements leave in the order of arrival. When the database is away
nothing is acknowledged; after a while the link is cut, and the broker delivers everything once more.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Thread

import structlog

from devices.broker import Delivery, Publication
from devices.connections import Inlet
from devices.inbox.errors import database_is_away
from devices.inbox.model import Accepted, Incoming, Outgoing
from devices.inbox.service import Inbox
from devices.keys.errors import TopicError
from devices.keys.messages import SPECS
from devices.keys.topics import Direction, Topic
from kernel.clock import LinkClock, WorldClock

log = structlog.get_logger(__name__)

BATCH = 500
BATCH_BYTES = 128 * 1024
GATHER_S = 0.005
GIVE_UP_S = 5.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    delivery: Delivery
    incoming: Incoming
    since_s: float


class Committer:
    """Takes deliveries from a connection and sees them through.

    Parameters
    ----------
    tenant
        Whose topics the answers go to.
    connected
        The connection to acknowledge and answer on; set before the first delivery with :meth:`attach`.
    committed
        Told of every batch after its commit, on the committer's thread.
    """

    def __init__(
        self,
        inbox: Inbox,
        tenant: str,
        world: WorldClock,
        link: LinkClock,
        committed: Callable[[Sequence[Incoming], Accepted], None] = lambda _batch, _accepted: None,
    ) -> None:
        self._inbox = inbox
        self._tenant = tenant
        self._world = world
        self._link = link
        self._committed = committed
        self._inlet: Inlet | None = None
        self._queue: deque[_Waiting] = deque()
        self._changed = Condition()
        self._in_flight: Sequence[_Waiting] = ()
        self._stopping = False
        self._thread: Thread | None = None
        self.committed_total = 0

    def attach(self, inlet: Inlet) -> None:
        """Say which connection to acknowledge and answer on."""
        self._inlet = inlet

    def start(self) -> None:
        """Begin to work."""
        self._thread = Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the batch in hand. What is not acknowledged will be delivered again."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def offer(self, delivery: Delivery) -> None:
        """Take a delivery; called by the connection. Never blocks and never raises."""
        waiting = _Waiting(delivery, self._incoming(delivery), self._link.monotonic_s())
        with self._changed:
            self._queue.append(waiting)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being committed or answered."""
        with self._changed:
            return not self._queue and not self._in_flight

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing waits. Returns whether that was reached."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._in_flight, timeout_s)

    @property
    def oldest_unacknowledged_s(self) -> float:
        """Age of the oldest message not yet committed, 0 where there is none. Above 5 s is an alarm."""
        with self._changed:
            oldest = self._in_flight[0] if self._in_flight else (self._queue[0] if self._queue else None)
        return 0.0 if oldest is None else self._link.monotonic_s() - oldest.since_s

    def _run(self) -> None:
        while batch := self._gather():
            accepted = self._commit(batch)
            if accepted is not None:
                self._acknowledge(batch, accepted)
            with self._changed:
                self._in_flight = ()
                self._changed.notify_all()

    def _gather(self) -> Sequence[_Waiting]:
        """What is there, and what comes within 5 ms of it, up to 500 and 128 KiB. Empty when stopping."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            if self._stopping:
                return ()
            # A lone message is not made to wait; only a queue that has begun to grow is.
            if 1 < len(self._queue) < BATCH:
                self._changed.wait_for(lambda: len(self._queue) >= BATCH or self._stopping, GATHER_S)
            self._in_flight = self._take_a_batch()
            return self._in_flight

    def _take_a_batch(self) -> Sequence[_Waiting]:
        # Bounded in bytes too: whole logs that come home after an outage are long, and while a batch is being
        # committed nobody else writes.
        batch, size_bytes = [self._queue.popleft()], 0
        while self._queue and len(batch) < BATCH and size_bytes < BATCH_BYTES:
            batch.append(self._queue.popleft())
            size_bytes += len(batch[-1].incoming.payload)
        return batch

    def _commit(self, batch: Sequence[_Waiting]) -> Accepted | None:
        """Commit a batch, trying again while the database is away. ``None`` if given up."""
        began_s, pause_s = self._link.monotonic_s(), _FIRST_PAUSE_S
        while True:
            try:
                return self._inbox.accept([waiting.incoming for waiting in batch])
            except Exception as error:
                # Whatever it was, nothing is committed and nothing may be acknowledged: this thread goes on,
                # and the messages stay with the broker.
                log.warning(
                    "batch_not_committed",
                    messages=len(batch),
                    error=type(error).__name__,
                    exc_info=None if database_is_away(error) else error,
                )
            if self._stopping or self._link.monotonic_s() - began_s > GIVE_UP_S:
                self._give_up()
                return None
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _give_up(self) -> None:
        with self._changed:
            self._queue.clear()
        if self._inlet is not None and not self._stopping:
            log.error("inbox_gave_up_link_cut")
            self._inlet.reconnect()

    def _acknowledge(self, batch: Sequence[_Waiting], accepted: Accepted) -> None:
        self.committed_total += len(batch)
        if self._inlet is not None:
            self._inlet.ack([waiting.delivery for waiting in batch])
            for outgoing in accepted.outgoing:
                # Not waited for: a device that misses its watermark sends again and gets it then.
                self._inlet.publish(publication_of(self._tenant, outgoing))
        try:
            self._committed([waiting.incoming for waiting in batch], accepted)
        except Exception:
            log.exception("committed_listener_failed")

    def _incoming(self, delivery: Delivery) -> Incoming:
        now = self._world.now()
        try:
            topic = Topic.parse(delivery.topic)
        except TopicError:
            return Incoming("", "", "", delivery.topic, delivery.payload, now, delivery.retained)
        if topic.direction is not Direction.UP:
            return Incoming("", "", "", delivery.topic, delivery.payload, now, delivery.retained)
        return Incoming(topic.tenant, topic.kind, topic.device_id, topic.name, delivery.payload, now, delivery.retained)


def publication_of(tenant: str, outgoing: Outgoing) -> Publication:
    """An answer as it goes out, kept by the broker or not, as its message says."""
    spec = SPECS.get((Direction.DOWN, outgoing.name))
    topic = Topic(tenant, outgoing.kind, outgoing.device_id, Direction.DOWN, outgoing.name)
    if spec is None:
        return Publication(str(topic), outgoing.payload)
    return Publication(str(topic), outgoing.payload, spec.retain, spec.expiry_s)
