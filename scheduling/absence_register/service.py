"""A carer's absence from a day to a day: her shifts of those days are cancelled, those that come in later too.

Today's absence is another act, with proposals for the route that is lost (scheduling.reassignment). A kind is kept, no
diagnosis.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from sqlmodel import Session, col, select

from kernel.errors import DomainError, ErrorKind, ErrorText
from kernel.localtime import day_text, local_day
from kernel.work import Work
from scheduling.events import AbsenceKind
from scheduling.events_ahead import AbsenceCancelled, AbsencePlanned
from scheduling.register.tables import CarerRow
from scheduling.tables import AbsenceRow, ShiftRow, VisitRow

LONGEST_DAYS = 366
PLANNED = "planned"
"""How an absence that was planned ahead is covered: when the day is planned."""


class AbsenceRegisterError(DomainError):
    """What can be wrong with an absence that is planned ahead."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "absence_days_wrong": ErrorText(
            ErrorKind.INVALID,
            "Fraværet skal slutte tidligst den dag, det begynder, og vare højst {most} dage. Ret datoerne.",
            "The absence has to end on the day it begins or later, and last {most} days at most. Correct the dates.",
        ),
        "absence_not_ahead": ErrorText(
            ErrorKind.INVALID,
            "Fravær kan tidligst planlægges fra i morgen ({earliest}). Meld fravær i dag på tavlen, så ruten bliver "
            "givet videre.",
            "Absence can be planned from tomorrow ({earliest}). Report today's absence on the board, so that the route "
            "is given away.",
        ),
        "absence_not_planned": ErrorText(
            ErrorKind.NOT_FOUND,
            "Der er intet planlagt fravær at slette i de dage. Se listen igen.",
            "There is no planned absence to delete in those days. Look at the list again.",
        ),
    }


@dataclass(frozen=True, slots=True)
class AbsenceSpan:
    """Days in a row that a carer is absent for one kind."""

    carer_id: str
    unit_id: str
    kind: str
    from_on: date
    to_on: date
    #: planned ahead, and can be deleted; else it was reported on the day
    planned: bool


def plan_absence(work: Work, carer: CarerRow, kind: AbsenceKind, from_on: date, to_on: date) -> int:
    """Write the days down and cancel the shifts of them. Days the carer is absent already stay as they are.

    Returns
    -------
    int
        How many days are new.

    Raises
    ------
    AbsenceRegisterError
        ``absence_days_wrong`` or ``absence_not_ahead``.
    """
    _check(work, from_on, to_on)
    known = {row.day for row in _rows(work.session, carer.id, from_on, to_on)}
    days = [from_on + timedelta(days=n) for n in range((to_on - from_on).days + 1)]
    new = [day for day in days if day not in known]
    work.session.add_all(
        AbsenceRow(
            carer_id=carer.id, unit_id=carer.unit_id, day=day, kind=kind, reported_at=work.now, covered_by=PLANNED
        )
        for day in new
    )
    for shift in _shifts(work.session, carer.id, from_on, to_on, "planned"):
        if shift.day in new:
            shift.state = "cancelled"
            work.session.add(shift)
    work.record(
        AbsencePlanned(
            at=work.now,
            carer_id=carer.id,
            unit_id=carer.unit_id,
            kind=kind,
            from_on=from_on.isoformat(),
            to_on=to_on.isoformat(),
        )
    )
    work.session.flush()
    return len(new)


def cancel_absence(work: Work, carer: CarerRow, from_on: date, to_on: date) -> int:
    """Take planned days back: the shifts they cancelled are planned again. Returns how many days.

    Raises
    ------
    AbsenceRegisterError
        ``absence_days_wrong``, ``absence_not_ahead`` or ``absence_not_planned``.
    """
    _check(work, from_on, to_on)
    rows = [r for r in _rows(work.session, carer.id, from_on, to_on) if r.covered_by == PLANNED]
    if not rows:
        raise AbsenceRegisterError("absence_not_planned")
    days = {row.day for row in rows}
    for shift in _shifts(work.session, carer.id, from_on, to_on, "cancelled"):
        if shift.day in days:
            shift.state = "planned"
            work.session.add(shift)
    for row in rows:
        work.session.delete(row)
    work.record(
        AbsenceCancelled(
            at=work.now,
            carer_id=carer.id,
            unit_id=carer.unit_id,
            from_on=from_on.isoformat(),
            to_on=to_on.isoformat(),
        )
    )
    work.session.flush()
    return len(rows)


def visits_of(session: Session, carer_id: str, from_on: date, to_on: date) -> list[VisitRow]:
    """Planned visits a carer has on these days: somebody else has to make them."""
    rows = session.exec(
        select(VisitRow).where(
            VisitRow.carer_id == carer_id, VisitRow.day >= from_on, VisitRow.day <= to_on, VisitRow.state == "planned"
        )
    ).all()
    return sorted(rows, key=lambda v: (v.day, v.id))


def spans(session: Session, unit_ids: Collection[str], from_on: date) -> list[AbsenceSpan]:
    """Who of some units is absent from a day on, days in a row together, by first day and carer."""
    query = select(AbsenceRow).where(AbsenceRow.day >= from_on, col(AbsenceRow.unit_id).in_(sorted(unit_ids)))
    found: list[AbsenceSpan] = []
    for row in session.exec(query.order_by(col(AbsenceRow.carer_id), col(AbsenceRow.day))):
        planned, last = row.covered_by == PLANNED, found[-1] if found else None
        one = AbsenceSpan(row.carer_id, row.unit_id, row.kind, row.day, row.day, planned)
        if (
            last is not None
            and (last.carer_id, last.kind, last.planned) == (one.carer_id, one.kind, planned)
            and row.day - last.to_on == timedelta(days=1)
        ):
            found[-1] = AbsenceSpan(last.carer_id, last.unit_id, last.kind, last.from_on, row.day, planned)
        else:
            found.append(one)
    return sorted(found, key=lambda s: (s.from_on, s.carer_id))


def _check(work: Work, from_on: date, to_on: date) -> None:
    if not 0 <= (to_on - from_on).days < LONGEST_DAYS:
        raise AbsenceRegisterError("absence_days_wrong", most=LONGEST_DAYS)
    tomorrow = local_day(work.now) + timedelta(days=1)
    if from_on < tomorrow:
        raise AbsenceRegisterError("absence_not_ahead", earliest=day_text(tomorrow))


def _rows(session: Session, carer_id: str, from_on: date, to_on: date) -> list[AbsenceRow]:
    query = select(AbsenceRow).where(
        AbsenceRow.carer_id == carer_id, AbsenceRow.day >= from_on, AbsenceRow.day <= to_on
    )
    return list(session.exec(query.with_for_update()).all())


def _shifts(session: Session, carer_id: str, from_on: date, to_on: date, state: str) -> list[ShiftRow]:
    query = select(ShiftRow).where(
        ShiftRow.carer_id == carer_id, ShiftRow.day >= from_on, ShiftRow.day <= to_on, ShiftRow.state == state
    )
    return list(session.exec(query.with_for_update()).all())
