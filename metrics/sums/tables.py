"""Where the sums of the ledger are kept. They are derived: each can be worked out anew from the entries."""

from datetime import date

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class SubjectSumRow(SQLModel, table=True):
    """What the current entries of one subject, unit, rule, baseline and outcome come to in a week within a month."""

    __tablename__ = "benefit_subject_sum"

    technology: str = Field(primary_key=True, max_length=32)
    unit_id: str = Field(primary_key=True, max_length=64)
    #: first day of the piece: a Monday or the first of a month (:func:`metrics.sums.pieces.piece_of`)
    first_on: date = Field(primary_key=True)
    subject: str = Field(primary_key=True, max_length=32)
    rule_version: str = Field(primary_key=True, max_length=16)
    #: empty where none was applied
    baseline_id: str = Field(primary_key=True, max_length=64)
    outcome: str = Field(primary_key=True, max_length=16)
    #: empty where it counted
    reason: str = Field(primary_key=True, max_length=32)
    occasion_count: int
    #: how many times the baseline was applied: legs for routing, otherwise as many as counted occasions
    baseline_count: int
    overhead_s: int
    #: actual and overhead together
    spent_s: int
    net_s: int
    #: of the net, what came in blocks that hold planned work
    used_s: int
    #: occasions that cost more than before
    negative_count: int
    #: doors, calls or transfers that failed or had no answer
    failure_count: int
    device_count: int
    evidence_count: int
    #: the newest event that moved this sum
    newest_position: int = Field(sa_type=BigInteger)


class SumsBuiltRow(SQLModel, table=True):
    """The technologies whose sums are kept; of the others figures are read from the entries."""

    __tablename__ = "benefit_sums_built"

    technology: str = Field(primary_key=True, max_length=32)
