"""Raw reports by the hundred: one statement and plain values for the driver, in the form each database takes best.

Through the statement compiler a row costs some 12 µs of Python, and while Python works the network is not read.
Measured by ``python -m loadtests.gateway_bench --only drain``.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy.engine import Connection

from devices.inbox.model import Report, ReportKey

_COLUMNS = "device_id, boot, seq, kind, name, received_at, payload"
_KNOWN = "ON CONFLICT (device_id, boot, seq) DO NOTHING"
#: rows of one statement at most; SQLite takes 32,766 values, of which a row has seven
_MOST = 1_024
_ARRAYS = "%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::bytea[]"


def insert_reports(connection: Connection, rows: Sequence[Report]) -> set[ReportKey]:
    """Insert reports that are not there yet. Returns the keys of those that were not."""
    # Two writers that insert the same keys in opposite order would wait for each other for ever. Of two reports with
    # one key the first counts.
    by_key = {row.key: row for row in reversed(rows)}
    ordered = [by_key[key] for key in sorted(by_key)]
    new: set[ReportKey] = set()
    if connection.dialect.name != "sqlite":
        return _into_postgres(connection, ordered) if ordered else new
    for part in _parts(ordered):
        new |= _into_sqlite(connection, part)
    return new


def _into_sqlite(connection: Connection, rows: Sequence[Report]) -> set[ReportKey]:
    """One statement of as many rows: SQLite works it off without Python, and the network is read meanwhile."""
    values = [
        value
        for row in rows
        for value in (row.device_id, row.boot, row.seq, row.kind, row.name, _as_text(row.received_at), row.payload)
    ]
    inserted = connection.exec_driver_sql(_rows_of(len(rows)), tuple(values)).rowcount
    if inserted == len(rows):
        return {row.key for row in rows}
    # Nobody else writes in this transaction, so the new rows are the last ones.
    last = f"SELECT device_id, boot, seq FROM device_report ORDER BY id DESC LIMIT {int(inserted)}"
    return {(str(row[0]), int(row[1]), int(row[2])) for row in connection.exec_driver_sql(last)}


def _into_postgres(connection: Connection, rows: Sequence[Report]) -> set[ReportKey]:
    """One array a column: the statement stays the same whatever their length, so the server parses it once."""
    columns = (
        [row.device_id for row in rows],
        [row.boot for row in rows],
        [row.seq for row in rows],
        [row.kind for row in rows],
        [row.name for row in rows],
        [row.received_at for row in rows],
        [row.payload for row in rows],
    )
    statement = (
        f"INSERT INTO device_report ({_COLUMNS}) SELECT * FROM unnest({_ARRAYS}) {_KNOWN} "
        "RETURNING device_id, boot, seq"
    )
    return {(str(row[0]), int(row[1]), int(row[2])) for row in connection.exec_driver_sql(statement, columns)}


def _parts(rows: Sequence[Report]) -> Iterator[Sequence[Report]]:
    """Runs of 1, 2, 4 … rows, the longest first: a dozen texts in all, so the driver keeps each prepared."""
    start = 0
    while start < len(rows):
        size = min(_MOST, 1 << ((len(rows) - start).bit_length() - 1))
        yield rows[start : start + size]
        start += size


@lru_cache(maxsize=16)
def _rows_of(count: int) -> str:
    row = "(?, ?, ?, ?, ?, ?, ?)"
    return f"INSERT INTO device_report ({_COLUMNS}) VALUES {', '.join([row] * count)} {_KNOWN}"


def _as_text(at: datetime) -> str:
    """An instant as the column's type writes it for SQLite: UTC without a zone, always with microseconds."""
    if at.tzinfo is None:
        raise ValueError(f"Expected an aware instant, got {at} without a time zone.")
    return at.astimezone(UTC).isoformat(" ", "microseconds")[:-6]
