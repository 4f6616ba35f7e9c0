"""Tables of the evaluation. Answers are only ever added to: the newest of a measurement are those that are shown."""

from datetime import datetime

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime
from kernel.tables import BigId


class EvaluationAnswersRow(SQLModel, table=True):
    """How often each answer was given to a questionnaire in one unit and measurement. Counts; nobody is named."""

    __tablename__ = "benefit_evaluation_answers"
    __table_args__ = (Index("ix_benefit_evaluation_answers_unit", "unit_id", "questionnaire"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    questionnaire: str = Field(max_length=64)
    questionnaire_version: int
    unit_id: str = Field(max_length=64)
    #: initially, midway or finally
    point: str = Field(max_length=16)
    #: question -> answer -> how many gave it
    counts: dict[str, dict[str, int]] = Field(sa_column=Column(JSON, nullable=False))
    by_role: str = Field(max_length=32)
    imported_at: datetime = Field(sa_type=UtcDateTime)
