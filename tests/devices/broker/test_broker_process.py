import socket
import time
from pathlib import Path
from threading import Event

import pytest

from devices.broker import Delivery, Publication
from devices.broker_process import (
    BrokerKind,
    BrokerProcess,
    BrokerProcessError,
    iotcore_configuration,
    mosquitto_configuration,
    start_broker,
)
from devices.connections import BrokerConnection

WAIT_S = 15.0
TOPIC = "omsorgstid/v1/nord/lock/a/up/evt"


def test_the_broker_is_reached_on_the_loopback_address_and_nowhere_else(broker: BrokerProcess) -> None:
    assert broker.address.host == "127.0.0.1"
    socket.create_connection(("127.0.0.1", broker.address.port), timeout=2).close()
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ours = [line.split()[1] for line in listening if line.split()[1].endswith(f":{broker.address.port:04X}")]
    assert {address.split(":")[0] for address in ours} == {"0100007F"}


def test_a_stopped_broker_leaves_no_process_and_stopping_twice_is_harmless(broker: BrokerProcess) -> None:
    pid = broker.pid
    assert broker.is_running
    broker.stop()
    broker.stop()
    assert not broker.is_running
    assert broker.pid is None
    assert not Path(f"/proc/{pid}").exists()


def test_a_taken_port_is_named_in_the_error(broker_kind: BrokerKind, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BrokerProcessError) as error:
            start_broker(tmp_path / "other", broker_kind, port=taken.getsockname()[1])
    assert error.value.code == "broker_did_not_start"
    assert error.value.facts["what"] == broker_kind


def test_a_broker_left_behind_by_a_killed_run_is_ended_first(tmp_path: Path, broker_kind: BrokerKind) -> None:
    left_behind = start_broker(tmp_path / "broker", broker_kind)
    successor = start_broker(tmp_path / "broker", broker_kind)
    assert not left_behind.is_running
    assert successor.is_running
    successor.stop()


def test_messages_acknowledged_by_mosquitto_survive_its_sudden_death(mosquitto: BrokerProcess, tmp_path: Path) -> None:
    payloads: list[bytes] = []
    last_came = Event()

    def take(delivery: Delivery) -> None:
        payloads.append(delivery.payload)
        if delivery.payload == b"last":
            last_came.set()

    gateway = BrokerConnection(mosquitto.address, "gateway-1", [TOPIC], take)
    gateway.start()
    assert gateway.wait_up(WAIT_S)
    gateway.stop()
    sender = BrokerConnection(mosquitto.address, "sender", [], take)
    sender.start()
    assert sender.wait_up(WAIT_S)
    for number in range(200):
        sender.publish(Publication(TOPIC, b"%d" % number)).result(WAIT_S)
    wait_until_saved(tmp_path / "broker" / "mosquitto.db")
    mosquitto.kill()
    mosquitto.restart()
    gateway = BrokerConnection(mosquitto.address, "gateway-1", [TOPIC], take, acknowledge=True)
    gateway.start()
    assert gateway.wait_up(WAIT_S)
    assert sender.wait_up(WAIT_S)
    sender.publish(Publication(TOPIC, b"last")).result(WAIT_S)
    assert last_came.wait(WAIT_S)
    assert payloads == [b"%d" % number for number in range(200)] + [b"last"]
    gateway.stop()
    sender.stop()


def wait_until_saved(database: Path) -> None:
    """Wait until mosquitto has written its sessions once more after now."""

    def written_ns() -> int:
        return database.stat().st_mtime_ns if database.exists() else 0

    before_ns, until_s = written_ns(), time.monotonic() + WAIT_S
    while written_ns() == before_ns:
        assert time.monotonic() < until_s, "Expected mosquitto to save its sessions every second."
        time.sleep(0.02)


def test_the_configurations_hold_what_was_learnt_the_hard_way(tmp_path: Path) -> None:
    mosquitto = mosquitto_configuration(1883, tmp_path)
    assert "listener 1883 127.0.0.1" in mosquitto
    assert "set_tcp_nodelay true" in mosquitto
    assert "autosave_interval 1\n" in mosquitto
    assert "max_inflight_messages 1000" in mosquitto
    assert 'listen = "127.0.0.1:1883"' in iotcore_configuration(1883)
