"""Who came through a door, as its citizen may ask: when, for which visit, and how sure it is.

Two sources, each opening told once: openings tapped with a network, and what a lock says of openings it gave to a
tablet beside it. No carer is named here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, select

from devices.inbox.tables import ReportRow
from devices.keys import grant_store
from devices.keys.chain import SignedEvent, read_event
from devices.keys.cose import VerifyingKey, lock_trust
from devices.keys.door_news import OPENED_BY_KEY
from devices.keys.opening import OpeningState
from devices.keys.schemas import GrantIssued
from devices.keys.signer.model import Basis
from devices.keys.tables import DoorOpenedRow, LockRow, OpeningRow
from devices.keys.vendors.log import untapped_openings

#: what let somebody in: a planned visit, an emergency, the citizen's own mechanical key, or nobody knows what
Entry = Literal["visit", "emergency", "own_key"]
#: "opened": the lock has said so; "perhaps": it was asked and never answered
Sureness = Literal["opened", "perhaps"]
_SURE: dict[str, Sureness] = {OpeningState.UNLOCKED.value: "opened", OpeningState.UNKNOWN.value: "perhaps"}


@dataclass(frozen=True, slots=True)
class DoorLogEntry:
    """One opening. ``visit_id`` is missing where nobody knows which visit it was for."""

    at: datetime
    visit_id: str | None
    sureness: Sureness
    #: opened by a tablet beside the lock, without a network
    offline: bool
    by: Entry = "visit"


def openings_of_door(session: Session, door_id: str, since_at: datetime, limit: int = 200) -> list[DoorLogEntry]:
    """Openings of a door since an instant, newest first, at most ``limit``."""
    rows = session.exec(
        select(OpeningRow)
        .where(
            OpeningRow.door_id == door_id,
            col(OpeningRow.on_way).is_(False),
            col(OpeningRow.state).in_(sorted(_SURE)),
            col(OpeningRow.requested_at) >= since_at,
        )
        .order_by(col(OpeningRow.requested_at).desc())
        .limit(limit)
    ).all()
    found = [_tapped(row) for row in rows]
    for lock in session.exec(select(LockRow).where(LockRow.door_id == door_id)).all():
        found += _told_by_lock(session, lock, since_at, limit)
    for event, visit_id in untapped_openings(session, door_id, since_at, limit):
        found.append(DoorLogEntry(event.at, visit_id or None, "opened", False))
    return sorted(found, key=lambda entry: (entry.at, entry.visit_id or ""), reverse=True)[:limit]


def _tapped(row: OpeningRow) -> DoorLogEntry:
    at, sure = row.settled_at or row.requested_at, _SURE[row.state]
    if row.basis == Basis.ROUTE:
        return DoorLogEntry(at, row.visit_id, sure, False)
    return DoorLogEntry(at, None, sure, False, "emergency")


def _told_by_lock(session: Session, lock: LockRow, since_at: datetime, limit: int) -> list[DoorLogEntry]:
    rows = session.exec(
        select(ReportRow)
        .join(
            DoorOpenedRow,
            (col(DoorOpenedRow.lock_id) == col(ReportRow.device_id))
            & (col(DoorOpenedRow.boot) == col(ReportRow.boot))
            & (col(DoorOpenedRow.seq) == col(ReportRow.seq)),
        )
        .where(
            ReportRow.device_id == lock.lock_id,
            col(DoorOpenedRow.opening_id).is_(None),
            col(ReportRow.received_at) >= since_at,
        )
        .order_by(col(ReportRow.seq).desc())
        .limit(limit)
    ).all()
    trust = lock_trust(VerifyingKey(bytes(lock.public_key)))
    told = [(row, read_event(bytes(row.payload), trust)) for row in rows]
    grants = grant_store.grants(session, {signed.event.cti for _, signed in told if signed.event.cti is not None})
    entries = []
    for row, signed in told:
        at = signed.event.ts_at or row.received_at
        if at >= since_at:
            entries.append(_entry(at, signed, grants))
    return entries


def _entry(at: datetime, signed: SignedEvent, grants: dict[bytes, GrantIssued]) -> DoorLogEntry:
    if signed.event.type == OPENED_BY_KEY:
        return DoorLogEntry(at, None, "opened", False, "own_key")
    grant = None if signed.event.cti is None else grants.get(signed.event.cti)
    if grant is not None and grant.basis != Basis.ROUTE:
        return DoorLogEntry(at, None, "opened", True, "emergency")
    return DoorLogEntry(at, None if grant is None else grant.visit_id, "opened", True)
