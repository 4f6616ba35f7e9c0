"""From the broker to the database and back: gather, commit, acknowledge, answer, in this order and no other.

One thread per connection, so acknowledgements leave in the order of arrival. When the database is away
nothing is acknowledged; after a while the link is cut, and the broker delivers everything once more. While the
queue is full the connection is not read: what waits, waits with the broker.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from threading import Condition, Thread

import structlog

from devices.broker import Delivery, Publication
from devices.connections import Inlet
from devices.inbox.errors import database_is_away
from devices.inbox.lanes import BATCH, Lanes, Waiting
from devices.inbox.leases import LeaseLostError
from devices.inbox.model import Accepted, Fence, Incoming, Outgoing
from devices.inbox.service import Inbox
from devices.keys.errors import TopicError
from devices.keys.messages import SPECS
from devices.keys.topics import Direction, Topic
from kernel.clock import LinkClock, WorldClock

log = structlog.get_logger(__name__)

GATHER_S = 0.005
#: how long what nobody waits for waits for company
PATIENT_S = 0.1
GIVE_UP_S = 5.0
#: above this the connection is not read, below half of it it is again
QUEUE = 2_000
QUEUE_BYTES = 16 * 1024 * 1024
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


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
    is_mine
        Says by device id what is taken in here; the rest belongs to other shards, which receive it too.
    fence
        Asked within the transaction of each batch whether this shard is still ours.
    """

    def __init__(
        self,
        inbox: Inbox,
        tenant: str,
        world: WorldClock,
        link: LinkClock,
        committed: Callable[[Sequence[Incoming], Accepted], None] = lambda _batch, _accepted: None,
        *,
        is_mine: Callable[[str], bool] = lambda _device_id: True,
        fence: Fence | None = None,
    ) -> None:
        self._accept = inbox.accept if fence is None else partial(inbox.accept, fence=fence)
        self._tenant = tenant
        self._world = world
        self._link = link
        self._committed = committed
        self._is_mine = is_mine
        self._inlet: Inlet | None = None
        self._queue = Lanes()
        self._full = False
        self._changed = Condition()
        self._in_flight: Sequence[Waiting] = ()
        self._stopping = False
        self._thread: Thread | None = None
        self.committed_total = 0
        #: those of other shards included
        self.acknowledged_total = 0
        self._worst_s = 0.0
        #: another process runs this shard now; nothing more is committed or acknowledged here
        self.is_taken_over = False

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
        waiting = Waiting(delivery, self._incoming(delivery), self._link.monotonic_s())
        queue = self._queue
        with self._changed:
            was_patient = queue.is_patient
            queue.put(waiting)
            if not self._full and self._is_above(1.0):
                self._full = True
                self._pause(True)
            # Only who waits for the first message, for one that cannot wait or for a whole batch has to be woken.
            count = len(queue)
            if count == 1 or count >= BATCH or queue.is_patient != was_patient or waiting.is_urgent:
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
    def waiting(self) -> int:
        """How many messages wait, those being committed included."""
        with self._changed:
            return len(self._queue) + len(self._in_flight)

    @property
    def oldest_unacknowledged_s(self) -> float:
        """Age of the oldest message not yet committed, 0 where there is none. Above 5 s is an alarm."""
        with self._changed:
            oldest = self._queue.oldest
        return 0.0 if oldest is None else self._link.monotonic_s() - oldest.since_s

    def take_worst_s(self) -> float:
        """The longest any message has waited since this was asked last, those that still wait included."""
        oldest_s = self.oldest_unacknowledged_s
        with self._changed:
            worst_s, self._worst_s = max(self._worst_s, oldest_s), 0.0
        return worst_s

    def _run(self) -> None:
        while batch := self._gather():
            accepted = self._commit(batch)
            if accepted is not None:
                self._acknowledge(batch, accepted)
            with self._changed:
                oldest_s = min(waiting.since_s for waiting in batch)
                self._worst_s = max(self._worst_s, self._link.monotonic_s() - oldest_s)
                self._in_flight = ()
                self._changed.notify_all()

    def _gather(self) -> Sequence[Waiting]:
        """What is there, and what comes within 5 ms of it, up to a batch. Empty when stopping."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            if self._stopping:
                return ()
            if self._queue.is_patient:
                self._changed.wait_for(lambda: not self._queue.is_patient or self._stopping, PATIENT_S)
            # A lone message is not made to wait, nor is who stands at a door; only a queue that has begun to grow is.
            if 1 < len(self._queue) < BATCH and not self._queue.is_urgent:
                self._changed.wait_for(self._is_gathered, GATHER_S)
            self._in_flight = self._queue.take()
            if self._full and not self._is_above(0.5):
                self._full = False
                self._pause(False)
            return self._in_flight

    def _is_gathered(self) -> bool:
        return len(self._queue) >= BATCH or self._queue.is_urgent or self._stopping

    def _is_above(self, ratio: float) -> bool:
        return len(self._queue) > ratio * QUEUE or self._queue.size_bytes > ratio * QUEUE_BYTES

    def _pause(self, paused: bool) -> None:
        log.info("inbox_full" if paused else "inbox_takes_again", waiting=len(self._queue))
        if self._inlet is not None:
            self._inlet.pause(paused)

    def _commit(self, batch: Sequence[Waiting]) -> Accepted | None:
        """Commit a batch, trying again while the database is away. ``None`` if given up."""
        began_s, pause_s = self._link.monotonic_s(), _FIRST_PAUSE_S
        ours = [waiting.incoming for waiting in batch if waiting.incoming is not None]
        while True:
            try:
                return self._accept(ours)
            except LeaseLostError as lost:
                log.warning("shard_taken_over", lease=str(lost))
                self.is_taken_over = True
                self._give_up(cut=False)
                return None
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

    def _give_up(self, cut: bool = True) -> None:
        with self._changed:
            self._queue.clear()
            if self._full:
                self._full = False
                self._pause(False)
        if cut and self._inlet is not None and not self._stopping:
            log.error("inbox_gave_up_link_cut")
            self._inlet.reconnect()

    def _acknowledge(self, batch: Sequence[Waiting], accepted: Accepted) -> None:
        ours = [waiting.incoming for waiting in batch if waiting.incoming is not None]
        self.committed_total += len(ours)
        with self._changed:
            told = self._queue.settle(batch)
        self.acknowledged_total += len(told)
        if self._inlet is not None:
            self._inlet.ack([waiting.delivery for waiting in told])
            for outgoing in accepted.outgoing:
                # Not waited for: a device that misses its watermark sends again and gets it then.
                self._inlet.publish(publication_of(self._tenant, outgoing))
        try:
            self._committed(ours, accepted)
        except Exception:
            log.exception("committed_listener_failed")

    def _incoming(self, delivery: Delivery) -> Incoming | None:
        now = self._world.now()
        try:
            topic = _parsed(delivery.topic)
        except TopicError:
            if not self._is_mine(delivery.topic):
                return None
            return Incoming("", "", "", delivery.topic, delivery.payload, now, delivery.retained)
        if not self._is_mine(topic.device_id):
            return None
        if topic.direction is not Direction.UP:
            return Incoming("", "", "", delivery.topic, delivery.payload, now, delivery.retained)
        return Incoming(topic.tenant, topic.kind, topic.device_id, topic.name, delivery.payload, now, delivery.retained)


#: the same few topics come over and over
_parsed = lru_cache(maxsize=16_384)(Topic.parse)


def publication_of(tenant: str, outgoing: Outgoing) -> Publication:
    """An answer as it goes out, kept by the broker or not, as its message says."""
    spec = SPECS.get((Direction.DOWN, outgoing.name))
    topic = Topic(tenant, outgoing.kind, outgoing.device_id, Direction.DOWN, outgoing.name)
    if spec is None:
        return Publication(str(topic), outgoing.payload)
    return Publication(str(topic), outgoing.payload, spec.retain, spec.expiry_s)
