"""Tables of what came from other systems."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, LargeBinary
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class VisitImportRow(SQLModel, table=True):
    """One file that came in: applied whole, or refused whole and kept with what is wrong with it."""

    __tablename__ = "visit_import"

    import_id: str = Field(primary_key=True, max_length=32)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    by_role: str = Field(max_length=16)
    #: units of whoever brought it: only who sees them all sees it
    unit_ids: list[str] = Field(sa_column=Column(JSON, nullable=False))
    #: visits | patterns | shifts | staff, empty where the headings do not say
    kind: str = Field(default="", max_length=16)
    #: applied | refused
    state: str = Field(max_length=16)
    row_count: int = 0
    #: how many were made, changed and so on
    counts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    #: row, column, expected, found
    problems: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    #: the file as it came where it was refused; empty where it was applied, or must not be kept
    content: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
