"""A broker in memory that does what brokers do at their worst: QoS 1, redelivery, lost sessions, held messages.

It promises what MQTT promises (a message that is not acknowledged comes again, a device's messages stay in order)
and keeps nothing else: it delivers twice, interleaves devices as it likes, forgets everything when it is killed,
and remembers every message to a lock so that it can say it again later.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from devices.broker import Delivery


@dataclass(frozen=True, slots=True)
class Down:
    """A message to a lock."""

    lock_id: str
    name: str
    payload: bytes


@dataclass(slots=True)
class _Up:
    lock_id: str
    topic: str
    payload: bytes


@dataclass
class ModelBroker:
    """Sessions of the server and of every lock, in memory."""

    running: bool = True
    #: everything ever sent to a lock: what a hostile broker can say again
    said: list[Down] = field(default_factory=list)
    _waiting: deque[_Up] = field(default_factory=deque)
    _in_flight: dict[int, _Up] = field(default_factory=dict)
    _down: dict[str, deque[Down]] = field(default_factory=dict)
    _retained: dict[tuple[str, str], Down] = field(default_factory=dict)
    _mid: int = 0
    _connection: int = 0

    @property
    def waiting(self) -> int:
        """Messages to the server that nobody has acknowledged."""
        return len(self._waiting) + len(self._in_flight)

    def publish_up(self, lock_id: str, topic: str, payload: bytes) -> None:
        """From a lock. While the broker is down it is gone."""
        if self.running:
            self._waiting.append(_Up(lock_id, topic, payload))

    def deliver(self) -> Sequence[Delivery]:
        """Everything that waits, to the server. It stays here until it is acknowledged."""
        found = []
        while self.running and self._waiting:
            message = self._waiting.popleft()
            self._mid += 1
            self._in_flight[self._mid] = message
            found.append(Delivery(message.topic, message.payload, False, self._connection, self._mid))
        return found

    def acknowledge(self, delivery: Delivery) -> _Up | None:
        """The server has it. One of an earlier connection acknowledges nothing."""
        return self._in_flight.pop(delivery.mid, None) if delivery.connection == self._connection else None

    def server_gone(self) -> None:
        """The server's connection broke: what it did not acknowledge comes again, in order."""
        self._waiting.extendleft(self._in_flight[mid] for mid in sorted(self._in_flight, reverse=True))
        self._in_flight.clear()
        self._connection += 1

    def publish_down(self, message: Down, retain: bool = False) -> bool:
        """To a lock. Returns whether the broker took it."""
        if not self.running:
            return False
        self.said.append(message)
        self._down.setdefault(message.lock_id, deque()).append(message)
        if retain:
            self._retained[message.lock_id, message.name] = message
        return True

    def next_down(self, lock_id: str) -> Down | None:
        """The next message a connected lock gets."""
        queue = self._down.get(lock_id)
        return queue.popleft() if self.running and queue else None

    def lock_came(self, lock_id: str) -> None:
        """A lock connected: it gets what is retained for it once more."""
        kept = [message for (of, _), message in self._retained.items() if of == lock_id]
        self._down.setdefault(lock_id, deque()).extend(kept)

    def twice(self, number: int) -> None:
        """Deliver a waiting message twice, as a sender does that missed the acknowledgement."""
        if self._waiting:
            at = number % len(self._waiting)
            self._waiting.insert(at, self._waiting[at])

    def interleave(self, seed: int) -> None:
        """Mix the devices; each one's messages stay in order."""
        order = [message.lock_id for message in self._waiting]
        Random(seed).shuffle(order)
        of: dict[str, deque[_Up]] = {}
        for message in self._waiting:
            of.setdefault(message.lock_id, deque()).append(message)
        self._waiting = deque(of[lock_id].popleft() for lock_id in order)

    def kill(self, *, forget: bool) -> None:
        """It is gone; with ``forget`` everything it held is gone too."""
        self.running = False
        self.server_gone()
        if forget:
            self._waiting.clear()
            self._down.clear()
            self._retained.clear()
