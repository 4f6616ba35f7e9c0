"""Tables of the doors: what hangs on a door, who may open it when, what was minted for it, what happened.

Ids are opaque and random. No name, no address: those live in the register, and only the server knows which
visit a ``cti`` stands for.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime


class DoorRow(SQLModel, table=True):
    """A door that somebody's visits go through. It may carry several locks (stairwell and flat)."""

    __tablename__ = "door"

    door_id: str = Field(primary_key=True, max_length=64)
    unit_id: str = Field(max_length=64, index=True)
    vendor: str = Field(default="native", max_length=32)
    enrolled_at: datetime = Field(sa_type=UtcDateTime)
    #: how many carers it takes to open it: one, or two within a minute of each other
    holders: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    #: the common door one goes through first (a stairwell); its locks open in the same act
    stairwell_id: str | None = Field(default=None, max_length=64, index=True)
    #: the one before it: its locks still have to be told what was minted then and is void now
    former_stairwell_id: str | None = Field(default=None, max_length=64, index=True)


class LockRow(SQLModel, table=True):
    """What the server knows of a lock beyond the device registry: its key, its chain, how it stands."""

    __tablename__ = "lock_device"

    lock_id: str = Field(primary_key=True, max_length=64)
    door_id: str = Field(max_length=64, index=True)
    public_key: bytes = Field(sa_type=LargeBinary)
    epoch: int = 0
    #: the chain as far as it is committed here; 0 and the genesis hash before the lock's first event
    chain_boot: int = Field(default=0, sa_type=BigInteger)
    chain_seq: int = Field(default=0, sa_type=BigInteger)
    chain_head: bytes = Field(sa_type=LargeBinary)
    #: version of the revocation list the lock should have, and of what it says it has
    crl_version: int = 0
    crl_reported: int = 0
    #: the newest list the lock's own signed log says it runs with: what promises rest on, a report anybody can make up
    crl_signed: int | None = None
    #: a list that must be confirmed by this link time (epoch seconds), or the epoch is raised
    crl_awaited: int | None = None
    crl_due_wall_s: float | None = Field(default=None, index=True)
    cfg_version: int = 0
    cfg_reported: int = 0
    trust_reported: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    battery_mv: int | None = None
    clock_state: str = Field(default="ok", max_length=16)
    bolt_state: str = Field(default="unknown", max_length=16)
    #: issuer of the administration that owns it; empty where it is ours
    owner: str | None = Field(default=None, max_length=64)
    enrolled_at: datetime = Field(sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LockSettingsRow(SQLModel, table=True):
    """The settings a lock should run with; their version stands with the lock."""

    __tablename__ = "lock_settings"

    lock_id: str = Field(primary_key=True, max_length=64)
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    changed_at: datetime = Field(sa_type=UtcDateTime)


class LockTrustRow(SQLModel, table=True):
    """The newest list of issuers the signer has signed for a lock."""

    __tablename__ = "lock_trust"

    lock_id: str = Field(primary_key=True, max_length=64)
    version: int
    message: bytes = Field(sa_type=LargeBinary)
    signed_at: datetime = Field(sa_type=UtcDateTime)


class LockIssuerEpochRow(SQLModel, table=True):
    """The lowest epoch a lock takes from another issuer than ours; ours stands with the lock."""

    __tablename__ = "lock_issuer_epoch"

    lock_id: str = Field(primary_key=True, max_length=64)
    issuer: str = Field(primary_key=True, max_length=64)
    epoch: int


class RightRow(SQLModel, table=True):
    """A carer's right to a door for one visit. It follows the route and is never edited, only withdrawn."""

    __tablename__ = "door_right"
    __table_args__ = (Index("ix_door_right_carer_day", "carer_id", "day", "state"),)

    right_id: str = Field(primary_key=True, max_length=64)
    door_id: str = Field(max_length=64, index=True)
    visit_id: str = Field(max_length=64, index=True)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    route_id: str = Field(max_length=64)
    route_version: int
    opens_at: datetime = Field(sa_type=UtcDateTime)
    closes_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(max_length=16)
    issued_at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class GrantRow(SQLModel, table=True):
    """What a ``cti`` means. The token opens nothing without the holder's key, which stays in the tablet."""

    __tablename__ = "door_grant"
    __table_args__ = (Index("ix_door_grant_door_expires", "door_id", "expires_at"),)

    cti: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    right_id: str = Field(max_length=64, index=True)
    door_id: str = Field(max_length=64)
    visit_id: str = Field(max_length=64)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    shift_id: str = Field(max_length=64, index=True)
    holder_thumbprint: bytes = Field(sa_type=LargeBinary)
    epoch: int
    minted_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    token: bytes = Field(default=b"", sa_type=LargeBinary)
    #: what it rests on (``signer.model.Basis``); without a route, right and visit are the statement's id
    basis: str = Field(default="route", max_length=16, sa_column_kwargs={"server_default": "route"})


class EmergencyRow(SQLModel, table=True):
    """A carer went in without a planned visit: why, what came of it, and who has looked at it since."""

    __tablename__ = "door_emergency"
    __table_args__ = (Index("ix_door_emergency_unit_reviewed", "unit_id", "reviewed_at"),)

    emergency_id: str = Field(primary_key=True, max_length=64)
    door_id: str = Field(max_length=64, index=True)
    citizen_id: str | None = Field(default=None, max_length=64)
    unit_id: str = Field(max_length=64)
    carer_id: str = Field(max_length=64)
    shift_id: str = Field(max_length=64, index=True)
    #: fall | no_answer | acute_illness | other; offline where a spoken code opened the door
    reason: str = Field(max_length=16)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    closes_at: datetime = Field(sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: ok | not_ok
    outcome: str | None = Field(default=None, max_length=8)
    note: str | None = Field(default=None, max_length=500)
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reviewed_by_role: str | None = Field(default=None, max_length=16)
    escalated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class OpeningRow(SQLModel, table=True):
    """One tap on "Lås op" and how it stands. States: :mod:`devices.keys.opening`."""

    __tablename__ = "opening"
    __table_args__ = (Index("ix_opening_state_tapped", "state", "tapped_wall_s"),)

    opening_id: str = Field(primary_key=True, max_length=64)
    door_id: str = Field(max_length=64, index=True)
    lock_id: str = Field(max_length=64)
    visit_id: str = Field(max_length=64, index=True)
    shift_id: str = Field(max_length=64)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    state: str = Field(max_length=16)
    code: str | None = Field(default=None, max_length=64)
    #: what the sentence of a refusal needs (instants as ISO text)
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    late: bool = False
    #: world time, for people and figures
    requested_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: link time as epoch seconds, for the deadlines that two processes must agree on
    tapped_wall_s: float
    sent_wall_s: float | None = None
    settled_wall_s: float | None = None
    second_by_wall_s: float | None = None
    by_lock: bool = False
    cti: bytes | None = Field(default=None, sa_column=Column(LargeBinary(16), nullable=True, index=True))
    nonce: bytes | None = Field(default=None, sa_type=LargeBinary)
    #: the lock's own event this opening is settled by
    boot: int | None = Field(default=None, sa_type=BigInteger)
    seq: int | None = Field(default=None, sa_type=BigInteger)
    motor_ms: int | None = None
    #: what the carer saw with her own eyes: beside the lock's word, never instead of it
    observation: str | None = Field(default=None, max_length=16)
    observed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: as of the grant: an opening for an emergency has its id for a visit
    basis: str = Field(default="route", max_length=16, sa_column_kwargs={"server_default": "route"})
    #: whose lock acted on the door when it was tapped
    vendor: str = Field(default="native", max_length=32, sa_column_kwargs={"server_default": "native"})
    #: one tap at a door behind a stairwell begins an opening for each lock: what they have in common
    act_id: str | None = Field(default=None, max_length=64, index=True)
    #: of a lock on the way to the door, and not of the door itself: it begins no visit
    on_way: bool = Field(default=False, sa_column_kwargs={"server_default": sa.text("false")})


class DoorOpenedRow(SQLModel, table=True):
    """A physical opening already told to the log: the answer and the chained event tell of the same one."""

    __tablename__ = "door_opened"

    lock_id: str = Field(primary_key=True, max_length=64)
    boot: int = Field(sa_column=Column(BigInteger, primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    opening_id: str | None = Field(default=None, max_length=64)


class LockPayloadRow(SQLModel, table=True):
    """The erasable part of a chained event. Deleting the row leaves the chain whole and telling nothing."""

    __tablename__ = "lock_payload"

    lock_id: str = Field(primary_key=True, max_length=64)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    salt: bytes = Field(sa_type=LargeBinary)
    payload: bytes = Field(sa_type=LargeBinary)


class OfflineTabletRow(SQLModel, table=True):
    """A carer who carries a designated tablet: it may be let in without a plan when every server is down."""

    __tablename__ = "offline_tablet"

    carer_id: str = Field(primary_key=True, max_length=64)
    unit_id: str = Field(max_length=64, index=True)
    designated_at: datetime = Field(sa_type=UtcDateTime)
    by_role: str = Field(max_length=16)


class PreparationRow(SQLModel, table=True):
    """One window of four hours for which a designated tablet was given a grant for each door of its unit."""

    __tablename__ = "door_preparation"

    preparation_id: str = Field(primary_key=True, max_length=64)
    shift_id: str = Field(max_length=64, index=True)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    holder_thumbprint: str = Field(max_length=64)
    opens_at: datetime = Field(sa_type=UtcDateTime)
    closes_at: datetime = Field(sa_type=UtcDateTime)
