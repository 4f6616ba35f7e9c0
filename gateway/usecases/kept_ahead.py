"""The rest of a day kept for a minute: 200 days of a municipality are seconds of work, and every open board asks.

A kept look is good until a route has a new version, and a minute of the day at most. Who asks while it is made waits
for that one. It answers questions only; what is announced to a planner is worked out anew (``gateway.outlooks``).
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from gateway.usecases.foresight import Ahead, ahead
from scheduling.tables import RouteRow

KEPT = 8
KEPT_FOR = timedelta(minutes=1)

_Key = tuple[int, date, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Entry:
    marks: tuple[Any, ...]
    made_at: datetime
    #: held, so that another database never has the same identity
    engine: Any
    found: Ahead


class Aheads:
    """The last few days somebody looked ahead on."""

    def __init__(self) -> None:
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._making: dict[_Key, Lock] = {}
        self._lock = Lock()

    def of(self, session: Session, on: date, unit_ids: Collection[str], now: datetime) -> Ahead:
        """The rest of a day of some units, at most a minute old.

        Raises
        ------
        KernelError
            ``not_found`` if no such day is stored.
        """
        engine = session.get_bind()
        key: _Key = (id(engine), on, tuple(sorted(unit_ids)))
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            marks = _marks(session, on, unit_ids)
            with self._lock:
                entry = self._entries.get(key)
            if entry is not None and entry.marks == marks and abs(now - entry.made_at) < KEPT_FOR:
                return entry.found
            found = ahead(session, on, unit_ids, now)
            with self._lock:
                self._entries[key] = _Entry(marks, now, engine, found)
                self._entries.move_to_end(key)
                while len(self._entries) > KEPT:
                    self._making.pop(self._entries.popitem(last=False)[0], None)
            return found


def _marks(session: Session, on: date, unit_ids: Collection[str]) -> tuple[Any, ...]:
    """What changes whenever a route is published."""
    query = select(func.count(), func.sum(RouteRow.version)).where(RouteRow.day == on)
    return tuple(session.exec(query.where(col(RouteRow.unit_id).in_(sorted(unit_ids)))).one())


AHEADS = Aheads()
"""Of this process. Days of different databases never meet."""
