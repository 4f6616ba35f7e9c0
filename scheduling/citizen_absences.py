"""A citizen is not at home: her visits are cancelled for as long, and wanted again when she is back.

A kind is kept, hospital or away, and never a diagnosis. Which visits it cancelled stands with the absence, so that
coming home brings back those and no others.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session, col, or_, select

from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.events import CitizenAbsenceKind, CitizenAway, CitizenHome, VisitCancelled, VisitRestored
from scheduling.register.tables import CitizenRow
from scheduling.tables import CitizenAbsenceRow, VisitRow

_IN_CHUNK = 500


def visits_to_cancel(
    session: Session, citizen_id: str, from_at: datetime, until_at: datetime | None, now: datetime
) -> list[VisitRow]:
    """Planned visits that fall into an absence: not over when it begins, not begun when it ends.

    A visit of today that is late would be made after now: an absence that has begun cancels it too.
    """
    rows = session.exec(
        select(VisitRow).where(
            VisitRow.citizen_id == citizen_id,
            VisitRow.state == "planned",
            VisitRow.day >= local_day(from_at) - timedelta(days=1),
        )
    ).all()
    within = [
        row
        for row in rows
        # Of the day before only what its night shift still has to do.
        if ((from_at <= now and row.day >= local_day(from_at)) or (row.end_at or row.window_close_at) > from_at)
        and (until_at is None or (row.start_at or row.window_open_at) < until_at)
    ]
    return sorted(within, key=lambda v: (v.day, v.id))


def begin_absence(
    work: Work,
    citizen: CitizenRow,
    kind: CitizenAbsenceKind,
    from_at: datetime,
    until_at: datetime | None,
    visits: Sequence[VisitRow],
) -> CitizenAbsenceRow:
    """Write an absence down and cancel the visits, which nobody has on a route any more.

    Raises
    ------
    SchedulingError
        ``citizen_already_away``; ``absence_ends_first`` where it would end before it begins.
    """
    if until_at is not None and until_at <= from_at:
        raise SchedulingError("absence_ends_first")
    if _overlaps(work.session, citizen.id, from_at, until_at):
        raise SchedulingError("citizen_already_away")
    row = CitizenAbsenceRow(
        absence_id=new_id(),
        citizen_id=citizen.id,
        unit_id=citizen.unit_id,
        kind=kind,
        from_at=from_at,
        until_at=until_at,
        noted_at=work.now,
        visit_ids=[visit.id for visit in visits],
    )
    work.session.add(row)
    work.record(
        CitizenAway(
            at=work.now,
            unit_id=citizen.unit_id,
            absence_id=row.absence_id,
            citizen_id=citizen.id,
            kind=kind,
            from_at=from_at,
            until_at=until_at,
        )
    )
    for visit in visits:
        visit.state, visit.outcome, visit.unallocated_reason = "cancelled", kind, None
        work.session.add(visit)
        work.record(
            VisitCancelled(
                at=work.now,
                unit_id=visit.unit_id,
                visit_id=visit.id,
                citizen_id=citizen.id,
                day=visit.day.isoformat(),
                reason=kind,
            )
        )
    work.session.flush()
    return row


def end_absence(work: Work, citizen_id: str) -> tuple[CitizenAbsenceRow, list[VisitRow]]:
    """The citizen is home again: cancelled visits that can still be made wait for somebody.

    Raises
    ------
    SchedulingError
        ``citizen_not_away``.
    """
    row = present_absence(work.session, citizen_id, work.now)
    if row is None:
        raise SchedulingError("citizen_not_away")
    row.ended_at = work.now
    work.session.add(row)
    work.record(
        CitizenHome(
            at=work.now,
            unit_id=row.unit_id,
            absence_id=row.absence_id,
            citizen_id=citizen_id,
            kind=cast("CitizenAbsenceKind", row.kind),
        )
    )
    back = visits_to_restore(work.session, row, work.now)
    for visit in back:
        visit.state, visit.outcome, visit.unallocated_reason = "planned", None, "citizen_home"
        work.session.add(visit)
        work.record(
            VisitRestored(
                at=work.now,
                unit_id=visit.unit_id,
                visit_id=visit.id,
                citizen_id=citizen_id,
                day=visit.day.isoformat(),
            )
        )
    work.session.flush()
    return row, back


def visits_to_restore(session: Session, absence: CitizenAbsenceRow, now: datetime) -> list[VisitRow]:
    """What an absence cancelled and can still be made."""
    return [v for v in _by_id(session, absence.visit_ids) if v.state == "cancelled" and v.window_close_at > now]


def present_absence(session: Session, citizen_id: str, now: datetime) -> CitizenAbsenceRow | None:
    """The absence a citizen is in, or the next that is announced; ``None`` where she is at home and will be."""
    query = select(CitizenAbsenceRow).where(
        CitizenAbsenceRow.citizen_id == citizen_id,
        col(CitizenAbsenceRow.ended_at).is_(None),
        or_(col(CitizenAbsenceRow.until_at).is_(None), col(CitizenAbsenceRow.until_at) > now),
    )
    return session.exec(query.order_by(col(CitizenAbsenceRow.from_at))).first()


def _overlaps(session: Session, citizen_id: str, from_at: datetime, until_at: datetime | None) -> bool:
    # A holiday announced for the summer does not keep anybody from being admitted in the spring.
    query = select(CitizenAbsenceRow).where(
        CitizenAbsenceRow.citizen_id == citizen_id,
        col(CitizenAbsenceRow.ended_at).is_(None),
        or_(col(CitizenAbsenceRow.until_at).is_(None), col(CitizenAbsenceRow.until_at) > from_at),
    )
    return any(until_at is None or row.from_at < until_at for row in session.exec(query))


def absences_now(session: Session, unit_ids: Collection[str], now: datetime) -> list[CitizenAbsenceRow]:
    """Who of some units is not at home, or will not be, by when it began."""
    query = select(CitizenAbsenceRow).where(
        col(CitizenAbsenceRow.unit_id).in_(sorted(unit_ids)),
        col(CitizenAbsenceRow.ended_at).is_(None),
        or_(col(CitizenAbsenceRow.until_at).is_(None), col(CitizenAbsenceRow.until_at) > now),
    )
    return list(session.exec(query.order_by(col(CitizenAbsenceRow.from_at), col(CitizenAbsenceRow.citizen_id))).all())


def spans_away(session: Session, citizen_ids: set[str]) -> Mapping[str, list[tuple[datetime, datetime | None]]]:
    """When these citizens are not at home, by citizen; those who are at home are left out."""
    found: dict[str, list[tuple[datetime, datetime | None]]] = {}
    wanted = sorted(citizen_ids)
    for start in range(0, len(wanted), _IN_CHUNK):
        rows = session.exec(
            select(CitizenAbsenceRow).where(
                col(CitizenAbsenceRow.citizen_id).in_(wanted[start : start + _IN_CHUNK]),
                col(CitizenAbsenceRow.ended_at).is_(None),
            )
        ).all()
        for row in rows:
            found.setdefault(row.citizen_id, []).append((row.from_at, row.until_at))
    return found


def _by_id(session: Session, visit_ids: Sequence[str]) -> list[VisitRow]:
    rows = session.exec(select(VisitRow).where(col(VisitRow.id).in_(visit_ids)).with_for_update()).all()
    return sorted(rows, key=lambda v: (v.day, v.id))
