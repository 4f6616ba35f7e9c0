"""Tables of the device registry. A device id is random and says nothing of where the device hangs."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String
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
    #: when the technician tried the citizen's own key in the door after mounting; it must always work
    own_key_tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WorkOrderRow(SQLModel, table=True):
    """Work on one device, from being ordered to being done. One that mounts or replaces carries a signed code."""

    __tablename__ = "work_order"
    __table_args__ = (Index("ix_work_order_unit_state", "unit_id", "state", "position"),)

    position: int | None = Field(default=None, primary_key=True)
    order_id: str = Field(max_length=32, unique=True)
    #: what people say: AO-, and the beginning of the order's id
    number: str = Field(max_length=32, unique=True)
    #: mount | replace | battery | inspect
    task: str = Field(max_length=16)
    device_kind: str = Field(max_length=16)
    unit_id: str = Field(max_length=64)
    #: the device it is about; absent where a new one is mounted
    device_id: str | None = Field(default=None, max_length=64, index=True)
    #: whose home, as an opaque id, and the door where it is another than the home's own
    citizen_id: str | None = Field(default=None, max_length=64)
    door_id: str | None = Field(default=None, max_length=64)
    #: task and device while an order made by the system itself is open: there is one at a time
    open_key: str | None = Field(default=None, max_length=100, unique=True)
    #: open | done | cancelled
    state: str = Field(default="open", max_length=16)
    issued_at: datetime = Field(sa_type=UtcDateTime)
    #: absent where the system made it out itself
    issued_by_role: str | None = Field(default=None, max_length=16)
    from_at: datetime = Field(sa_type=UtcDateTime)
    until_at: datetime = Field(sa_type=UtcDateTime)
    nonce: bytes | None = Field(default=None, sa_type=LargeBinary)
    #: the signed order, as it stands under the square code
    signed: bytes | None = Field(default=None, sa_type=LargeBinary)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled_by_role: str | None = Field(default=None, max_length=16)
    #: the device that was enrolled under it
    made_device_id: str | None = Field(default=None, max_length=64)
    note: str | None = Field(default=None, max_length=160)


class BatteryDayRow(SQLModel, table=True):
    """What a device's battery was at on a day, by its own word."""

    __tablename__ = "battery_day"
    __table_args__ = (Index("ix_battery_day_on", "on"),)

    device_id: str = Field(primary_key=True, max_length=64)
    on: date = Field(primary_key=True)
    level_mv: int


class BatteryForecastRow(SQLModel, table=True):
    """The latest forecast of a device's battery."""

    __tablename__ = "battery_forecast"

    device_id: str = Field(primary_key=True, max_length=64)
    #: good | soon | now | too_little_data
    level: str = Field(max_length=16)
    days_seen: int
    fall_mv_per_day: float | None = None
    empty_on: date | None = None
    made_at: datetime = Field(sa_type=UtcDateTime)
