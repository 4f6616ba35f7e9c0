"""Who changed what on a day: the latest changes of a planner's units, newest first, from the event log.

Moves made in one act, with one reason, are one line. It tells what happened to visits; it counts nothing per person.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlmodel import Session, col, select

from gateway.tables import IdentityRow
from gateway.views.reasons import reason_words
from gateway.wire import iso
from kernel.events import StoredEvent
from kernel.localtime import local_day
from kernel.log import stored
from kernel.tables import EventRow
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow

SHOWN = 30
_LOOKED_AT = 400
_TYPES = ("visit.moved", "day.planned", "carer.absent", "carer.returned", "reassignment.undone")
#: what happens so long after midnight may be about the night shifts of the evening before
_NIGHT = timedelta(hours=12)
_NOBODY = ("ingen", "nobody")
_TEXTS = {
    "visit.moved": ("Borger {short}: fra {left} til {came}", "Citizen {short}: from {left} to {came}"),
    "retimed": ("Borger {short} hos {came}: ny tid", "Citizen {short} with {came}: another time"),
    "many": ("{n} besøg flyttet, blandt andre borger {short}", "{n} visits moved, citizen {short} among them"),
    "day.planned": ("{unit}: planen er lavet, {visit_count} besøg", "{unit}: the plan was made, {visit_count} visits"),
    "carer.absent": ("{carer} kan ikke komme", "{carer} cannot come"),
    "carer.returned": ("{carer} kommer alligevel", "{carer} comes after all"),
    "reassignment.undone": ("En ændring er fortrudt", "A change was taken back"),
}


def board_changes(session: Session, day: date, unit_ids: Collection[str], language: str) -> list[dict[str, Any]]:
    """The latest changes: ``at``, ``who`` (a planner's name where it is known), ``text``, ``reason``, ``visit_id``."""
    events = [e for e in _events(session, day, unit_ids) if e.data.get("day", day.isoformat()) == day.isoformat()]
    acts = [list(one) for _, one in groupby(events, key=_act)][:SHOWN]
    words = _Words(session, [e for act in acts for e in act], language)
    return [words.line(act) for act in acts]


def _events(session: Session, day: date, unit_ids: Collection[str]) -> list[StoredEvent]:
    rows = session.exec(
        select(EventRow)
        .where(col(EventRow.event_type).in_(_TYPES), col(EventRow.unit_id).in_(sorted(unit_ids)))
        .where(col(EventRow.position).is_not(None))
        .order_by(col(EventRow.position).desc())
        .limit(_LOOKED_AT)
    ).all()
    # What names no day is of the day it happened on, or of the night before.
    return [e for e in map(stored, rows) if "day" in e.data or local_day(e.at - _NIGHT) <= day]


def _act(event: StoredEvent) -> tuple[Any, ...]:
    """Moves of one act share instant, reason and planner; everything else stands alone."""
    if event.event_type != "visit.moved":
        return (event.position,)
    return (event.at, event.data["reason"], event.data.get("by_id"))


class _Words:
    def __init__(self, session: Session, events: Sequence[StoredEvent], language: str) -> None:
        self._pick = 0 if language == "da" else 1
        self._language = language
        named = {str(e.data[k]) for e in events for k in ("carer_id", "from_carer_id", "to_carer_id") if e.data.get(k)}
        self._carers = _by_id(session, CarerRow.id, CarerRow.name, named)
        self._shorts = _by_id(session, CitizenRow.id, CitizenRow.short, _all(events, "citizen_id"))
        self._units = _by_id(session, UnitRow.id, UnitRow.name, _all(events, "unit_id"))
        self._planners = _by_id(session, IdentityRow.id, IdentityRow.name, _all(events, "by_id"))

    def line(self, act: Sequence[StoredEvent]) -> dict[str, Any]:
        event = act[0]
        reason = event.data.get("reason")
        return {
            "at": iso(event.at),
            "who": self._planners.get(str(event.data.get("by_id"))),
            "text": self._text(act),
            "reason": reason_words(str(reason), self._language) if reason else None,
            "visit_id": event.data.get("visit_id"),
        }

    def _text(self, act: Sequence[StoredEvent]) -> str:
        event = act[0]
        facts: dict[str, Any] = dict(event.data) | {"n": len(act)}
        facts["short"] = self._shorts.get(str(event.data.get("citizen_id")), "?")
        facts["unit"] = self._units.get(str(event.data.get("unit_id")), "?")
        facts["carer"] = self._name(event.data.get("carer_id"))
        facts["left"], facts["came"] = (self._name(event.data.get(k)) for k in ("from_carer_id", "to_carer_id"))
        key = event.event_type
        if key == "visit.moved":
            same = event.data.get("from_carer_id") == event.data.get("to_carer_id")
            key = "many" if len(act) > 1 else "retimed" if same else key
        return _TEXTS[key][self._pick].format_map(facts)

    def _name(self, carer_id: object) -> str:
        return str(self._carers.get(str(carer_id), _NOBODY[self._pick])) if carer_id else _NOBODY[self._pick]


def _all(events: Sequence[StoredEvent], key: str) -> set[str]:
    return {str(e.data[key]) for e in events if e.data.get(key)}


def _by_id(session: Session, key: Any, value: Any, wanted: Collection[str]) -> Mapping[str, Any]:
    return dict(session.exec(select(key, value).where(col(key).in_(sorted(wanted)))).all())
