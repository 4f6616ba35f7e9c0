"""One database, two makes: SQLite embedded, PostgreSQL in operation. The rest of the code cannot tell which.

SQLite traps met and closed here (design §6): a transaction that reads first and writes later fails at once,
whatever time-out is set, so every *writing* unit begins ``IMMEDIATE``; durability is ``FULL``; datetimes lose
their zone, so one column type stores aware UTC only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from pydantic_core import from_json
from sqlalchemy import DateTime, Dialect, Engine, TypeDecorator, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlmodel import Session

from kernel.attempts import ChosenVictimError
from kernel.errors import KernelError

BUSY_TIMEOUT_MS = 15_000
_BEGIN_OPTION = "omsorgstid_begin"
_USED_S = "omsorgstid_used_s"
#: PostgreSQL's words for "begin again": deadlock detected, could not serialize
_VICTIM = frozenset({"40P01", "40001"})
_ASKED_AFTER_S = 2.0


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant in both databases. A naive value is refused on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive instants; hand SQLite the UTC wall clock it can compare as text."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"Expected an aware instant, got {value} without a time zone.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back aware UTC from either database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """An engine with the right pragmas and two ways in: :meth:`writing` and :meth:`reading`."""

    def __init__(self, url: str, pool_size: int = 16) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # An error that is logged shows the statement and never its values: names and positions are among them.
        # Half of what json.loads takes: a ledger that reads a year's events does little else as much.
        options: dict[str, Any] = {"hide_parameters": True, "json_deserializer": from_json}
        if self.is_sqlite:
            options["connect_args"] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
        # Forty requests run at once (a thread each) and hold one connection at most; the rest is for the threads
        # of this process. Fewer, and requests would wait for each other's end.
        # The one given back last is taken first: it has everything at hand that was asked a moment ago.
        options |= {"pool_size": pool_size, "max_overflow": pool_size * 2, "pool_use_lifo": True}
        self.engine: Engine = create_engine(url, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
            self._reading = self.engine.execution_options(**{_BEGIN_OPTION: "BEGIN"})
        else:
            event.listen(self.engine, "checkin", _note_use)
            event.listen(self.engine, "checkout", _require_alive)
            # Each statement sees what is committed when it begins, in a transaction or not: a BEGIN and a ROLLBACK
            # around every reading are two round trips for nothing.
            self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in a writing transaction: committed on a clean exit, rolled back on any error.

        Raises
        ------
        KernelError
            ``database_busy`` when another writer held the database past the busy time-out, or when two waited for
            each other and this one was ended (:class:`kernel.attempts.ChosenVictimError`).
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
        except OperationalError as err:
            if "database is locked" in str(err):
                raise KernelError("database_busy") from err
            if getattr(err.orig, "sqlstate", None) in _VICTIM:
                raise ChosenVictimError from err
            raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading only; it never waits for a writer and never blocks one."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def reading_long(self) -> Iterator[Session]:
        """As :meth:`reading`, in one transaction: for results that are fetched a part at a time (``yield_per``)."""
        with Session(self._reading if self.is_sqlite else self.engine, expire_on_commit=False) as session:
            yield session

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_USED_S] = monotonic()


def _require_alive(connection: Any, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    # A server that was restarted closed what it had. One used a moment ago is not asked again: under load that
    # would be a round trip in five.
    if monotonic() - record.info.get(_USED_S, monotonic()) < _ASKED_AFTER_S:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except Exception as err:
        raise DisconnectionError from err


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions on its own: _begin_sqlite chooses the kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "cache_size=-16000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN_OPTION, "BEGIN IMMEDIATE"))
