"""Tables of locks that a vendor's cloud keeps: which hang where, what was told to the vendor, what its log said.

Locks of our own protocol stand in ``lock_device``; ``door.vendor`` says whose lock acts on a door.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class VendorLockRow(SQLModel, table=True):
    """A vendor's lock on a door, from being listed to being taken down. Rows are kept: they are the door's history."""

    __tablename__ = "vendor_lock"
    __table_args__ = (Index("ix_vendor_lock_vendor_ref", "vendor", "lock_ref"),)

    #: our own id of it; the vendor's number is ``lock_ref``
    lock_id: str = Field(primary_key=True, max_length=64)
    vendor: str = Field(max_length=32)
    lock_ref: str = Field(max_length=64)
    door_id: str = Field(max_length=64, index=True)
    unit_id: str = Field(max_length=64, index=True)
    listed_at: datetime = Field(sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    online: bool | None = None
    battery_percent: int | None = None
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class VendorAccessRow(SQLModel, table=True):
    """A right as a vendor has to know it: what we want there, and what the vendor has confirmed.

    Told again until both are the same. Orders to open are never kept anywhere.
    """

    __tablename__ = "vendor_access"
    __table_args__ = (
        UniqueConstraint("right_id", "lock_id"),
        Index("ix_vendor_access_next", "settled", "next_wall_s"),
    )

    #: what the vendor calls it
    access_id: str = Field(primary_key=True, max_length=64)
    right_id: str = Field(max_length=64)
    lock_id: str = Field(max_length=64)
    door_id: str = Field(max_length=64, index=True)
    visit_id: str = Field(max_length=64, index=True)
    carer_id: str = Field(max_length=64)
    opens_at: datetime = Field(sa_type=UtcDateTime)
    closes_at: datetime = Field(sa_type=UtcDateTime)
    #: issued | withdrawn
    wanted: str = Field(max_length=16)
    wanted_at: datetime = Field(sa_type=UtcDateTime)
    #: "" before the vendor has confirmed anything
    confirmed: str = Field(default="", max_length=16)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled: bool = False
    attempts: int = 0
    #: link time as epoch seconds before which nobody tells it (again)
    next_wall_s: float = 0.0


class VendorLinkRow(SQLModel, table=True):
    """How we and a vendor's cloud hear of each other. Link time is epoch seconds."""

    __tablename__ = "vendor_link"

    vendor: str = Field(primary_key=True, max_length=32)
    #: the log is known up to here without a hole
    log_number: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    #: the highest number a webhook has brought
    webhook_number: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    webhook_wall_s: float | None = None
    #: since when the log has had entries that no webhook brought; none while webhooks come
    missed_wall_s: float | None = None
    #: since when the cloud has not answered at all
    away_wall_s: float | None = None
    next_look_wall_s: float = 0.0


class VendorEventRow(SQLModel, table=True):
    """One entry of a vendor's log, once. Nobody has signed it."""

    __tablename__ = "vendor_event"

    vendor: str = Field(primary_key=True, max_length=32)
    number: int = Field(sa_column=Column(BigInteger, primary_key=True))
    lock_ref: str = Field(max_length=64)
    kind: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)
    request: str | None = Field(default=None, max_length=64)
    access_id: str | None = Field(default=None, max_length=64)
    code: str | None = Field(default=None, max_length=64)
    #: reply | webhook | log: how we heard of it first
    heard_by: str = Field(max_length=8)
    received_at: datetime = Field(sa_type=UtcDateTime, index=True)


class VendorDeliveryRow(SQLModel, table=True):
    """A webhook that was taken in: the same bytes again are somebody else's."""

    __tablename__ = "vendor_delivery"

    vendor: str = Field(primary_key=True, max_length=32)
    delivery: str = Field(primary_key=True, max_length=64)
    received_wall_s: float = Field(index=True)
