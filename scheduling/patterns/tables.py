"""Tables of weekly patterns, and of where each visit came from."""

from datetime import date, datetime

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class VisitPatternRow(SQLModel, table=True):
    """One state of a weekly pattern and the days it holds; a change is another row of the same series."""

    __tablename__ = "visit_pattern"
    __table_args__ = (
        Index("ix_visit_pattern_unit", "unit_id", "valid_from_on"),
        Index("ix_visit_pattern_citizen", "citizen_id"),
    )

    series_id: str = Field(primary_key=True, max_length=64)
    valid_from_on: date = Field(primary_key=True)
    #: its last day; none while no end is set
    valid_to_on: date | None = Field(default=None, index=True)
    citizen_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    service: str = Field(max_length=64)
    #: ISO weekdays, 1 is Monday: "135"
    weekdays: str = Field(max_length=7)
    every_weeks: int = 1
    #: a day in the first week that is meant
    anchor_on: date
    #: Danish wall-clock time, "07:30"; bounds the start
    window_open: str = Field(max_length=5)
    window_close: str = Field(max_length=5)
    duration_min: int
    carers: int = 1
    mode: str = Field(max_length=16)
    required_skills: list[str] = Field(sa_column=Column(JSON, nullable=False))
    priority: int = 3
    changed_at: datetime = Field(sa_type=UtcDateTime)
    changed_by_role: str = Field(max_length=16)


class VisitSourceRow(SQLModel, table=True):
    """Where a visit came from, and what was wanted then: who changes the wish finds the visit again."""

    __tablename__ = "visit_source"
    __table_args__ = (Index("ix_visit_source_day", "day", "unit_id", "source"),)

    visit_id: str = Field(primary_key=True, max_length=64)
    #: pattern | import
    source: str = Field(max_length=16)
    #: the series of a pattern, or the visit's id where it was imported from
    source_ref: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    #: SHA-256 of what was wanted (hex)
    mark: str = Field(max_length=64)
