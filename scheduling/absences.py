"""Carers who cannot come, and who off duty could be called in for them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, or_, select

from kernel.work import Work
from scheduling import day_rows, rules, shifts
from scheduling.errors import SchedulingError
from scheduling.events import AbsenceKind, CarerAbsent
from scheduling.model import Carer, Competence
from scheduling.reassignment.settings import settings_on
from scheduling.register.tables import CarerRow, CompetenceRow, EmploymentRow
from scheduling.tables import AbsenceRow, ShiftRow


def absent_on(session: Session, day: date, unit_ids: Collection[str]) -> list[AbsenceRow]:
    """Absences of a day in these units, as they were reported."""
    query = select(AbsenceRow).where(AbsenceRow.day == day, col(AbsenceRow.unit_id).in_(sorted(unit_ids)))
    return list(session.exec(query.order_by(col(AbsenceRow.id))).all())


def substitutes_for(session: Session, shift: ShiftRow, needed_skills: Collection[str], now: datetime) -> list[Carer]:
    """Carers of the unit who are off duty that day and may work the rest of a shift.

    They are employed in the unit, not absent, and keep their daily rest before and after. Those who can do all
    that is needed come first, then by id: nothing about how anybody works decides.

    Parameters
    ----------
    shift
        The shift to be taken over; a substitute begins an hour (``call_in``) after ``now`` at the earliest.
    """
    settings = settings_on(shift.day)
    starts_at = max(shift.planned_start_at, now + settings.call_in)
    if starts_at >= shift.planned_end_at:
        return []
    busy = set(session.exec(select(ShiftRow.carer_id).where(ShiftRow.day == shift.day)).all())
    busy |= set(session.exec(select(AbsenceRow.carer_id).where(AbsenceRow.day == shift.day)).all())
    employed = session.exec(
        select(EmploymentRow.carer_id).where(
            EmploymentRow.unit_id == shift.unit_id,
            EmploymentRow.from_on <= shift.day,
            or_(col(EmploymentRow.to_on).is_(None), col(EmploymentRow.to_on) >= shift.day),
        )
    ).all()
    free = sorted(set(employed) - busy)
    rested = _rested(session, free, shift.day, starts_at, shift.planned_end_at)
    rows = session.exec(select(CarerRow).where(col(CarerRow.id).in_(sorted(rested)))).all()
    needed = set(needed_skills)
    chosen = sorted(rows, key=lambda r: (len(needed - set(r.skills)), r.id))[: settings.substitutes_at_most]
    held = _competences(session, [r.id for r in chosen])
    return [
        replace(day_rows.carer_model(r, shift, held.get(r.id, ())), shift_starts_at=starts_at, rest_agreement_ref=None)
        for r in chosen
    ]


def record_absence(work: Work, shift: ShiftRow, kind: AbsenceKind, *, covered_by: str, visits_left: int) -> AbsenceRow:
    """Write an absence down and take the carer off the day: a planned shift is cancelled, a begun one ended.

    Raises
    ------
    SchedulingError
        ``already_absent``, ``shift_ended``, or ``open_visits`` while a visit is still going on.
    """
    known = work.session.exec(
        select(AbsenceRow).where(AbsenceRow.carer_id == shift.carer_id, AbsenceRow.day == shift.day)
    ).first()
    if known is not None:
        raise SchedulingError("already_absent")
    if shift.state == "ended":
        raise SchedulingError("shift_ended")
    if shift.state == "begun":
        shifts.end_shifts(work, [shifts.ShiftEnd(shift.carer_id, shift.day, "citizen", work.now)])
    else:
        shift.state = "cancelled"
        work.session.add(shift)
    row = AbsenceRow(
        carer_id=shift.carer_id,
        unit_id=shift.unit_id,
        day=shift.day,
        kind=kind,
        reported_at=work.now,
        covered_by=covered_by,
    )
    work.session.add(row)
    work.record(
        CarerAbsent(
            at=work.now,
            carer_id=shift.carer_id,
            unit_id=shift.unit_id,
            day=shift.day.isoformat(),
            kind=kind,
            visits_left=visits_left,
        )
    )
    return row


def call_in(work: Work, like: ShiftRow, carer: Carer) -> ShiftRow:
    """Give a substitute the rest of a shift."""
    row = ShiftRow(
        id=f"{like.day.isoformat()}.{carer.id}",
        carer_id=carer.id,
        unit_id=like.unit_id,
        day=like.day,
        kind=like.kind,
        planned_start_at=carer.shift_starts_at,
        planned_end_at=carer.shift_ends_at,
        starts_from=like.starts_from,
        ends_at_place=like.ends_at_place,
        start_place=like.start_place,
        end_place=like.end_place,
    )
    work.session.add(row)
    return row


def _rested(
    session: Session, carer_ids: Collection[str], day: date, starts_at: datetime, ends_at: datetime
) -> set[str]:
    """Those whose shifts of the day before and after leave eleven hours of rest (BEK 324/2002 §3)."""
    rest = rules.RULE_SETTINGS.daily_rest
    around = session.exec(
        select(ShiftRow).where(
            col(ShiftRow.day).in_([day - timedelta(days=1), day + timedelta(days=1)]), ShiftRow.state != "cancelled"
        )
    ).all()
    tired = {
        s.carer_id
        for s in around
        if (s.day < day and (s.ended_at or s.planned_end_at) + rest > starts_at)
        or (s.day > day and ends_at + rest > s.planned_start_at)
    }
    return set(carer_ids) - tired


def _competences(session: Session, carer_ids: Collection[str]) -> dict[str, tuple[Competence, ...]]:
    found: dict[str, list[Competence]] = {}
    for row in session.exec(select(CompetenceRow).where(col(CompetenceRow.carer_id).in_(sorted(carer_ids)))).all():
        found.setdefault(row.carer_id, []).append(Competence(row.code, row.valid_until_on))
    return {carer_id: tuple(held) for carer_id, held in found.items()}
