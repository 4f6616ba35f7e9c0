"""A planner's task in words."""

from typing import Any

from sqlmodel import Session

from gateway.wire import iso, iso_or_none
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import TaskRow

#: what has happened and what it asks for, by kind; ``{citizen}`` is the planners' short number
_WORDS = {
    "screen_unanswered": (
        "Borger {citizen} svarer ikke på skærmen. Ring, eller planlæg et fysisk besøg.",
        "Citizen {citizen} does not answer the screen. Call, or plan a physical visit.",
    ),
    "screen_needs_physical": (
        "Skærmbesøget hos borger {citizen} kræver et fysisk besøg. Planlæg det i dag.",
        "The screen visit of citizen {citizen} needs a physical visit. Plan it today.",
    ),
    "call_back": ("Borger {citizen} vil ringes op.", "Citizen {citizen} wants to be called."),
    "tablet_lost": (
        "{carer} har mistet sin tablet. Den åbner ingen døre mere.",
        "{carer} has lost the tablet. It opens no doors any more.",
    ),
    "emergency_unreviewed": (
        "Nødåbningen hos borger {citizen} er ikke gennemset i et døgn. Gennemse den nu.",
        "The emergency opening at citizen {citizen} has waited a day for its review. Review it now.",
    ),
    "carer_left": (
        "Besøget hos borger {citizen} har ingen medarbejder: {carer} er stoppet. Find en anden.",
        "The visit at citizen {citizen} has no carer: {carer} has left. Find somebody else.",
    ),
    "citizen_home": (
        "Borger {citizen} er hjemme igen. Planlæg besøget.",
        "Citizen {citizen} is home again. Plan the visit.",
    ),
    "will_be_late": (
        "Besøget hos borger {citizen} når ikke tidsrummet, som det ser ud nu. Se forslagene, før det sker.",
        "The visit at citizen {citizen} will miss its window as things stand. Look at the proposals before it does.",
    ),
    "key_needed": (
        "Borger {citizen} har sagt nej til elektronisk nøgle. Aftal, hvordan {carer} kommer ind.",
        "Citizen {citizen} said no to the electronic key. Agree on how {carer} gets in.",
    ),
}


def task_json(session: Session, row: TaskRow, language: str) -> dict[str, Any]:
    """A task as the planner's page gets it."""
    citizen = session.get(CitizenRow, row.citizen_id) if row.citizen_id else None
    carer = session.get(CarerRow, row.carer_id) if row.carer_id else None
    words = _WORDS[row.kind][0 if language == "da" else 1]
    return {
        "task_id": row.task_id,
        "kind": row.kind,
        "text": words.format(citizen=citizen.short if citizen else "?", carer=carer.name if carer else "?"),
        "unit_id": row.unit_id,
        "day": row.day.isoformat(),
        "visit_id": row.visit_id,
        "citizen_short": citizen.short if citizen else None,
        "citizen_name": citizen.name if citizen else None,
        "carer_id": row.carer_id,
        "carer_name": carer.name if carer else None,
        "state": row.state,
        "raised_at": iso(row.raised_at),
        "settled_at": iso_or_none(row.settled_at),
        "how": row.how,
        "facts": row.facts,
    }
