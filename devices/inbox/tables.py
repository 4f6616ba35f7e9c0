"""Tables of the inbox: raw reports, what was set aside, and how often."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, UniqueConstraint
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


class InboxCountRow(SQLModel, table=True):
    """How many messages met each end: ``accepted`` or a reason."""

    __tablename__ = "inbox_count"

    outcome: str = Field(sa_column=Column(String(32), primary_key=True))
    count: int = Field(default=0, sa_type=BigInteger)
