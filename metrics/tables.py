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
    occasion_count: int
    first_on: date
    last_on: date
    imported_at: datetime = Field(sa_type=UtcDateTime)


class BaselineRow(SQLModel, table=True):
    """The frozen baseline of a technology in one unit: how long it took before.

    What one measured unit is depends on the technology: a shift (keys), a leg between two visits (routing), a
    citizen-week (screen) or a resident-day (transfers). Keys and routing are measured against the mean of the
    unit; screen and transfers against each subject's own mean, which its samples give. A baseline of visits (screen,
    kind ``visit``) holds the unit's means by shift and visit type, which its samples give too.
    """

    __tablename__ = "benefit_baseline"
    __table_args__ = (UniqueConstraint("technology", "unit_id", "kind", "version"),)

    id: str = Field(primary_key=True, max_length=64)
    study_id: str = Field(foreign_key="benefit_time_study.id", max_length=64)
    technology: str = Field(max_length=32)
    unit_id: str = Field(max_length=64)
    #: day, evening or night for keys; leg for routing; week or visit for screen; day for transfers
    kind: str = Field(max_length=16)
    version: int
    first_on: date
    last_on: date
    valid_until_on: date
    occasion_count: int
    subject_count: int
    #: measured units behind the mean: legs for routing, otherwise occasions
    measured_count: int
    total_s: int = Field(sa_type=BigInteger)
    #: travel within the mean
    mean_travel_s: int
    mean_s: int
    #: standard deviation between occasions
    spread_s: int
    frozen_at: datetime = Field(sa_type=UtcDateTime)
    #: place of its event in the log: entries judged before it do not know it
    known_position: int | None = Field(default=None, sa_type=BigInteger)


class BaselineSampleRow(SQLModel, table=True):
    """One measured shift, carer-day, citizen-week, resident-day or citizen's visits of a day and type.

    Kept so that the baseline can be redrawn.
    """

    __tablename__ = "benefit_baseline_sample"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    baseline_id: str = Field(foreign_key="benefit_baseline.id", index=True, max_length=64)
    subject: str = Field(max_length=32)
    #: the day measured, for a week its last
    day_on: date
    #: legs of a carer-day, visits of a citizen's day, otherwise 1
    measured_count: int = 1
    measured_s: int
    #: travel within ``measured_s``
    travel_s: int = 0
    #: lift, turning or both for transfers
    component: str | None = Field(default=None, max_length=32)
    #: of visits alone: the shift of the day and what they were for
    shift_kind: str | None = Field(default=None, max_length=16)
    visit_type: str | None = Field(default=None, max_length=64)


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


class PeriodProgressRow(SQLModel, table=True):
    """What the ledger has read of a citizen's week or a resident's day. Working state: rebuilt from the log."""

    __tablename__ = "benefit_period_progress"

    technology: str = Field(primary_key=True, max_length=32)
    subject: str = Field(primary_key=True, max_length=32)
    #: last day of the period
    last_on: date = Field(primary_key=True, index=True)
    last_position: int = Field(sa_type=BigInteger)
    state: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class EnrolmentRow(SQLModel, table=True):
    """When a citizen used a technology, as one ledger has read it. Working state: rebuilt from the log."""

    __tablename__ = "benefit_enrolment"

    #: the technology of the ledger that reads, not of the enrolment alone: each ledger has its own place in the log
    ledger: str = Field(primary_key=True, max_length=32)
    subject: str = Field(primary_key=True, max_length=32)
    last_position: int = Field(sa_type=BigInteger)
    #: [unit, from, until] in milliseconds since 1970, in order; the last may be open
    spans: list[Any] = Field(sa_column=Column(JSON, nullable=False))


class PeriodClockRow(SQLModel, table=True):
    """How far a ledger of weeks or days has come in world time."""

    __tablename__ = "benefit_period_clock"

    technology: str = Field(primary_key=True, max_length=32)
    #: the latest world time of any event read
    reached_ms: int = Field(sa_type=BigInteger)
    #: last day of the newest period that was closed
    closed_until_on: date | None = None


class EntryRow(SQLModel, table=True):
    """One line of the ledger: what one occasion saved, by one version of a rule. Never changed."""

    __tablename__ = "benefit_entry"
    __table_args__ = (
        UniqueConstraint("rule_version", "occasion_id", "revision"),
        Index("ix_benefit_entry_day", "technology", "day_on", "unit_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    technology: str = Field(max_length=32)
    component: str = Field(max_length=32)
    clock: str = Field(max_length=16)
    rule_version: str = Field(max_length=16)
    #: a carer's shift; subject and ISO week; or subject and day
    occasion_id: str = Field(max_length=64, index=True)
    revision: int
    #: the entry this one replaces; an entry nobody replaces is the current one
    replaces_id: int | None = Field(default=None, sa_column=Column(BigId, nullable=True, unique=True, default=None))
    unit_id: str = Field(max_length=64)
    #: the day of the occasion, for a week its last
    day_on: date
    subject: str = Field(max_length=32)
    #: counted, ineligible or no_baseline
    outcome: str = Field(max_length=16)
    eligible: bool
    reason: str | None = Field(default=None, max_length=32)
    baseline_id: str | None = Field(default=None, max_length=64)
    #: how many times the baseline was applied: legs for routing, otherwise 1
    baseline_count: int | None = None
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
    """The figures of a technology, unit and month as they stood when the month was closed."""

    __tablename__ = "benefit_closed_month"
    __table_args__ = (UniqueConstraint("technology", "unit_id", "month"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    technology: str = Field(max_length=32)
    unit_id: str = Field(max_length=64)
    month: str = Field(max_length=7)
    rule_version: str = Field(max_length=16)
    net_s: int
    occasion_count: int
    #: highest entry that existed at closing
    entry_id: int = Field(sa_type=BigInteger)
    closed_at: datetime = Field(sa_type=UtcDateTime)
    closed_by_role: str = Field(max_length=32)
