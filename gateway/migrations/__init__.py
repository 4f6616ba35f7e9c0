"""Migrations of the one database, dated files; expand, migrate, contract."""

from pathlib import Path

from alembic import command
from alembic.config import Config

# Importing the tables is what makes the metadata whole: Alembic compares it, tests create from it.
from devices.alarms import tables as _alarms_tables  # noqa: F401
from devices.driving import tables as _driving_tables  # noqa: F401
from devices.inbox import tables as _inbox_tables  # noqa: F401
from devices.keys import tables as _keys_tables  # noqa: F401
from devices.keys.vendors import tables as _vendor_tables  # noqa: F401
from devices.registry import tables as _registry_tables  # noqa: F401
from devices.transfers import tables as _transfers_tables  # noqa: F401
from gateway import tables as _gateway_tables  # noqa: F401
from kernel import tables as _kernel_tables  # noqa: F401
from kernel.database import Database
from metrics import tables as _metrics_tables  # noqa: F401
from metrics.evaluation import tables as _evaluation_tables  # noqa: F401
from metrics.kept import tables as _kept_tables  # noqa: F401
from metrics.reports import tables as _reports_tables  # noqa: F401
from metrics.rules_beside import tables as _rules_tables  # noqa: F401
from metrics.split import tables as _split_tables  # noqa: F401
from metrics.sums import tables as _sums_tables  # noqa: F401
from scheduling import tables as _scheduling_tables  # noqa: F401
from scheduling.exchange import tables as _exchange_tables  # noqa: F401
from scheduling.patterns import tables as _patterns_tables  # noqa: F401
from scheduling.reassignment import tables as _reassignment_tables  # noqa: F401
from scheduling.register import tables as _register_tables  # noqa: F401
from video import tables as _video_tables  # noqa: F401


def migrate(database: Database) -> None:
    """Bring a database to the newest version. Running it again changes nothing."""
    with database.engine.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> Config:
    """Alembic's configuration; everything is in this folder, there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    return config
