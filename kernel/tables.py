"""Tables of the kernel: the event log, its seals and receipts, who has read how far, jobs, answers already given."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, String
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime

#: SQLite hands out row ids only to a plain INTEGER key.
BigId = BigInteger().with_variant(Integer(), "sqlite")


class EventRow(SQLModel, table=True):
    """One fact of the append-only log. ``position`` is given after commit, without gaps."""

    __tablename__ = "event"
    __table_args__ = (
        Index(
            "ix_event_unsequenced",
            "id",
            sqlite_where=Column("position").is_(None),
            postgresql_where=Column("position").is_(None),
        ),
        Index("ix_event_type_at", "event_type", "at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    position: int | None = Field(default=None, sa_column=Column(BigInteger, unique=True, nullable=True))
    event_type: str = Field(max_length=64)
    version: int
    at: datetime = Field(sa_type=UtcDateTime)
    unit_id: str | None = Field(default=None, max_length=64)
    carer_id: str | None = Field(default=None, max_length=64)
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class SealRow(SQLModel, table=True):
    """What a stretch of the log was when it was sealed (:mod:`kernel.seals`). Only salts ever change: to nothing."""

    __tablename__ = "seal"

    #: 1, 2, 3 … without gaps
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    from_position: int = Field(sa_type=BigInteger)
    to_position: int = Field(sa_column=Column(BigInteger, unique=True, nullable=False))
    sealed_at: datetime = Field(sa_type=UtcDateTime, index=True)
    #: world time of the earliest event in it: no rule may have deleted anything of it that deletes older events only
    earliest_at: datetime = Field(sa_type=UtcDateTime)
    root: bytes = Field(sa_type=LargeBinary)
    prev: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    #: 32 bytes of each event, in order
    leaves: bytes = Field(sa_type=LargeBinary)
    #: 16 bytes of each event, in order; zero for one that was erased
    salts: bytes = Field(sa_type=LargeBinary)


class DailyRootRow(SQLModel, table=True):
    """The signed text that was exported when a day was over."""

    __tablename__ = "daily_root"

    day: date = Field(primary_key=True)
    last_seal: int = Field(sa_type=BigInteger)
    text: str
    exported_at: datetime = Field(sa_type=UtcDateTime)


class ReceiptRow(SQLModel, table=True):
    """What was deleted because its time was over. Nothing of its content (:mod:`kernel.receipts`)."""

    __tablename__ = "receipt"
    __table_args__ = (Index("ix_receipt_positions", "first_position", "last_position"),)

    number: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    data_type: str = Field(max_length=32, index=True)
    rule: str = Field(max_length=128)
    from_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    to_at: datetime = Field(sa_type=UtcDateTime)
    count: int = Field(sa_type=BigInteger)
    ids_sha256: str = Field(max_length=64)
    #: rows of the event log only: their places, as runs [first, last]
    first_position: int | None = Field(default=None, sa_type=BigInteger)
    last_position: int | None = Field(default=None, sa_type=BigInteger)
    spans: list[list[int]] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)


class VerificationRow(SQLModel, table=True):
    """What ``omsorgstid verify`` found, so that others can see when somebody last looked."""

    __tablename__ = "verification"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    at: datetime = Field(sa_type=UtcDateTime)
    to_position: int = Field(sa_type=BigInteger)
    fault_count: int
    #: codes of the first faults
    faults: list[str] = Field(sa_column=Column(JSON, nullable=False))


class ConsumerRow(SQLModel, table=True):
    """How far a reader of the log has come."""

    __tablename__ = "consumer"

    name: str = Field(sa_column=Column(String(64), primary_key=True))
    position: int = Field(default=0, sa_type=BigInteger)


class JobRow(SQLModel, table=True):
    """A long-running piece of work. This row is the truth; the task queue only triggers it."""

    __tablename__ = "job"

    id: str = Field(primary_key=True, max_length=64)
    kind: str = Field(max_length=64, index=True)
    arguments: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    state: str = Field(max_length=16, index=True)
    progress_ratio: float = 0.0
    cancel_requested: bool = False
    lease_until_s: float | None = None
    lease_holder: str | None = Field(default=None, max_length=64)
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    error_code: str | None = Field(default=None, max_length=64)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    unit_id: str | None = Field(default=None, max_length=64)


class AnsweredRow(SQLModel, table=True):
    """The answer once given to an idempotency key, so that a repeat gets the same and does nothing."""

    __tablename__ = "answered"

    key: str = Field(primary_key=True, max_length=128)
    status: int
    body: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)
