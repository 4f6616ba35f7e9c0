"""Where the citizens of a day live and where the centres are: what the board's map draws its routes over.

Coordinates only, by the number a citizen goes by on the board; who visits whom and when is the board's own. Degrees are
rounded to four decimals, eleven metres: enough to see a route by, and a door is not found with it. Benchmark days on a
plane have no degrees; their coordinates go as they are.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from gateway.views.board import units_of
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow

_DECIMALS = 4


def board_map(session: Session, day: date, unit_ids: Collection[str]) -> dict[str, Any]:
    """Places in columns (``short``, ``y``, ``x``, ``unit``: a place in ``units``) and the units with their base."""
    units = units_of(session, unit_ids)
    unit_at = {u.id: i for i, u in enumerate(units)}
    rows = session.execute(
        select(col(CitizenRow.short), col(CitizenRow.place), col(VisitRow.unit_id))
        .join(VisitRow, col(VisitRow.citizen_id) == col(CitizenRow.id))
        .where(col(VisitRow.day) == day, col(VisitRow.state) != "cancelled")
        .where(col(VisitRow.unit_id).in_(sorted(unit_ids)))
    ).all()
    found = {short: (_point(place), unit_at[unit_id]) for short, place, unit_id in rows}
    known = [(short, point, unit) for short, (point, unit) in sorted(found.items()) if point is not None]
    return {
        "day": day.isoformat(),
        "degrees": any("lat_deg" in place for _, place, _ in rows),
        "units": [{"id": u.id, "name": u.name, "base": _point(u.base)} for u in units],
        "short": [str(short) for short, _, _ in known],
        "y": [point[0] for _, point, _ in known],
        "x": [point[1] for _, point, _ in known],
        "unit": [unit for _, _, unit in known],
    }


def _point(place: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """North and east, or y and x; ``None`` where a place has no coordinates."""
    if not place:
        return None
    y, x = place.get("lat_deg", place.get("y")), place.get("lon_deg", place.get("x"))
    return None if y is None or x is None else (round(float(y), _DECIMALS), round(float(x), _DECIMALS))
