"""Tables of the lived and planned day: shifts, routes, visits."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class DayFrameRow(SQLModel, table=True):
    """What belongs to a whole day file: its name, its minute 0, its cost function, its travel times."""

    __tablename__ = "day_frame"

    day: date = Field(primary_key=True)
    name: str = Field(max_length=160)
    zero_at: datetime = Field(sa_type=UtcDateTime)
    objective: str = Field(max_length=16)
    #: compressed JSON: a matrix in minutes, or speeds per transport
    travel: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ShiftRow(SQLModel, table=True):
    """One carer's planned and lived shift."""

    __tablename__ = "shift"
    __table_args__ = (
        UniqueConstraint("carer_id", "day", name="uq_shift_carer_day"),
        Index("ix_shift_day_unit", "day", "unit_id"),
    )

    id: str = Field(primary_key=True, max_length=64)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    kind: str = Field(max_length=16)
    planned_start_at: datetime = Field(sa_type=UtcDateTime)
    planned_end_at: datetime = Field(sa_type=UtcDateTime)
    starts_from: str = Field(max_length=16)
    ends_at_place: str = Field(max_length=16)
    start_place: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    end_place: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    rest_agreement_ref: str | None = Field(default=None, max_length=64)
    #: breaks, the vehicle to fetch, the balance of the norm period (``scheduling.day_rows``)
    terms: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    state: str = Field(default="planned", max_length=16)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_from: str | None = Field(default=None, max_length=16)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_place: str | None = Field(default=None, max_length=16)
    #: SHA-256 thumbprint (hex) of the shift's key in the tablet; grants bind to it
    holder_thumbprint: str | None = Field(default=None, max_length=64)
    #: the key of the tablet last reported lost in this shift
    lost_thumbprint: str | None = Field(default=None, max_length=64)


class RouteRow(SQLModel, table=True):
    """A carer's route of a day. Every change raises ``version``; two planners meet here."""

    __tablename__ = "route"
    __table_args__ = (
        UniqueConstraint("carer_id", "day", name="uq_route_carer_day"),
        Index("ix_route_day_unit", "day", "unit_id"),
    )

    id: str = Field(primary_key=True, max_length=64)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    version: int
    changed_at: datetime = Field(sa_type=UtcDateTime)
    delivered_version: int = 0
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledged_version: int = 0


class RouteChangeRow(SQLModel, table=True):
    """What a route change took and brought, and why: told to the tablet until it is acknowledged."""

    __tablename__ = "route_change"

    route_id: str = Field(primary_key=True, max_length=64)
    version: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(max_length=160)
    came: list[str] = Field(sa_column=Column(JSON, nullable=False))
    left: list[str] = Field(sa_column=Column(JSON, nullable=False))


class VisitRow(SQLModel, table=True):
    """One carer's visit: what was granted, what is planned, what happened."""

    __tablename__ = "visit"
    __table_args__ = (
        Index("ix_visit_day_unit", "day", "unit_id"),
        Index("ix_visit_citizen_day", "citizen_id", "day"),
        Index("ix_visit_carer_day", "carer_id", "day"),
        Index("ix_visit_shift_state", "shift_id", "state"),
    )

    id: str = Field(primary_key=True, max_length=64)
    citizen_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    service: str = Field(max_length=64)
    window_open_at: datetime = Field(sa_type=UtcDateTime)
    window_close_at: datetime = Field(sa_type=UtcDateTime)
    duration_s: float
    mode: str = Field(max_length=16)
    door_id: str | None = Field(default=None, max_length=64)
    required_skills: list[str] = Field(sa_column=Column(JSON, nullable=False))
    required_competences: list[str] = Field(sa_column=Column(JSON, nullable=False))
    priority: int = 3
    pair_id: str | None = Field(default=None, max_length=64)
    pair_rank: int | None = None
    pair_min_gap_s: float | None = None
    pair_max_gap_s: float | None = None
    pinned_carer_id: str | None = Field(default=None, max_length=64)
    pinned_start_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    formerly_key: bool = False
    carer_id: str | None = Field(default=None, max_length=64)
    start_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    travel_min: float | None = None
    #: place in the plan's order of visits; ties in time are broken by it
    plan_rank: int | None = None
    unallocated_reason: str | None = Field(default=None, max_length=64)
    why: str | None = Field(default=None, max_length=160)
    state: str = Field(default="planned", max_length=16)
    begun_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = Field(default=None, max_length=32)
    source: str | None = Field(default=None, max_length=16)
    shift_id: str | None = Field(default=None, max_length=64)
    note: str | None = Field(default=None, max_length=2000)


class AbsenceRow(SQLModel, table=True):
    """A carer who cannot come on a day. No diagnosis, no history page: it exists so that the day can be saved."""

    __tablename__ = "absence"
    __table_args__ = (UniqueConstraint("carer_id", "day", name="uq_absence_carer_day"),)

    id: int | None = Field(default=None, primary_key=True)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64, index=True)
    day: date = Field(index=True)
    kind: str = Field(max_length=16)
    reported_at: datetime = Field(sa_type=UtcDateTime)
    #: split or substitute
    covered_by: str = Field(max_length=16)


class CitizenAbsenceRow(SQLModel, table=True):
    """A citizen who is not at home, and the visits that were cancelled for it. A kind, never a diagnosis."""

    __tablename__ = "citizen_absence"
    __table_args__ = (Index("ix_citizen_absence_citizen", "citizen_id", "ended_at"),)

    absence_id: str = Field(primary_key=True, max_length=64)
    citizen_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64, index=True)
    #: hospital | away
    kind: str = Field(max_length=16)
    from_at: datetime = Field(sa_type=UtcDateTime)
    #: none while nobody knows
    until_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    noted_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    visit_ids: list[str] = Field(sa_column=Column(JSON, nullable=False))


class TaskRow(SQLModel, table=True):
    """Something a planner has to deal with."""

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_open", "state", "day", "unit_id"),
        UniqueConstraint("visit_id", "kind", name="uq_task_visit_kind"),
    )

    task_id: str = Field(primary_key=True, max_length=64)
    kind: str = Field(max_length=32)
    unit_id: str = Field(max_length=64)
    day: date
    visit_id: str | None = Field(default=None, max_length=64)
    citizen_id: str | None = Field(default=None, max_length=64)
    carer_id: str | None = Field(default=None, max_length=64)
    #: open | settled
    state: str = Field(default="open", max_length=16)
    raised_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    how: str | None = Field(default=None, max_length=160)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class TransferPlanRow(SQLModel, table=True):
    """One kind of transfer of one citizen in the inventory: how it was done, and how it is planned now."""

    __tablename__ = "transfer_plan"
    __table_args__ = (UniqueConstraint("citizen_id", "situation", name="uq_transfer_plan_situation"),)

    plan_id: str = Field(primary_key=True, max_length=32)
    unit_id: str = Field(max_length=64, index=True)
    citizen_id: str = Field(max_length=64)
    #: bed_chair | toilet | bath | turning | other
    situation: str = Field(max_length=16)
    #: lift | turning | none
    aid: str = Field(max_length=16)
    times_per_day: int
    carers_before: int
    carers_planned: int
    surveyed_on: date
    #: since when one carer does it; absent while two do
    converted_on: date | None = None
