"""Visits that begin by their door: what a lock says and what happened to the citizen, one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import bindparam, select

from devices.events import DoorOpened, OpeningSettled
from devices.inbox.model import Handler, Incoming, Outgoing
from gateway.usecases.emergency import note_openings
from kernel.events import Event
from kernel.statements import Prepared, table_of
from kernel.work import Work
from scheduling import shifts, visits
from scheduling.errors import SchedulingError
from scheduling.tables import VisitRow

log = structlog.get_logger(__name__)

#: a lock may be this far off between two settings of its clock (protocol: 60 s leeway in 30 days, twice that)
LOCK_CLOCK_TOLERANCE = timedelta(minutes=2)


_C = table_of(VisitRow).c
#: of most openings a visit has begun already: nothing more is asked then
_VISIT = Prepared(select(_C.id, _C.state, _C.carer_id, _C.day).where(_C.id == bindparam("visit_id")))


class _Visit(NamedTuple):
    id: str
    state: str
    carer_id: str | None
    day: date


def begin_by_door(handlers: Mapping[tuple[str, str], Handler]) -> dict[tuple[str, str], Handler]:
    """The locks' handlers, each followed by the visits that its door openings begin."""
    return {key: _followed(handler, begin_opened) for key, handler in handlers.items()}


def _followed(handler: Handler, then: Callable[[Work, Sequence[Event]], None]) -> Handler:
    def handle(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        before = len(work.recorded)
        outgoing = handler(work, incoming)
        then(work, work.recorded[before:])
        return outgoing

    return handle


def begin_opened(work: Work, events: Sequence[Event]) -> None:
    """What locks or their vendors have just said of doors that opened: emergencies are noted, visits begin."""
    note_openings(work, events)
    # What one message tells twice is about the same rows: held here, they are asked for once.
    held: dict[str, _Visit | None] = {}
    for opened in _openings(events):
        _begin(work, held, opened.visit_id, opened.carer_id, opened.at, opened.opening_id)
        _begin(work, held, opened.with_visit_id, opened.with_carer_id, opened.at, None)
    # Two holders open a door once: the log is told of one opening, and each of the two has had an answer.
    for settled in events:
        if isinstance(settled, OpeningSettled) and settled.state == "unlocked" and not settled.on_way:
            _begin(work, held, settled.visit_id, settled.carer_id, settled.at, settled.opening_id)


def _begin(
    work: Work,
    held: dict[str, "_Visit | None"],
    visit_id: str | None,
    carer_id: str | None,
    at: datetime,
    opening_id: str | None,
) -> None:
    if visit_id is not None and visit_id not in held:
        found = _VISIT.first(work.session, {"visit_id": visit_id})
        held[visit_id] = None if found is None else _Visit(*found)
    visit = held.get(visit_id or "")
    if visit is None or visit.state != "planned" or visit.carer_id is None or visit.carer_id != carer_id:
        return
    begin = visits.VisitBegin(visit.id, visit.carer_id, _within_shift(work, visit, at), "device", opening_id)
    try:
        visits.begin_visits(work, [begin])
        held[visit.id] = visit._replace(state="begun")
    except SchedulingError as err:
        # The door is open whatever the rota says (shift ended, another visit still open). The opening is
        # recorded; the visit waits for the carer's tap.
        log.info("door_did_not_begin_visit", visit_id=visit.id, code=err.code)


def _within_shift(work: Work, visit: "_Visit", opened_at: datetime) -> datetime:
    """The lock's time, corrected where its clock is a little off: nobody was there before her shift began."""
    shift = shifts.shift_of(work.session, visit.carer_id or "", visit.day)
    if shift is None or shift.started_at is None:
        return opened_at
    early = shift.started_at - opened_at
    return shift.started_at if timedelta() < early <= LOCK_CLOCK_TOLERANCE else min(opened_at, work.now)


def _openings(events: Iterable[Event]) -> list[DoorOpened]:
    return [e for e in events if isinstance(e, DoorOpened) and e.visit_id is not None]
