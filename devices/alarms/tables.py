"""Table of the alarms. It tells of devices and doors by their random ids and of nobody by name."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class AlarmRow(SQLModel, table=True):
    """One alarm, from being raised to being cleared and beyond."""

    __tablename__ = "alarm"
    __table_args__ = (Index("ix_alarm_unit_cleared", "unit_id", "cleared_at", "number"),)

    number: int | None = Field(default=None, primary_key=True)
    alarm_id: str = Field(max_length=32, unique=True)
    #: kind and subject while it is open, empty afterwards: the database itself lets no second one be open
    open_key: str | None = Field(default=None, max_length=200, unique=True)
    kind: str = Field(max_length=32)
    #: info | warn | critical
    severity: str = Field(max_length=8)
    unit_id: str | None = Field(default=None, max_length=64)
    device_id: str | None = Field(default=None, max_length=64, index=True)
    door_id: str | None = Field(default=None, max_length=64, index=True)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    #: how often it was raised while it was open, and when last
    times: int = 1
    raised_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledged_by_role: str | None = Field(default=None, max_length=16)
    #: the identity that took it; shown to those who share the work, written nowhere else
    owner_id: str | None = Field(default=None, max_length=64)
    owner_role: str | None = Field(default=None, max_length=16)
    owned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cleared_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: absent where what it told of ended by itself
    cleared_by_role: str | None = Field(default=None, max_length=16)
    note: str | None = Field(default=None, max_length=160)


class LockHabitRow(SQLModel, table=True):
    """When a lock last said that it threw its bolt. One that never did does not tell, and is not blamed."""

    __tablename__ = "lock_habit"

    lock_id: str = Field(primary_key=True, max_length=64)
    locked_at: datetime = Field(sa_type=UtcDateTime)
