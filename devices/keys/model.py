"""The words of the door: operations, results, codes and the facts a decision is made on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


class Operation(StrEnum):
    """What a holder may ask a lock to do; also the scope of a grant."""

    OPEN = "open"
    LOCK = "lock"
    READ_LOG = "read-log"


class LockResult(StrEnum):
    """What a lock says it did with one command."""

    OPENED = "opened"
    LOCKED = "locked"
    READ = "read"  # the log was handed out
    DENIED = "denied"  # nothing moved; ``code`` says why
    JAMMED = "jammed"  # the motor ran and the bolt did not get there
    PENDING = "pending"  # the first of two holders is accepted; nothing moved yet
    NONE = "none"  # asked about a command it never got


class DenialCode(StrEnum):
    """Why a lock says no. The codes a carer can act on are those of :class:`RefusalCode`."""

    STALE_CHALLENGE = "stale_challenge"  # nonce unknown, used, or older than its 10 s
    BAD_GRANT = "bad_grant"  # form, algorithm, issuer or signature
    WRONG_LOCK = "wrong_lock"
    WRONG_HOLDER = "wrong_holder"  # the presented key is not the grant's, or its signature is wrong
    NOT_IN_SCOPE = "not_in_scope"
    USED_UP = "used_up"
    OUTSIDE_VISIT_WINDOW = "outside_visit_window"  # the grant is not valid yet
    GRANT_EXPIRED = "grant_expired"
    EPOCH_REVOKED = "epoch_revoked"  # epoch, grant or holder key revoked
    CLOCK_UNSURE = "clock_unsure"
    BATTERY_LOW = "battery_low"


class RefusalCode(StrEnum):
    """Why the server does not even send a command; the page has a heading and a sentence for each."""

    OUTSIDE_VISIT_WINDOW = "outside_visit_window"
    NOT_ON_ROUTE = "not_on_route"
    MISSING_COMPETENCE = "missing_competence"
    GRANT_EXPIRED = "grant_expired"
    EPOCH_REVOKED = "epoch_revoked"
    CLOCK_UNSURE = "clock_unsure"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    BATTERY_LOW = "battery_low"


class ClockState(StrEnum):
    """How far a lock trusts its own clock."""

    OK = "ok"
    UNSURE = "unsure"  # set by a ferried time, good until 15 minutes after the lock asked for it
    LOST = "lost"  # battery change or first start: knows no time


class Bolt(StrEnum):
    """Where the lock's own sensor says the bolt is."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    UNKNOWN = "unknown"


Fact: TypeAlias = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class DoorFacts:
    """What the server knows of the lock on this door when the carer taps.

    ``battery_mv`` is ``None`` where the vendor tells no battery; ``clock`` is ``None`` where the lock has
    no clock of its own to lose. ``epoch`` is the lowest epoch a grant may carry.
    """

    epoch: int
    clock: ClockState | None
    battery_mv: int | None
    battery_empty_mv: int


@dataclass(frozen=True, slots=True)
class RightFacts:
    """The door right behind the tap. ``revoked_at`` is set once tablet, key or right is revoked."""

    epoch: int
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """Everything the question "may this carer open this door now?" depends on.

    Instants are aware UTC. ``planned_carer`` is ``None`` while the visit is on nobody's route; ``moved_at``
    and ``moved_reason`` tell the carer who lost it what happened. ``right`` is ``None`` where none was
    issued for this carer and visit. Competences are the register's opaque codes.
    """

    now_at: datetime
    carer: str
    planned_carer: str | None
    planned_start_at: datetime
    planned_end_at: datetime
    consent_active: bool
    right: RightFacts | None
    door: DoorFacts
    required_competences: frozenset[str] = frozenset()
    held_competences: frozenset[str] = frozenset()
    moved_at: datetime | None = None
    moved_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The door may be opened, inside this window."""

    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """The door may not be opened: the code, and the facts its sentence needs."""

    code: RefusalCode
    facts: Mapping[str, Fact] = field(default_factory=dict)
