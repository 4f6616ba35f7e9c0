"""A unit of work for a command: on the database the settings name, migrated first."""

from contextlib import AbstractContextManager

from gateway.settings import load_settings
from kernel.work import Work


def database_work() -> AbstractContextManager[Work]:
    """Opened where it is entered, committed on a clean exit."""
    from gateway.migrations import migrate
    from kernel.clock import SystemWorldClock
    from kernel.database import Database
    from kernel.work import UnitsOfWork

    settings = load_settings()
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url)
    migrate(database)
    return UnitsOfWork(database, SystemWorldClock()).begin()
