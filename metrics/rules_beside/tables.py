"""Table of the rules that are written and do not count."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class RuleBesideRow(SQLModel, table=True):
    """A version whose entries stand beside those that count. Without a row the first version alone is written."""

    __tablename__ = "benefit_rule_beside"

    rule_version: str = Field(primary_key=True, max_length=16)
    technology: str = Field(max_length=32)
    by_role: str = Field(max_length=32)
    since_at: datetime = Field(sa_type=UtcDateTime)
