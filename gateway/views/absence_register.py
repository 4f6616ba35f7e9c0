"""The absence register as callers and pages see it. Nobody is counted or compared."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from gateway.wire import iso, iso_or_none
from kernel.localtime import local_day
from scheduling import citizen_absences
from scheduling.absence_register import service
from scheduling.register.tables import CarerRow, CitizenRow


def register_json(session: Session, unit_ids: Collection[str], now: datetime) -> dict[str, Any]:
    """Carers by first day, citizens by when it begins; citizens are numbers."""
    spans = service.spans(session, unit_ids, local_day(now))
    away = citizen_absences.absences_now(session, unit_ids, now)
    carers = select(CarerRow).where(col(CarerRow.id).in_(sorted({s.carer_id for s in spans})))
    names = {row.id: row.name for row in session.exec(carers)}
    citizens = select(CitizenRow).where(col(CitizenRow.id).in_(sorted({a.citizen_id for a in away})))
    numbers = {row.id: row.short for row in session.exec(citizens)}
    return {
        "carers": [
            {
                "carer_id": span.carer_id,
                "name": names.get(span.carer_id, "?"),
                "kind": span.kind,
                "from_on": span.from_on.isoformat(),
                "to_on": span.to_on.isoformat(),
                "planned": span.planned,
            }
            for span in spans
        ],
        "citizens": [
            {
                "citizen_id": row.citizen_id,
                "citizen_number": numbers.get(row.citizen_id),
                "kind": row.kind,
                "from_at": iso(row.from_at),
                "until_at": iso_or_none(row.until_at),
                "begun": row.from_at <= now,
                "visit_count": len(row.visit_ids),
            }
            for row in away
        ],
    }
