"""Where the checks of sampled days are kept."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class SplitDayRow(SQLModel, table=True):
    """One technology's share of a unit's sampled day, beside what the ledger gave it. No person."""

    __tablename__ = "benefit_split_day"

    unit_id: str = Field(primary_key=True, max_length=64)
    day_on: date = Field(primary_key=True, index=True)
    technology: str = Field(primary_key=True, max_length=32)
    #: by Shapley, and the standard error of the replay
    split_s: int
    error_s: int
    #: by the waterfall: what the ledger's entries say of the same occasions
    ledger_s: int
    draws: int
    computed_at: datetime = Field(sa_type=UtcDateTime)
