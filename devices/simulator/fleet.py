"""Carries simulated locks over MQTT: one thread, one session and one last will each.

Delays (a motor that turns) run in link time, times a scale: 1 is true to life, 0 is at once. Lost networks
happen in world time, drawn from each lock's own stream, and only when :meth:`Fleet.advance_to` says how late
it is. Everything a lock does, it does on the network thread.

A lock sends its log in order and at most 64 events ahead of the watermark (:mod:`devices.simulator.sending`); what
comes next follows when the server has those. It repeats events until it has the signed watermark for them. One that
gets none after several repeats (its log was set aside by the server) is counted as *stuck* and no longer waited for.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from threading import Condition

import structlog

from devices.broker import Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.connections import DeviceClient, DeviceConnections
from devices.keys.messages import Ask, spec_of
from devices.keys.topics import Direction, Topic, subscription
from devices.simulator.body import Outgoing
from devices.simulator.lock import SimulatedLock
from devices.simulator.sending import Sending
from kernel.clock import LinkClock

log = structlog.get_logger(__name__)

KIND = "lock"
RESEND_S = 5.0
"""How long a lock waits for a watermark before it sends its events again."""

STUCK_AFTER = 3
_LOOK_S = 0.5
_ALSO_TO_BROKER = frozenset({"evt", "cfg"})


@dataclass
class _Carried:
    lock: SimulatedLock
    wanted: bool = False
    up: bool = False
    acknowledged: int = 0
    waiting_since_s: float | None = None
    repeats: int = 0
    stuck: bool = False
    sending: Sending = field(init=False)

    def __post_init__(self) -> None:
        self.sending = Sending(self.lock)


@dataclass(order=True, frozen=True)
class _Change:
    at: datetime
    lock_id: str
    back: bool = field(compare=False)


class Fleet:
    """Simulated locks on a broker.

    Parameters
    ----------
    tenant
        Whose locks they are.
    delay_ratio
        Seconds of link time per second a lock takes for an act; 0 answers at once.
    outages_from
        World time from which networks are lost as the locks' behaviour says; never where absent.
    """

    def __init__(
        self,
        address: BrokerAddress,
        tenant: str,
        locks: Iterable[SimulatedLock],
        link: LinkClock,
        *,
        delay_ratio: float = 1.0,
        outages_from: datetime | None = None,
        at_once: int = 50,
    ) -> None:
        if delay_ratio < 0:
            raise ValueError(f"Expected a delay ratio >= 0, got {delay_ratio}.")
        self._tenant = tenant
        self._link = link
        self._delay_ratio = delay_ratio
        self._carried = {lock.lock_id: _Carried(lock) for lock in locks}
        self._changed = Condition()
        self._under_way = 0
        self._unacknowledged: set[str] = set()
        #: locks whose link is not as it should be: connecting, or about to be lost
        self._unsettled: set[str] = set()
        self._stopping = False
        self._changes: list[_Change] = []
        if outages_from is not None:
            for lock_id in sorted(self._carried):
                self._draw_outage(lock_id, outages_from)
        self._connections = DeviceConnections(address, at_once)
        self._connections.add([self._client(carried) for carried in self._carried.values()])

    def start(self) -> None:
        """Switch every lock on and bring it to the network; returns at once."""
        self._connections.network.call(self._switch_on)
        self._connections.network.submit(self._look_after)

    def stop(self) -> None:
        """Say goodbye for every lock."""
        self._stopping = True
        self._connections.stop()

    def wait_up(self, timeout_s: float) -> bool:
        """Wait until every lock that should be connected is. Returns whether that was reached."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unsettled, timeout_s)

    def lose(self, lock_id: str) -> None:
        """Take the network from a lock; its last will goes out."""
        self._want(lock_id, False)
        self._connections.lose(_client_id(lock_id))

    def restore(self, lock_id: str) -> None:
        """Give a lock its network back; it sends what the server lacks."""
        self._want(lock_id, True)
        self._connections.connect(_client_id(lock_id))

    def act(self, lock_id: str, act: Callable[[SimulatedLock], Sequence[Outgoing]]) -> None:
        """Have something happen to a lock, on its own thread, and send what it says to it."""
        carried = self._carried[lock_id]
        with self._changed:
            self._under_way += 1

        def run() -> None:
            try:
                self._send(carried, act(carried.lock))
            finally:
                self._done()

        if not self._connections.network.submit(run):
            self._done()

    def beside(self, lock_id: str, act: Callable[[SimulatedLock], Sequence[Outgoing]]) -> "Future[Sequence[Outgoing]]":
        """Have something happen to a lock from beside it, on its own thread; what it says is the caller's to carry.

        Its events go to the broker as well, as everything it logs does.

        Raises
        ------
        KeyError
            If no such lock is carried.
        """
        carried = self._carried[lock_id]
        said: Future[Sequence[Outgoing]] = Future()
        with self._changed:
            self._under_way += 1

        def run() -> None:
            try:
                outgoing = act(carried.lock)
                self._send(carried, [message for message in outgoing if message.name in _ALSO_TO_BROKER])
                said.set_result(outgoing)
            except Exception as error:  # noqa: BLE001 - it is handed to the thread that asked
                said.set_exception(error)
            finally:
                self._done()

        if not self._connections.network.submit(run):
            self._done()
            said.cancel()
        return said

    @property
    def delay_ratio(self) -> float:
        """Seconds of link time per second a lock takes for an act."""
        return self._delay_ratio

    def advance_to(self, now: datetime) -> Sequence[str]:
        """Lose and restore networks up to this world time. Returns the locks it happened to, in order."""
        touched = []
        while self._changes and self._changes[0].at <= now:
            change = heapq.heappop(self._changes)
            touched.append(change.lock_id)
            if change.back:
                self.restore(change.lock_id)
                self._draw_outage(change.lock_id, change.at)
            else:
                self.lose(change.lock_id)
        return touched

    def has_network(self, lock_id: str) -> bool:
        """Whether a lock is where it reaches a network; without one it hears nothing until it is back."""
        with self._changed:
            return self._carried[lock_id].wanted

    @property
    def next_change_at(self) -> datetime | None:
        """World time of the next lost or restored network, ``None`` if there will be none."""
        return self._changes[0].at if self._changes else None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way: no act, no message to the broker, no event without its watermark."""
        with self._changed:
            return self._is_idle()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is under way. Returns whether that was reached."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout_s)

    @property
    def up_count(self) -> int:
        """How many locks are connected."""
        with self._changed:
            return sum(carried.up for carried in self._carried.values())

    @property
    def stuck(self) -> frozenset[str]:
        """Locks whose events get no watermark, however often they are sent."""
        with self._changed:
            return frozenset(lock_id for lock_id, carried in self._carried.items() if carried.stuck)

    @property
    def locks(self) -> Mapping[str, SimulatedLock]:
        """The locks by id. Whoever changes one goes through :meth:`act`."""
        return {lock_id: carried.lock for lock_id, carried in self._carried.items()}

    def _is_idle(self) -> bool:
        return self._under_way == 0 and not self._unsettled and not self._unacknowledged

    def _settle(self, carried: _Carried) -> None:
        change = self._unsettled.discard if carried.up == carried.wanted else self._unsettled.add
        change(carried.lock.lock_id)
        self._changed.notify_all()

    def _client(self, carried: _Carried) -> DeviceClient:
        lock_id = carried.lock.lock_id
        return DeviceClient(
            client_id=_client_id(lock_id),
            subscriptions=(subscription(self._tenant, KIND, lock_id, Direction.DOWN),),
            will=lambda: self._publication(lock_id, "death", carried.lock.last_will()),
            on_message=lambda delivery: self._take(carried, delivery),
            on_up=lambda: self._come_up(carried),
            on_down=lambda: self._go_down(carried),
        )

    def _switch_on(self) -> None:
        for carried in self._carried.values():
            # What it says of its start goes out when the connection stands.
            carried.lock.power_on()
        with self._changed:
            for carried in self._carried.values():
                carried.wanted = True
                self._settle(carried)
        self._connections.connect(*(_client_id(lock_id) for lock_id in self._carried))

    def _want(self, lock_id: str, wanted: bool) -> None:
        with self._changed:
            self._carried[lock_id].wanted = wanted
            self._settle(self._carried[lock_id])

    def _come_up(self, carried: _Carried) -> None:
        with self._changed:
            self._under_way += 1
            carried.up = True
            carried.repeats, carried.stuck = 0, False
            self._settle(carried)
        # The broker may have kept the last will of an earlier link; it is no longer true.
        self._publish(self._publication(carried.lock.lock_id, "death", b""), carried.lock.lock_id)
        carried.sending.begin_again()
        self._send(carried, carried.lock.connected())
        self._done()

    def _go_down(self, carried: _Carried) -> None:
        with self._changed:
            carried.up = False
            carried.waiting_since_s = None
            carried.sending.begin_again()
            # It cannot be waited for; what it holds is sent when it is back.
            self._unacknowledged.discard(carried.lock.lock_id)
            self._settle(carried)

    def _take(self, carried: _Carried, delivery: Delivery) -> None:
        name = delivery.topic.rsplit("/", 1)[-1]
        said = carried.lock.on_message(name, delivery.payload)
        if name == "ask" and any(message.name == "evt" for message in said):
            carried.sending.begin_again()
        self._send(carried, said)

    def _send(self, carried: _Carried, outgoing: Sequence[Outgoing]) -> None:
        carried.sending.add(message for message in outgoing if message.name == "evt")
        rest = [message for message in outgoing if message.name != "evt"]
        for message in chain(rest, carried.sending.due()):
            publication = self._publication(carried.lock.lock_id, message.name, message.payload)
            delay_s = message.delay_s * self._delay_ratio
            if delay_s <= 0:
                self._publish(publication, carried.lock.lock_id)
            else:
                self._publish_later(publication, carried.lock.lock_id, delay_s)
        self._note_watermark(carried)

    def _publish_later(self, publication: Publication, lock_id: str, delay_s: float) -> None:
        with self._changed:
            self._under_way += 1

        def publish() -> None:
            self._publish(publication, lock_id)
            self._done()

        self._connections.network.loop.call_later(delay_s, publish)

    def _publish(self, publication: Publication, lock_id: str) -> None:
        with self._changed:
            self._under_way += 1
        sent = self._connections.publish(_client_id(lock_id), publication)
        sent.add_done_callback(self._confirmed)

    def _confirmed(self, sent: "Future[None]") -> None:
        if sent.exception() is not None:
            # A lock keeps its events until the watermark, so only the moment is lost.
            log.debug("message_not_sent")
        self._done()

    def _done(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def _note_watermark(self, carried: _Carried) -> None:
        lock = carried.lock
        with self._changed:
            if lock.log.last_ack > carried.acknowledged:
                carried.acknowledged = lock.log.last_ack
                carried.waiting_since_s, carried.repeats, carried.stuck = None, 0, False
            if lock.log.last_ack >= lock.log.next_seq - 1:
                carried.waiting_since_s = None
                self._unacknowledged.discard(lock.lock_id)
            elif carried.up:
                if carried.waiting_since_s is None:
                    carried.waiting_since_s = self._link.monotonic_s()
                if not carried.stuck:
                    self._unacknowledged.add(lock.lock_id)
            self._changed.notify_all()

    def _look_after(self) -> None:
        """Repeat what has waited too long for its watermark."""
        if self._stopping:
            return
        now_s = self._link.monotonic_s()
        for carried in self._carried.values():
            since_s = carried.waiting_since_s
            pause_s = RESEND_S * (10 if carried.stuck else 1 + carried.repeats)
            if carried.up and since_s is not None and now_s - since_s > pause_s:
                self._repeat(carried, now_s)
        self._connections.network.loop.call_later(_LOOK_S, self._look_after)

    def _repeat(self, carried: _Carried, now_s: float) -> None:
        lock = carried.lock
        with self._changed:
            carried.waiting_since_s = now_s
            carried.repeats += 1
            if carried.repeats > STUCK_AFTER and not carried.stuck:
                carried.stuck = True
                self._unacknowledged.discard(lock.lock_id)
                log.warning("lock_gets_no_watermark", lock_id=lock.lock_id)
        carried.sending.begin_again()
        ask = Ask(from_seq=lock.log.last_ack + 1)
        self._send(carried, lock.on_message("ask", ask.encode()))

    def _publication(self, lock_id: str, name: str, payload: bytes) -> Publication:
        spec = spec_of(Direction.UP, name)
        topic = Topic(self._tenant, KIND, lock_id, Direction.UP, name)
        return Publication(str(topic), payload, spec.retain, spec.expiry_s)

    def _draw_outage(self, lock_id: str, from_at: datetime) -> None:
        drawn = self._carried[lock_id].lock.streams.next_outage_s()
        if drawn is None:
            return
        wait_s, lasts_s = drawn
        lost_at = from_at + timedelta(seconds=wait_s)
        heapq.heappush(self._changes, _Change(lost_at, lock_id, back=False))
        heapq.heappush(self._changes, _Change(lost_at + timedelta(seconds=lasts_s), lock_id, back=True))


def _client_id(lock_id: str) -> str:
    return f"{KIND}-{lock_id}"
