"""A real broker of each make, on a free port, in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.broker_process import (
    BrokerKind,
    BrokerProcess,
    iotcore_is_installed,
    mosquitto_path,
    start_broker,
)


def _require(kind: str) -> None:
    if kind == "mosquitto" and mosquitto_path() is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    if kind == "iotcore" and not iotcore_is_installed():
        pytest.skip("iotcore is not installed: pip install iotcore (Linux x86_64 only)")


@pytest.fixture(params=["mosquitto", "iotcore"])
def broker_kind(request: pytest.FixtureRequest) -> BrokerKind:
    """Each make in turn."""
    _require(request.param)
    kind: BrokerKind = request.param
    return kind


@pytest.fixture
def broker(broker_kind: BrokerKind, tmp_path: Path) -> Iterator[BrokerProcess]:
    """A running broker."""
    process = start_broker(tmp_path / "broker", broker_kind)
    yield process
    process.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A running mosquitto: for what only it promises."""
    _require("mosquitto")
    process = start_broker(tmp_path / "broker", "mosquitto")
    yield process
    process.stop()
