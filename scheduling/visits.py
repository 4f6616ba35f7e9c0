"""A visit begins by its door or by a tap, and ends by a tap with an outcome (design §3).

All functions take sequences: a tablet or a lock sends one, a batch of history many, with the same checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session, col, select

from kernel.localtime import clock_text
from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.events import Mode, Outcome, Source, VisitBegun, VisitEnded
from scheduling.register.tables import CitizenRow
from scheduling.tables import ShiftRow, VisitRow

#: a fact told by a tablet may be this old (it was offline) ...
OLDEST_FACT = timedelta(hours=24)
#: ... and this far ahead of us (its clock is a little fast)
NEWEST_FACT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class VisitBegin:
    """A carer is at the citizen. ``device`` means the door told so."""

    visit_id: str
    carer_id: str
    at: datetime
    source: Source
    opening_id: str | None = None


@dataclass(frozen=True, slots=True)
class VisitEnd:
    """A carer is done and says how it went."""

    visit_id: str
    carer_id: str
    at: datetime
    outcome: Outcome
    note: str | None = None


def begin_visits(work: Work, begins: Sequence[VisitBegin]) -> list[VisitRow]:
    """Begin visits. A visit already begun stays as it was first told (door first, tap later, or the reverse).

    Raises
    ------
    SchedulingError
        ``not_your_visit``, ``shift_not_begun``, ``shift_ended``, ``another_visit_open``, ``visit_ended`` or
        ``implausible_time``.
    """
    rows = _rows(work.session, [b.visit_id for b in begins])
    shifts = _shifts(work.session, rows)
    open_of = _open_by_shift(work.session, {s.id for s in shifts.values()})
    for begin in begins:
        row = _own(rows.get(begin.visit_id), begin.carer_id)
        if row.state == "begun":
            continue
        if row.state == "ended":
            raise SchedulingError("visit_ended", clock=clock_text(row.ended_at or work.now))
        shift = _begun_shift(shifts.get((begin.carer_id, row.day.isoformat())))
        _plausible(work.now, begin.at, shift.started_at or begin.at)
        other = open_of.get(shift.id)
        if other is not None and other.id != row.id:
            raise SchedulingError("another_visit_open", citizen=_name(work.session, other))
        row.state, row.begun_at, row.source, row.shift_id = "begun", begin.at, begin.source, shift.id
        open_of[shift.id] = row
        work.record(
            VisitBegun(
                at=begin.at,
                visit_id=row.id,
                citizen_id=row.citizen_id,
                carer_id=begin.carer_id,
                unit_id=row.unit_id,
                shift_id=shift.id,
                mode=cast(Mode, row.mode),
                source=begin.source,
                planned_start_at=row.start_at or row.window_open_at,
                opening_id=begin.opening_id,
            )
        )
    return [rows[b.visit_id] for b in begins]


def end_visits(work: Work, ends: Sequence[VisitEnd]) -> list[VisitRow]:
    """End visits with an outcome. Ending an ended visit with the same outcome changes nothing.

    Raises
    ------
    SchedulingError
        ``not_your_visit``, ``visit_not_begun``, ``visit_ended`` (another outcome) or ``implausible_time``.
    """
    rows = _rows(work.session, [e.visit_id for e in ends])
    for end in ends:
        row = _own(rows.get(end.visit_id), end.carer_id)
        if row.state == "ended":
            if row.outcome == end.outcome:
                continue
            raise SchedulingError("visit_ended", clock=clock_text(row.ended_at or work.now))
        if row.state != "begun" or row.begun_at is None:
            raise SchedulingError("visit_not_begun")
        _plausible(work.now, end.at, row.begun_at)
        row.state, row.ended_at, row.outcome, row.note = "ended", end.at, end.outcome, end.note
        work.record(
            VisitEnded(
                at=end.at,
                visit_id=row.id,
                citizen_id=row.citizen_id,
                carer_id=end.carer_id,
                unit_id=row.unit_id,
                shift_id=row.shift_id,
                mode=cast(Mode, row.mode),
                outcome=end.outcome,
                begun_at=row.begun_at,
                travel_s=_travel_s(row),
                service=row.service,
            )
        )
    return [rows[e.visit_id] for e in ends]


def put_back(work: Work, visit_id: str) -> VisitRow | None:
    """A begun screen visit that did not come about waits for its next try, and the carer is free to go on.

    The log keeps its first beginning; the next one is recorded as another. A visit that is not going on stays
    as it is.
    """
    row = _rows(work.session, [visit_id]).get(visit_id)
    if row is not None and row.state == "begun" and row.mode == "screen":
        row.state, row.begun_at, row.source, row.shift_id = "planned", None, None, None
    return row


def visit(session: Session, visit_id: str) -> VisitRow:
    """One visit. Raises ``not_your_visit`` where there is none, so that ids cannot be probed."""
    row = session.get(VisitRow, visit_id)
    if row is None:
        raise SchedulingError("not_your_visit")
    return row


def _rows(session: Session, ids: Sequence[str]) -> dict[str, VisitRow]:
    # Whoever held them before us may have changed them: never as this session read them earlier.
    query = select(VisitRow).where(col(VisitRow.id).in_(ids)).with_for_update()
    found = session.exec(query, execution_options={"populate_existing": True}).all()
    return {r.id: r for r in found}


def _own(row: VisitRow | None, carer_id: str) -> VisitRow:
    if row is None or row.carer_id != carer_id or row.state == "cancelled":
        raise SchedulingError("not_your_visit")
    return row


def _shifts(session: Session, visits: dict[str, VisitRow]) -> dict[tuple[str, str], ShiftRow]:
    carers = {v.carer_id for v in visits.values() if v.carer_id}
    days = {v.day for v in visits.values()}
    found = session.exec(
        select(ShiftRow).where(col(ShiftRow.carer_id).in_(sorted(carers)), col(ShiftRow.day).in_(sorted(days)))
    ).all()
    return {(s.carer_id, s.day.isoformat()): s for s in found}


def _begun_shift(shift: ShiftRow | None) -> ShiftRow:
    if shift is None or shift.state in ("planned", "cancelled"):
        raise SchedulingError("shift_not_begun")
    if shift.state == "ended":
        raise SchedulingError("shift_ended")
    return shift


def _open_by_shift(session: Session, shift_ids: set[str]) -> dict[str, VisitRow]:
    found = session.exec(
        select(VisitRow).where(col(VisitRow.shift_id).in_(sorted(shift_ids)), VisitRow.state == "begun")
    ).all()
    return {v.shift_id: v for v in found if v.shift_id}


def _plausible(now: datetime, at: datetime, earliest_at: datetime) -> None:
    earliest, latest = max(now - OLDEST_FACT, earliest_at), now + NEWEST_FACT
    if not earliest <= at <= latest:
        raise SchedulingError(
            "implausible_time", found=clock_text(at), earliest=clock_text(earliest), latest=clock_text(latest)
        )


def _travel_s(row: VisitRow) -> int | None:
    """Planned travel to the visit as its route stood: none to a screen visit, unknown where it was never planned."""
    if row.mode == "screen":
        return 0
    return None if row.travel_min is None else round(row.travel_min * 60)


def _name(session: Session, row: VisitRow) -> str:
    citizen = session.get(CitizenRow, row.citizen_id)
    return citizen.name if citizen else "?"
