"""Tables of the gateway itself: who may sign in and who is signed in."""

from datetime import date, datetime

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class IdentityRow(SQLModel, table=True):
    """Somebody who may sign in with a PIN. ``demo`` identities are refused outside the demo."""

    __tablename__ = "identity"

    id: str = Field(primary_key=True, max_length=64)
    role: str = Field(max_length=16)
    name: str = Field(max_length=80)
    carer_id: str | None = Field(default=None, max_length=64)
    #: whose home a citizen's, relative's or kiosk's identity is about
    citizen_id: str | None = Field(default=None, max_length=64)
    #: the last day it may be used: a relative's, or that of a carer who has left; none: no such day is set
    valid_until_on: date | None = None
    #: who it is at the identity provider (issuer, subject, role), for those who do not sign in with a PIN
    subject: str | None = Field(default=None, max_length=255, unique=True)
    unit_ids: list[str] = Field(sa_column=Column(JSON, nullable=False))
    pin_hash: str = Field(max_length=200)
    demo: bool = False
    failed_count: int = 0
    locked_until_s: float = 0.0


class SessionRow(SQLModel, table=True):
    """A signed-in browser. Only the hash of its token is kept."""

    __tablename__ = "session"

    token_hash: str = Field(primary_key=True, max_length=64)
    identity_id: str = Field(max_length=64, index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    #: seconds since the epoch of the machine's clock, not of the simulated world
    expires_s: float
    #: the session of a redeemed link: one screen visit of one citizen, and no identity
    room_id: str | None = Field(default=None, max_length=64, index=True)
    citizen_id: str | None = Field(default=None, max_length=64)
    unit_id: str | None = Field(default=None, max_length=64)
    #: which part of the system it was opened on; a kiosk's own screen shows less than the citizen's pages
    surface: str = Field(default="", max_length=16)
    #: why somebody else ended it, so that the browser that held it can be told; one of ``auth.ENDED``
    ended_code: str | None = Field(default=None, max_length=32)


class SignInRow(SQLModel, table=True):
    """Somebody on the way to the identity provider and back. Used once, and only by the browser that left."""

    __tablename__ = "sign_in_pending"

    #: hash of the token that browser holds
    token_hash: str = Field(primary_key=True, max_length=64)
    state: str = Field(max_length=64)
    nonce: str = Field(max_length=64)
    verifier: str = Field(max_length=128)
    #: the page they wanted
    to: str = Field(max_length=400)
    #: seconds since the epoch of the machine's clock
    expires_s: float = Field(index=True)


class CitizenAccessRow(SQLModel, table=True):
    """Somebody looked at a citizen's data: a role, never a name (GDPR art. 15; CJEU C-579/21)."""

    __tablename__ = "citizen_access"
    __table_args__ = (Index("ix_citizen_access_citizen_at", "citizen_id", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    citizen_id: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)
    role: str = Field(max_length=16)
    #: what was looked at and why, as codes of the message catalogue
    what: str = Field(max_length=32)
    purpose: str = Field(max_length=32)


class RouteListRow(SQLModel, table=True):
    """One edition of a unit's emergency list of a day, written as files (gateway.route_list_files)."""

    __tablename__ = "route_list"

    unit_id: str = Field(primary_key=True, max_length=64)
    day: date = Field(primary_key=True)
    edition: int = Field(primary_key=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    route_count: int
    #: SHA-256 of what is on the paper (hex)
    mark: str = Field(max_length=64)
