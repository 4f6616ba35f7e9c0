"""Wanted visits become stored ones: what is new is added, what changed is changed, and a second time nothing happens.

Visits that have begun, or that a person cancelled, are left alone.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import insert
from sqlmodel import Session, SQLModel, col, select

from kernel.localtime import at_local, day_text, local_day
from kernel.work import Work
from scheduling import day_rows
from scheduling.events_ahead import DayGenerated
from scheduling.model import Day, Objective, TravelBySpeed, UnitKind
from scheduling.patterns.errors import PatternError
from scheduling.patterns.model import WantedVisit, wanted_on
from scheduling.patterns.nights import Nights
from scheduling.patterns.store import patterns_on
from scheduling.patterns.tables import VisitSourceRow
from scheduling.register.tables import CitizenRow, UnitRow
from scheduling.tables import CitizenAbsenceRow, DayFrameRow, VisitRow
from scheduling.travel import STANDARD_SPEEDS

Source = Literal["pattern", "import"]
TakeOff = Callable[[Sequence[VisitRow], str], None]
"""Takes planned visits off their routes, doors and tablets with them, for a reason code."""

CHANGED, GONE = "pattern_changed", "pattern_ended"
_IN_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Generated:
    """What became of the wanted visits of a day."""

    made: int = 0
    changed: int = 0
    cancelled: int = 0
    unchanged: int = 0
    #: made, but cancelled at once: the citizen is not at home
    away: int = 0
    #: wanted otherwise, but begun, over or cancelled by a person: left as they are
    held: int = 0

    def __add__(self, other: "Generated") -> "Generated":
        return Generated(*(a + b for a, b in zip(self._all(), other._all(), strict=True)))

    def _all(self) -> tuple[int, ...]:
        return (self.made, self.changed, self.cancelled, self.unchanged, self.away, self.held)


def generate_day(work: Work, unit_id: str, day: date, take_off: TakeOff) -> Generated:
    """Make a unit's visits of a day out of the patterns that hold on it.

    Those its night shifts make after midnight are of this day too (:mod:`scheduling.nights`). Today is made once:
    changed patterns change days after today only.

    Raises
    ------
    PatternError
        ``day_over``; ``unit_not_there`` for a unit that has no home care on that day.
    """
    today = local_day(work.now)
    if day < today:
        raise PatternError("day_over", day=day_text(day))
    unit = work.session.get(UnitRow, unit_id, with_for_update=True)
    if unit is None or unit.kind != UnitKind.HOME_CARE or not _exists_on(unit, day):
        raise PatternError("unit_not_there", unit=unit.name if unit else unit_id, day=day_text(day))
    known = _sources(work.session, unit_id, day, "pattern")
    if day == today and known:
        return Generated(unchanged=len(known))
    wanted = _of_its_routes(work.session, unit_id, day)
    # A visit after midnight may have been made with the day after, before anybody was on duty that night.
    known |= sources_of(work.session, [w.visit_id for w in wanted if w.visit_id not in known])
    done = reconcile(work, day, "pattern", wanted, known, take_off, whole=True)
    work.record(
        DayGenerated(
            at=work.now,
            unit_id=unit_id,
            day=day.isoformat(),
            made=done.made,
            changed=done.changed,
            cancelled=done.cancelled,
            away=done.away,
        )
    )
    return done


def reconcile(
    work: Work,
    day: date,
    source: Source,
    wanted: Sequence[WantedVisit],
    known: Mapping[str, VisitSourceRow],
    take_off: TakeOff,
    *,
    whole: bool,
) -> Generated:
    """Bring the stored visits of a day to what is wanted.

    Parameters
    ----------
    known
        What this source wanted before, by visit id.
    whole
        Whether ``wanted`` is all this source wants of the day: what it wanted before and no longer does is cancelled.
    """
    ensure_frame(work.session, day)
    rows = _visits(work.session, {w.visit_id for w in wanted} | set(known))
    new = [w for w in wanted if w.visit_id not in rows]
    held = sum(w.visit_id in rows and w.visit_id not in known for w in wanted)
    other = [w for w in wanted if w.visit_id in rows and _differs(known.get(w.visit_id), w, day)]
    movable = [w for w in other if _is_ours(rows[w.visit_id])]
    asked = {w.visit_id for w in wanted}
    ended = [rows[i] for i in known if whole and i not in asked and i in rows and rows[i].state == "planned"]
    take_off([r for r in (*(rows[w.visit_id] for w in movable), *ended) if r.carer_id is not None], CHANGED)
    doors = _citizens(work.session, {w.citizen_id for w in (*new, *movable)})
    for one in movable:
        _change(work, rows[one.visit_id], one, doors[one.citizen_id])
        rows[one.visit_id].day = known[one.visit_id].day = day
        known[one.visit_id].mark = one.mark
        work.session.add(known[one.visit_id])
    for row in ended:
        row.state, row.outcome, row.unallocated_reason = "cancelled", GONE, None
        work.session.add(row)
    away = _insert(work, day, source, new, doors)
    return Generated(
        made=len(new),
        changed=len(movable),
        cancelled=len(ended),
        unchanged=sum(w.visit_id in known for w in wanted) - len(other),
        away=away,
        held=held + len(other) - len(movable),
    )


def _of_its_routes(session: Session, unit_id: str, day: date) -> list[WantedVisit]:
    nights = Nights(session, [day, day + timedelta(days=1)], [unit_id])
    dates = [day, *([day + timedelta(days=1)] if nights.after(unit_id, day) else [])]
    wanted = [v for on in dates for pattern in patterns_on(session, unit_id, on) for v in wanted_on(pattern, on)]
    return [visit for visit in wanted if nights.day_of(visit) == day]


def _differs(known: VisitSourceRow | None, wanted: WantedVisit, day: date) -> bool:
    return known is not None and (known.mark != wanted.mark or known.day != day)


def ensure_frame(session: Session, day: date) -> None:
    """The frame of a day that did not come with a day file: travel by the standard speeds."""
    if session.get(DayFrameRow, day) is not None:
        return
    empty = Day(
        day, day_text(day), at_local(day, time(6)), Objective.CARE, (), (), (), (), (), TravelBySpeed(STANDARD_SPEEDS)
    )
    session.execute(insert(DayFrameRow), [day_rows.frame_row(empty)])


def _exists_on(unit: UnitRow, day: date) -> bool:
    return (unit.valid_from_on is None or unit.valid_from_on <= day) and (
        unit.valid_to_on is None or day <= unit.valid_to_on
    )


def _is_ours(row: VisitRow) -> bool:
    # Cancelled by a pattern that ended: wanted again. Cancelled by a person or an absence: not ours to bring back.
    return row.state == "planned" or (row.state == "cancelled" and row.outcome == GONE)


def _change(work: Work, row: VisitRow, wanted: WantedVisit, citizen: CitizenRow) -> None:
    for name, value in (wanted.columns() | _of_home(wanted, citizen)).items():
        setattr(row, name, value)
    row.state, row.outcome, row.unallocated_reason = "planned", None, CHANGED
    work.session.add(row)


def _insert(
    work: Work, day: date, source: Source, new: Sequence[WantedVisit], citizens: Mapping[str, CitizenRow]
) -> int:
    absences = _absences(work.session, set(citizens))
    away: dict[str, list[str]] = {}
    visits: list[dict[str, Any]] = []
    for one in new:
        absence = next((a for a in absences.get(one.citizen_id, ()) if _covers(a, one)), None)
        if absence is not None:
            away.setdefault(absence.absence_id, []).append(one.visit_id)
        visits.append(
            {"id": one.visit_id, "day": day, "state": "cancelled" if absence else "planned"}
            | {"outcome": absence.kind if absence else None}
            | one.columns()
            | _of_home(one, citizens[one.citizen_id])
        )
    _put(work.session, VisitRow, visits)
    _put(
        work.session,
        VisitSourceRow,
        [
            {"visit_id": w.visit_id, "source": source, "source_ref": w.source_ref, "unit_id": w.unit_id}
            | {"day": day, "mark": w.mark}
            for w in new
        ],
    )
    # Coming home brings back what the absence cancelled, these too.
    for row in (a for held in absences.values() for a in held if a.absence_id in away):
        row.visit_ids = [*row.visit_ids, *away[row.absence_id]]
        work.session.add(row)
    return sum(len(ids) for ids in away.values())


def _of_home(wanted: WantedVisit, citizen: CitizenRow) -> dict[str, Any]:
    door = citizen.door_id if wanted.mode == "physical" else None
    return {"door_id": door, "formerly_key": citizen.formerly_key}


def _covers(absence: CitizenAbsenceRow, wanted: WantedVisit) -> bool:
    until: datetime | None = absence.until_at
    return absence.from_at < wanted.window_close_at and (until is None or wanted.window_open_at < until)


def _absences(session: Session, citizen_ids: set[str]) -> dict[str, list[CitizenAbsenceRow]]:
    found: dict[str, list[CitizenAbsenceRow]] = {}
    for part in _chunks(citizen_ids):
        query = select(CitizenAbsenceRow).where(
            col(CitizenAbsenceRow.citizen_id).in_(part), col(CitizenAbsenceRow.ended_at).is_(None)
        )
        for row in session.exec(query.order_by(col(CitizenAbsenceRow.from_at))):
            found.setdefault(row.citizen_id, []).append(row)
    return found


def _sources(session: Session, unit_id: str, day: date, source: Source) -> dict[str, VisitSourceRow]:
    query = select(VisitSourceRow).where(
        VisitSourceRow.day == day, VisitSourceRow.unit_id == unit_id, VisitSourceRow.source == source
    )
    return {row.visit_id: row for row in session.exec(query)}


def sources_of(session: Session, visit_ids: Collection[str]) -> dict[str, VisitSourceRow]:
    """Where visits came from, by visit id; those of a day file are left out."""
    found: dict[str, VisitSourceRow] = {}
    for part in _chunks(visit_ids):
        query = select(VisitSourceRow).where(col(VisitSourceRow.visit_id).in_(part))
        found |= {row.visit_id: row for row in session.exec(query)}
    return found


def _visits(session: Session, visit_ids: Collection[str]) -> dict[str, VisitRow]:
    found: dict[str, VisitRow] = {}
    for part in _chunks(visit_ids):
        query = select(VisitRow).where(col(VisitRow.id).in_(part)).with_for_update()
        found |= {row.id: row for row in session.exec(query)}
    return found


def _citizens(session: Session, citizen_ids: Collection[str]) -> dict[str, CitizenRow]:
    found: dict[str, CitizenRow] = {}
    for part in _chunks(citizen_ids):
        found |= {row.id: row for row in session.exec(select(CitizenRow).where(col(CitizenRow.id).in_(part)))}
    return found


def _chunks(ids: Iterable[str]) -> Iterable[Sequence[str]]:
    wanted = sorted(ids)
    return (wanted[start : start + _IN_CHUNK] for start in range(0, len(wanted), _IN_CHUNK))


def _put(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(table), list(rows))
