"""Tables of the gateway itself: who may sign in and who is signed in."""

from datetime import datetime

from sqlalchemy import JSON, Column
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
    #: who it is at the identity provider (issuer and subject), for those who do not sign in with a PIN
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
