"""Residences (botilbud): a rota instead of routes, and residents instead of visits (design §1).

A residence is a unit of kind ``residence``. Its carers have shifts and no routes; Start vagt and Slut vagt are
the same taps as in home care (``scheduling/shifts.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import func, insert
from sqlmodel import Session, SQLModel, col, select

from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError
from kernel.localtime import day_text, local_day
from kernel.work import Work
from scheduling.events import ShiftKind
from scheduling.model import Device, Unit, UnitKind
from scheduling.register.tables import CarerRow, CitizenRow, CompetenceRow, EmploymentRow, UnitRow
from scheduling.rules import COMPETENCE_OF
from scheduling.shift_rows import place_json
from scheduling.tables import ShiftRow, VisitRow
from scheduling.transfer_plans import require_rota

#: a shift nobody ended is over at the latest this long after its planned end
OVERRUN = timedelta(hours=4)
_CHUNK = 500


class ResidenceError(DomainError):
    """What can be wrong with a rota."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "not_a_residence": ErrorText(
            ErrorKind.INVALID,
            "{unit} er ikke et botilbud og har ingen vagtplan. Intet er indlæst.",
            "{unit} is no residence and has no rota. Nothing was imported.",
        ),
        "rota_unknown_carer": ErrorText(
            ErrorKind.INVALID,
            "Vagtplanen nævner {count} medarbejdere, som ikke findes i registret. Intet er indlæst.",
            "The rota names {count} carers the register does not know. Nothing was imported.",
        ),
        "rota_carer_taken": ErrorText(
            ErrorKind.CONFLICT,
            "En medarbejder i vagtplanen har allerede en vagt {day}. Intet er indlæst.",
            "A carer on the rota has a shift already on {day}. Nothing was imported.",
        ),
        "rota_times": ErrorText(
            ErrorKind.INVALID,
            "En vagt skal slutte efter sin start og inden for 16 timer. Intet er indlæst.",
            "A shift has to end after its start and within 16 hours. Nothing was imported.",
        ),
    }


@dataclass(frozen=True, slots=True)
class RotaShift:
    """One carer's shift on the rota."""

    carer_id: str
    kind: ShiftKind
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Staff:
    """A carer of a residence to register, with competence codes and the last day each counts."""

    carer_id: str
    name: str
    competences: Mapping[str, date | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody who lives in a residence. ``room`` is where in the house."""

    citizen_id: str
    name: str
    room: str
    devices: tuple[Device, ...] = ()
    short: int = 0


def register_residence(
    work: Work, unit: Unit, residents: Sequence[Resident], staff: Sequence[Staff], from_on: date
) -> None:
    """Add a residence, its residents and its carers to the register; what is known already is left as it is.

    Raises
    ------
    ResidenceError
        ``not_a_residence``.
    """
    session, unit_id = work.session, unit.id
    if unit.kind is not UnitKind.RESIDENCE:
        raise ResidenceError("not_a_residence", unit=unit.name)
    if session.get(UnitRow, unit_id) is None:
        _insert(session, UnitRow, [_unit_row(unit)])
    known_carers = _known(session, CarerRow, {s.carer_id for s in staff})
    new_staff = [s for s in staff if s.carer_id not in known_carers]
    _insert(session, CarerRow, [_carer_row(s, unit_id) for s in new_staff])
    _insert(
        session,
        EmploymentRow,
        [{"carer_id": s.carer_id, "unit_id": unit_id, "from_on": from_on, "to_on": None} for s in new_staff],
    )
    competences = [(s.carer_id, code, until_on) for s in new_staff for code, until_on in s.competences.items()]
    _insert(
        session,
        CompetenceRow,
        [{"carer_id": c, "code": code, "valid_until_on": until_on} for c, code, until_on in competences],
    )
    known = _known(session, CitizenRow, {r.citizen_id for r in residents})
    first_short = (session.exec(select(func.max(CitizenRow.short))).one() or 1_000) + 1
    new_residents = [r for r in residents if r.citizen_id not in known]
    rows = [_citizen_row(r, unit, first_short + n) for n, r in enumerate(new_residents)]
    _insert(session, CitizenRow, rows)


def import_rota(work: Work, day: date, unit_id: str, shifts: Sequence[RotaShift]) -> list[str]:
    """Store a day's rota of a residence, all or nothing. Returns the shifts' ids in the order given.

    Raises
    ------
    KernelError
        ``not_found`` for an unknown unit.
    ResidenceError
        ``not_a_residence``, ``rota_unknown_carer``, ``rota_carer_taken`` or ``rota_times``.
    TransferPlanError
        ``rota_without_competence`` where a part of the rota has nobody for a transfer that is planned for one.
    """
    session = work.session
    unit = session.get(UnitRow, unit_id)
    if unit is None:
        raise KernelError("not_found", what=f"Enheden {unit_id}")
    if unit.kind != UnitKind.RESIDENCE:
        raise ResidenceError("not_a_residence", unit=unit.name)
    carers = {s.carer_id for s in shifts}
    unknown = carers - _known(session, CarerRow, carers)
    if unknown:
        raise ResidenceError("rota_unknown_carer", count=len(unknown))
    if any(not s.starts_at < s.ends_at <= s.starts_at + timedelta(hours=16) for s in shifts):
        raise ResidenceError("rota_times")
    taken = session.exec(select(ShiftRow.carer_id).where(ShiftRow.day == day)).all()
    if len(carers) < len(shifts) or carers & set(taken):
        raise ResidenceError("rota_carer_taken", day=day_text(day))
    require_rota(session, unit_id, [(s.kind, s.carer_id) for s in shifts], day)
    rows = [_shift_row(day, unit_id, s) for s in shifts]
    _insert(session, ShiftRow, rows)
    return [row["id"] for row in rows]


def residence(session: Session, unit_id: str) -> UnitRow | None:
    """The unit, if it is a residence."""
    unit = session.get(UnitRow, unit_id)
    return unit if unit is not None and unit.kind == UnitKind.RESIDENCE else None


def residents_of(session: Session, unit_id: str) -> list[Resident]:
    """Who lives in a residence, by room."""
    query = select(CitizenRow).where(CitizenRow.unit_id == unit_id)
    rows = session.exec(query.order_by(col(CitizenRow.address), col(CitizenRow.short))).all()
    return [Resident(r.id, r.name, r.address, tuple(Device(**d) for d in r.devices), r.short) for r in rows]


def on_duty(session: Session, unit_id: str, at: datetime) -> list[str]:
    """The carers on a residence's rota at an instant, by id: as lived where it was lived, else as planned."""
    return on_duty_at(session, [(unit_id, at)])[unit_id, at]


def on_duty_at(session: Session, wanted: Collection[tuple[str, datetime]]) -> dict[tuple[str, datetime], list[str]]:
    """:func:`on_duty` for many units and instants, in one query."""
    # A night shift belongs to the day it began on.
    days = {day for _, at in wanted for day in (local_day(at), local_day(at) - timedelta(days=1))}
    query = select(ShiftRow).where(
        col(ShiftRow.day).in_(sorted(days)),
        col(ShiftRow.unit_id).in_(sorted({unit_id for unit_id, _ in wanted})),
        ShiftRow.state != "cancelled",
    )
    by_unit: dict[str, list[ShiftRow]] = {}
    for row in session.exec(query.order_by(col(ShiftRow.carer_id))):
        by_unit.setdefault(row.unit_id, []).append(row)
    return {
        (unit_id, at): [row.carer_id for row in by_unit.get(unit_id, ()) if _covers(row, at)] for unit_id, at in wanted
    }


def with_citizens(
    session: Session, wanted: Collection[tuple[str, datetime, datetime]]
) -> dict[tuple[str, datetime, datetime], list[str]]:
    """Home-care carers whose visit at a citizen was under way at any time between two instants, by id."""
    days = {local_day(at) for _, from_at, until_at in wanted for at in (from_at, until_at)}
    query = select(VisitRow).where(
        col(VisitRow.day).in_(sorted(days)),
        col(VisitRow.citizen_id).in_(sorted({citizen_id for citizen_id, _, _ in wanted})),
        col(VisitRow.begun_at).is_not(None),
        VisitRow.mode == "physical",
    )
    visits = session.exec(query).all()
    return {
        (citizen_id, from_at, until_at): sorted(
            {
                v.carer_id
                for v in visits
                if v.citizen_id == citizen_id
                and v.carer_id is not None
                and v.begun_at is not None
                and v.begun_at < until_at
                and (v.ended_at is None or v.ended_at > from_at)
            }
        )
        for citizen_id, from_at, until_at in wanted
    }


def may_use_alone(session: Session, carer_id: str, on: date) -> dict[str, bool]:
    """Whether a carer's course for each kind of device counts on a day; without it the device takes two."""
    rows = session.exec(select(CompetenceRow).where(CompetenceRow.carer_id == carer_id)).all()
    held = {r.code for r in rows if r.valid_until_on is None or r.valid_until_on >= on}
    return {kind: code in held for kind, code in COMPETENCE_OF.items()}


def _covers(row: ShiftRow, at: datetime) -> bool:
    begins_at = row.started_at or row.planned_start_at
    if row.ended_at is not None:
        return begins_at <= at <= row.ended_at
    grace = OVERRUN if row.state == "begun" else timedelta()
    return begins_at <= at <= row.planned_end_at + grace


def _shift_row(day: date, unit_id: str, shift: RotaShift) -> dict[str, Any]:
    return {
        "id": f"{day.isoformat()}.{shift.carer_id}",
        "carer_id": shift.carer_id,
        "unit_id": unit_id,
        "day": day,
        "kind": shift.kind,
        "planned_start_at": shift.starts_at,
        "planned_end_at": shift.ends_at,
        "starts_from": "base",
        "ends_at_place": "base",
        "state": "planned",
    }


def _carer_row(staff: Staff, unit_id: str) -> dict[str, Any]:
    return {
        "id": staff.carer_id,
        "unit_id": unit_id,
        "name": staff.name,
        "skills": [],
        # Nobody drives within a house; the column wants to know how its carers get around.
        "transport": "walk",
        "pin_hash": None,
    }


def _unit_row(unit: Unit) -> dict[str, Any]:
    return {
        "id": unit.id,
        "name": unit.name,
        "kind": unit.kind.value,
        "base": place_json(unit.base),
        "valid_from_on": unit.valid_from_on,
        "valid_to_on": unit.valid_to_on,
    }


def _citizen_row(resident: Resident, unit: Unit, short: int) -> dict[str, Any]:
    return {
        "id": resident.citizen_id,
        "short": resident.short or short,
        "unit_id": unit.id,
        "name": resident.name,
        "address": resident.room,
        "place": place_json(unit.base),
        "door_id": None,
        "lock_device_id": None,
        "formerly_key": False,
        "devices": [asdict(d) for d in resident.devices],
        "preferences": {},
    }


def _known(session: Session, table: type[CarerRow] | type[CitizenRow], ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    wanted = sorted(ids)
    for start in range(0, len(wanted), _CHUNK):
        found.update(session.exec(select(table.id).where(col(table.id).in_(wanted[start : start + _CHUNK]))).all())
    return found


def _insert(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.execute(insert(table), list(rows))
