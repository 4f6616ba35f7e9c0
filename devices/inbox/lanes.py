"""What waits for its commit: what is said now before what was kept, each device's own messages in their order.

A log that comes home after an outage is long; what another device says meanwhile is short and is waited for. A long
message takes the heavy lane, and so does whatever its device says behind it. A batch takes the light lane first and
always something of the heavy one, so that neither waits for the other to be empty. The broker is acknowledged in the
order of arrival all the same (MQTT 5, 4.6).
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Waiting:
    """A delivery on its way to its commit."""

    delivery: Delivery
    #: ``None`` where it belongs to another shard and is only acknowledged, in its turn
    incoming: Incoming | None
    since_s: float
    is_settled: bool = field(default=False, init=False)

    @property
    def is_patient(self) -> bool:
        """Whether it may wait for company."""
        return self.incoming is not None and (self.incoming.kind, self.incoming.name) in PATIENT

    @property
    def device_id(self) -> str:
        """Whose order it has to keep; nobody's where it is not ours."""
        return "" if self.incoming is None else self.incoming.device_id

    @property
    def size_bytes(self) -> int:
        """How much of the queue's room it takes."""
        return 0 if self.incoming is None else len(self.incoming.payload)


class Lanes:
    """The queue of one committer. Not for several threads at once: its owner holds a lock."""

    def __init__(self) -> None:
        self._arrived: deque[Waiting] = deque()
        self._light: deque[Waiting] = deque()
        self._heavy: deque[Waiting] = deque()
        self._in_light: Counter[str] = Counter()
        self._in_heavy: Counter[str] = Counter()
        self._patient = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._light) + len(self._heavy)

    @property
    def is_patient(self) -> bool:
        """Whether nothing in the queue needs its commit now."""
        return self._patient == len(self)

    @property
    def oldest(self) -> Waiting | None:
        """The one that waits longest, one in a batch under way included."""
        return next((waiting for waiting in self._arrived if not waiting.is_settled), None)

    def put(self, waiting: Waiting) -> None:
        """It has arrived."""
        self._arrived.append(waiting)
        self.size_bytes += waiting.size_bytes
        self._patient += waiting.is_patient
        if waiting.size_bytes >= LONG_BYTES or waiting.device_id in self._in_heavy:
            self._heavy.append(waiting)
            self._in_heavy[waiting.device_id] += 1
        else:
            self._light.append(waiting)
            self._in_light[waiting.device_id] += 1

    def take(self) -> Sequence[Waiting]:
        """The next batch: at most 500 messages and, unless one alone is longer, 128 KiB."""
        batch, size_bytes, heavy_bytes = list[Waiting](), 0, 0
        # One place is kept for the heavy lane: it moves on however busy the light one is.
        most = BATCH - 1 if self._heavy else BATCH
        while self._light and len(batch) < most and size_bytes < BATCH_BYTES:
            batch.append(self._light.popleft())
            size_bytes += batch[-1].size_bytes
            _leave(self._in_light, batch[-1])
        while self._heavy and len(batch) < BATCH and (heavy_bytes == 0 or size_bytes + heavy_bytes < HEAVY_BYTES):
            if self._heavy[0].device_id in self._in_light:
                break  # what it said before is still in the light lane
            batch.append(self._heavy.popleft())
            heavy_bytes += max(1, batch[-1].size_bytes)
            _leave(self._in_heavy, batch[-1])
        for waiting in batch:
            self.size_bytes -= waiting.size_bytes
            self._patient -= waiting.is_patient
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
        for lane in (self._arrived, self._light, self._heavy):
            lane.clear()
        self._in_light.clear()
        self._in_heavy.clear()
        self._patient = self.size_bytes = 0


def _leave(lane: Counter[str], waiting: Waiting) -> None:
    lane[waiting.device_id] -= 1
    if not lane[waiting.device_id]:
        del lane[waiting.device_id]
