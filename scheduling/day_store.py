"""Keeps whole days: in from a day file or a generator, out to the planner and the rules."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, func, insert
from sqlalchemy import select as select_columns
from sqlmodel import Session, SQLModel, col, select

from kernel.errors import KernelError
from kernel.localtime import day_text
from kernel.work import Work
from scheduling import day_rows
from scheduling.day_errors import DayFileError, Problem, path_of, shown
from scheduling.errors import SchedulingError
from scheduling.model import Carer, Citizen, Day, Objective, UnitKind, Visit
from scheduling.register.tables import (
    CarerRow,
    CitizenRow,
    CompetenceRow,
    ConsentRow,
    EmploymentRow,
    UnitRow,
)
from scheduling.tables import DayFrameRow, RouteRow, ShiftRow, VisitRow

_IN_CHUNK = 5_000

RowType = TypeVar("RowType", bound=SQLModel)


def save_day(work: Work, day: Day) -> None:
    """Store a day: its master data where new, its shifts and its visits. All or nothing.

    Raises
    ------
    SchedulingError
        ``day_exists`` if a day of that date is already stored.
    DayFileError
        If a visit has the id of one that is stored with another day.
    """
    if work.session.get(DayFrameRow, day.on) is not None:
        raise SchedulingError("day_exists", day=day_text(day.on))
    taken = list(_taken_ids(work.session, day))
    if taken:
        raise DayFileError(taken)
    register(work, day)
    _insert(work.session, DayFrameRow, [day_rows.frame_row(day)])
    _insert(work.session, ShiftRow, day_rows.shift_rows(day))
    # What a visit lacks is written too: rows that lack different things go in one statement, and not in one each.
    work.session.execute(insert(VisitRow).execution_options(render_nulls=True), day_rows.visit_rows(day))


def register(work: Work, day: Day) -> None:
    """Add units, carers and citizens the register does not know yet; known ones are left as they are."""
    session = work.session
    _insert(session, UnitRow, _new(session, UnitRow, day_rows.unit_rows(day)))
    new_carers = _unknown(session, CarerRow, {c.id for c in day.carers})
    _register_carers(session, [c for c in day.carers if c.id in new_carers], day.on)
    new_citizens = _unknown(session, CitizenRow, {c.id for c in day.citizens})
    _register_citizens(session, [c for c in day.citizens if c.id in new_citizens])


def _register_carers(session: Session, carers: Sequence[Carer], on: date) -> None:
    _insert(session, CarerRow, day_rows.carer_rows(carers))
    _insert(session, CompetenceRow, day_rows.competence_rows(carers))
    _insert(
        session,
        EmploymentRow,
        [{"carer_id": c.id, "unit_id": c.unit_id, "from_on": on, "to_on": None} for c in carers],
    )


def _register_citizens(session: Session, citizens: Sequence[Citizen]) -> None:
    first_short = (session.exec(select(func.max(CitizenRow.short))).one() or 1_000) + 1
    _insert(session, CitizenRow, day_rows.citizen_rows(citizens, first_short))
    _insert(session, ConsentRow, day_rows.consent_rows(citizens))


def load_day(session: Session, on: date, unit_ids: Collection[str] | None = None) -> Day:
    """The planner's model of a stored day, of some or all home-care units.

    A residence has a rota and residents but nothing to plan: its shifts are left out.

    Raises
    ------
    KernelError
        ``not_found`` if no such day is stored.
    """
    return load_day_and_visits(session, on, unit_ids)[0]


@dataclass(frozen=True, slots=True)
class Known:
    """What was made of the rows of a day before, to make the next reading short: visits, and the people they are for.

    Who keeps it says how long citizens may be as they were.
    """

    visits: dict[str, tuple[VisitRow, Visit]] = field(default_factory=dict)
    citizens: dict[str, Citizen] = field(default_factory=dict)


def load_day_and_visits(
    session: Session, on: date, unit_ids: Collection[str] | None = None, known: Known | None = None
) -> tuple[Day, Sequence[VisitRow]]:
    """As :func:`load_day`, with the rows of its visits, only to be looked at.

    A planner waits for this: rows are read by column, in a third of the time of objects the session follows.
    """
    frame = session.get(DayFrameRow, on)
    if frame is None:
        raise KernelError("not_found", what=f"Dagen {on.isoformat()}")
    unit_ids = _with_merged(session, on, unit_ids) if unit_ids is not None else None
    of_visits = [col(VisitRow.day) == on, col(VisitRow.state) != "cancelled"]
    residences = session.exec(select(UnitRow.id).where(UnitRow.kind == UnitKind.RESIDENCE)).all()
    of_shifts = [col(ShiftRow.day) == on, col(ShiftRow.state) != "cancelled"]
    of_shifts.append(col(ShiftRow.unit_id).not_in(sorted(residences)))
    if unit_ids is not None:
        of_visits.append(col(VisitRow.unit_id).in_(sorted(unit_ids)))
        of_shifts.append(col(ShiftRow.unit_id).in_(sorted(unit_ids)))
    visits = _in_order(_seen(session, VisitRow, *of_visits))
    shifts = sorted(_seen(session, ShiftRow, *of_shifts), key=lambda s: s.carer_id)
    carers = {r.id: r for r in _seen_by_ids(session, CarerRow, {s.carer_id for s in shifts})}
    units = _with_successors(session, {s.unit_id for s in shifts} | {v.unit_id for v in visits})
    neighbours = neighbouring_shifts(session, on, set(carers))
    day = day_rows.build_day(
        frame,
        sorted(_by_ids(session, UnitRow, units), key=lambda u: u.id),
        [(carers[s.carer_id], s) for s in shifts],
        session.exec(select(CompetenceRow).where(col(CompetenceRow.carer_id).in_(sorted(carers)))).all(),
        _citizens(session, {v.citizen_id for v in visits}, {} if known is None else known.citizens),
        visits,
        None if known is None else known.visits,
    )
    return day_rows.with_neighbours(day, neighbours), visits


def _citizens(session: Session, ids: set[str], known: dict[str, Citizen]) -> list[Citizen]:
    new = ids - known.keys()
    rows = _seen_by_ids(session, CitizenRow, new)
    consents = _in_chunks(session, ConsentRow, col(ConsentRow.citizen_id), new)
    known.update((citizen.id, citizen) for citizen in day_rows.citizen_models(rows, consents))
    return [known[citizen_id] for citizen_id in sorted(ids)]


def _with_merged(session: Session, on: date, unit_ids: Collection[str]) -> set[str]:
    """The units and those that have merged into them by that day."""
    whole = set(unit_ids)
    query = select(UnitRow).where(col(UnitRow.merged_into_id).is_not(None), col(UnitRow.valid_to_on) < on)
    merged = session.exec(query).all()
    while added := {u.id for u in merged if u.merged_into_id in whole} - whole:
        whole |= added
    return whole


def _with_successors(session: Session, unit_ids: Collection[str]) -> set[str]:
    """The units and what they merge into, so that a day knows who has their visits."""
    whole, fresh = set(unit_ids), set(unit_ids)
    while fresh:
        named = {u.merged_into_id for u in _by_ids(session, UnitRow, fresh)}
        fresh = {unit_id for unit_id in named if unit_id is not None} - whole
        whole |= fresh
    return whole


def visits_of(session: Session, on: date, unit_ids: Collection[str] | None = None) -> list[VisitRow]:
    """The visits of a day that have not been cancelled, in the order of the plan, then by id."""
    query = select(VisitRow).where(VisitRow.day == on, VisitRow.state != "cancelled")
    if unit_ids is not None:
        query = query.where(col(VisitRow.unit_id).in_(sorted(unit_ids)))
    return _in_order(session.exec(query).all())


def _in_order(rows: Iterable[VisitRow]) -> list[VisitRow]:
    return sorted(rows, key=lambda v: (v.plan_rank is None, v.plan_rank or 0, v.id))


def _seen(session: Session, table: type[RowType], *where: ColumnElement[bool]) -> list[RowType]:
    """Rows as they stand, by the names of their columns. What is set on them reaches nobody."""
    session.flush()
    query = select_columns(table.__table__).where(*where)  # type: ignore[attr-defined]
    return cast(list[RowType], session.execute(query).all())


def _seen_by_ids(session: Session, table: type[RowType], ids: Iterable[str]) -> list[RowType]:
    return _in_chunks(session, table, table.__table__.c.id, ids)  # type: ignore[attr-defined]


def _in_chunks(session: Session, table: type[RowType], column: Any, ids: Iterable[str]) -> list[RowType]:
    wanted = sorted(ids)
    chunks = (wanted[start : start + _IN_CHUNK] for start in range(0, len(wanted), _IN_CHUNK))
    return [row for chunk in chunks for row in _seen(session, table, column.in_(chunk))]


def routes_of(session: Session, on: date, unit_ids: Collection[str] | None = None) -> list[RouteRow]:
    """The routes of a day, by carer."""
    query = select(RouteRow).where(RouteRow.day == on)
    if unit_ids is not None:
        query = query.where(col(RouteRow.unit_id).in_(sorted(unit_ids)))
    return list(session.exec(query.order_by(col(RouteRow.carer_id))).all())


def neighbouring_shifts(session: Session, on: date, carer_ids: Collection[str]) -> list[ShiftRow]:
    """Shifts of these carers on the day before and the day after: what the rule on daily rest looks at."""
    rows = session.exec(
        select(ShiftRow).where(
            col(ShiftRow.day).in_([on - timedelta(days=1), on + timedelta(days=1)]),
            ShiftRow.state != "cancelled",
        )
    ).all()
    return [r for r in rows if r.carer_id in carer_ids]


def shift_unit(session: Session, on: date, carer_id: str) -> str | None:
    """The unit a carer is on duty in on a day, ``None`` where she is not."""
    row = session.exec(
        select(ShiftRow).where(ShiftRow.day == on, ShiftRow.carer_id == carer_id, ShiftRow.state != "cancelled")
    ).first()
    return row.unit_id if row else None


def _by_ids(session: Session, table: type[RowType], ids: Iterable[str]) -> list[RowType]:
    wanted = sorted(ids)
    found: list[RowType] = []
    for start in range(0, len(wanted), _IN_CHUNK):
        chunk = wanted[start : start + _IN_CHUNK]
        found.extend(session.exec(select(table).where(table.__table__.c.id.in_(chunk))).all())  # type: ignore[attr-defined]
    return found


def _unknown(session: Session, table: type[SQLModel], ids: Collection[str]) -> set[str]:
    wanted, known = sorted(ids), set()
    id_column = table.__table__.c.id  # type: ignore[attr-defined]
    for start in range(0, len(wanted), _IN_CHUNK):
        known |= set(
            session.execute(select(id_column).where(id_column.in_(wanted[start : start + _IN_CHUNK]))).scalars()
        )
    return set(wanted) - known


def _new(session: Session, table: type[SQLModel], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    unknown = _unknown(session, table, {r["id"] for r in rows})
    return [r for r in rows if r["id"] in unknown]


def _taken_ids(session: Session, day: Day) -> Iterator[Problem]:
    ids = {v.id for v in day.visits}
    taken = ids - _unknown(session, VisitRow, ids)
    for index, visit in enumerate(day.visits):
        if visit.id in taken:
            # The ids of a benchmark's visits are made of others; there is no one place of theirs in the file.
            path = path_of("visits", index, "id") if day.objective is Objective.CARE else "$"
            yield Problem(path, "an id no other day has", shown(visit.id))


def _insert(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(table), list(rows))
