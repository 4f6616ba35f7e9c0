"""What a maker of locks can keep, and the words that go through the port. Frozen, no session, no clock, no network."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

NATIVE, CLOUD = "native", "cloud"

#: where an order to open stands after the vendor was asked:
#: ``challenged`` the lock waits for the tablet's signature; ``opened`` | ``denied`` | ``jammed`` its final word;
#: ``unreachable`` nothing was sent; ``unknown`` it may have been heard, and nothing was answered
ReplyState = Literal["challenged", "opened", "denied", "jammed", "unreachable", "unknown"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What doors of a vendor can keep; promises and pages are made of this and of nothing they hope for.

    Parameters
    ----------
    offline
        The lock opens for a carer with every server and the network down.
    signed_log
        The lock signs its events and chains them: nobody on the way can make one up.
    expiry_by_lock
        The lock itself ends an access in time. Where not, the vendor's servers do.
    revocation_delay_s
        From the vendor's confirmation of a withdrawal until it holds. 0: as the lock confirms it.
    dual, emergency
        Doors for two holders; nødkald.
    stairwell
        Stairwell and flat open by one tap, so such a lock can hang on either.
    own_key_events
        The lock tells when the citizen's own key was used.
    """

    offline: bool
    signed_log: bool
    expiry_by_lock: bool
    revocation_delay_s: int
    dual: bool
    emergency: bool
    stairwell: bool
    own_key_events: bool


#: what doors can keep, by the vendor's name. Another vendor: docs/extend/lock-vendor.md.
CAPABILITIES: Mapping[str, Capabilities] = {
    NATIVE: Capabilities(
        offline=True,
        signed_log=True,
        expiry_by_lock=True,
        revocation_delay_s=0,
        dual=True,
        emergency=True,
        stairwell=True,
        own_key_events=True,
    ),
    CLOUD: Capabilities(
        offline=False,
        signed_log=False,
        expiry_by_lock=False,
        revocation_delay_s=30,
        dual=False,
        emergency=False,
        stairwell=False,
        own_key_events=False,
    ),
}


@dataclass(frozen=True, slots=True)
class AccessWindow:
    """One person may open one lock from ``opens_at`` to ``closes_at``. Ids tell a vendor nothing about anybody.

    ``lock_ref`` is the vendor's own number of the lock, ``user_ref`` a name made for this vendor.
    """

    access_id: str
    lock_ref: str
    user_ref: str
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """Open this lock now, for this access. ``request`` is the opening's id and comes back in the vendor's log."""

    request: str
    lock_ref: str
    access_id: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a vendor's log. ``number`` rises by one within a vendor.

    ``kind`` is ``opened``, ``denied``, ``jammed``, ``locked`` or another word of the vendor's.
    """

    number: int
    lock_ref: str
    kind: str
    at: datetime
    request: str | None = None
    access_id: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries after a number, oldest first. ``more``: there are others after these."""

    entries: tuple[LogEntry, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class OpenReply:
    """How an order stands. ``entry`` is the log's line of it, ``nonce`` what the tablet has to sign."""

    state: ReplyState
    code: str | None = None
    entry: LogEntry | None = None
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class LockHealth:
    """How a lock is, as its vendor knows it. ``battery_percent`` is ``None`` where nobody tells."""

    lock_ref: str
    online: bool
    battery_percent: int | None = None


def capabilities_of(vendor: str) -> Capabilities:
    """What doors of a vendor can keep.

    Raises
    ------
    ValueError
        If there is no such vendor.
    """
    found = CAPABILITIES.get(vendor)
    if found is None:
        raise ValueError(f"Expected one of {', '.join(CAPABILITIES)}, got {vendor!r}.")
    return found
