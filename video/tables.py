"""Tables of screen visits: rooms, invitations, quality sums. No SDP, no candidate, no address, no picture."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class RoomRow(SQLModel, table=True):
    """One screen visit's call, through all its tries."""

    __tablename__ = "call_room"
    __table_args__ = (Index("ix_call_room_citizen_state", "citizen_id", "state"),)

    room_id: str = Field(primary_key=True, max_length=64)
    visit_id: str = Field(max_length=64, unique=True)
    citizen_id: str = Field(max_length=64)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    state: str = Field(max_length=16, index=True)
    attempt: int = 1
    begun_at: datetime = Field(sa_type=UtcDateTime)
    ring_until_at: datetime = Field(sa_type=UtcDateTime)
    #: seconds since the epoch of the machine's clock
    ring_until_s: float
    #: the carer's page is in the room
    live: bool = False
    next_try_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    declined: bool = False
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by: str | None = Field(default=None, max_length=16)
    citizen_key: str | None = Field(default=None, max_length=96)
    #: whose browser redeemed a link made during the call: it may take the citizen's side over, once it answers
    heir_key: str | None = Field(default=None, max_length=96)
    #: somebody said that it was hard to hear or see
    trouble: bool = False
    hung_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    talk_s: int = 0
    outcome: str | None = Field(default=None, max_length=32)
    concluded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class InvitationRow(SQLModel, table=True):
    """An invitation that can be redeemed once. Only the hash of its token is kept."""

    __tablename__ = "call_invitation"

    token_hash: str = Field(primary_key=True, max_length=64)
    room_id: str = Field(max_length=64, index=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    #: seconds since the epoch of the machine's clock
    expires_s: float
    #: made during the call: whoever redeems it takes the citizen's side over
    takes_over: bool = False
    redeemed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class QualityRow(SQLModel, table=True):
    """The windows of one side of a call, summed up."""

    __tablename__ = "call_quality"

    room_id: str = Field(primary_key=True, max_length=64)
    side: str = Field(primary_key=True, max_length=16)
    windows: int = 0
    good_windows: int = 0
    poor_run: int = 0
    bad_run: int = 0
    reconnects: int = 0
    setup_ms: int | None = None
    path: str = Field(default="unknown", max_length=16)
