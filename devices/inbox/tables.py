"""Tables of the inbox: raw reports, what was set aside, how often, and which process takes in what."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime
from kernel.tables import BigId

TEXT_LENGTH = 300
"""Characters kept of what was expected and found."""

ID_LENGTH = 64


class ReportRow(SQLModel, table=True):
    """A report as the device sent it. The three counters make every redelivery recognisable."""

    __tablename__ = "device_report"
    __table_args__ = (UniqueConstraint("device_id", "boot", "seq", name="uq_device_report"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    device_id: str = Field(max_length=ID_LENGTH)
    boot: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    kind: str = Field(max_length=16)
    name: str = Field(max_length=32)
    received_at: datetime = Field(sa_type=UtcDateTime)
    payload: bytes = Field(sa_type=LargeBinary)


class QuarantineRow(SQLModel, table=True):
    """A message that was set aside. What a stranger wrote into the topic is cut to a bounded length.

    ``digest`` makes a message that is sent over and over one row with a rising ``times``.
    """

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_state", "state", "id"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    digest: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    received_at: datetime = Field(sa_type=UtcDateTime)
    last_received_at: datetime = Field(sa_type=UtcDateTime)
    times: int = 1
    tenant: str = Field(max_length=ID_LENGTH)
    kind: str = Field(max_length=ID_LENGTH)
    device_id: str = Field(max_length=ID_LENGTH)
    name: str = Field(max_length=ID_LENGTH)
    reason: str = Field(max_length=32, index=True)
    expected: str = Field(max_length=TEXT_LENGTH)
    found: str = Field(max_length=TEXT_LENGTH)
    payload: bytes = Field(sa_type=LargeBinary)
    #: open | replayed | dismissed
    state: str = Field(default="open", max_length=16)
    replayed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: what a person made of it; stored beside what arrived, never instead
    corrected: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    corrected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class InboxCountRow(SQLModel, table=True):
    """How many messages met each end: ``accepted`` or a reason."""

    __tablename__ = "inbox_count"

    outcome: str = Field(sa_column=Column(String(32), primary_key=True))
    count: int = Field(default=0, sa_type=BigInteger)


class IngestMemberRow(SQLModel, table=True):
    """A process that takes messages in, as long as it says so. Times are the wall clock's, seconds since 1970."""

    __tablename__ = "ingest_member"

    holder: str = Field(sa_column=Column(String(200), primary_key=True))
    until_s: float
    #: age of the oldest message it has not acknowledged, and how many wait
    oldest_s: float = 0.0
    waiting: int = 0
    committed: int = Field(default=0, sa_type=BigInteger)


class IngestLeaseRow(SQLModel, table=True):
    """Who runs a shard. ``generation`` rises with every new holder: what an old one still writes is refused."""

    __tablename__ = "ingest_lease"

    shard: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    #: how many shards there are; the same in every row
    shards: int
    holder: str | None = Field(default=None, max_length=200)
    generation: int = Field(default=0, sa_type=BigInteger)
