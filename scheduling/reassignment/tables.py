"""Tables of what was done to a running day, of reported delays, and of visits offered to several."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class ReassignmentRow(SQLModel, table=True):
    """One act on a running day, with what is needed to take it back."""

    __tablename__ = "reassignment"
    __table_args__ = (Index("ix_reassignment_day", "day", "at"),)

    reassignment_id: str = Field(primary_key=True, max_length=64)
    day: date
    unit_id: str = Field(max_length=64, index=True)
    #: what happened (``gateway.usecases.situations``)
    kind: str = Field(max_length=32)
    at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(max_length=160)
    #: carer to the version her route got
    versions: dict[str, int] = Field(sa_column=Column(JSON, nullable=False))
    #: carer to the stops she had, and what was changed on visits and shifts
    before: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DelayRow(SQLModel, table=True):
    """A carer is behind: when she can leave for her next stop. Void once she begins a visit."""

    __tablename__ = "delay"
    __table_args__ = (Index("ix_delay_day_carer", "day", "carer_id"),)

    delay_id: str = Field(primary_key=True, max_length=64)
    day: date
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    free_at: datetime = Field(sa_type=UtcDateTime)
    reported_at: datetime = Field(sa_type=UtcDateTime)


class OfferRow(SQLModel, table=True):
    """A visit offered to several carers. The first to accept has it."""

    __tablename__ = "offer"
    __table_args__ = (Index("ix_offer_day_state", "day", "state"), Index("ix_offer_visit", "visit_id"))

    offer_id: str = Field(primary_key=True, max_length=64)
    visit_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    carer_ids: list[str] = Field(sa_column=Column(JSON, nullable=False))
    reason: str = Field(max_length=160)
    made_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    #: open | taken | withdrawn
    state: str = Field(default="open", max_length=16)
    taken_by: str | None = Field(default=None, max_length=64)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
