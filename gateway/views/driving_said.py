"""What people said of trips, who may be said to have driven, and who could be somewhere first."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from devices.driving.corrections import Correction
from devices.driving.nearest import Arrival
from gateway.wire import iso
from scheduling.register.tables import CarerRow


def correction_json(said: Correction | None) -> dict[str, Any] | None:
    """What a person said of a trip: what, why, when, and as whom. Not who."""
    if said is None:
        return None
    statement = said.statement
    return {
        "purpose": statement.purpose,
        "from": statement.from_place or None,
        "to": statement.to_place or None,
        "note": statement.note or None,
        "carer_id": statement.carer_id,
        "reason": said.reason,
        "role": said.role,
        "at": iso(said.at),
    }


def trail_json(trail: Sequence[Correction]) -> list[dict[str, Any]]:
    """Everything that was said, with what stood there before."""
    return [
        {"kind": c.kind, "reason": c.reason, "role": c.role, "at": iso(c.at), "before": c.before, "after": c.after}
        for c in trail
    ]


def carers_json(session: Session, unit_ids: Collection[str]) -> list[dict[str, str]]:
    """Carers of units by name, to say who drove."""
    query = select(CarerRow.id, CarerRow.name).where(col(CarerRow.unit_id).in_(sorted(unit_ids)))
    found = session.exec(query.order_by(col(CarerRow.name), col(CarerRow.id))).all()
    return [{"id": carer_id, "name": name} for carer_id, name in found]


def arrivals_json(session: Session, visit_id: str, found: Sequence[Arrival], now: datetime) -> dict[str, Any]:
    """Who could be at a visit when. No places."""
    wanted = sorted({arrival.carer_id for arrival in found})
    names = dict(session.exec(select(CarerRow.id, CarerRow.name).where(col(CarerRow.id).in_(wanted))).all())
    return {
        "visit_id": visit_id,
        "at": iso(now),
        "arrivals": [
            {
                "carer_id": arrival.carer_id,
                "carer_name": names.get(arrival.carer_id, "?"),
                "transport": arrival.transport,
                "basis": arrival.basis.value,
                "known_at": iso(arrival.known_at),
                "free_at": iso(arrival.free_at),
                "arrives_at": iso(arrival.arrives_at),
            }
            for arrival in found
        ],
    }
