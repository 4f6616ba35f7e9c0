"""What the signer is asked, what it answers, and how it is set up. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias

ISSUER = "omsorgstid"
"""Name of our issuer in grants and lists."""

FURTHEST_AHEAD = timedelta(hours=36)
"""How long before it opens the window of a grant may be asked for."""

MAX_BATCH = 100
"""Requests in one frame: request and answer stay below the frame limit."""


class Basis(StrEnum):
    """What a grant rests on in the event log."""

    ROUTE = "route"  # a planned visit
    EMERGENCY = "emergency"  # a carer said why she has to go in
    PREPARED = "prepared"  # doors prepared for a designated tablet, each for one opening


class MintRefusal(StrEnum):
    """Why no grant was minted. The codes are a contract: the log file, alarms and tests name them."""

    BAD_REQUEST = "bad_request"  # cannot be read, or names no lock
    UNKNOWN_SHIFT = "unknown_shift"  # the log tells of no such shift
    SHIFT_ENDED = "shift_ended"
    SHIFT_OVERDUE = "shift_overdue"  # never ended by its carer, and long past its planned end
    SHIFT_DISPUTED = "shift_disputed"  # the log tells of it twice, differently
    NOT_THE_SHIFTS_CARER = "not_the_shifts_carer"
    HOLDER_MISMATCH = "holder_mismatch"  # not the key the tablet made for this shift
    UNKNOWN_ROUTE = "unknown_route"
    ROUTE_SUPERSEDED = "route_superseded"  # a later version is published
    ROUTE_DISPUTED = "route_disputed"  # the log tells of this version twice, differently
    NOT_THE_ROUTES_CARER = "not_the_routes_carer"
    VISIT_NOT_ON_ROUTE = "visit_not_on_route"
    DOOR_NOT_AT_VISIT = "door_not_at_visit"
    LOCK_NOT_AT_DOOR = "lock_not_at_door"
    EPOCH_MISMATCH = "epoch_mismatch"
    WINDOW_CLOSED = "window_closed"
    WINDOW_TOO_FAR = "window_too_far"
    CARER_LEFT = "carer_left"  # she has stopped working here
    UNKNOWN_STATEMENT = "unknown_statement"  # the log tells of no such emergency or preparation
    STATEMENT_DISPUTED = "statement_disputed"  # the log tells of it twice, differently
    NOT_THE_STATEMENTS_SHIFT = "not_the_statements_shift"  # another carer's or another shift's
    DOOR_NOT_IN_STATEMENT = "door_not_in_statement"
    DOOR_OF_OTHER_UNIT = "door_of_other_unit"
    WINDOW_TOO_LONG = "window_too_long"
    NOT_DESIGNATED = "not_designated"  # doors are prepared for designated tablets alone
    QUOTA_CARER = "quota_carer"
    QUOTA_UNIT = "quota_unit"


@dataclass(frozen=True, slots=True)
class MintRequest:
    """A claim the signer checks against the event log, word by word.

    ``lock_ids`` are the locks on the door and on its way (1 to 3); ``holder_thumbprint`` is 32 bytes; ``epoch`` is the
    highest epoch of these locks. There is no window: the signer derives it from the log.

    ``basis`` says what kind of statement ``route_id`` names. An emergency or a preparation has no version
    (0) and no visit: ``visit_id`` repeats its id.
    """

    route_id: str
    route_version: int
    visit_id: str
    door_id: str
    lock_ids: tuple[str, ...]
    carer_id: str
    shift_id: str
    holder_thumbprint: bytes
    epoch: int
    basis: Basis = Basis.ROUTE


@dataclass(frozen=True, slots=True)
class Minted:
    """A grant: the token for the tablet, and what the server must remember of it. Instants are aware UTC."""

    cti: bytes
    token: bytes
    opens_at: datetime
    expires_at: datetime
    minted_at: datetime
    unit_id: str


@dataclass(frozen=True, slots=True)
class NotMinted:
    """No grant, and why."""

    code: MintRefusal


MintResult: TypeAlias = Minted | NotMinted


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many grants may be minted within any 60 minutes of world time.

    A day shift of 15 visits asks for 15 grants at its start and for some again when its route changes; four
    shifts' worth an hour is more than any carer needs and far fewer doors than a thief would like.
    """

    per_carer: int = 60
    per_unit: int = 3_000

    def __post_init__(self) -> None:
        if self.per_carer < 1 or self.per_unit < 1:
            raise ValueError(f"Expected quotas >= 1, got {self.per_carer} and {self.per_unit}.")


EMERGENCY_QUOTAS = Quotas(per_carer=6, per_unit=60)
"""Emergencies within an hour: a carer does not meet more, and a thief gets to no more doors."""

PREPARED_QUOTAS = Quotas(per_carer=400, per_unit=2_000)
"""Doors prepared within an hour: a unit's doors, once a shift, for its few designated tablets."""


@dataclass(frozen=True, slots=True)
class SignerSettings:
    """Everything the signer process needs to know.

    Parameters
    ----------
    address
        ``unix:/path/to/socket`` or ``tcp:127.0.0.1:PORT``; nothing but this machine.
    database_url
        The event log. It is opened for reading only, whatever the account may do.
    key_file, secret_file, log_file
        Issuer key (made on the first start), secret shared with the gateway, the signer's own log.
    issuer
        Name in the grants.
    clock
        ``system`` in operation. ``log`` takes the latest instant of the event log for now: the simulated
        world of the demo, where the machine's time means nothing.
    parent_pid
        End when this parent process is gone, so that a killed demo leaves no signer behind.
    """

    address: str
    database_url: str
    key_file: Path
    secret_file: Path
    log_file: Path
    issuer: str = ISSUER
    quotas: Quotas = Quotas()
    clock: Literal["system", "log"] = "system"
    furthest_ahead: timedelta = FURTHEST_AHEAD
    shift_grace: timedelta = timedelta(hours=6)
    parent_pid: int | None = None


@dataclass(frozen=True, slots=True)
class SignerStatus:
    """What the signer tells of itself."""

    public_key: bytes
    issuer: str
    position: int
    minted: int
    refused: int
    #: version of the list of issuers that locks should have, 0 while none is needed
    trust_version: int = 0


@dataclass(frozen=True, slots=True)
class SignedTrust:
    """The signed list of issuers for one lock (``dn/trust``)."""

    lock_id: str
    version: int
    message: bytes
