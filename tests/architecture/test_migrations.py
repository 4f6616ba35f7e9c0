"""The migrations make exactly the tables the code says, on both databases, and can be run again."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel

from gateway.migrations import alembic_config, migrate
from kernel.database import Database


def test_the_migrated_database_is_what_the_metadata_says(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_alembic_check_finds_nothing_to_add(database: Database) -> None:
    with database.engine.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.check(config)


def test_every_table_column_and_key_is_there(database: Database) -> None:
    found = inspect(database.engine)

    assert set(found.get_table_names()) - {"alembic_version"} == set(SQLModel.metadata.tables)
    for name, table in SQLModel.metadata.tables.items():
        assert {c["name"] for c in found.get_columns(name)} == {c.name for c in table.columns}, name
        assert set(found.get_pk_constraint(name)["constrained_columns"]) == {c.name for c in table.primary_key}, name
        nullable = {c["name"]: c["nullable"] for c in found.get_columns(name)}
        assert nullable == {c.name: c.nullable for c in table.columns}, name


def test_migrating_again_changes_nothing(database: Database) -> None:
    before = inspect(database.engine).get_table_names()
    migrate(database)
    migrate(database)

    assert inspect(database.engine).get_table_names() == before


def test_there_is_one_line_of_migrations() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())

    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


def test_a_missing_table_would_be_noticed(database: Database) -> None:
    """A check that cannot fail is none."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE answered")
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, SQLModel.metadata) != []
    with pytest.raises(AssertionError):
        test_every_table_column_and_key_is_there(database)
