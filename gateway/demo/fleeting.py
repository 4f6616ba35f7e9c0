"""A database that is gone with the demo waits for no disk."""

from typing import Any

from sqlalchemy import event

from kernel.database import Database

#: pages that are written before SQLite tidies its write-ahead log: some 80 MB instead of 4
TIDY_AFTER_PAGES = 20_000


def wait_for_no_disk(database: Database) -> None:
    """Leave it to the machine when what is committed reaches the disk; only its power cut would lose anything.

    For a database in a folder that is deleted at the end: nobody reads it after a power cut. One that is to be kept
    is written as in operation. PostgreSQL is left as it is.
    """
    if not database.is_sqlite:
        return
    event.listen(database.engine, "connect", _hurry)
    # What is connected already connects anew.
    database.dispose()


def _hurry(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("synchronous=OFF", f"wal_autocheckpoint={TIDY_AFTER_PAGES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
