"""What the rest of the program uses of the broker: the gateway's one connection, and a fleet of devices.

Both may be used from any thread. Publishing never waits for the network: it returns at once with a future
that is confirmed by the broker or fails when the link is lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import Protocol

from devices.broker import SESSION_EXPIRY_S, BrokerError, Delivery, Link, Publication
from devices.broker_address import BrokerAddress
from devices.network_thread import NetworkThread
from devices.turnstile import Turnstile

_HOUSEKEEPING_S = 2.0


class Inlet(Protocol):
    """A connection as the committer needs it: acknowledge, publish, or ask for everything once more."""

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, in order."""
        ...

    def publish(self, publication: Publication) -> "Future[None]":
        """Send now or fail."""
        ...

    def reconnect(self) -> None:
        """Cut the link so that the broker delivers again what was not acknowledged."""
        ...

    def pause(self, paused: bool) -> None:
        """Stop reading, or read again; what is not read waits with the broker."""
        ...


class BrokerConnection:
    """The gateway's connection: QoS 1, acknowledged by hand, the session kept by the broker.

    Parameters
    ----------
    client_id
        One per role and instance. Two processes with the same id throw each other out: a broker that says so
        is not connected to again, any other ever more slowly (``is_contested``).
    on_delivery
        Called on the network thread for each message; it must be quick.
    acknowledge
        ``True`` acknowledges each message as soon as ``on_delivery`` returns: for those who keep nothing.
    shared_group
        Share the messages with every other connection of this group. The order of a device's messages is lost.
    on_new_session
        Called on the network thread when the broker had no session for us: what was published meanwhile is gone.
    clean_start
        Throw away the session the broker has. For giving up a client id, and for nothing else.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        subscriptions: Sequence[str],
        on_delivery: Callable[[Delivery], None],
        *,
        acknowledge: bool = False,
        shared_group: str | None = None,
        session_expiry_s: int = SESSION_EXPIRY_S,
        on_new_session: Callable[[], None] = lambda: None,
        clean_start: bool = False,
    ) -> None:
        shared = [f"$share/{shared_group}/{topic}" for topic in subscriptions]
        self._address = address
        self._client_id = client_id
        self._subscriptions = tuple(subscriptions) if shared_group is None else tuple(shared)
        self._on_delivery = on_delivery
        self._acknowledge = acknowledge
        self._session_expiry_s = session_expiry_s
        self._on_new_session = on_new_session
        self._clean_start = clean_start
        self._changed = Condition()
        self._up = False
        self._network: NetworkThread | None = None
        self._link: Link | None = None
        self._housekeeping: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to connect; returns at once."""
        network = NetworkThread(f"broker-{self._client_id}")
        self._network = network
        self._link = network.call(lambda: self._make_link(network))

    def stop(self) -> None:
        """Say goodbye and stop; the broker keeps the session."""
        if self._network is None or self._link is None:
            return
        self._network.call(self._close)
        self._network.stop()
        self._network = None

    @property
    def is_up(self) -> bool:
        """Whether the link stands and every subscription is granted."""
        return self._up

    @property
    def is_contested(self) -> bool:
        """Whether somebody else uses our client id: the two throw each other out."""
        return self._link is not None and self._link.is_contested

    def wait_up(self, timeout_s: float) -> bool:
        """Wait until the link stands. Returns whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: self._up, timeout_s)

    def wait_down(self, timeout_s: float) -> bool:
        """Wait until the link is lost. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._up, timeout_s)

    def publish(self, publication: Publication) -> "Future[None]":
        """Send now or fail; never waits.

        Returns
        -------
        Future
            Done when the broker has the message; fails with :class:`BrokerError` when the link is away or
            is lost before that. A message that failed may still have arrived.
        """
        done: Future[None] = Future()
        network, link = self._network, self._link
        if not (network and link and self._up and network.submit(lambda: link.publish(publication, done))):
            done.set_exception(BrokerError("broker_away"))
        return done

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages in the order given; call it only after they are committed."""
        network, link = self._network, self._link
        if network is not None and link is not None:
            network.submit(lambda: link.ack(deliveries))

    def reconnect(self) -> None:
        """Cut the link and come back: the broker then delivers again what was not acknowledged."""
        network, link = self._network, self._link
        if network is not None and link is not None:
            network.submit(link.drop)

    def pause(self, paused: bool) -> None:
        """Stop reading the socket, or read again: the broker, and TCP, hold back what is not read."""
        network, link = self._network, self._link
        if network is not None and link is not None:
            network.submit(lambda: link.pause(paused))

    def _make_link(self, network: NetworkThread) -> Link:
        link = Link(
            network.loop,
            self._address,
            self._client_id,
            self._subscriptions,
            on_message=self._on_delivery,
            on_up=lambda: self._set_up(True),
            on_down=lambda: self._set_up(False),
            manual_ack=not self._acknowledge,
            session_expiry_s=self._session_expiry_s,
            on_new_session=self._on_new_session,
            clean_start=self._clean_start,
        )
        link.open()
        self._keep(network, link)
        return link

    def _keep(self, network: NetworkThread, link: Link) -> None:
        link.keep_alive()
        self._housekeeping = network.loop.call_later(_HOUSEKEEPING_S, self._keep, network, link)

    def _close(self) -> None:
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        if self._link is not None:
            self._link.close()

    def _set_up(self, up: bool) -> None:
        with self._changed:
            self._up = up
            self._changed.notify_all()


@dataclass(frozen=True)
class DeviceClient:
    """One device on the wire.

    Callbacks run on the network thread, one at a time. ``will`` is asked before each connect, since what the
    broker shall say of a device depends on how often it has started.
    """

    client_id: str
    subscriptions: Sequence[str]
    will: Callable[[], Publication]
    on_message: Callable[[Delivery], None]
    on_up: Callable[[], None] = field(default=lambda: None)
    on_down: Callable[[], None] = field(default=lambda: None)


class DeviceConnections:
    """Many devices in one thread: each with its own session and last will.

    Parameters
    ----------
    at_once
        How many may be connecting at the same time.
    """

    def __init__(self, address: BrokerAddress, at_once: int = 50) -> None:
        self._address = address
        self._turnstile = Turnstile(at_once)
        self._links: dict[str, Link] = {}
        self._up: set[str] = set()
        self._changed = Condition()
        self._housekeeping: asyncio.TimerHandle | None = None
        self.network = NetworkThread("devices")
        self.network.call(self._keep)

    def add(self, devices: Sequence[DeviceClient]) -> None:
        """Take on devices; none connects before :meth:`connect`."""
        self.network.call(lambda: self._add(devices))

    def connect(self, *client_ids: str) -> None:
        """Bring devices to the network; they come back by themselves when their link is lost."""
        self.network.submit(lambda: self._open(client_ids))

    def lose(self, *client_ids: str) -> None:
        """Take the network away from devices without goodbye: their last wills go out."""
        self.network.submit(lambda: self._drop(client_ids))

    def publish(self, client_id: str, publication: Publication) -> "Future[None]":
        """Send for a device now or fail; never waits."""
        done: Future[None] = Future()
        if not self.network.submit(lambda: self._links[client_id].publish(publication, done)):
            done.set_exception(BrokerError("broker_away"))
        return done

    @property
    def up_count(self) -> int:
        """How many devices have a standing link."""
        with self._changed:
            return len(self._up)

    def wait_up(self, count: int, timeout_s: float) -> bool:
        """Wait until so many devices have a standing link. Returns whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._up) >= count, timeout_s)

    def wait_down(self, timeout_s: float) -> bool:
        """Wait until no device has a standing link. Returns whether none has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._up, timeout_s)

    def stop(self) -> None:
        """Say goodbye for every device and stop."""
        if not self.network.loop.is_closed():
            self.network.call(self._close)
            self.network.stop()

    def _add(self, devices: Sequence[DeviceClient]) -> None:
        for device in devices:
            if device.client_id in self._links:
                raise ValueError(f"Expected each client id once, got {device.client_id!r} again.")
            self._links[device.client_id] = self._make_link(device)

    def _make_link(self, device: DeviceClient) -> Link:
        return Link(
            self.network.loop,
            self._address,
            device.client_id,
            device.subscriptions,
            on_message=device.on_message,
            on_up=lambda: self._note(device, True),
            on_down=lambda: self._note(device, False),
            will=device.will,
            turnstile=self._turnstile,
        )

    def _open(self, client_ids: Sequence[str]) -> None:
        for client_id in client_ids:
            self._links[client_id].open()

    def _drop(self, client_ids: Sequence[str]) -> None:
        for client_id in client_ids:
            self._links[client_id].drop(stay_away=True)

    def _note(self, device: DeviceClient, up: bool) -> None:
        (device.on_up if up else device.on_down)()
        with self._changed:
            (self._up.add if up else self._up.discard)(device.client_id)
            self._changed.notify_all()

    def _keep(self) -> None:
        for link in self._links.values():
            link.keep_alive()
        self._housekeeping = self.network.loop.call_later(_HOUSEKEEPING_S, self._keep)

    def _close(self) -> None:
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        for link in self._links.values():
            link.close()
