"""Promises and their bounds: by when a right that was taken away opens nothing any more. Pure.

A lock decides by itself and may be out of reach, so "withdrawn" is a promise with a time: at once where the lock has
confirmed the list that names the grant, else the end of the grant's window (docs/protocol.md, section 5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

LEEWAY = timedelta(seconds=60)
"""How much later than its end a lock may still take a grant: its clock drifts (protocol, section 5)."""


@dataclass(frozen=True, slots=True)
class GrantEnd:
    """A grant a tablet may still hold. ``revoked_at`` is set once it was taken away. Aware UTC."""

    door_id: str
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class DoorStand:
    """What the locks of a door have confirmed, and what its vendor can keep.

    Parameters
    ----------
    confirmed
        Whether every lock on the door runs with the newest list of what is revoked.
    decides_itself
        Whether the lock opens without a server. One that does not can be stopped by its vendor.
    revocation_delay_s
        How long the vendor may take to stop a right; 0 where the lock decides itself.
    """

    confirmed: bool
    decides_itself: bool = True
    revocation_delay_s: int = 0


@dataclass(frozen=True, slots=True)
class DoorBound:
    """By when nothing that was taken away opens this door: ``until_at``, or already, where it is ``None``."""

    door_id: str
    until_at: datetime | None


def withdrawn_by(grants: Iterable[GrantEnd], doors: Mapping[str, DoorStand], now: datetime) -> list[DoorBound]:
    """The bound of every door for which something was taken away that is not over yet, by door.

    A door that ``doors`` does not name is taken for one that has confirmed nothing.
    """
    latest: dict[str, datetime | None] = {}
    for grant in grants:
        if grant.revoked_at is None or grant.expires_at + LEEWAY < now:
            continue
        end = _end(grant, doors.get(grant.door_id, DoorStand(confirmed=False)))
        before = latest.get(grant.door_id)
        still = end if end is not None and end > now else None
        latest[grant.door_id] = max((at for at in (before, still) if at is not None), default=None)
    return [DoorBound(door_id, until_at) for door_id, until_at in sorted(latest.items())]


def offline_until(grants: Iterable[GrantEnd], now: datetime) -> datetime | None:
    """Until when a tablet that never meets a network again opens some door with what it was given in good faith."""
    ends = [grant.expires_at + LEEWAY for grant in grants if grant.revoked_at is None]
    latest = max(ends, default=None)
    return latest if latest is not None and latest > now else None


def _end(grant: GrantEnd, door: DoorStand) -> datetime | None:
    if not door.decides_itself:
        revoked_at = grant.revoked_at or grant.expires_at
        return revoked_at + timedelta(seconds=door.revocation_delay_s)
    return None if door.confirmed else grant.expires_at + LEEWAY
