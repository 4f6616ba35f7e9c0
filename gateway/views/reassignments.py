"""What was done to a day, in a sentence."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from gateway.usecases.reassignments import Done
from gateway.views.reasons import reason_words
from gateway.wire import iso, iso_or_none
from kernel.localtime import clock_text
from scheduling import day_store
from scheduling.reassignment.tables import ReassignmentRow
from scheduling.register.tables import CarerRow, CitizenRow

#: what happened, and what was done about it
_KINDS: Mapping[str, tuple[str, str]] = {
    "carer_away": ("Meldt væk, og ruten givet videre", "Reported away, and the route given away"),
    "carer_late": ("Forsinkelse ordnet", "Delay dealt with"),
    "visit_longer": ("Længere besøg ordnet", "Longer visit dealt with"),
    "door_shut": ("Lukket dør ordnet", "Closed door dealt with"),
    "urgent": ("Akut besøg lagt ind", "Urgent visit added"),
    "swap": ("To besøg byttet", "Two visits swapped"),
    "lend": ("Besøget køres af naboenheden", "The neighbouring unit does the visit"),
    "to_screen": ("Besøget holdes på skærm", "The visit is made by screen"),
    "to_physical": ("Besøget er fysisk igen", "The visit is physical again"),
    "citizen_away": ("Borger {} er ikke hjemme, og besøgene er taget af", "Citizen {} is away, and the visits are off"),
    "citizen_home": ("Borger {} er hjemme igen", "Citizen {} is home again"),
}


def act_json(session: Session, row: ReassignmentRow, language: str) -> dict[str, Any]:
    """One act of the day, and whether its routes are still those it left."""
    routes = {r.carer_id: r.version for r in day_store.routes_of(session, row.day)}
    stands = row.undone_at is None and all(routes.get(c) == v for c, v in row.versions.items())
    return {
        "reassignment_id": row.reassignment_id,
        "kind": row.kind,
        "at": iso(row.at),
        "undone_at": iso_or_none(row.undone_at),
        "can_undo": stands,
        "text": _text(session, row, language),
    }


def said(session: Session, done: Done, language: str) -> str:
    """The sentence after an act."""
    row = session.get_one(ReassignmentRow, done.reassignment_id)
    text = _text(session, row, language)
    if row.undone_at is not None:
        return f"Fortrudt: {text}" if language == "da" else f"Undone: {text}"
    return text


def _citizen(session: Session, row: ReassignmentRow) -> str:
    """The number of the citizen an act is about."""
    citizen = session.get(CitizenRow, row.before["act"].get("citizen_id", ""))
    return str(citizen.short) if citizen is not None else "?"


def _text(session: Session, row: ReassignmentRow, language: str) -> str:
    if row.kind == "carer_away":
        carer = session.get(CarerRow, row.before["act"].get("carer_id", ""))
        name = carer.name if carer is not None else "?"
        return f"{name} er meldt syg, og ruten er givet videre" if language == "da" else f"{name} is reported ill"
    da, en = (text.format(_citizen(session, row)) for text in _KINDS[row.kind])
    names = sorted(c.name for c in (session.get(CarerRow, i) for i in row.versions) if c is not None)
    who = f": {', '.join(names[:3])}" if names else ""
    more = len(names) - 3
    if more > 0:
        who += f" og {more} til" if language == "da" else f" and {more} more"
    why = reason_words(row.reason, language)
    return f"{da if language == 'da' else en}{who} ({why}, {clock_text(row.at)})"
