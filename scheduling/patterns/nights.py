"""Which day's routes wanted visits belong to, by the shifts that are stored: see :mod:`scheduling.nights`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, time, timedelta

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from kernel.localtime import at_local, local_day
from kernel.statements import table_of
from scheduling.nights import Duty, visit_day
from scheduling.patterns.model import WantedVisit
from scheduling.patterns.tables import VisitSourceRow
from scheduling.tables import ShiftRow, VisitRow

_DAY = timedelta(days=1)


class Nights:
    """The shifts of some days and of the evenings before them, by unit.

    A shift whose carer is ill or away counts too: somebody else will have it, and its visits stay where they are.
    """

    def __init__(self, session: Session, days: Collection[date], unit_ids: Collection[str]) -> None:
        wanted = sorted({on for day in days for on in (day - _DAY, day)})
        c = table_of(ShiftRow).c
        query = select_columns(c.unit_id, c.day, c.planned_start_at, c.planned_end_at)
        self._duties: defaultdict[tuple[str, date], list[Duty]] = defaultdict(list)
        for unit_id, *duty in session.execute(query.where(c.day.in_(wanted), c.unit_id.in_(sorted(unit_ids)))):
            self._duties[unit_id, duty[0]].append(Duty(*duty))
        self._nights = {key for key, duties in self._duties.items() if any(d.passes_midnight for d in duties)}

    def after(self, unit_id: str, day: date) -> bool:
        """Whether a shift of a day goes on after its midnight."""
        return (unit_id, day) in self._nights

    def day_of(self, visit: WantedVisit | VisitRow) -> date:
        """The day whose routes a visit belongs to."""
        own = local_day(visit.window_open_at)
        if not self.after(visit.unit_id, own - _DAY):
            return own
        duties = (*self._duties[visit.unit_id, own - _DAY], *self._duties[visit.unit_id, own])
        return visit_day(visit.window_open_at, visit.window_close_at, visit.duration_s, duties)


def by_day(session: Session, wanted: Sequence[WantedVisit]) -> Mapping[date, list[WantedVisit]]:
    """Wanted visits by the day whose routes they belong to."""
    nights = Nights(session, {local_day(w.window_open_at) for w in wanted}, {w.unit_id for w in wanted})
    found: defaultdict[date, list[WantedVisit]] = defaultdict(list)
    for one in wanted:
        found[nights.day_of(one)].append(one)
    return found


def follow_shifts(session: Session, days: Iterable[date], unit_ids: Collection[str]) -> int:
    """Shifts came in after the visits: what nobody has yet of the nights after these days goes where it belongs.

    Visits of a day file stay in the day of the file. Returns how many visits changed their day.
    """
    moved = 0
    for day in sorted({on for shift_on in days for on in (shift_on - _DAY, shift_on)}):
        midnight = at_local(day + _DAY, time())
        query = (
            select(VisitRow, VisitSourceRow)
            .join(VisitSourceRow, col(VisitSourceRow.visit_id) == col(VisitRow.id))
            .where(
                col(VisitRow.day).in_([day, day + _DAY]),
                col(VisitRow.unit_id).in_(sorted(unit_ids)),
                VisitRow.state == "planned",
                col(VisitRow.carer_id).is_(None),
                VisitRow.window_open_at >= midnight,
                VisitRow.window_open_at < midnight + _DAY,
            )
        )
        found = session.exec(query).all()
        nights = Nights(session, [day + _DAY], {row.unit_id for row, _ in found})
        for row, source in found:
            home = nights.day_of(row)
            if home != row.day:
                row.day = source.day = home
                session.add_all([row, source])
                moved += 1
    return moved
