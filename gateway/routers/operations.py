"""Drift: what was set aside, which devices are there, how the parts are."""

import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlmodel import Session, select

from devices.events import MessageLookedAt
from devices.inbox import counter_store, leases, quarantine_store
from devices.inbox.model import Reason
from devices.inbox.quarantine_store import Quarantined
from devices.registry import store as registry
from devices.registry.model import DeviceKind
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.parts import Parts
from gateway.routing import Router
from gateway.views.devices import battery_level
from gateway.views.payloads import EditFormat, edited, readable
from gateway.views.quarantine import inbox_fault, reason_text
from gateway.wire import iso, iso_or_none
from kernel.consumers import position_of
from kernel.errors import KernelError
from kernel.log import latest_position
from kernel.tables import ConsumerRow
from scheduling.register.tables import UnitRow

router = Router(prefix="/api/v1/operations", tags=["operations"])
Operator = Annotated[Who, Depends(require(Role.OPERATIONS, Role.TECHNICIAN))]
#: what a database can number its rows with; a larger number is nobody's row
RowNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]
PAGE = 50
MANY = 200


class ReplayMany(BaseModel):
    """Which messages to run through again."""

    reason: Reason


class Correction(BaseModel):
    """A message as a person would have it."""

    format: EditFormat
    content: Annotated[str, Field(max_length=200_000)]


@router.get("/quarantine")
def quarantine(
    who: Operator, parts: PartsDep, read: ReadDep, cursor: RowNumber | None = None, state: str | None = "open"
) -> dict[str, Any]:
    """What was set aside, newest first, what waits and since when, and how many met each end.

    A technician's rows are of her units' devices.
    """
    units = who.unit_ids if who.role is Role.TECHNICIAN else None
    page = quarantine_store.quarantined(read, PAGE, cursor, state if state != "all" else None, units)
    return {
        "items": [_item(row, who.language) for row in page.rows],
        "next": page.next_cursor,
        "counts": counter_store.counts(read),
        "open": _open(read, parts.clock.now(), units, who.language),
    }


@router.post("/quarantine/replays")
def replay_many(asked: ReplayMany, who: Operator, parts: PartsDep) -> dict[str, Any]:
    """Run what was set aside for one reason through again, oldest first, at most 200 a time."""
    units = who.unit_ids if who.role is Role.TECHNICIAN else None
    replayed = parts.inbox.replay_many(asked.reason, MANY, units)
    parts.doors.send(replayed.outgoing)
    return {"accepted": replayed.accepted, "refused": replayed.refused, "left": replayed.left}


@router.get("/quarantine/{quarantine_id}")
def message(quarantine_id: RowNumber, who: Operator, parts: PartsDep) -> dict[str, Any]:
    """One message with what it says, as it arrived and as it was corrected. That somebody looked is recorded."""
    _require_own(who, parts, quarantine_id)
    with parts.units.begin() as work:
        row = quarantine_store.quarantined_row(work.session, quarantine_id)
        if row is None:
            raise KernelError("not_found", what="Beskeden")
        kind = row.kind if row.kind in {known.value for known in DeviceKind} else "unknown"
        work.record(MessageLookedAt(at=work.now, quarantine_id=quarantine_id, kind=kind, by_role=who.role.value))
    return {
        "item": _item(row, who.language),
        "arrived": _content(row.payload),
        "corrected": None if row.corrected is None else _content(row.corrected),
    }


@router.post("/quarantine/{quarantine_id}/correction")
def correct(quarantine_id: RowNumber, correction: Correction, who: Operator, parts: PartsDep) -> dict[str, Any]:
    """Write a correction beside a message; what arrived is kept, and a replay takes the correction."""
    _require_own(who, parts, quarantine_id)
    parts.inbox.correct(quarantine_id, edited(correction.format, correction.content), who.role.value)
    with parts.database.reading() as session:
        row = quarantine_store.quarantined_row(session, quarantine_id)
    return {"item": _item(row, who.language) if row else None}


@router.post("/quarantine/{quarantine_id}/replay")
def replay(quarantine_id: RowNumber, who: Operator, parts: PartsDep) -> dict[str, Any]:
    """Run a message through again, for example after its device was enrolled."""
    _require_own(who, parts, quarantine_id)
    replayed = parts.inbox.replay(quarantine_id)
    parts.doors.send(replayed.outgoing)
    with parts.database.reading() as session:
        row = quarantine_store.quarantined_row(session, quarantine_id)
    return {"item": _item(row, who.language) if row else None, "accepted": replayed.accepted}


@router.post("/quarantine/{quarantine_id}/dismiss")
def dismiss(quarantine_id: RowNumber, who: Operator, parts: PartsDep) -> dict[str, Any]:
    """Put a message away for good; it stays in the list of the dismissed."""
    _require_own(who, parts, quarantine_id)
    parts.inbox.dismiss(quarantine_id)
    with parts.database.reading() as session:
        row = quarantine_store.quarantined_row(session, quarantine_id)
    return {"item": _item(row, who.language) if row else None}


@router.get("/devices")
def devices(who: Operator, read: ReadDep, cursor: str | None = None, kind: DeviceKind | None = None) -> dict[str, Any]:
    """Enrolled devices, by id; a technician's are those of her units."""
    page = registry.devices(read, PAGE, cursor, kind, who.unit_ids if who.role is Role.TECHNICIAN else None)
    names = {u.id: u.name for u in read.exec(select(UnitRow)).all()}
    return {
        "items": [
            {
                "device_id": d.device_id,
                "kind": d.kind.value,
                "unit_name": names.get(d.unit_id or "", ""),
                "online": d.online,
                "last_seen_at": iso_or_none(d.last_seen_at),
                "battery_mv": d.battery_mv,
                "battery_level": battery_level(d.battery_mv),
                "firmware": d.firmware,
                "state": d.state.value,
            }
            for d in page.devices
        ],
        "next": page.next_cursor,
        "counts": _device_counts(read),
    }


@router.get("/parts")
def parts_state(who: Operator, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Every part behind with its state, and what waits where."""
    head = latest_position(read)
    behind = {c.name: head - position_of(read, c.name) for c in read.exec(select(ConsumerRow)).all()}
    crew = leases.crew(read, time.time())
    # The checks take connections of their own.
    read.commit()
    states = {name: check() for name, check in sorted(parts.checks.items())}
    states["inbox"] = inbox_fault(crew, who.language)
    return {
        "parts": [
            {"name": name, "state": "down" if wrong else "ok", "detail": wrong} for name, wrong in states.items()
        ],
        "queues": {
            "events": head,
            "inbox": crew.waiting,
            "inbox_age_s": round(crew.oldest_s),
            **{f"behind:{name}": count for name, count in sorted(behind.items())},
        },
    }


def _require_own(who: Who, parts: Parts, quarantine_id: int) -> None:
    """A technician touches what her units' devices sent; of anything else she learns nothing."""
    if who.role is not Role.TECHNICIAN:
        return
    with parts.database.reading() as session:
        if not quarantine_store.is_from(session, quarantine_id, who.unit_ids):
            raise KernelError("not_found", what="Beskeden")


def _device_counts(session: Session) -> dict[str, int]:
    tally = {"enrolled": 0, "online": 0, "offline": 0}
    for (_kind, online), number in registry.device_counts(session).items():
        tally["enrolled"] += number
        tally["online" if online else "offline"] += number
    return tally


def _item(row: Quarantined, language: str) -> dict[str, Any]:
    return {
        "id": row.quarantine_id,
        "received_at": iso(row.received_at),
        "reason": row.reason,
        "reason_text": reason_text(row.reason, language),
        "kind": row.kind,
        "name": row.name,
        "expected": row.expected,
        "found": row.found,
        "size_bytes": len(row.payload),
        "times": row.times,
        "corrected_at": iso_or_none(row.corrected_at),
        "state": row.state,
    }


def _open(session: Session, now: datetime, units: tuple[str, ...] | None, language: str) -> dict[str, Any]:
    waiting = quarantine_store.open_messages(session, units)
    oldest_s = 0 if waiting.oldest_at is None else max(0, round((now - waiting.oldest_at).total_seconds()))
    return {
        "count": waiting.count,
        "oldest_at": iso_or_none(waiting.oldest_at),
        "oldest_s": oldest_s,
        "by_reason": [
            {"reason": reason, "text": reason_text(reason, language), "count": count}
            for reason, count in sorted(waiting.by_reason.items())
        ],
    }


def _content(payload: bytes) -> dict[str, str]:
    how, text = readable(payload)
    return {"format": how, "text": text, "hex": payload.hex(" ")}
