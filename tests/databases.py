"""Empty databases for tests: every one a copy of a database that was migrated once.

Migrating takes longer than most tests; the copy is the same to the byte (SQLite) or to the file (PostgreSQL). That
migrations make what the code says is for tests/architecture to prove.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from sqlalchemy import create_engine, text

from gateway.migrations import migrate
from kernel.database import Database


def migrated_file(file: Path) -> Path:
    """Make a migrated SQLite database of this name, where there is none; what is there already stays."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_migrated())
    return file


def sqlite_database(file: Path) -> Database:
    """A migrated SQLite database in this file."""
    return Database(f"sqlite:///{migrated_file(file)}")


class PostgresDatabases:
    """Databases on one server, copied from one that this process migrated."""

    def __init__(self, server_url: str) -> None:
        self._server = create_engine(server_url, isolation_level="AUTOCOMMIT")
        self._template = ""

    @contextmanager
    def empty(self) -> Iterator[Database]:
        """A migrated database of one's own; gone afterwards."""
        name = _name()
        self._do(f"CREATE DATABASE {name} TEMPLATE {self._migrated()} STRATEGY FILE_COPY")
        made = self._open(name)
        try:
            yield made
        finally:
            made.dispose()
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Leave the server as it was found."""
        if self._template:
            self._do(f"DROP DATABASE {self._template}")
        self._server.dispose()

    def _migrated(self) -> str:
        if not self._template:
            name = _name()
            self._do(f"CREATE DATABASE {name}")
            made = self._open(name)
            migrate(made)
            # Nobody may be connected to what is copied.
            made.dispose()
            self._template = name
        return self._template

    def _open(self, name: str) -> Database:
        return Database(self._server.url.set(database=name).render_as_string(hide_password=False))

    def _do(self, statement: str) -> None:
        with self._server.connect() as connection:
            connection.execute(text(statement))


def until_it_waits(database: Database, other: Future[Any]) -> None:
    """Go on once another thread is done or waits for this one; SQLite lets nobody in before this one is done."""
    deadline_s = monotonic() + 10
    while not (database.is_sqlite or other.done()):
        with database.reading() as session:
            if session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                return
        assert monotonic() < deadline_s, "neither done nor waiting"
        sleep(0.01)


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.db"
        made = Database(f"sqlite:///{file}")
        migrate(made)
        # The last connection to close brings the write-ahead log home: the file is whole.
        made.dispose()
        return file.read_bytes()


def _name() -> str:
    return f"t{os.urandom(6).hex()}"
