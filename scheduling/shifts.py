"""Start vagt and Slut vagt: a shift begins and ends by a tap that says where (design §3).

All functions take sequences: a tablet sends one, a batch of history many, and both meet the same checks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_
from sqlmodel import Session, col, select

from kernel.localtime import clock_text, local_day
from kernel.statements import table_of
from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.events import Place, ShiftEnded, ShiftKeyReplaced, ShiftKind, ShiftStarted, TabletLost
from scheduling.model import UnitKind
from scheduling.register.tables import CitizenRow, UnitRow
from scheduling.tables import ShiftRow, VisitRow

OVERTIME = timedelta(hours=4)
"""So long after its planned end a shift that nobody has ended still is the one its carer is in."""


def _goes_on(now: Any, today: Any, yesterday: Any, overtime_from: Any) -> ColumnElement[bool]:
    """Of today, or of yesterday and not over."""
    c = table_of(ShiftRow).c
    overtime = and_(c.state == "begun", c.planned_end_at > overtime_from)
    of_last_night = and_(c.day == yesterday, or_(c.planned_end_at > now, overtime))
    return and_(or_(c.day == today, of_last_night), c.state != "cancelled")


#: :func:`is_now` for a statement that is built once
IS_NOW = _goes_on(*(bindparam(name) for name in ("now", "today", "yesterday", "overtime_from")))

_KINDS: dict[str, ShiftKind] = {"day": "day", "evening": "evening", "night": "night"}


@dataclass(frozen=True, slots=True)
class ShiftStart:
    """A carer begins. ``holder_thumbprint`` (hex) names the key the tablet made for this shift."""

    carer_id: str
    day: date
    place: Place
    at: datetime
    holder_thumbprint: str | None = None


@dataclass(frozen=True, slots=True)
class ShiftEnd:
    """A carer ends."""

    carer_id: str
    day: date
    place: Place
    at: datetime


def start_shifts(work: Work, starts: Sequence[ShiftStart]) -> list[ShiftRow]:
    """Begin shifts.

    Raises
    ------
    SchedulingError
        ``no_shift_today``, ``shift_already_begun`` (another key), ``shift_ended``, or ``key_reported_lost``. A
        repeat with the same key changes nothing: taps come twice over a bad network. After a lost tablet the
        shift takes the key of the next one.
    """
    rows = _by_carer(work.session, {(s.carer_id, s.day) for s in starts})
    changed = []
    for start in starts:
        row = rows.get((start.carer_id, start.day))
        if row is None:
            raise SchedulingError("no_shift_today")
        if row.state == "ended":
            raise SchedulingError("shift_ended")
        if row.state == "begun":
            if _takes_over(work, row, start):
                changed.append(row)
            elif row.holder_thumbprint != start.holder_thumbprint:
                raise SchedulingError("shift_already_begun", clock=clock_text(row.started_at or work.now))
            continue
        row.state, row.started_at, row.started_from = "begun", start.at, start.place
        row.holder_thumbprint = start.holder_thumbprint
        changed.append(row)
        work.record(
            ShiftStarted(
                at=start.at,
                shift_id=row.id,
                carer_id=row.carer_id,
                unit_id=row.unit_id,
                kind=_KINDS[row.kind],
                place=start.place,
                day=row.day.isoformat(),
                planned_start_at=row.planned_start_at,
                planned_end_at=row.planned_end_at,
                holder_thumbprint=start.holder_thumbprint,
            )
        )
    return changed


def end_shifts(work: Work, ends: Sequence[ShiftEnd]) -> list[ShiftRow]:
    """End shifts; the shift's key is worthless from now on.

    Raises
    ------
    SchedulingError
        ``no_shift_today``, ``shift_not_begun``, or ``open_visits`` while a visit is still going on. Ending
        an ended shift changes nothing.
    """
    rows = _by_carer(work.session, {(e.carer_id, e.day) for e in ends})
    open_visits = _open_visits(work.session, {r.id for r in rows.values()})
    changed = []
    for end in ends:
        row = rows.get((end.carer_id, end.day))
        if row is None:
            raise SchedulingError("no_shift_today")
        if row.state == "ended":
            continue
        if row.state != "begun":
            raise SchedulingError("shift_not_begun")
        if row.id in open_visits:
            citizen = work.session.get(CitizenRow, open_visits[row.id].citizen_id)
            raise SchedulingError("open_visits", citizen=citizen.name if citizen else "?")
        row.state, row.ended_at, row.ended_place = "ended", end.at, end.place
        changed.append(row)
        work.record(ShiftEnded(at=end.at, shift_id=row.id, carer_id=row.carer_id, unit_id=row.unit_id, place=end.place))
    return changed


def lose_tablet(work: Work, carer_id: str, day: date, reason: str) -> ShiftRow | None:
    """Void the key of a carer's shift under way. The shift goes on; another tablet may bring another key.

    Returns
    -------
    ShiftRow | None
        The shift whose key is void now; ``None`` where no key was held: off duty, or reported already.
    """
    row = _by_carer(work.session, {(carer_id, day)}).get((carer_id, day))
    if row is None or row.state != "begun" or row.holder_thumbprint is None:
        return None
    row.lost_thumbprint, row.holder_thumbprint = row.holder_thumbprint, None
    work.record(
        TabletLost(
            at=work.now,
            shift_id=row.id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            reason=reason,
            holder_thumbprint=row.lost_thumbprint,
        )
    )
    return row


def shift_of(session: Session, carer_id: str, day: date) -> ShiftRow | None:
    """A carer's shift on a day, if there is one."""
    return session.exec(select(ShiftRow).where(*is_shift_of(carer_id, day))).first()


def is_shift_of(carer_id: str, day: date) -> tuple[ColumnElement[bool], ...]:
    """What makes a row a carer's shift on a day, for who asks for more along with it."""
    return col(ShiftRow.carer_id) == carer_id, col(ShiftRow.day) == day, col(ShiftRow.state) != "cancelled"


def shift_now(session: Session, carer_id: str, now: datetime) -> ShiftRow | None:
    """The shift a carer is in, or has today.

    A night shift belongs to the day it begins on: after midnight its carer still is in it, until it is over.
    """
    query = select(ShiftRow).where(ShiftRow.carer_id == carer_id, *is_now(now))
    return session.exec(query.order_by(col(ShiftRow.day)).limit(1)).first()


def day_now(session: Session, carer_id: str, now: datetime) -> date:
    """The day whose route a carer drives: of the shift she is in, else today."""
    shift = shift_now(session, carer_id, now)
    return shift.day if shift is not None else local_day(now)


def days_now(session: Session, now: datetime, unit_ids: Collection[str] | None = None) -> list[date]:
    """The days that are being lived, of some units or all: today, and yesterday while a night shift is under way."""
    query = select(col(ShiftRow.day)).where(*is_now(now), ShiftRow.state == "begun")
    if unit_ids is not None:
        query = query.where(col(ShiftRow.unit_id).in_(sorted(unit_ids)))
    return sorted({*session.exec(query.distinct()).all(), local_day(now)})


def is_now(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What makes a row a shift of now: of today, or of yesterday and not over. Of a carer's two the earlier is it."""
    return (_goes_on(**now_values(now)),)


def day_of_boards(session: Session, now: datetime, unit_ids: Collection[str]) -> tuple[date, date | None]:
    """The day planners of these units look at first, and the night that is under way, of the day it began on.

    It is that night until somebody of today is due; then it is today, and the night beside it as long as it lasts.
    """
    today = local_day(now)
    homes = select(UnitRow.id).where(col(UnitRow.id).in_(sorted(unit_ids)), UnitRow.kind == UnitKind.HOME_CARE)
    units = session.exec(homes).all()
    night = next((day for day in days_now(session, now, units) if day < today), None)
    if night is None:
        return today, None
    due = select(ShiftRow.id).where(
        ShiftRow.day == today,
        col(ShiftRow.unit_id).in_(units),
        ShiftRow.state != "cancelled",
        ShiftRow.planned_start_at <= now,
    )
    return (night if session.exec(due.limit(1)).first() is None else today), night


def visit_of_now(session: Session, now: datetime) -> ColumnElement[bool]:
    """What makes a row a visit of now: of today, or of the night that is under way and not long over."""
    today = local_day(now)
    of_last_night = and_(col(VisitRow.day).in_(days_now(session, now)), col(VisitRow.window_close_at) > now - OVERTIME)
    return or_(col(VisitRow.day) == today, of_last_night)


def now_values(now: datetime) -> dict[str, Any]:
    """The values of :data:`IS_NOW` at an instant."""
    today = local_day(now)
    return {"now": now, "today": today, "yesterday": today - timedelta(days=1), "overtime_from": now - OVERTIME}


def shifts_on(session: Session, day: date) -> list[ShiftRow]:
    """All shifts of a day, by carer."""
    query = select(ShiftRow).where(ShiftRow.day == day, ShiftRow.state != "cancelled")
    return list(session.exec(query.order_by(col(ShiftRow.carer_id))).all())


def _takes_over(work: Work, row: ShiftRow, start: ShiftStart) -> bool:
    """Let another tablet's key follow the one that was reported lost."""
    lost, new = row.lost_thumbprint, start.holder_thumbprint
    if row.holder_thumbprint is not None or lost is None or new is None:
        return False
    if new == lost:
        raise SchedulingError("key_reported_lost")
    row.holder_thumbprint = new
    work.record(
        ShiftKeyReplaced(
            at=start.at,
            shift_id=row.id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            replaces=lost,
            holder_thumbprint=new,
        )
    )
    return True


def _by_carer(session: Session, wanted: set[tuple[str, date]]) -> dict[tuple[str, date], ShiftRow]:
    rows = session.exec(
        select(ShiftRow)
        .where(
            col(ShiftRow.carer_id).in_(sorted({c for c, _ in wanted})),
            col(ShiftRow.day).in_(sorted({d for _, d in wanted})),
            ShiftRow.state != "cancelled",
        )
        .with_for_update()
    ).all()
    return {(r.carer_id, r.day): r for r in rows}


def _open_visits(session: Session, shift_ids: set[str]) -> dict[str, VisitRow]:
    rows = session.exec(
        select(VisitRow).where(col(VisitRow.shift_id).in_(sorted(shift_ids)), VisitRow.state == "begun")
    ).all()
    return {r.shift_id: r for r in rows if r.shift_id is not None}
