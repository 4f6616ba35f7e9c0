"""The breaks and the ways to and from the car of a day's routes, read with as little as there is of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from sqlmodel import Session, col, select

from scheduling.board.asides import Aside, Frame, Span, asides_of
from scheduling.cost import fetching_min
from scheduling.day_rows import carer_model, travel_of
from scheduling.model import Carer, Place
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import DayFrameRow, ShiftRow
from scheduling.travel import UNREACHABLE_MIN, TravelTimes, times_of


class RouteStop(Protocol):
    """A visit on a route, whole or in columns."""

    @property
    def citizen_id(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def start_at(self) -> datetime | None: ...
    @property
    def end_at(self) -> datetime | None: ...
    @property
    def travel_min(self) -> float | None: ...


def asides_on(
    session: Session,
    day: date,
    shifts: Iterable[ShiftRow],
    carers: Mapping[str, CarerRow],
    stops: Mapping[str, Sequence[RouteStop]],
) -> dict[str, tuple[Aside, ...]]:
    """The asides of some routes, by carer.

    Parameters
    ----------
    stops
        By carer, in the order they are driven.
    """
    people = [carer_model(carers[s.carer_id], s, ()) for s in shifts if s.terms and s.carer_id in carers]
    ways = _Ways(session, day, {c.id: _last_place(stops.get(c.id, ())) for c in people if c.vehicle is not None})
    found = {}
    for carer in people:
        spans = [
            Span(v.start_at, v.end_at, v.travel_min or 0.0)
            for v in stops.get(carer.id, ())
            if v.start_at is not None and v.end_at is not None
        ]
        fetch_min, bring_min = ways.of(carer) if carer.vehicle is not None else (None, None)
        found[str(carer.id)] = asides_of(Frame(carer.shift_starts_at, carer.breaks, fetch_min, bring_min), spans)
    return found


def _last_place(stops: Sequence[RouteStop]) -> str | None:
    """The citizen whose door is the last of a route; ``None`` where it has none."""
    return next((v.citizen_id for v in reversed(stops) if v.mode != "screen"), None)


class _Ways:
    """Minutes to a car and back with it. Days on which nobody fetches one read nothing."""

    def __init__(self, session: Session, day: date, last: Mapping[str, str | None]) -> None:
        self._times: TravelTimes | None = None
        self._last: dict[str, Place] = {}
        if not last:
            return
        frame = session.get(DayFrameRow, day)
        if frame is None:
            return
        self._times = times_of(travel_of(frame))
        wanted = sorted({citizen_id for citizen_id in last.values() if citizen_id is not None})
        rows = session.exec(select(CitizenRow.id, CitizenRow.place).where(col(CitizenRow.id).in_(wanted))).all()
        places = {citizen_id: Place(**place) for citizen_id, place in rows}
        self._last = {c: places[citizen] for c, citizen in last.items() if citizen in places}

    def of(self, carer: Carer) -> tuple[float, float]:
        """Minutes from the start of the shift to the car, and from the last stop over the car to its end."""
        if self._times is None or carer.vehicle is None:
            return 0.0, 0.0
        there, home = fetching_min(carer, self._times)
        last = self._last.get(carer.id)
        back = self._times.leg_min(carer.transport, last, carer.vehicle.place) if last is not None else 0.0
        return _known(there), _known(back + home)


def _known(minutes: float) -> float:
    """A way the matrix has no number for takes no room on the board."""
    return minutes if minutes < UNREACHABLE_MIN else 0.0
