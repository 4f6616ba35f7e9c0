"""Carries challenges and commands between this process and the locks. It only carries: it can open nothing.

A challenge is asked for over MQTT and waited for here, by request id, in memory: it is worth nothing after
ten seconds. A command is handed to the broker once; if the broker does not take it, it is gone.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as NotInTimeError
from contextlib import contextmanager
from functools import partial
from threading import Lock
from time import monotonic

import structlog

from devices.broker import BrokerError, Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.connections import BrokerConnection
from devices.inbox.model import Outgoing
from devices.keys.errors import ProtocolError
from devices.keys.messages import Challenge, decode_message, spec_of
from devices.keys.topics import Direction, Topic

log = structlog.get_logger(__name__)

#: the broker is on the same network: what it has not taken by then it does not take
TAKE_WITHIN_S = 5.0
#: how much longer than the first of several locks the others may take
GRACE_S = 1.0


class DoorDesk:
    """One process's connection for commands.

    Parameters
    ----------
    instance
        Makes the client id unique: two processes with one id would throw each other out.
    asking
        Whether this process asks locks for challenges. One that only tells them something hears of no other's.
    """

    def __init__(self, address: BrokerAddress, tenant: str, instance: str, *, asking: bool = True) -> None:
        self._tenant = tenant
        self._waiting: dict[tuple[str, bytes], Future[Challenge]] = {}
        self._lock = Lock()
        self._connection = BrokerConnection(
            address,
            f"gateway-{instance}",
            [f"omsorgstid/v1/{tenant}/lock/+/up/challenge"] if asking else [],
            self._arrived,
            acknowledge=True,
            session_expiry_s=0,
        )

    def start(self, timeout_s: float = 10.0) -> None:
        """Connect; waits for the broker at most so long, and goes on connecting after that."""
        self._connection.start()
        if not self._connection.wait_up(timeout_s):
            log.warning("door_desk_without_broker")

    def stop(self) -> None:
        """Hang up."""
        self._connection.stop()

    @property
    def is_up(self) -> bool:
        """Whether the broker is there."""
        return self._connection.is_up

    def challenges(self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float) -> list[Challenge | None]:
        """Ask locks for a nonce each. ``None`` where none came in time.

        Locks that stand on one way are asked at once. The first answer gives the others :data:`GRACE_S`, so that a
        stairwell without a network does not use up the time of the flat.

        Parameters
        ----------
        questions
            What to publish, and the request id of each.
        """
        with self._asked(questions) as given:
            deadline_s = monotonic() + timeout_s
            _, missing = wait(given, timeout_s, FIRST_COMPLETED)
            if missing:
                wait(missing, max(0.0, min(GRACE_S, deadline_s - monotonic())))
            return [future.result() if future.done() else None for future in given]

    async def challenges_soon(
        self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float
    ) -> list[Challenge | None]:
        """As :meth:`challenges`, for who waits in a loop: forty doors that wait for their locks take no thread."""
        with self._asked(questions) as given:
            deadline_s = monotonic() + timeout_s
            coming = [asyncio.wrap_future(future) for future in given]
            _, missing = await asyncio.wait(coming, timeout=timeout_s, return_when=FIRST_COMPLETED)
            if missing:
                await asyncio.wait(missing, timeout=max(0.0, min(GRACE_S, deadline_s - monotonic())))
            return [future.result() if future.done() else None for future in given]

    @contextmanager
    def _asked(self, questions: Sequence[tuple[Outgoing, bytes]]) -> Iterator[list[Future[Challenge]]]:
        """What becomes of each question, as long as somebody waits."""
        awaited: dict[tuple[str, bytes], Future[Challenge]] = {
            (question.device_id, request): Future() for question, request in questions
        }
        with self._lock:
            self._waiting |= awaited
        try:
            # Not waited for: who does not take the question answers nothing either.
            self.hand_over([question for question, _ in questions])
            yield list(awaited.values())
        finally:
            with self._lock:
                for key in awaited:
                    del self._waiting[key]

    def hand_over(self, messages: Iterable[Outgoing]) -> None:
        """Hand messages to the broker, each once, and wait for nothing. What it does not take is logged and gone."""
        for message in messages:
            self._hand_over(message).add_done_callback(partial(_log_not_taken, message))

    def send(self, messages: Iterable[Outgoing]) -> bool:
        """Hand messages to the broker, each once. Returns whether it took all of them.

        All are under way before the first is waited for: many cost one round trip and at worst one time-out.
        """
        under_way = [(message, self._hand_over(message)) for message in messages]
        deadline_s = monotonic() + TAKE_WITHIN_S
        taken = [_is_taken(message, done, deadline_s) for message, done in under_way]
        return all(taken)

    def _hand_over(self, message: Outgoing) -> Future[None]:
        topic = Topic(self._tenant, message.kind, message.device_id, Direction.DOWN, message.name)
        spec = spec_of(Direction.DOWN, message.name)
        return self._connection.publish(Publication(str(topic), message.payload, spec.retain, spec.expiry_s))

    def _arrived(self, delivery: Delivery) -> None:
        if not self._waiting:
            return  # another web process has asked
        try:
            topic = Topic.parse(delivery.topic)
            message = decode_message(Direction.UP, topic.name, delivery.payload)
        except ProtocolError as err:
            # The inbox sees the same message and keeps it in quarantine; here it is nobody's answer.
            log.info("challenge_unreadable", code=err.code)
            return
        if isinstance(message, Challenge):
            with self._lock:
                awaited = self._waiting.get((topic.device_id, message.request))
            if awaited is not None and not awaited.done():
                awaited.set_result(message)


def _log_not_taken(message: Outgoing, done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        log.warning("message_not_taken_by_broker", name=message.name, error=type(error).__name__)


def _is_taken(message: Outgoing, done: Future[None], deadline_s: float) -> bool:
    try:
        done.result(max(0.0, deadline_s - monotonic()))
    except (BrokerError, NotInTimeError) as err:
        log.warning("message_not_taken_by_broker", name=message.name, error=type(err).__name__)
        return False
    return True
