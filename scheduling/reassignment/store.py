"""What is stored about a running day's changes: delays that still hold, and what was done last."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from kernel.ids import new_id
from kernel.work import Work
from scheduling.reassignment.tables import DelayRow, ReassignmentRow
from scheduling.tables import VisitRow


def report_delay(work: Work, carer_id: str, unit_id: str, day: date, free_at: datetime) -> None:
    """Keep when a carer can leave for her next stop; a later report replaces an earlier one."""
    work.session.add(
        DelayRow(delay_id=new_id(), day=day, carer_id=carer_id, unit_id=unit_id, free_at=free_at, reported_at=work.now)
    )


def delays_that_hold(session: Session, day: date, visits: Collection[VisitRow]) -> dict[str, datetime]:
    """When carers who are behind can go on: their last report, unless they have begun a visit since."""
    begun: dict[str, datetime] = {}
    for v in visits:
        if v.carer_id is not None and v.begun_at is not None:
            begun[v.carer_id] = max(v.begun_at, begun.get(v.carer_id, v.begun_at))
    rows = session.exec(select(DelayRow).where(DelayRow.day == day).order_by(col(DelayRow.reported_at))).all()
    last = {row.carer_id: row for row in rows}
    return {c: r.free_at for c, r in last.items() if c not in begun or begun[c] <= r.reported_at}


def forget_delay(work: Work, carer_id: str, day: date, reported_at: datetime) -> None:
    """A report was a mistake."""
    query = select(DelayRow).where(
        DelayRow.day == day, DelayRow.carer_id == carer_id, DelayRow.reported_at == reported_at
    )
    for row in work.session.exec(query).all():
        work.session.delete(row)


def acts_of(session: Session, day: date, unit_ids: Collection[str]) -> Sequence[ReassignmentRow]:
    """What was done to a day of some units, the latest first."""
    query = select(ReassignmentRow).where(ReassignmentRow.day == day, col(ReassignmentRow.unit_id).in_(list(unit_ids)))
    return session.exec(query.order_by(col(ReassignmentRow.at).desc(), col(ReassignmentRow.reassignment_id))).all()
