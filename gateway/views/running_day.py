"""Four numbers of the running day."""

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from devices.keys.tables import OpeningRow
from gateway.parts import Benefits
from kernel.localtime import at_local
from metrics.waterfall import waterfall
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
                col(OpeningRow.on_way).is_(False),
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
    """Minutes freed by every technology that is settled already, ``None`` where there is too little to tell."""
    if benefits is None:
        return None
    steps = waterfall(session, from_on=day, to_on=day, cases=benefits.cases, adoptions=benefits.adoptions, now=now)
    freed_s = [step.net_s for step in steps if step.net_s is not None]
    return round(sum(freed_s) / 60) if freed_s else None
