"""Running days kept ready in memory, so that a planner's question costs no reading of thousands of visits.

A kept day is good for as long as no route has a new version, no visit has begun or come or gone, and a minute at
most. When one has, the visits and shifts are read anew and the people are not: what is known of them may be a minute
old. It answers questions only: whoever acts reads the day anew, under its lock.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from gateway.usecases.lived_day import day_and_routes
from scheduling.day_store import Known
from scheduling.reassignment.board import Board
from scheduling.tables import RouteRow, VisitRow

KEPT = 8
KEPT_FOR_S = 60.0


@dataclass(frozen=True, slots=True)
class _Entry:
    marks: tuple[Any, ...]
    #: when the people of the day were read
    read_s: float
    known: Known
    #: held, so that another database never has the same identity
    engine: Any
    board: Board


class Boards:
    """The last few days somebody asked about."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[int, date, str], _Entry] = OrderedDict()
        self._lock = Lock()

    def of(self, session: Session, on: date, unit_id: str) -> Board:
        """The day of a unit as it stands."""
        engine = session.get_bind()
        key = (id(engine), on, unit_id)
        marks = _marks(session, on, unit_id)
        with self._lock:
            entry = self._entries.get(key)
        now_s = time.monotonic()
        if entry is None:
            known, read_s = Known(), now_s
        elif now_s - entry.read_s >= KEPT_FOR_S:
            # Visits are held against their rows whenever they are used; the people are read anew.
            known, read_s = Known(dict(entry.known.visits)), now_s
        elif entry.marks == marks:
            return entry.board
        else:
            # A copy: two threads may be here at once.
            known, read_s = Known(dict(entry.known.visits), dict(entry.known.citizens)), entry.read_s
        board = Board(*day_and_routes(session, on, {unit_id}, known))
        with self._lock:
            self._entries[key] = _Entry(marks, read_s, known, engine, board)
            self._entries.move_to_end(key)
            while len(self._entries) > KEPT:
                self._entries.popitem(last=False)
        return board


def _marks(session: Session, on: date, unit_id: str) -> tuple[Any, ...]:
    """What changes whenever a route is published, or a visit begins, comes or goes."""
    routes = session.exec(
        select(func.count(), func.sum(RouteRow.version)).where(RouteRow.day == on, RouteRow.unit_id == unit_id)
    ).one()
    visits = session.exec(
        select(
            func.count(),
            func.count(col(VisitRow.carer_id)),
            func.count(col(VisitRow.begun_at)),
            func.count(col(VisitRow.ended_at)),
        ).where(VisitRow.day == on, VisitRow.unit_id == unit_id, VisitRow.state != "cancelled")
    ).one()
    return (*routes, *visits)


BOARDS = Boards()
"""Of this process. Days of different databases never meet."""
