"""Where figures are kept that take longer to compute than a page may take."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class KeptFiguresRow(SQLModel, table=True):
    """A page of the answer to one question, as it was at one instant. No person: units and figures as it shows them."""

    __tablename__ = "benefit_kept_figures"

    #: SHA-256 of the question, hex
    question_id: str = Field(primary_key=True, max_length=64)
    #: empty for the first page, else the technology the page is about
    page: str = Field(primary_key=True, max_length=32)
    #: what was asked, so that it can be answered anew
    question: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    computed_at: datetime = Field(sa_type=UtcDateTime)
    #: when somebody last wanted it, to the hour; nobody's question is not answered for ever
    asked_at: datetime = Field(sa_type=UtcDateTime, index=True)
    figures: str
