"""Core inserts that may meet a row which is there already, for either database."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


def insert_into(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows ``ON CONFLICT`` of the session's database."""
    sqlite_bound = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if sqlite_bound else postgresql.insert(table)


def table_of(row: type[SQLModel]) -> Table:
    """The table of a row class."""
    return SQLModel.metadata.tables[str(row.__tablename__)]
