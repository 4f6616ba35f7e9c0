"""The rest of the day for the board: when visits will really begin, and which are fragile. Routes, never people."""

from typing import Any

from sqlmodel import Session

from gateway.usecases.foresight import MISSES_BY_MIN, Ahead
from gateway.views.board import shorts
from gateway.wire import iso
from scheduling.tables import VisitRow


def foresight_json(session: Session, found: Ahead) -> dict[str, Any]:
    """Expected starts that differ from what was told, fragile visits, and how often each route stays on time."""
    fragile = {v.visit_id: v for r in found.routes.values() for v in r.visits if v.fragile}
    expected = {
        s.visit_id: s
        for r in found.plan.routes
        for s in r.stops
        if not found.day.visit_by_id[s.visit_id].begun and (s.late_min > MISSES_BY_MIN or s.visit_id in fragile)
    }
    rows = [row for row in (session.get(VisitRow, v) for v in sorted({*expected})) if row is not None]
    numbers = shorts(session, rows)
    short = {row.id: str(numbers.get(row.citizen_id, "?")) for row in rows}
    return {
        "routes": [
            {"carer_id": r.carer_id, "on_time_percent": round(100 * r.on_time_ratio)}
            for r in sorted(found.routes.values(), key=lambda r: r.carer_id)
        ],
        "visits": [
            {
                "visit_id": v,
                "short": short.get(v, "?"),
                "expected_at": iso(stop.starts_at),
                "late_min": round(stop.late_min),
                "late_percent": round(100 * fragile[v].late_ratio) if v in fragile else None,
                "latest_at": iso(found.day.instant(fragile[v].start_p90_min)) if v in fragile else None,
            }
            for v, stop in sorted(expected.items(), key=lambda e: (e[1].start_min, e[0]))
        ],
    }
