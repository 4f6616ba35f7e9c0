"""A lock with a full log sends a window of it, and the rest as the server's watermark comes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from devices.broker import Delivery, Publication
from devices.broker_process import BrokerProcess, mosquitto_path, start_broker
from devices.connections import BrokerConnection
from devices.keys.chain import read_event
from devices.keys.control import Ack, sign_ack
from devices.keys.cose import SigningKey, VerifyingKey, lock_trust, server_trust
from devices.keys.messages import EventBatch, decode_message
from devices.keys.topics import Direction
from devices.simulator.fleet import Fleet
from devices.simulator.lock import SimulatedLock
from devices.simulator.sending import WINDOW
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from tests.gateway.platform import eventually

KEY = SigningKey(bytes(range(32)))
HELD = 150


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A running mosquitto."""
    if mosquitto_path() is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    process = start_broker(tmp_path / "broker", "mosquitto")
    yield process
    process.stop()


def test_a_full_log_goes_a_window_at_a_time_and_every_event_once(broker: BrokerProcess) -> None:
    public = VerifyingKey(KEY.public_bytes)
    world, link = SimulatedWorldClock(datetime(2026, 11, 25, 7, 0, tzinfo=UTC)), SystemLinkClock()
    lock = SimulatedLock("lock-1", server_trust([public], [public]), world=world, link=link)
    lock.power_on()
    for _ in range(HELD):
        lock.observe("door_ajar")
    trust = lock_trust(VerifyingKey(lock.public_key))
    heard: list[Ack] = []

    def listen(delivery: Delivery) -> None:
        batch = cast(EventBatch, decode_message(Direction.UP, "evt", delivery.payload))
        for logged in batch.events:
            signed = read_event(logged.raw, trust)
            heard.append(Ack("lock-1", signed.event.boot, signed.event.seq, signed.head))

    topics = "omsorgstid/v1/nord/lock/lock-1"
    server = BrokerConnection(broker.address, "server", [f"{topics}/up/evt"], listen, acknowledge=True)
    server.start()
    assert server.wait_up(20.0)
    fleet = Fleet(broker.address, "nord", [lock], link, delay_ratio=0)
    fleet.start()
    try:
        total = HELD + 2  # two starts: one by hand, one by the fleet
        for upto in (WINDOW, 2 * WINDOW):
            assert eventually(lambda upto=upto: len(heard) == upto)
            server.publish(Publication(f"{topics}/dn/ack", sign_ack(heard[-1], KEY))).result(20.0)
        assert eventually(lambda: len(heard) == total)
        assert [ack.upto for ack in heard] == list(range(1, total + 1))
        server.publish(Publication(f"{topics}/dn/ack", sign_ack(heard[-1], KEY))).result(20.0)
        assert fleet.wait_idle(20.0)
        assert lock.log.held == 0
    finally:
        fleet.stop()
        server.stop()
