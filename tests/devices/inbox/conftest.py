"""A database with every table, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

import devices.alarms.tables
import devices.inbox.tables
import devices.keys.tables
import devices.registry.tables  # noqa: F401 - the tables are known once their modules are
from devices.broker_process import (
    BrokerKind,
    BrokerProcess,
    iotcore_is_installed,
    mosquitto_path,
    start_broker,
)
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork

START_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each make."""
    if request.param == "postgres":
        yield from _postgres(request.getfixturevalue("postgres_server"))
        return
    made = Database(f"sqlite:///{tmp_path / 'test.db'}")
    SQLModel.metadata.create_all(made.engine)
    yield made
    made.dispose()


def _postgres(server_url: str) -> Iterator[Database]:
    schema = f"inbox_{uuid4().hex}"
    outside = Database(server_url)
    with outside.engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    joint = "&" if "?" in server_url else "?"
    made = Database(f"{server_url}{joint}options=-csearch_path%3D{schema}")
    SQLModel.metadata.create_all(made.engine)
    yield made
    made.dispose()
    with outside.engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    outside.dispose()


@pytest.fixture
def world() -> SimulatedWorldClock:
    """A world that stands still at seven in the morning until moved."""
    return SimulatedWorldClock(START_AT)


@pytest.fixture
def units(database: Database, world: SimulatedWorldClock) -> UnitsOfWork:
    """Units of work on the database."""
    return UnitsOfWork(database, world)


@pytest.fixture(params=["mosquitto", "iotcore"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokerProcess]:
    """A real broker of each make."""
    if request.param == "mosquitto" and mosquitto_path() is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    if request.param == "iotcore" and not iotcore_is_installed():
        pytest.skip("iotcore is not installed: pip install iotcore (Linux x86_64 only)")
    kind: BrokerKind = request.param
    process = start_broker(tmp_path / "broker", kind)
    yield process
    process.stop()
