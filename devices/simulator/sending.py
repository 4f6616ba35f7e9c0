"""How a lock sends its log over the broker: in order, and only so far ahead of the watermark."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import cast

from devices.keys.messages import EventBatch, decode_message
from devices.keys.topics import Direction
from devices.simulator.body import Outgoing
from devices.simulator.lock import SimulatedLock

WINDOW = 64
"""Events on the way without their watermark: a full log must not fill the broker, nor come twice when it is late."""

_SHORT_BYTES = 700


class Sending:
    """What of one lock's log is on the way, and what waits for room."""

    def __init__(self, lock: SimulatedLock) -> None:
        self._lock = lock
        self._waiting: deque[Outgoing] = deque()
        #: the watermark when the sending began, and how many events have been sent since
        self._from = self._sent = 0

    def begin_again(self) -> None:
        """What is added now is sent from the watermark on."""
        self._waiting.clear()
        self._from, self._sent = self._lock.log.last_ack, 0

    def add(self, messages: Iterable[Outgoing]) -> None:
        """Events to be sent after those that wait already."""
        self._waiting.extend(messages)

    def due(self) -> Iterator[Outgoing]:
        """What there is room for now."""
        while self._waiting:
            on_the_way = max(0, self._from + self._sent - self._lock.log.last_ack)
            count = _events_in(self._waiting[0])
            if on_the_way and on_the_way + count > WINDOW:
                return
            self._sent += count
            yield self._waiting.popleft()


def _events_in(message: Outgoing) -> int:
    # A single event is shorter than that; only batches are worth a look.
    if len(message.payload) < _SHORT_BYTES:
        return 1
    return len(cast(EventBatch, decode_message(Direction.UP, "evt", message.payload)).events)
