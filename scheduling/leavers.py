"""A carer stops working here: employment, shifts and visits from an instant on. Doors and sign-in are the caller's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import col, or_, select

from kernel.errors import KernelError
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.events import CarerLeft
from scheduling.register.tables import CarerRow, EmploymentRow
from scheduling.tables import ShiftRow, VisitRow


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a carer leaves behind."""

    carer: CarerRow
    #: the shift she is in, where she stops at once
    shift: ShiftRow | None
    #: her planned visits from then on, by day and start
    visits: Sequence[VisitRow]


def let_go(work: Work, carer_id: str, from_at: datetime, reason: str) -> Leaving:
    """End a carer's employment from an instant on.

    Raises
    ------
    KernelError
        ``not_found``.
    SchedulingError
        ``already_left``.
    """
    carer = work.session.get(CarerRow, carer_id)
    if carer is None:
        raise KernelError("not_found", what="Medarbejderen")
    jobs = work.session.exec(
        select(EmploymentRow)
        .where(
            EmploymentRow.carer_id == carer_id,
            or_(col(EmploymentRow.to_on).is_(None), col(EmploymentRow.to_on) >= local_day(work.now)),
        )
        .with_for_update()
    ).all()
    last_on = local_day(from_at - timedelta(seconds=1))
    if not any(job.to_on is None or job.to_on > last_on for job in jobs):
        raise SchedulingError("already_left")
    for job in jobs:
        job.to_on = last_on
        work.session.add(job)
    ended = _end_shifts(work, carer_id, from_at)
    work.record(CarerLeft(at=work.now, unit_id=carer.unit_id, carer_id=carer_id, from_at=from_at, reason=reason))
    shift = next((row for row in ended if row.state == "begun"), None)
    return Leaving(carer, shift, _visits(work, carer_id, from_at, ended))


def remaining(work: Work, carer_id: str, day: date, without: set[str]) -> list[VisitRow]:
    """The visits that stay on a carer's route of a day, in the order they are driven."""
    rows = work.session.exec(
        select(VisitRow).where(VisitRow.carer_id == carer_id, VisitRow.day == day, VisitRow.state != "cancelled")
    ).all()
    kept = [row for row in rows if row.id not in without]
    return sorted(kept, key=lambda v: (v.start_at or v.window_open_at, v.plan_rank or 0, v.id))


def _end_shifts(work: Work, carer_id: str, from_at: datetime) -> Sequence[ShiftRow]:
    """Cancel what she has not begun of the shifts that go on after the instant; all of those."""
    rows = work.session.exec(
        select(ShiftRow).where(ShiftRow.carer_id == carer_id, col(ShiftRow.planned_end_at) > from_at).with_for_update()
    ).all()
    for row in rows:
        if row.state == "planned":
            row.state = "cancelled"
            work.session.add(row)
    return rows


def _visits(work: Work, carer_id: str, from_at: datetime, ended: Sequence[ShiftRow]) -> list[VisitRow]:
    # A night shift belongs to the day before: cancelled, all its visits go; begun, those she does not come to.
    nights = {row.day: row.state for row in ended if row.day < local_day(from_at)}
    whole = {day for day, state in nights.items() if state == "cancelled" or from_at <= work.now}
    rows = work.session.exec(
        select(VisitRow).where(
            VisitRow.carer_id == carer_id,
            VisitRow.state == "planned",
            # What is late today is not made any more either; a later instant is the beginning of a day.
            or_(VisitRow.day >= local_day(from_at), col(VisitRow.day).in_(sorted(nights))),
        )
    ).all()
    left = [r for r in rows if r.day not in nights or r.day in whole or (r.end_at or r.window_close_at) > from_at]
    return sorted(left, key=lambda v: (v.day, v.start_at or v.window_open_at, v.id))
