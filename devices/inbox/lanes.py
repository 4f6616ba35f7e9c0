"""What waits for its commit: what is said now before what was kept, each device's own messages in their order.

A log that comes home after an outage is long; what another device says meanwhile is short and is waited for. A long
message takes the heavy lane, and so does whatever its device says behind it. A batch takes the light lane first and
always something of the heavy one, so that neither waits for the other to be empty. The broker is acknowledged in the
order of arrival all the same (MQTT 5, 4.6).

After a new connection the broker delivers what waits here unacknowledged once more. It keeps the place it has and is
acknowledged on the new connection: queued anew it would be twice the work, and the slower the inbox, the more of it.
"""

from collections import deque
from collections.abc import Sequence

from devices.broker import Delivery
from devices.inbox.model import Incoming

BATCH = 500
BATCH_BYTES = 128 * 1024
#: of long messages in one batch: while it is committed nobody else writes
HEAVY_BYTES = 64 * 1024
#: from here a message is long: some ten signed events
LONG_BYTES = 4 * 1024
#: what changes nothing and what nobody waits for: taken in with the next message that does
PATIENT = frozenset({("lock", "challenge")})
#: what a person at a door waits for: it is gathered for nobody, and goes alone while little else waits
URGENT = frozenset({("lock", "answer")})
_LITTLE = 3


class Waiting:
    """A delivery on its way to its commit.

    Parameters
    ----------
    incoming
        ``None`` where it belongs to another shard and is only acknowledged, in its turn.
    """

    __slots__ = (
        "delivery",
        "device_id",
        "incoming",
        "is_patient",
        "is_settled",
        "is_urgent",
        "since_s",
        "size_bytes",
    )

    def __init__(self, delivery: Delivery, incoming: Incoming | None, since_s: float) -> None:
        self.delivery = delivery
        self.incoming = incoming
        self.since_s = since_s
        self.is_settled = False
        #: whose order it has to keep; nobody's where it is not ours
        self.device_id = "" if incoming is None else incoming.device_id
        #: how much of the queue's room it takes
        self.size_bytes = 0 if incoming is None else len(incoming.payload)
        #: whether it may wait for company
        self.is_patient = incoming is not None and (incoming.kind, incoming.name) in PATIENT
        self.is_urgent = incoming is not None and (incoming.kind, incoming.name) in URGENT


class Lanes:
    """The queue of one committer. Not for several threads at once: its owner holds a lock."""

    def __init__(self) -> None:
        self._arrived: deque[Waiting] = deque()
        self._light: deque[Waiting] = deque()
        self._heavy: deque[Waiting] = deque()
        self._in_light: dict[str, int] = {}
        self._in_heavy: dict[str, int] = {}
        self._patient = 0
        self._urgent = 0
        self._count = 0
        self._connection = 0
        #: what an earlier connection brought and nobody has settled yet, by topic and payload
        self._left_behind: dict[tuple[str, bytes], deque[Waiting]] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return self._count

    @property
    def is_patient(self) -> bool:
        """Whether nothing in the queue needs its commit now."""
        return self._patient == self._count

    @property
    def is_urgent(self) -> bool:
        """Whether somebody stands at a door and waits for something in the queue."""
        return self._urgent > 0

    @property
    def oldest(self) -> Waiting | None:
        """The one that waits longest, one in a batch under way included."""
        left = (waiting for same in self._left_behind.values() for waiting in same if not waiting.is_settled)
        arrived = next((waiting for waiting in self._arrived if not waiting.is_settled), None)
        return min(left if arrived is None else (*left, arrived), key=lambda waiting: waiting.since_s, default=None)

    def put(self, waiting: Waiting) -> None:
        """It has arrived."""
        if waiting.delivery.connection != self._connection:
            self._leave_behind(waiting.delivery.connection)
        if self._left_behind and self._is_here(waiting):
            return
        size_bytes, device_id = waiting.size_bytes, waiting.device_id
        self._arrived.append(waiting)
        self._count += 1
        self.size_bytes += size_bytes
        self._patient += waiting.is_patient
        self._urgent += waiting.is_urgent
        is_heavy = size_bytes >= LONG_BYTES or device_id in self._in_heavy
        (self._heavy if is_heavy else self._light).append(waiting)
        lane = self._in_heavy if is_heavy else self._in_light
        lane[device_id] = lane.get(device_id, 0) + 1

    def take(self) -> Sequence[Waiting]:
        """The next batch: at most 500 messages and, unless one alone is longer, 128 KiB."""
        alone = self._with_urgent() if self._count <= _LITTLE else 0
        batch, size_bytes, heavy_bytes = list[Waiting](), 0, 0
        # One place is kept for the heavy lane: it moves on however busy the light one is.
        most = alone or (BATCH - 1 if self._heavy else BATCH)
        while self._light and len(batch) < most and size_bytes < BATCH_BYTES:
            batch.append(self._light.popleft())
            size_bytes += batch[-1].size_bytes
            _leave(self._in_light, batch[-1].device_id)
        most = 0 if alone else BATCH
        while self._heavy and len(batch) < most and (heavy_bytes == 0 or size_bytes + heavy_bytes < HEAVY_BYTES):
            if self._heavy[0].device_id in self._in_light:
                break  # what it said before is still in the light lane
            batch.append(self._heavy.popleft())
            heavy_bytes += max(1, batch[-1].size_bytes)
            _leave(self._in_heavy, batch[-1].device_id)
        self._count -= len(batch)
        self.size_bytes -= sum(waiting.size_bytes for waiting in batch)
        self._patient -= sum(waiting.is_patient for waiting in batch)
        self._urgent -= sum(waiting.is_urgent for waiting in batch)
        return batch

    def settle(self, batch: Sequence[Waiting]) -> Sequence[Waiting]:
        """A batch is committed. Returns what the broker may be told of now, in order of arrival."""
        for waiting in batch:
            waiting.is_settled = True
        told = []
        while self._arrived and self._arrived[0].is_settled:
            told.append(self._arrived.popleft())
        return told

    def clear(self) -> None:
        """Forget everything, a batch under way included: the broker delivers it again."""
        self._left_behind.clear()
        for lane in (self._arrived, self._light, self._heavy):
            lane.clear()
        self._in_light.clear()
        self._in_heavy.clear()
        self._patient = self._urgent = self._count = self.size_bytes = 0

    def _leave_behind(self, connection: int) -> None:
        """A new connection: only what it brings, again or for the first time, can be acknowledged on it."""
        self._connection = connection
        earlier = [*(waiting for same in self._left_behind.values() for waiting in same), *self._arrived]
        self._left_behind.clear()
        self._arrived.clear()
        for waiting in earlier:
            if not waiting.is_settled:
                self._left_behind.setdefault(_content(waiting), deque()).append(waiting)

    def _is_here(self, again: Waiting) -> bool:
        """Whether it has waited here since an earlier connection; from now on it is this one's."""
        same = self._left_behind.pop(_content(again), deque())
        while same:
            waiting = same.popleft()
            if not waiting.is_settled:
                waiting.delivery = again.delivery
                self._arrived.append(waiting)
                if same:
                    self._left_behind[_content(again)] = same
                return True
        return False

    def _with_urgent(self) -> int:
        """How many of the light lane, from its front, have to go for everything urgent in it to go; 0 where none is."""
        return max((at for at, waiting in enumerate(self._light, 1) if waiting.is_urgent), default=0)


def _content(waiting: Waiting) -> tuple[str, bytes]:
    return (waiting.delivery.topic, waiting.delivery.payload)


def _leave(lane: dict[str, int], device_id: str) -> None:
    left = lane[device_id] - 1
    if left:
        lane[device_id] = left
    else:
        del lane[device_id]
