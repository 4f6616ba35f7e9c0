import socket
import time
from collections.abc import Callable, Iterator
from threading import Condition, Thread

import pytest

from devices.broker import BrokerError, Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.broker_process import BrokerProcess
from devices.connections import BrokerConnection, DeviceClient, DeviceConnections

EVERYTHING_UP = "omsorgstid/v1/nord/+/+/up/#"
WAIT_S = 15.0

Connect = Callable[..., tuple[BrokerConnection, "Received"]]


class Received:
    """What a connection was given, with a way to wait for it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._deliveries: list[Delivery] = []

    def take(self, delivery: Delivery) -> None:
        with self._changed:
            self._deliveries.append(delivery)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout_s: float = WAIT_S) -> list[Delivery]:
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self._deliveries) >= count, timeout_s)
            assert arrived, f"Expected {count} deliveries, got {len(self._deliveries)}."
            return list(self._deliveries)

    def payloads(self) -> list[bytes]:
        with self._changed:
            return [delivery.payload for delivery in self._deliveries]


@pytest.fixture
def connect(broker: BrokerProcess) -> Iterator[Connect]:
    opened: list[BrokerConnection] = []

    def make(
        client_id: str = "gateway-1",
        acknowledge: bool = False,
        shared_group: str | None = None,
        also: Received | None = None,
    ) -> tuple[BrokerConnection, Received]:
        received = Received()

        def take(delivery: Delivery) -> None:
            received.take(delivery)
            if also is not None:
                also.take(delivery)

        connection = BrokerConnection(
            broker.address,
            client_id,
            [EVERYTHING_UP],
            take,
            acknowledge=acknowledge,
            shared_group=shared_group,
        )
        opened.append(connection)
        connection.start()
        assert connection.wait_up(WAIT_S)
        return connection, received

    yield make
    for connection in opened:
        connection.stop()


@pytest.fixture
def devices(broker: BrokerProcess) -> Iterator[DeviceConnections]:
    connections = DeviceConnections(broker.address)
    yield connections
    connections.stop()


def device(name: str, received: Received | None = None) -> DeviceClient:
    return DeviceClient(
        client_id=f"lock-{name}",
        subscriptions=[f"omsorgstid/v1/nord/lock/{name}/dn/#"],
        will=lambda: Publication(topic(name, "death"), b"gone"),
        on_message=(received or Received()).take,
    )


def topic(name: str, message: str, direction: str = "up") -> str:
    return f"omsorgstid/v1/nord/lock/{name}/{direction}/{message}"


def bring_up(devices: DeviceConnections, *clients: DeviceClient) -> None:
    devices.add(clients)
    devices.connect(*(client.client_id for client in clients))
    assert devices.wait_up(len(clients), WAIT_S)


def test_a_message_of_a_device_reaches_the_gateway_once_and_is_confirmed(
    connect: Connect, devices: DeviceConnections
) -> None:
    _gateway, received = connect()
    bring_up(devices, device("a"))
    devices.publish("lock-a", Publication(topic("a", "evt"), b"hello")).result(WAIT_S)
    (delivery,) = received.wait_for(1)
    assert (delivery.topic, delivery.payload, delivery.retained) == (topic("a", "evt"), b"hello", False)


def test_a_message_of_the_gateway_reaches_only_the_device_it_is_for(
    connect: Connect, devices: DeviceConnections
) -> None:
    gateway, _received = connect()
    of_a, of_b = Received(), Received()
    bring_up(devices, device("a", of_a), device("b", of_b))
    gateway.publish(Publication(topic("a", "ack", "dn"), b"first")).result(WAIT_S)
    gateway.publish(Publication(topic("b", "ack", "dn"), b"second")).result(WAIT_S)
    assert [d.payload for d in of_a.wait_for(1)] == [b"first"]
    assert [d.payload for d in of_b.wait_for(1)] == [b"second"]


def test_what_is_not_acknowledged_comes_again_on_the_next_connection_in_order(
    connect: Connect, devices: DeviceConnections
) -> None:
    gateway, received = connect()
    bring_up(devices, device("a"))
    for number in range(5):
        devices.publish("lock-a", Publication(topic("a", "evt"), b"%d" % number)).result(WAIT_S)
    first = received.wait_for(5)
    gateway.ack(first[:2])
    gateway.reconnect()
    received.wait_for(8)
    assert received.payloads()[5:8] == [b"2", b"3", b"4"]


def test_an_acknowledgement_of_an_earlier_connection_does_not_touch_the_present_one(
    connect: Connect, devices: DeviceConnections
) -> None:
    gateway, received = connect()
    bring_up(devices, device("a"))
    devices.publish("lock-a", Publication(topic("a", "evt"), b"precious")).result(WAIT_S)
    stale = received.wait_for(1)
    gateway.reconnect()
    received.wait_for(2)
    # The same packet number is very likely in use again; believing it would lose the message.
    gateway.ack(stale)
    gateway.reconnect()
    assert received.wait_for(3)[2].payload == b"precious"


def test_messages_sent_while_the_gateway_was_away_are_kept_for_it(connect: Connect, devices: DeviceConnections) -> None:
    gateway, _received = connect()
    bring_up(devices, device("a"))
    gateway.stop()
    for number in range(50):
        devices.publish("lock-a", Publication(topic("a", "evt"), b"%d" % number)).result(WAIT_S)
    _again, received = connect()
    received.wait_for(50)
    assert received.payloads()[:50] == [b"%d" % number for number in range(50)]


def test_a_lost_network_sends_the_last_will_and_a_goodbye_does_not(
    connect: Connect, devices: DeviceConnections
) -> None:
    _gateway, received = connect(acknowledge=True)
    bring_up(devices, device("a"), device("b"))
    devices.lose("lock-a")
    (delivery,) = received.wait_for(1)
    assert (delivery.topic, delivery.payload) == (topic("a", "death"), b"gone")
    devices.stop()
    gateway, _ = connect("gateway-2")
    gateway.publish(Publication(topic("z", "evt"), b"marker")).result(WAIT_S)
    assert [d.payload for d in received.wait_for(2)] == [b"gone", b"marker"]


def test_a_device_that_was_lost_comes_back_with_its_session(connect: Connect, devices: DeviceConnections) -> None:
    gateway, _received = connect(acknowledge=True)
    of_a = Received()
    bring_up(devices, device("a", of_a))
    devices.lose("lock-a")
    _received.wait_for(1)
    gateway.publish(Publication(topic("a", "cfg", "dn"), b"while away")).result(WAIT_S)
    devices.connect("lock-a")
    assert of_a.wait_for(1)[0].payload == b"while away"


@pytest.mark.parametrize("broker_kind", ["mosquitto"], indirect=True)
def test_a_subscription_that_a_kept_session_has_lost_is_made_again_on_the_next_connect(
    broker: BrokerProcess, connect: Connect, devices: DeviceConnections
) -> None:
    gateway, _received = connect()
    received = Received()
    bring_up(devices, device("a", received))
    devices.lose("lock-a")
    assert devices.wait_down(WAIT_S)

    forget_subscription(broker.address, "lock-a", "omsorgstid/v1/nord/lock/a/dn/#")
    devices.connect("lock-a")

    assert devices.wait_up(1, WAIT_S)
    gateway.publish(Publication(topic("a", "crl", "dn"), b"heard")).result(WAIT_S)
    assert [d.payload for d in received.wait_for(1)] == [b"heard"]


def forget_subscription(address: BrokerAddress, client_id: str, topic_filter: str) -> None:
    """Take a subscription out of somebody's kept session, as a broker killed before writing it down does."""
    name, unwanted = client_id.encode(), topic_filter.encode()
    # MQTT 5.0: CONNECT without clean start, session expiry 3600 s; UNSUBSCRIBE packet 1; DISCONNECT
    opened = b"\x00\x04MQTT\x05\x00\x00\x1e\x05\x11\x00\x00\x0e\x10" + len(name).to_bytes(2) + name
    leaving = b"\x00\x01\x00" + len(unwanted).to_bytes(2) + unwanted
    with socket.create_connection((address.host, address.port), WAIT_S) as link:
        link.sendall(bytes((0x10, len(opened))) + opened)
        connack = link.recv(4096)
        assert (connack[0], connack[2:4]) == (0x20, b"\x01\x00"), "the session was there"
        link.sendall(bytes((0xA2, len(leaving))) + leaving)
        unsuback = link.recv(4096)
        assert (unsuback[0], unsuback[-1]) == (0xB0, 0), "the subscription was there"
        link.sendall(b"\xe0\x00")


def test_a_retained_message_is_marked_as_old_for_a_newcomer(connect: Connect, devices: DeviceConnections) -> None:
    bring_up(devices, device("a"))
    devices.publish("lock-a", Publication(topic("a", "birth"), b"born", retain=True)).result(WAIT_S)
    _gateway, received = connect("gateway-2")
    (delivery,) = received.wait_for(1)
    assert (delivery.payload, delivery.retained) == (b"born", True)


def test_publishing_without_a_link_fails_at_once_and_sends_nothing_later(
    connect: Connect, broker: BrokerProcess
) -> None:
    gateway, received = connect(acknowledge=True)
    broker.stop()
    assert gateway.wait_down(WAIT_S)
    with pytest.raises(BrokerError) as error:
        gateway.publish(Publication(topic("a", "open"), b"open now")).result(WAIT_S)
    assert error.value.code == "broker_away"
    broker.restart()
    assert gateway.wait_up(WAIT_S)
    gateway.publish(Publication(topic("a", "evt"), b"later")).result(WAIT_S)
    assert received.wait_for(1)[0].payload == b"later"


def test_a_handler_that_fails_does_not_end_the_connection(broker: BrokerProcess) -> None:
    received = Received()

    def fail_first(delivery: Delivery) -> None:
        received.take(delivery)
        if delivery.payload == b"poison":
            raise RuntimeError("Expected to be contained.")

    connection = BrokerConnection(broker.address, "gateway-1", [EVERYTHING_UP], fail_first, acknowledge=True)
    connection.start()
    assert connection.wait_up(WAIT_S)
    connection.publish(Publication(topic("a", "evt"), b"poison")).result(WAIT_S)
    connection.publish(Publication(topic("a", "evt"), b"fine")).result(WAIT_S)
    assert [d.payload for d in received.wait_for(2)] == [b"poison", b"fine"]
    connection.stop()


def test_a_hundred_devices_come_back_after_the_broker_was_killed(
    broker: BrokerProcess, devices: DeviceConnections
) -> None:
    clients = [device(f"d{number}") for number in range(100)]
    bring_up(devices, *clients)
    broker.kill()
    assert devices.wait_down(WAIT_S)
    broker.restart()
    assert devices.wait_up(100, 30.0)


def test_two_gateways_of_one_group_share_the_messages(connect: Connect, devices: DeviceConnections) -> None:
    both = Received()
    _one, of_one = connect("gateway-1", also=both, acknowledge=True, shared_group="ingest")
    _two, of_two = connect("gateway-2", also=both, acknowledge=True, shared_group="ingest")
    bring_up(devices, device("a"))
    sent = [b"%d" % number for number in range(20)]
    for payload in sent:
        devices.publish("lock-a", Publication(topic("a", "evt"), payload)).result(WAIT_S)
    both.wait_for(len(sent))
    # Each message goes to exactly one of the two, so both together have them all.
    assert sorted(of_one.payloads() + of_two.payloads()) == sorted(sent)
    assert of_one.payloads()
    assert of_two.payloads()


def test_two_with_one_name_notice_it_and_come_back_ever_more_slowly(broker: BrokerProcess) -> None:
    one = BrokerConnection(broker.address, "gateway-1", [EVERYTHING_UP], Received().take)
    two = BrokerConnection(broker.address, "gateway-1", [EVERYTHING_UP], Received().take)
    one.start()
    assert one.wait_up(WAIT_S)
    two.start()
    until_s = time.monotonic() + WAIT_S
    while not (one.is_contested and two.is_contested):
        assert time.monotonic() < until_s, "Expected both to notice that they share a name."
        time.sleep(0.02)
    one.stop()
    two.stop()


def test_who_is_told_of_a_namesake_stays_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connects: list[bytes] = []

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                connects.append(peer.recv(4096))
                peer.sendall(bytes((0x20, 3, 0, 0, 0)))  # CONNACK: success, no session, no properties
                peer.sendall(bytes((0xE0, 2, 0x8E, 0)))  # DISCONNECT: session taken over
                peer.close()

        Thread(target=serve, daemon=True).start()
        address = BrokerAddress("127.0.0.1", server.getsockname()[1])
        connection = BrokerConnection(address, "gateway-1", [], Received().take)
        connection.start()
        until_s = time.monotonic() + WAIT_S
        while not connection.is_contested:
            assert time.monotonic() < until_s, "Expected the connection to hear of its namesake."
            time.sleep(0.02)
        assert connection.wait_down(WAIT_S)
        assert not connection.wait_up(0.5)
        assert len(connects) == 1
        connection.stop()
