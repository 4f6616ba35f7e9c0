"""Visits that begin by their door: what a lock says and what happened to the citizen, one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from devices.events import DoorOpened
from devices.inbox.model import Handler, Incoming, Outgoing
from kernel.events import Event
from kernel.work import Work
from scheduling import visits
from scheduling.errors import SchedulingError
from scheduling.tables import VisitRow

log = structlog.get_logger(__name__)


def begin_by_door(handlers: Mapping[tuple[str, str], Handler]) -> dict[tuple[str, str], Handler]:
    """The locks' handlers, each followed by the visits that its door openings begin."""
    return {key: _followed(handler, _begin_opened) for key, handler in handlers.items()}


def _followed(handler: Handler, then: Callable[[Work, Sequence[Event]], None]) -> Handler:
    def handle(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        before = len(work.recorded)
        outgoing = handler(work, incoming)
        then(work, work.recorded[before:])
        return outgoing

    return handle


def _begin_opened(work: Work, events: Sequence[Event]) -> None:
    for opened in _openings(events):
        row = work.session.get(VisitRow, opened.visit_id)
        if row is None or row.state != "planned" or row.carer_id is None or row.carer_id != opened.carer_id:
            continue
        begin = visits.VisitBegin(row.id, row.carer_id, opened.at, "device", opened.opening_id)
        try:
            visits.begin_visits(work, [begin])
        except SchedulingError as err:
            # The door is open whatever the rota says (shift ended, another visit still open). The opening is
            # recorded; the visit waits for the carer's tap.
            log.info("door_did_not_begin_visit", visit_id=row.id, code=err.code)


def _openings(events: Iterable[Event]) -> list[DoorOpened]:
    return [e for e in events if isinstance(e, DoorOpened) and e.visit_id is not None]
