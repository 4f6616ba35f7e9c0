"""The only place that speaks to paho: one MQTT session, kept up.

Clients run in the asyncio loop of one thread through paho's interface for external loops, so seven hundred
devices cost one thread. Only that thread touches a client; :mod:`devices.connections` is what other threads
use.

A publication is either confirmed by the broker or failed when the link is lost. Nothing is kept and sent
again later behind the caller's back: commands must never act late, and whoever has facts to deliver keeps an
outbox of its own (design §3).

Traps closed here (mqtt.md §1c, §7): the session is kept from the very first connect (paho's default starts
clean once, which two brokers never forget); TCP_NODELAY is set on every socket; an acknowledgement is only
ever sent on the connection its message came in on, since a later connection may use the number anew.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from struct import Struct
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.broker_address import BrokerAddress
from devices.turnstile import Turnstile
from kernel.errors import DomainError, ErrorKind, ErrorText

log = structlog.get_logger(__name__)

INFLIGHT = 1_000
SESSION_EXPIRY_S = 30 * 24 * 3600
KEEPALIVE_S = 30
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 10.0
_LONG_LIFE_S = 5.0
_CONTESTED_AFTER = 3
_TAKEN_OVER = 0x8E
_READS_AT_ONCE = 64
#: type, two bytes to come, packet identifier: an acknowledgement without a reason is a success (MQTT 5, 3.4.2.1)
_PUBACK = Struct("!BBH")
#: Linux only
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class BrokerError(DomainError):
    """The broker cannot be used just now."""

    texts = {  # noqa: RUF012 - declared ClassVar in the base class
        "broker_away": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Forbindelsen til enhederne er væk lige nu. Prøv igen om lidt.",
            "The connection to the devices is away right now. Try again in a moment.",
        ),
        "broker_refused": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Beskedserveren tog ikke imod: {reason}.",
            "The broker did not accept: {reason}.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to publish at QoS 1. ``expiry_s``: the broker drops it undelivered after that long."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that came in. ``connection`` and ``mid`` say what to acknowledge, and on which connection."""

    topic: str
    payload: bytes
    retained: bool
    connection: int
    mid: int


class Link:
    """One MQTT session, kept up until closed. Made, used and closed on its network thread only.

    Parameters
    ----------
    on_message
        Called for each message. Whatever it raises is logged and goes no further: an exception here would
        otherwise end the connection and bring the same message again for ever.
    on_up, on_down
        Called when all subscriptions are granted, and when the link is lost.
    will
        Asked before each connect for what the broker shall say when the link breaks.
    on_new_session
        Called after ``on_up`` where the broker had no session for this client id.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: BrokerAddress,
        client_id: str,
        subscriptions: Sequence[str],
        on_message: Callable[[Delivery], None],
        on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[], None] = lambda: None,
        will: Callable[[], Publication] | None = None,
        manual_ack: bool = False,
        session_expiry_s: int = SESSION_EXPIRY_S,
        turnstile: Turnstile | None = None,
        on_new_session: Callable[[], None] = lambda: None,
        clean_start: bool = False,
    ) -> None:
        self.client_id = client_id
        self.connection = 0
        self.is_up = False
        self.is_contested = False
        self._loop = loop
        self._address = address
        self._subscriptions = tuple(subscriptions)
        self._on_message, self._on_up, self._on_down, self._will = on_message, on_up, on_down, will
        self._on_new_session = on_new_session
        self._clean_start = clean_start
        self._session_expiry_s = session_expiry_s
        self._turnstile = Turnstile(1) if turnstile is None else turnstile
        self._wanted = False
        self._subscribed = False
        self._is_new_session = False
        self._is_paused = False
        self._granting: set[int] = set()
        self._confirming: dict[int, Future[None]] = {}
        self._read = 0
        self._delay_s = _FIRST_DELAY_S
        self._up_since_s = 0.0
        self._short_lives = 0
        self._cutting = False
        self._retry: asyncio.TimerHandle | None = None
        self._client = self._make_client(manual_ack)

    def open(self) -> None:
        """Connect, and connect again whenever the link is lost, with growing pauses."""
        self._wanted = True
        self._loop.call_soon(self._enter)

    def close(self) -> None:
        """Say goodbye: the broker keeps the session and sends no last will."""
        self._wanted = False
        self._cancel_retry()
        self._client.disconnect()
        self._client.loop_write()

    def drop(self, stay_away: bool = False) -> None:
        """Cut the link without goodbye, as a lost network does: the last will goes out.

        The link comes up again by itself unless ``stay_away``.
        """
        if stay_away:
            self._wanted = False
            self._cancel_retry()
        # Not at once: inside one of paho's own callbacks its locks are held.
        self._loop.call_soon(self._cut)

    def pause(self, paused: bool) -> None:
        """Read nothing from the socket, this one and any later one, until told otherwise.

        A pause longer than the keep-alive ends the link: then everything is delivered again.
        """
        if paused == self._is_paused:
            return
        self._is_paused = paused
        sock = self._client.socket()
        if sock is None:
            return
        if paused:
            self._loop.remove_reader(sock)
        else:
            self._loop.add_reader(sock, self._read_ready)
            self._loop.call_soon(self._read_ready)

    def connect_now(self) -> None:
        """Connect; called by the turnstile."""
        if not self._wanted or self._client.socket() is not None:
            self._turnstile.leave(self)
            return
        if self._will is not None:
            last = self._will()
            self._client.will_set(last.topic, last.payload, qos=1, retain=last.retain)
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._session_expiry_s
        properties.ReceiveMaximum = INFLIGHT
        host, port = self._address.host, self._address.port
        try:
            self._client.connect(host, port, KEEPALIVE_S, clean_start=self._clean_start, properties=properties)
        except OSError as error:
            log.debug("broker_unreachable", client_id=self.client_id, error=type(error).__name__)
            self._lost()

    def publish(self, publication: Publication, done: Future[None]) -> None:
        """Send now or fail: ``done`` gets a result once the broker has it, else a :class:`BrokerError`."""
        if not self.is_up:
            done.set_exception(BrokerError("broker_away"))
            return
        properties = None
        if publication.expiry_s is not None:
            properties = _properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = publication.expiry_s
        info = self._client.publish(publication.topic, publication.payload, 1, publication.retain, properties)
        if info.rc is MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._confirming[info.mid] = done
        else:
            done.set_exception(BrokerError("broker_refused", reason=info.rc.name))

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge in order. What an earlier connection brought is left: the broker sends it again.

        All of them leave in one write. paho would make it a packet, a lock and a system call each: half of what
        receiving costs, and every call hands the interpreter to another thread.
        """
        mids = [delivery.mid for delivery in deliveries if delivery.connection == self.connection]
        if mids and self._client.socket() is not None:
            packets = b"".join(_PUBACK.pack(PacketTypes.PUBACK << 4, 2, mid) for mid in mids)
            self._client._packet_queue(PacketTypes.PUBACK << 4, packets, mids[-1], 1)

    def keep_alive(self) -> None:
        """Ping where due, and notice a link that has gone silent."""
        if self._client.socket() is not None:
            self._client.loop_misc()
        if self.is_up and self._loop.time() - self._up_since_s >= _LONG_LIFE_S:
            self._prove_well()

    def _make_client(self, manual_ack: bool) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=manual_ack,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(INFLIGHT)
        client.connect_timeout = 5.0
        client.on_socket_open = self._socket_opened
        client.on_socket_close = self._socket_closed
        client.on_socket_register_write = self._write_wanted
        client.on_socket_unregister_write = self._write_done
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._granted
        client.on_publish = self._confirmed
        client.on_message = self._arrived
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls is not None:
            tls = self._address.tls
            client.tls_set(str(tls.authority), str(tls.certificate), str(tls.key), ssl.CERT_REQUIRED)
        return client

    def _enter(self) -> None:
        self._retry = None
        if self._wanted and self._client.socket() is None:
            self._turnstile.enter(self)

    def _cut(self) -> None:
        sock = self._client.socket()
        if sock is None:
            return
        self._cutting = True
        # Acknowledgements given before the cut have been given.
        self._client.loop_write()
        try:
            sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
        except OSError:
            log.debug("link_already_cut", client_id=self.client_id)
        # paho notices by reading to the end of the stream, and tells.
        self._read_ready()

    def _connected(self, _c: Client, _u: Any, flags: ConnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        if reason.is_failure:
            log.warning("broker_refused_link", client_id=self.client_id, reason=str(reason))
            return
        self.connection += 1
        self._is_new_session = not flags.session_present
        if not self._subscriptions:
            self._up()
            return
        # Every connect subscribes, also to a session it finds: a broker that was killed may have kept the session
        # and forgotten what was subscribed in its last second. What it still knows is not told again.
        known = self._subscribed and flags.session_present
        retained = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB if known else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
        self._granting.clear()
        for topic in self._subscriptions:
            options = SubscribeOptions(qos=1, retainHandling=retained)
            _rc, mid = self._client.subscribe(topic, options=options)
            if mid is not None:
                self._granting.add(mid)

    def _granted(self, _c: Client, _u: Any, mid: int, reasons: list[ReasonCode], _p: Properties | None) -> None:
        self._granting.discard(mid)
        for reason in reasons:
            if reason.is_failure:
                log.error("subscription_refused", client_id=self.client_id, reason=str(reason))
                return
        if not self._granting and not self.is_up:
            self._subscribed = True
            self._up()

    def _up(self) -> None:
        self.is_up = True
        self._up_since_s = self._loop.time()
        self._turnstile.leave(self)
        sock = self._client.socket()
        if self._is_paused and sock is not None:
            self._loop.remove_reader(sock)
        self._guarded(self._on_up)
        if self._is_new_session:
            self._guarded(self._on_new_session)

    def _disconnected(
        self, _c: Client, _u: Any, flags: DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server and reason.value == _TAKEN_OVER:
            # Coming back would throw the other one out, who would come back in turn, for ever.
            self.is_contested = True
            self._wanted = False
            log.error("broker_session_taken_over", client_id=self.client_id)
        self._lost()

    def _lost(self) -> None:
        was_up, self.is_up = self.is_up, False
        self._granting.clear()
        self._client.drop_out_messages()
        waiting, self._confirming = self._confirming, {}
        for done in waiting.values():
            done.set_exception(BrokerError("broker_away"))
        self._turnstile.leave(self)
        if was_up:
            self._judge_life()
            self._guarded(self._on_down)
        if self._wanted and self._retry is None:
            self._retry = self._loop.call_later(self._delay_s, self._enter)
            self._delay_s = min(self._delay_s * 2, _LONGEST_DELAY_S)

    def _judge_life(self) -> None:
        """Pauses grow until a link has stood for a while; one cut short again and again is fought over.

        Not every broker says with 0x8E that somebody else came with our client id: most just hang up.
        """
        if self._cutting or self._loop.time() - self._up_since_s >= _LONG_LIFE_S:
            self._cutting = False
            self._prove_well()
            return
        self._short_lives += 1
        if self._short_lives >= _CONTESTED_AFTER and not self.is_contested:
            self.is_contested = True
            log.error("broker_session_contested", client_id=self.client_id)

    def _prove_well(self) -> None:
        self.is_contested = False
        self._short_lives, self._delay_s = 0, _FIRST_DELAY_S

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _confirmed(self, _c: Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties) -> None:
        done = self._confirming.pop(mid, None)
        if done is None:
            return
        if reason.is_failure:
            done.set_exception(BrokerError("broker_refused", reason=str(reason)))
        else:
            done.set_result(None)

    def _arrived(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        self._read += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        delivery = Delivery(topic, bytes(message.payload), message.retain, self.connection, message.mid)
        self._guarded(lambda: self._on_message(delivery))

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            log.exception("broker_callback_failed", client_id=self.client_id)

    def _socket_opened(self, _c: Client, _u: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._read_ready)

    def _socket_closed(self, _c: Client, _u: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)

    def _write_wanted(self, _c: Client, _u: Any, sock: Any) -> None:
        self._loop.add_writer(sock, self._client.loop_write)

    def _write_done(self, _c: Client, _u: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _read_ready(self) -> None:
        # paho reads one packet a call; as long as messages come out there may be more in the socket.
        for _ in range(_READS_AT_ONCE):
            if self._is_paused and self.is_up and not self._cutting:
                return
            before = self._read
            self._client.loop_read()
            self._acknowledge_at_once()
            if self._read == before and not self._decrypted():
                return
        self._loop.call_soon(self._read_ready)

    def _acknowledge_at_once(self) -> None:
        # A broker that cannot switch Nagle's algorithm off (iotcore) holds its next small packet back until ours
        # is acknowledged; the kernel would delay that by 40 ms, and forgets the option after each read.
        sock = self._client.socket()
        if sock is not None and _QUICKACK is not None:
            sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)  # type: ignore[attr-defined]

    def _decrypted(self) -> int:
        """Bytes TLS has read ahead: the loop cannot see them in the socket."""
        sock = self._client.socket()
        return sock.pending() if isinstance(sock, ssl.SSLSocket) else 0


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]
