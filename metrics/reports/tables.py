"""Tables of the reports. Comments are only ever added to: the newest is the one that is shown."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime
from kernel.tables import BigId


class BenefitCommentRow(SQLModel, table=True):
    """What a benefit owner says of a month's figures. No person is named: the form says so and refuses a CPR number."""

    __tablename__ = "benefit_comment"
    __table_args__ = (Index("ix_benefit_comment_month", "month", "technology"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    technology: str = Field(max_length=32)
    #: empty for all units together
    unit_id: str = Field(max_length=64)
    month: str = Field(max_length=7)
    text: str = Field(max_length=1000)
    by_role: str = Field(max_length=32)
    written_at: datetime = Field(sa_type=UtcDateTime)
