"""A database with every table, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from tests.databases import PostgresDatabases, sqlite_database

START_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each make."""
    if request.param == "postgres":
        databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
        with databases.empty() as made:
            yield made
        return
    made = sqlite_database(tmp_path / "test.db")
    yield made
    made.dispose()


@pytest.fixture
def world() -> SimulatedWorldClock:
    """A world that stands still at seven in the morning until moved."""
    return SimulatedWorldClock(START_AT)


@pytest.fixture
def units(database: Database, world: SimulatedWorldClock) -> UnitsOfWork:
    """Units of work on the database."""
    return UnitsOfWork(database, world)
