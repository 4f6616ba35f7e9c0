"""Tables of the register. Names and addresses live here and nowhere else."""

from datetime import date
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel


class UnitRow(SQLModel, table=True):
    """An organisation unit with the days it exists: centres begin, merge and end."""

    __tablename__ = "unit"

    id: str = Field(primary_key=True, max_length=64)
    name: str = Field(max_length=80)
    kind: str = Field(max_length=16)
    base: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    valid_from_on: date | None = None
    valid_to_on: date | None = None
    #: which unit has its carers and citizens from the day after its last
    merged_into_id: str | None = Field(default=None, max_length=64)


class CarerRow(SQLModel, table=True):
    """A carer as the platform needs one. ``unit_id`` is the unit of today's employment."""

    __tablename__ = "carer"

    id: str = Field(primary_key=True, max_length=64)
    unit_id: str = Field(max_length=64, index=True)
    name: str = Field(max_length=80)
    skills: list[str] = Field(sa_column=Column(JSON, nullable=False))
    transport: str = Field(max_length=16)
    pin_hash: str | None = Field(default=None, max_length=200)
    #: what payroll and planning systems call her (medarbejdernummer); their files are matched by it
    employee_no: str | None = Field(default=None, max_length=64)


class EmploymentRow(SQLModel, table=True):
    """From when to when a carer is employed in a unit; an ended employment opens no door."""

    __tablename__ = "employment"

    carer_id: str = Field(primary_key=True, max_length=64)
    unit_id: str = Field(primary_key=True, max_length=64)
    from_on: date = Field(primary_key=True)
    to_on: date | None = None


class CompetenceRow(SQLModel, table=True):
    """A documented competence of a carer and the last day it counts."""

    __tablename__ = "competence"

    carer_id: str = Field(primary_key=True, max_length=64)
    code: str = Field(primary_key=True, max_length=64)
    valid_until_on: date | None = None
    #: the day of the course, and who entered it; absent for what came with a day file
    acquired_on: date | None = None
    recorded_by_role: str | None = Field(default=None, max_length=16)


class CitizenRow(SQLModel, table=True):
    """A citizen. ``short`` is the number planners use on the board instead of a name."""

    __tablename__ = "citizen"

    id: str = Field(primary_key=True, max_length=64)
    short: int = Field(index=True)
    unit_id: str = Field(max_length=64, index=True)
    name: str = Field(max_length=80)
    address: str = Field(max_length=160)
    place: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    door_id: str | None = Field(default=None, max_length=64)
    lock_device_id: str | None = Field(default=None, max_length=64)
    #: before the electronic lock a key to this citizen was fetched at the base
    formerly_key: bool = False
    #: where its key is, for a door without an electronic lock: at_base, carers
    door_key: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    devices: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    preferences: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class ConsentRow(SQLModel, table=True):
    """A citizen's consent to a technology. Withdrawn consents stay, so that a past day can be explained."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_citizen", "citizen_id", "kind"),)

    id: int | None = Field(default=None, primary_key=True)
    citizen_id: str = Field(max_length=64)
    kind: str = Field(max_length=64)
    given_on: date
    withdrawn_on: date | None = None
