"""Who has learnt what, until when: courses, and who is a superuser (superbruger, 004:571-573).

A register to plan from. It compares nobody with anybody: lists are by name, and there is nothing to sort by.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from sqlmodel import Session, col, select

from kernel.errors import DomainError, ErrorKind, ErrorText
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.events import CompetenceRecorded
from scheduling.register.tables import CarerRow, CompetenceRow, UnitRow
from scheduling.rules import COMPETENCE_OF

SUPERUSER = "transfer_superuser"
#: what a planner can enter here; a day file may bring others, which are shown and left alone
RECORDED = (*COMPETENCE_OF.values(), SUPERUSER)


class CompetenceError(DomainError):
    """What can be wrong with a competence that is entered."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "competence_unknown": ErrorText(
            ErrorKind.INVALID,
            "Kompetencen {found} føres ikke her. Vælg en fra listen.",
            "The competence {found} is not kept here. Choose one of the list.",
        ),
        "competence_dates": ErrorText(
            ErrorKind.INVALID,
            "Kurset kan ikke ligge i fremtiden, og det skal gælde til en dag efter kurset.",
            "The course cannot be in the future, and it has to hold until a day after the course.",
        ),
        "competence_carer_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Medarbejderen findes ikke i dine enheder. Vælg en fra listen.",
            "There is no such carer in your units. Choose one of the list.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Held:
    """A competence a carer holds or has held."""

    code: str
    acquired_on: date | None
    valid_until_on: date | None

    def holds_on(self, on: date) -> bool:
        """Whether it counts on a day."""
        return self.valid_until_on is None or on <= self.valid_until_on


@dataclass(frozen=True, slots=True)
class Learned:
    """A carer and what she has learnt."""

    carer_id: str
    name: str
    unit_id: str
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class NewCompetence:
    """A course or role to enter; entering it again replaces its dates."""

    carer_id: str
    code: str
    acquired_on: date
    valid_until_on: date | None = None


def record(work: Work, new: NewCompetence, unit_ids: Collection[str], role: str) -> Held:
    """Enter a competence of a carer of these units.

    Raises
    ------
    CompetenceError
        ``competence_unknown``, ``competence_carer_unknown``, ``competence_dates``.
    """
    carer = _carer(work.session, new.carer_id, unit_ids)
    _require_kept(new.code)
    too_late = new.acquired_on > local_day(work.now)
    if too_late or (new.valid_until_on is not None and new.valid_until_on <= new.acquired_on):
        raise CompetenceError("competence_dates")
    row = work.session.get(CompetenceRow, (new.carer_id, new.code)) or CompetenceRow(
        carer_id=new.carer_id, code=new.code
    )
    row.acquired_on, row.valid_until_on, row.recorded_by_role = new.acquired_on, new.valid_until_on, role
    return _kept(work, carer, row, role)


def end(work: Work, carer_id: str, code: str, unit_ids: Collection[str], role: str) -> Held:
    """A competence counts today for the last time: it stays, so that a past day can be explained.

    Raises
    ------
    CompetenceError
        ``competence_unknown`` (also where the carer does not hold it), ``competence_carer_unknown``.
    """
    carer = _carer(work.session, carer_id, unit_ids)
    _require_kept(code)
    row = work.session.get(CompetenceRow, (carer_id, code))
    if row is None:
        raise CompetenceError("competence_unknown", found=code)
    today = local_day(work.now)
    row.valid_until_on = today if row.valid_until_on is None else min(row.valid_until_on, today)
    row.recorded_by_role = role
    return _kept(work, carer, row, role)


def register_of(session: Session, unit_ids: Collection[str]) -> list[Learned]:
    """The carers of some units by name, each with what she has learnt."""
    carers = session.exec(
        select(CarerRow)
        .join(UnitRow, col(UnitRow.id) == col(CarerRow.unit_id))
        .where(col(CarerRow.unit_id).in_(sorted(unit_ids)))
        .order_by(col(CarerRow.name), col(CarerRow.id))
    ).all()
    held: dict[str, list[Held]] = {}
    query = select(CompetenceRow).join(CarerRow, col(CarerRow.id) == col(CompetenceRow.carer_id))
    query = query.where(col(CarerRow.unit_id).in_(sorted(unit_ids))).order_by(col(CompetenceRow.code))
    for row in session.exec(query):
        held.setdefault(row.carer_id, []).append(Held(row.code, row.acquired_on, row.valid_until_on))
    return [Learned(c.id, c.name, c.unit_id, tuple(held.get(c.id, ()))) for c in carers]


def approved(session: Session, carer_ids: Collection[str], code: str, on: date) -> set[str]:
    """Of these carers, those whose competence counts on a day."""
    query = select(CompetenceRow).where(col(CompetenceRow.carer_id).in_(sorted(carer_ids)), CompetenceRow.code == code)
    return {r.carer_id for r in session.exec(query) if r.valid_until_on is None or on <= r.valid_until_on}


def _carer(session: Session, carer_id: str, unit_ids: Collection[str]) -> CarerRow:
    row = session.get(CarerRow, carer_id)
    if row is None or row.unit_id not in unit_ids:
        raise CompetenceError("competence_carer_unknown")
    return row


def _require_kept(code: str) -> None:
    if code not in RECORDED:
        raise CompetenceError("competence_unknown", found=code)


def _kept(work: Work, carer: CarerRow, row: CompetenceRow, role: str) -> Held:
    work.session.add(row)
    work.session.flush()
    until = None if row.valid_until_on is None else row.valid_until_on.isoformat()
    work.record(
        CompetenceRecorded(
            at=work.now, unit_id=carer.unit_id, carer_id=carer.id, code=row.code, valid_until_on=until, by_role=role
        )
    )
    return Held(row.code, row.acquired_on, row.valid_until_on)
