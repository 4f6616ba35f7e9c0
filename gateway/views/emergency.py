"""Emergencies in words: for the planner's board, for the review, for the tablet."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from devices.keys.emergency import Emergency
from gateway.usecases.emergency import citizens_of
from gateway.wire import iso, iso_or_none
from scheduling.register.tables import CarerRow, CitizenRow

REASONS = {
    "fall": ("fald", "a fall"),
    "no_answer": ("ingen svar", "no answer"),
    "acute_illness": ("akut sygdom", "acute illness"),
    "other": ("andet", "something else"),
    "offline": ("åbnet med kode uden net", "opened by code without a network"),
}


def emergencies_json(session: Session, rows: Sequence[Emergency], language: str) -> list[dict[str, Any]]:
    """Emergencies as a planner or manager gets them, in the order given."""
    citizens = citizens_of(session, rows)
    wanted = sorted({row.carer_id for row in rows})
    carers = {c.id: c.name for c in session.exec(select(CarerRow).where(col(CarerRow.id).in_(wanted))).all()}
    return [_json(row, citizens.get(row.door_id), carers.get(row.carer_id), language) for row in rows]


def reason_text(reason: str, language: str) -> str:
    """A reason in words."""
    return REASONS[reason][0 if language == "da" else 1]


def emergency_json(row: Emergency, language: str) -> dict[str, Any]:
    """An emergency as the carer's tablet gets it."""
    return {
        "emergency_id": row.emergency_id,
        "door_id": row.door_id,
        "reason": row.reason,
        "reason_text": reason_text(row.reason, language),
        "requested_at": iso(row.requested_at),
        "closes_at": iso(row.closes_at),
    }


def _json(row: Emergency, citizen: CitizenRow | None, carer: str | None, language: str) -> dict[str, Any]:
    return emergency_json(row, language) | {
        "unit_id": row.unit_id,
        "citizen_short": citizen.short if citizen else None,
        "citizen_name": citizen.name if citizen else None,
        "address": citizen.address if citizen else None,
        "carer_name": carer,
        "opened_at": iso_or_none(row.opened_at),
        "review_by_at": iso(row.review_by_at),
        "outcome": row.outcome,
        "note": row.note,
        "reviewed_at": iso_or_none(row.reviewed_at),
        "reviewed_by_role": row.reviewed_by_role,
    }
