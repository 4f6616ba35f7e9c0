"""Shapes that go in and out of the door services. Instants are aware UTC, link time is epoch seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, TypeAlias

from devices.inbox.model import Outgoing
from devices.keys.opening import OpeningState

Observation: TypeAlias = Literal["open", "locked"]


@dataclass(frozen=True, slots=True)
class RightWanted:
    """A visit on a carer's route whose door she must be able to open."""

    door_id: str
    visit_id: str
    unit_id: str
    planned_start_at: datetime
    planned_end_at: datetime


@dataclass(frozen=True, slots=True)
class RouteRights:
    """All doors of one version of one carer's route of one day."""

    carer_id: str
    day: date
    route_id: str
    route_version: int
    wanted: tuple[RightWanted, ...]


@dataclass(frozen=True, slots=True)
class DoorRight:
    """A right as it is stored. ``opens_at`` and ``closes_at`` both belong to the window."""

    right_id: str
    door_id: str
    visit_id: str
    carer_id: str
    unit_id: str
    route_id: str
    route_version: int
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class RightsChange:
    """What following the route did. The locks need a new revocation list once the change is committed."""

    issued: int = 0
    withdrawn: int = 0
    locks_to_tell: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GrantIssued:
    """A grant that the signer minted, and what its ``cti`` stands for."""

    cti: bytes
    right_id: str
    door_id: str
    visit_id: str
    carer_id: str
    unit_id: str
    shift_id: str
    holder_thumbprint: bytes
    epoch: int
    minted_at: datetime
    expires_at: datetime
    token: bytes = b""
    basis: str = "route"
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantsKept:
    """Grants stored for a tablet, and the locks whose revocation list must be sent after commit."""

    issued: tuple[GrantIssued, ...]
    locks_to_tell: frozenset[str]


@dataclass(frozen=True, slots=True)
class OpeningIds:
    """Whom an opening concerns. For an emergency ``visit_id`` is the emergency's."""

    door_id: str
    lock_id: str
    visit_id: str
    shift_id: str
    carer_id: str
    unit_id: str


@dataclass(frozen=True, slots=True)
class DoorOpening:
    """One tap on "Lås op" as it stands now. ``code`` and ``facts`` fill the sentence of a refusal.

    ``facts`` holds instants as ISO text. ``by_lock`` says that the state is the lock's own signed word.
    """

    opening_id: str
    ids: OpeningIds
    state: OpeningState
    requested_at: datetime
    tapped_wall_s: float
    code: str | None = None
    facts: Mapping[str, str | int | None] = field(default_factory=dict)
    by_lock: bool = False
    late: bool = False
    settled_at: datetime | None = None
    sent_wall_s: float | None = None
    settled_wall_s: float | None = None
    cti: bytes | None = None
    nonce: bytes | None = None
    motor_ms: int | None = None
    observation: Observation | None = None
    #: link time until which a colleague may follow, at a door that needs two
    second_by_wall_s: float | None = None
    #: what it rests on: a planned visit (route), an emergency, or a prepared door
    basis: str = "route"
    #: whose lock acted on the door when it was tapped
    vendor: str = "native"
    #: what the openings of one tap have in common, at a door behind a stairwell
    act_id: str | None = None
    #: of a lock on the way to the door
    on_way: bool = False


@dataclass(frozen=True, slots=True)
class ProofOutcome:
    """What a proof led to. ``command`` is to be published once, after commit, and never again."""

    opening: DoorOpening
    command: Outgoing | None


@dataclass(frozen=True, slots=True)
class LockEnrolment:
    """A lock that was mounted on a door, with the public key it made itself (Ed25519, 32 bytes)."""

    lock_id: str
    door_id: str
    unit_id: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class LockFacts:
    """What the server knows of a lock beyond the registry."""

    lock_id: str
    door_id: str
    unit_id: str
    public_key: bytes
    epoch: int
    battery_mv: int | None
    clock_state: str
    bolt_state: str
