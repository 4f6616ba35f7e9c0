"""The emergency list (nødliste): what a carer needs to do her route from paper, read in one go for a unit.

Names, addresses, times and how one gets in. No codes, no grants, no notes about health.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import Session, SQLModel, col, select

from devices.keys.vendors.store import acting_locks
from gateway.views.services import service_name
from scheduling import day_store
from scheduling.consents import withdrawn_citizens
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.tables import ShiftRow, VisitRow

_IN_CHUNK = 500

RowType = TypeVar("RowType", CarerRow, CitizenRow)


@dataclass(frozen=True, slots=True)
class ListedStop:
    """One visit on paper. ``how_in`` is a code of :data:`WAYS_IN`."""

    visit_id: str
    citizen_id: str
    citizen_name: str
    address: str
    start_at: datetime
    end_at: datetime
    window_open_at: datetime
    window_close_at: datetime
    service: str
    how_in: str
    #: who else comes to a double visit
    together_with: str


@dataclass(frozen=True, slots=True)
class ListedRoute:
    """One carer's route on paper."""

    carer_id: str
    carer_name: str
    shift_start_at: datetime | None
    shift_end_at: datetime | None
    transport: str
    version: int
    stops: tuple[ListedStop, ...]


@dataclass(frozen=True, slots=True)
class UnitList:
    """Every route of a unit on a day by the carers' names, and the visits nobody has."""

    unit_id: str
    unit_name: str
    day: date
    routes: tuple[ListedRoute, ...]
    waiting: tuple[ListedStop, ...]

    @property
    def mark(self) -> str:
        """SHA-256 of all that is on the paper: another mark is another edition."""
        return _mark(asdict(self))

    def marks_by_carer(self) -> dict[str, str]:
        """The same of each route, by carer."""
        return {route.carer_id: _mark(asdict(route)) for route in self.routes}


WAYS_IN: Mapping[str, tuple[str, str]] = {
    "lock": ("Elektronisk lås: åbnes med tabletten", "Electronic lock: opened with the tablet"),
    "key": ("Nøgle hentes på basen", "Fetch the key at the base"),
    "bell": ("Ring på", "Ring the bell"),
    "screen": ("Skærmbesøg: ingen dør", "Screen visit: no door"),
}


def way_in(code: str, language: str = "da") -> str:
    """How one gets in, in words."""
    return WAYS_IN[code][0 if language == "da" else 1]


def unit_list(session: Session, unit_id: str, on: date) -> UnitList:
    """The list of a unit on a day, as planned now; without routes where nothing is planned yet."""
    routes = day_store.routes_of(session, on, [unit_id])
    on_paper = day_store.visits_of(session, on, [unit_id])
    # Who is borrowed from another unit has visits of both: her paper shows her whole day.
    elsewhere = _visits_of_carers(session, on, [r.carer_id for r in routes], {v.id for v in on_paper})
    visits = [*on_paper, *elsewhere]
    stop_of = _Stops(session, visits, on)
    on_duty = select(ShiftRow).where(ShiftRow.day == on, ShiftRow.unit_id == unit_id)
    shifts = {s.carer_id: s for s in session.exec(on_duty)}
    by_carer: dict[str, list[VisitRow]] = {}
    for visit in visits:
        by_carer.setdefault(visit.carer_id or "", []).append(visit)
    carers = _rows(session, CarerRow, {r.carer_id for r in routes})
    listed = [
        ListedRoute(
            route.carer_id,
            carers[route.carer_id].name if route.carer_id in carers else "?",
            shifts[route.carer_id].planned_start_at if route.carer_id in shifts else None,
            shifts[route.carer_id].planned_end_at if route.carer_id in shifts else None,
            carers[route.carer_id].transport if route.carer_id in carers else "bike",
            route.version,
            stop_of.each(by_carer.get(route.carer_id, ())),
        )
        for route in routes
    ]
    unit = session.get(UnitRow, unit_id)
    return UnitList(
        unit_id,
        unit.name if unit is not None else unit_id,
        on,
        tuple(sorted((r for r in listed if r.stops), key=lambda r: (r.carer_name, r.carer_id))),
        stop_of.each(v for v in by_carer.get("", ()) if v.state == "planned"),
    )


class _Stops:
    """Turns visits into lines of a paper; everything they need is read once."""

    def __init__(self, session: Session, visits: Sequence[VisitRow], on: date) -> None:
        self._citizens = _rows(session, CitizenRow, {v.citizen_id for v in visits})
        self._said_no = withdrawn_citizens(session, set(self._citizens), "electronic_key", on)
        doors = sorted({v.door_id for v in visits if v.door_id and v.citizen_id not in self._said_no})
        self._locked = set(acting_locks(session, doors))
        names = _rows(session, CarerRow, {v.carer_id for v in visits if v.pair_id and v.carer_id})
        self._pairs: dict[str, dict[str, str]] = {}
        for v in visits:
            if v.pair_id is not None and v.carer_id in names:
                self._pairs.setdefault(v.pair_id, {})[v.id] = names[v.carer_id].name

    def each(self, visits: Iterable[VisitRow]) -> tuple[ListedStop, ...]:
        """Lines in the order of time."""
        return tuple(sorted((self._stop(v) for v in visits), key=lambda s: (s.start_at, s.visit_id)))

    def _stop(self, v: VisitRow) -> ListedStop:
        citizen = self._citizens.get(v.citizen_id)
        others = [name for visit_id, name in self._pairs.get(v.pair_id or "", {}).items() if visit_id != v.id]
        return ListedStop(
            v.id,
            v.citizen_id,
            citizen.name if citizen else "?",
            citizen.address if citizen else "?",
            v.start_at or v.window_open_at,
            v.end_at or v.window_close_at,
            v.window_open_at,
            v.window_close_at,
            service_name(v.service),
            self._how_in(v, citizen),
            ", ".join(sorted(others)),
        )

    def _how_in(self, v: VisitRow, citizen: CitizenRow | None) -> str:
        if v.mode == "screen":
            return "screen"
        if v.door_id in self._locked and v.citizen_id not in self._said_no:
            return "lock"
        return "key" if citizen is not None and citizen.formerly_key else "bell"


def _visits_of_carers(session: Session, on: date, carer_ids: Sequence[str], known: set[str]) -> list[VisitRow]:
    found: list[VisitRow] = []
    for part in _chunks(sorted(carer_ids)):
        query = select(VisitRow).where(
            VisitRow.day == on, col(VisitRow.carer_id).in_(part), VisitRow.state != "cancelled"
        )
        found += [v for v in session.exec(query) if v.id not in known]
    return found


def _rows(session: Session, table: type[RowType], ids: Collection[str]) -> dict[str, RowType]:
    key = SQLModel.metadata.tables[str(table.__tablename__)].c.id
    found: dict[str, RowType] = {}
    for part in _chunks(sorted(ids)):
        for row in session.exec(select(table).where(key.in_(part))):
            found[row.id] = row
    return found


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _IN_CHUNK] for start in range(0, len(ids), _IN_CHUNK))


def _mark(content: object) -> str:
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
