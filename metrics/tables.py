"""Tables of the benefit side. Entries, baselines and closed months are only ever added to."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime
from kernel.tables import BigId


class TimeStudyRow(SQLModel, table=True):
    """A file of measurements that was taken in, once."""

    __tablename__ = "benefit_time_study"

    id: str = Field(primary_key=True, max_length=64)
    technology: str = Field(max_length=32)
    file_sha256: str = Field(max_length=64, unique=True)
    shift_count: int
    first_on: date
    last_on: date
    imported_at: datetime = Field(sa_type=UtcDateTime)


class BaselineRow(SQLModel, table=True):
    """The frozen baseline of one unit and shift kind: how long keys took before."""

    __tablename__ = "benefit_baseline"
    __table_args__ = (UniqueConstraint("technology", "unit_id", "shift_kind", "version"),)

    id: str = Field(primary_key=True, max_length=64)
    study_id: str = Field(foreign_key="benefit_time_study.id", max_length=64)
    technology: str = Field(max_length=32)
    unit_id: str = Field(max_length=64)
    shift_kind: str = Field(max_length=16)
    version: int
    first_on: date
    last_on: date
    valid_until_on: date
    shift_count: int
    subject_count: int
    mean_base_s: int
    mean_leg_s: int
    mean_s: int
    #: standard deviation between shifts
    spread_s: int
    frozen_at: datetime = Field(sa_type=UtcDateTime)
    #: place of its event in the log: entries judged before it do not know it
    known_position: int | None = Field(default=None, sa_type=BigInteger)


class BaselineSampleRow(SQLModel, table=True):
    """One measured shift, kept so that the baseline can be redrawn."""

    __tablename__ = "benefit_baseline_sample"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    baseline_id: str = Field(foreign_key="benefit_baseline.id", index=True, max_length=64)
    subject: str = Field(max_length=32)
    day_on: date
    base_s: int
    leg_s: int


class ShiftProgressRow(SQLModel, table=True):
    """What the ledger has read of a shift so far. Working state: it can be rebuilt from the log."""

    __tablename__ = "benefit_shift_progress"

    shift_id: str = Field(primary_key=True, max_length=64)
    subject: str = Field(max_length=32)
    unit_id: str = Field(max_length=64, index=True)
    day: str = Field(max_length=10)
    #: route the shift belongs to: subject and day
    route_key: str = Field(max_length=48)
    closed: bool
    last_position: int = Field(sa_type=BigInteger)
    state: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class RouteProgressRow(SQLModel, table=True):
    """What the ledger has read of a carer's route of a day. Working state."""

    __tablename__ = "benefit_route_progress"

    route_key: str = Field(primary_key=True, max_length=48)
    last_position: int = Field(sa_type=BigInteger)
    state: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class EntryRow(SQLModel, table=True):
    """One line of the ledger: what one carer-shift saved, by one version of the rule. Never changed."""

    __tablename__ = "benefit_entry"
    __table_args__ = (
        UniqueConstraint("rule_version", "shift_id", "revision"),
        Index("ix_benefit_entry_day", "technology", "day_on", "unit_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    technology: str = Field(max_length=32)
    component: str = Field(max_length=32)
    clock: str = Field(max_length=16)
    rule_version: str = Field(max_length=16)
    shift_id: str = Field(max_length=64, index=True)
    revision: int
    #: the entry this one replaces; an entry nobody replaces is the current one
    replaces_id: int | None = Field(default=None, sa_column=Column(BigId, nullable=True, unique=True, default=None))
    unit_id: str = Field(max_length=64)
    day_on: date
    subject: str = Field(max_length=32)
    #: counted, ineligible or no_baseline
    outcome: str = Field(max_length=16)
    eligible: bool
    reason: str | None = Field(default=None, max_length=32)
    baseline_id: str | None = Field(default=None, max_length=64)
    baseline_s: int | None = None
    actual_s: int | None = None
    overhead_s: int | None = None
    net_s: int | None = None
    #: device or tap
    evidence_class: str = Field(max_length=8)
    evidence_count: int
    evidence: list[int] = Field(sa_column=Column(JSON, nullable=False))
    #: the derived quantities the figures were computed from
    inputs: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    #: the event that made this entry necessary, its position and its world time
    cause_position: int = Field(sa_type=BigInteger)
    recorded_at: datetime = Field(sa_type=UtcDateTime)


class ClosedMonthRow(SQLModel, table=True):
    """The figures of a unit and month as they stood when the month was closed."""

    __tablename__ = "benefit_closed_month"
    __table_args__ = (UniqueConstraint("technology", "unit_id", "month"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    technology: str = Field(max_length=32)
    unit_id: str = Field(max_length=64)
    month: str = Field(max_length=7)
    rule_version: str = Field(max_length=16)
    net_s: int
    shift_count: int
    #: highest entry that existed at closing
    entry_id: int = Field(sa_type=BigInteger)
    closed_at: datetime = Field(sa_type=UtcDateTime)
    closed_by_role: str = Field(max_length=32)


class DeletionReceiptRow(SQLModel, table=True):
    """Says that a stretch of the log was deleted, when and under which rule."""

    __tablename__ = "benefit_deletion_receipt"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    first_position: int = Field(sa_type=BigInteger)
    last_position: int = Field(sa_type=BigInteger)
    rule: str = Field(max_length=128)
    deleted_at: datetime = Field(sa_type=UtcDateTime)
