"""Weekly patterns and files that came in, as pages and callers see them. Citizens are numbers here."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlmodel import Session, col, select

from gateway.views.services import service_name
from gateway.wire import iso
from scheduling.exchange.tables import VisitImportRow
from scheduling.patterns.days import Generated
from scheduling.patterns.tables import VisitPatternRow
from scheduling.register.tables import CitizenRow

_DAYS = {
    "da": ("man", "tirs", "ons", "tors", "fre", "lør", "søn"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_ALL = {"1234567": ("alle dage", "every day"), "12345": ("hverdage", "weekdays"), "67": ("weekend", "weekend")}
_IN_CHUNK = 500


def patterns_json(session: Session, rows: Sequence[VisitPatternRow], language: str) -> list[dict[str, Any]]:
    """Patterns by the citizens' numbers, then by time."""
    numbers = _numbers(session, {row.citizen_id for row in rows})
    found = [
        {
            "series_id": row.series_id,
            "citizen_number": numbers.get(row.citizen_id),
            "service": row.service,
            "service_name": service_name(row.service, language),
            "weekdays": row.weekdays,
            "days_text": days_text(row.weekdays, row.every_weeks, language),
            "every_weeks": row.every_weeks,
            "window_open": row.window_open,
            "window_close": row.window_close,
            "duration_min": row.duration_min,
            "carers": row.carers,
            "mode": row.mode,
            "required_skills": row.required_skills,
            "priority": row.priority,
            "valid_from_on": row.valid_from_on.isoformat(),
            "valid_to_on": row.valid_to_on.isoformat() if row.valid_to_on else None,
        }
        for row in rows
    ]
    return sorted(found, key=lambda p: (p["citizen_number"] or 0, p["window_open"], p["valid_from_on"]))


def days_text(weekdays: str, every_weeks: int, language: str) -> str:
    """``man, ons``, ``hverdage``, ``fre, hver 2. uge``."""
    da = language == "da"
    known = _ALL.get(weekdays)
    days = known[0 if da else 1] if known else ", ".join(_DAYS["da" if da else "en"][int(d) - 1] for d in weekdays)
    if every_weeks == 1:
        return days
    return f"{days}, hver {every_weeks}. uge" if da else f"{days}, every {every_weeks} weeks"


def arrival_json(done: Generated) -> dict[str, int]:
    """What became of wanted visits, in numbers."""
    return asdict(done)


def arrival_row_json(row: VisitImportRow) -> dict[str, Any]:
    """A file that came in."""
    return {
        "import_id": row.import_id,
        "at": iso(row.at),
        "by_role": row.by_role,
        "kind": row.kind or None,
        "state": row.state,
        "row_count": row.row_count,
        "counts": row.counts,
        "problems": row.problems,
        "file_kept": bool(row.content),
    }


def _numbers(session: Session, citizen_ids: Iterable[str]) -> dict[str, int]:
    wanted = sorted(citizen_ids)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _IN_CHUNK):
        query = select(CitizenRow).where(col(CitizenRow.id).in_(wanted[start : start + _IN_CHUNK]))
        found |= {row.id: row.short for row in session.exec(query)}
    return found
