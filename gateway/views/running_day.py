"""Four numbers of the running day."""

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from devices.keys.tables import OpeningRow
from gateway.parts import Benefits
from kernel.localtime import at_local
from metrics.report import benefit_report
from scheduling.tables import ShiftRow, VisitRow


def running_day(session: Session, day: date, now: datetime, benefits: Benefits | None) -> dict[str, Any]:
    """Visits, doors, shifts, and the minutes freed so far."""
    visits = dict(
        session.exec(
            select(VisitRow.state, func.count()).where(VisitRow.day == day).group_by(col(VisitRow.state))
        ).all()
    )
    shifts = dict(
        session.exec(
            select(ShiftRow.state, func.count()).where(ShiftRow.day == day).group_by(col(ShiftRow.state))
        ).all()
    )
    since = at_local(day, time(0))
    doors = dict(
        session.exec(
            select(OpeningRow.state, func.count())
            .where(
                col(OpeningRow.requested_at) >= since,
                col(OpeningRow.requested_at) < since + timedelta(days=1),
            )
            .group_by(col(OpeningRow.state))
        ).all()
    )
    return {
        "visits_done": visits.get("ended", 0),
        "visits_total": sum(n for state, n in visits.items() if state != "cancelled"),
        "doors_opened": doors.get("unlocked", 0),
        "doors_refused": doors.get("refused", 0),
        "doors_failed": doors.get("jammed", 0) + doors.get("unknown", 0) + doors.get("expired", 0),
        "shifts_begun": shifts.get("begun", 0) + shifts.get("ended", 0),
        "shifts_total": sum(n for state, n in shifts.items() if state != "cancelled"),
        "freed_minutes": _freed_minutes(session, day, now, benefits),
    }


def _freed_minutes(session: Session, day: date, now: datetime, benefits: Benefits | None) -> int | None:
    """Minutes freed by the shifts that have ended, ``None`` where there is too little to tell."""
    if benefits is None:
        return None
    total = benefit_report(
        session,
        from_on=day,
        to_on=day,
        cases=benefits.cases,
        adoption=benefits.adoption,
        reading="stated",
        now=now,
    )[-1]
    return None if total.realised_s is None else round(total.realised_s / 60)
