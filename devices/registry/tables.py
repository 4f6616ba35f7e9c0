"""Table of the device registry. A device id is random and says nothing of where the device hangs."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, String
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class DeviceRow(SQLModel, table=True):
    """One device, from enrolment to retirement and beyond."""

    __tablename__ = "device"
    __table_args__ = (Index("ix_device_kind_state", "kind", "state", "device_id"),)

    device_id: str = Field(sa_column=Column(String(64), primary_key=True))
    kind: str = Field(max_length=16)
    tenant: str = Field(max_length=64)
    unit_id: str | None = Field(default=None, max_length=64, index=True)
    model: str = Field(default="", max_length=64)
    #: enrolled | retired
    state: str = Field(default="enrolled", max_length=16)
    enrolled_at: datetime = Field(sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retired_reason: str | None = Field(default=None, max_length=16)
    #: number of the work order it was mounted under
    work_order: str | None = Field(default=None, max_length=32)
    online: bool = False
    #: the highest start number heard of; -1 before the first
    boot: int = Field(default=-1, sa_type=BigInteger)
    last_seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    firmware: str | None = Field(default=None, max_length=64)
    battery_mv: int | None = None
