"""The attacker's place on the broker: hears every message, keeps it, says anything under any name."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition

from devices.broker import Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.connections import BrokerConnection
from devices.keys.topics import Direction, Topic

_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that went over the broker."""

    lock_id: str
    direction: Direction
    name: str
    payload: bytes


class Wiretap:
    """One connection that subscribes to everything. The embedded broker lets anybody in, as a hostile one would."""

    def __init__(self, address: BrokerAddress, tenant: str) -> None:
        self._tenant = tenant
        self._heard: list[Heard] = []
        self._changed = Condition()
        topics = [f"omsorgstid/v1/{tenant}/lock/+/+/#"]
        self._connection = BrokerConnection(
            address, "attacker", topics, self._take, acknowledge=True, session_expiry_s=0
        )

    def start(self) -> None:
        """Listen.

        Raises
        ------
        TimeoutError
            If the broker does not let us.
        """
        self._connection.start()
        if not self._connection.wait_up(_WAIT_S):
            raise TimeoutError("Expected the broker to take the attacker's connection.")

    def stop(self) -> None:
        """Hang up."""
        self._connection.stop()

    @property
    def count(self) -> int:
        """How many messages were heard so far; a place to wait from."""
        with self._changed:
            return len(self._heard)

    def heard(self, lock_id: str, direction: Direction, name: str) -> list[bytes]:
        """Every payload of one kind that was heard of a lock, in order."""
        with self._changed:
            return [h.payload for h in self._heard if (h.lock_id, h.direction, h.name) == (lock_id, direction, name)]

    def heard_down(self, lock_id: str, name: str) -> list[bytes]:
        """Every payload of one kind that was sent to a lock, in order; what the broker kept included."""
        return [payload for payload in self.heard(lock_id, Direction.DOWN, name) if payload]

    def say(self, lock_id: str, direction: Direction, name: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish under anybody's name."""
        topic = Topic(self._tenant, "lock", lock_id, direction, name)
        self._connection.publish(Publication(str(topic), payload, retain)).result(_WAIT_S)

    def wait_for(
        self, lock_id: str, name: str, since: int, fits: Callable[[bytes], bool] = lambda _payload: True
    ) -> bytes | None:
        """The first fitting message of a lock since a place; ``None`` if none comes."""

        def found() -> bytes | None:
            return next(
                (
                    heard.payload
                    for heard in self._heard[since:]
                    if (heard.lock_id, heard.direction, heard.name) == (lock_id, Direction.UP, name)
                    and fits(heard.payload)
                ),
                None,
            )

        with self._changed:
            self._changed.wait_for(lambda: found() is not None, _WAIT_S)
            return found()

    def _take(self, delivery: Delivery) -> None:
        topic = Topic.parse(delivery.topic)
        with self._changed:
            self._heard.append(Heard(topic.device_id, topic.direction, topic.name, delivery.payload))
            self._changed.notify_all()
