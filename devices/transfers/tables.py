"""Tables of lifts and turning systems, their cycles, and who was at them. Opaque ids only."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class TransferDeviceRow(SQLModel, table=True):
    """A mounted lift or turning system, whose it is, and how far its reports have come in without a gap."""

    __tablename__ = "transfer_device"
    __table_args__ = (Index("ix_transfer_device_citizen", "citizen_id"),)

    device_id: str = Field(primary_key=True, max_length=64)
    #: lift | turning
    kind: str = Field(max_length=16)
    unit_id: str = Field(max_length=64, index=True)
    citizen_id: str | None = Field(default=None, max_length=64)
    #: a residence counts against a business case; in home care the use is shown without a target
    in_residence: bool
    model: str = Field(default="", max_length=64)
    mounted_on: date
    #: the latest start, and the number up to which all of its cycles are here
    ack_boot: int = Field(default=-1, sa_type=BigInteger)
    ack_seq: int = Field(default=0, sa_type=BigInteger)
    #: what it has done by its own cycles, faults apart; running time in seconds
    cycle_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    fault_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    overload_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    running_s: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    heaviest_kg: float | None = None
    #: what it is built to lift, where that is known
    rated_load_kg: float | None = None
    #: the last inspection that was passed, how the latest one went, and the supplier's interval where it is given
    inspected_on: date | None = None
    inspection_passed: bool | None = None
    inspect_every_months: int | None = None


class TransferInspectionRow(SQLModel, table=True):
    """A main inspection of a device, as it was entered. Kept as long as the device's journal has to be."""

    __tablename__ = "transfer_inspection"
    __table_args__ = (Index("ix_transfer_inspection_device", "device_id", "on"),)

    id: int | None = Field(default=None, primary_key=True)
    device_id: str = Field(max_length=64)
    on: date
    passed: bool
    note: str = Field(max_length=160)
    by_role: str = Field(max_length=16)
    entered_at: datetime = Field(sa_type=UtcDateTime)


class TransferRow(SQLModel, table=True):
    """One cycle. ``carers`` is empty while nobody knows whether one or two were there."""

    __tablename__ = "transfer"
    __table_args__ = (
        UniqueConstraint("device_id", "boot", "seq", name="uq_transfer_cycle"),
        Index("ix_transfer_unit_day", "unit_id", "day"),
        Index("ix_transfer_device_ended", "device_id", "ended_at"),
    )

    id: str = Field(primary_key=True, max_length=64)
    device_id: str = Field(max_length=64)
    boot: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    kind: str = Field(max_length=16)
    unit_id: str = Field(max_length=64)
    citizen_id: str | None = Field(default=None, max_length=64)
    in_residence: bool
    day: date
    #: when the set-up began; from here to the end lasts the situation in which a second carer can be present
    begun_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime = Field(sa_type=UtcDateTime)
    #: of the device's own word what does not reach into the cycle before it
    setup_s: int
    load_kg: float | None = None
    #: the device's own fault code; a cycle with one moved nobody all the way and is no transfer
    fault: str | None = Field(default=None, max_length=32)
    carers: int | None = None
    second_carer_s: int | None = None
    #: badge | tablet | asked
    evidence: str | None = Field(default=None, max_length=16)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TransferQuestionRow(SQLModel, table=True):
    """Who is asked about a transfer. It is one question: the first answer is everybody's."""

    __tablename__ = "transfer_question"
    __table_args__ = (Index("ix_transfer_question_carer", "carer_id", "asked_at"),)

    transfer_id: str = Field(primary_key=True, max_length=64)
    carer_id: str = Field(primary_key=True, max_length=64)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TransferBadgeRow(SQLModel, table=True):
    """Whose a badge is, and from when to when. The badge's id is random and says nothing."""

    __tablename__ = "transfer_badge"

    badge: str = Field(primary_key=True, max_length=64)
    from_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    carer_id: str = Field(max_length=64)
    to_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TransferPresenceRow(SQLModel, table=True):
    """A carer's tablet was registered at a device, and until when that holds."""

    __tablename__ = "transfer_presence"
    #: by the end: who was there of late is asked for, and what is over long since is passed over
    __table_args__ = (
        Index("ix_transfer_presence_carer", "carer_id", "until_at"),
        Index("ix_transfer_presence_device", "device_id", "until_at"),
    )

    device_id: str = Field(primary_key=True, max_length=64)
    carer_id: str = Field(primary_key=True, max_length=64)
    from_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    until_at: datetime = Field(sa_type=UtcDateTime)
