"""Editions of the emergency list: one more whenever what is on the paper has changed, and who opened it."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from gateway.auth import Who
from gateway.tables import RouteListRow
from gateway.usecases.citizens import note_many
from gateway.views.route_list import UnitList
from gateway.views.route_list_paper import Edition
from kernel.work import Work
from scheduling.events_ahead import RouteListOpened
from scheduling.register.tables import UnitRow
from scheduling.tables import RouteRow, VisitRow

WHAT, PURPOSE = "route_list", "outage"

UnitDay = tuple[date, str]


def fingerprints(session: Session, days: Sequence[date]) -> dict[UnitDay, tuple[object, ...]]:
    """Something cheap that differs when a unit's list of a day may differ, by day and unit.

    A route's version rises with every change of it; visits nobody has may change without a route.
    """
    route, visit = RouteRow.__table__.c, VisitRow.__table__.c  # type: ignore[attr-defined]
    versions = (
        select_columns(route.day, route.unit_id, func.count(), func.sum(route.version))
        .where(route.day.in_(days))
        .group_by(route.day, route.unit_id)
    )
    found: dict[UnitDay, tuple[object, ...]] = {(r[0], r[1]): (r[2], r[3]) for r in session.execute(versions)}
    waiting = (
        select_columns(visit.day, visit.unit_id, visit.id)
        .where(visit.day.in_(days), visit.carer_id.is_(None), visit.state == "planned")
        .order_by(visit.id)
    )
    for day, unit_id, visit_id in session.execute(waiting):
        if (day, unit_id) in found:
            found[day, unit_id] += (visit_id,)
    return found


def latest(session: Session, unit_id: str, day: date) -> RouteListRow | None:
    """The newest edition of a unit's list of a day."""
    query = select(RouteListRow).where(RouteListRow.unit_id == unit_id, RouteListRow.day == day)
    return session.exec(query.order_by(col(RouteListRow.edition).desc()).limit(1)).first()


def editions(session: Session, unit_ids: Collection[str], day: date) -> dict[str, RouteListRow]:
    """The newest edition of each of these units, by unit."""
    query = select(RouteListRow).where(RouteListRow.day == day, col(RouteListRow.unit_id).in_(sorted(unit_ids)))
    return {row.unit_id: row for row in session.exec(query.order_by(col(RouteListRow.edition)))}


def new_edition(work: Work, content: UnitList) -> RouteListRow:
    """The edition this content is: the newest one if it says the same, else one more."""
    # Who asks for the same unit at the same moment waits, and finds this edition.
    work.session.get(UnitRow, content.unit_id, with_for_update=True)
    known = latest(work.session, content.unit_id, content.day)
    if known is not None and known.mark == content.mark:
        return known
    row = RouteListRow(
        unit_id=content.unit_id,
        day=content.day,
        edition=1 if known is None else known.edition + 1,
        made_at=work.now,
        route_count=len(content.routes),
        mark=content.mark,
    )
    work.session.add(row)
    work.session.flush()
    return row


def edition_of(row: RouteListRow) -> Edition:
    """An edition as it stands on the paper."""
    return Edition(row.edition, row.made_at)


def note_opening(work: Work, who: Who, content: UnitList, form: str, carer_id: str | None = None) -> None:
    """Write down that somebody opened a list: in the log by role, and for every citizen whose address is on it.

    Parameters
    ----------
    form
        ``page`` or ``pdf``.
    carer_id
        Whose route alone was opened; ``None`` for the whole list.
    """
    shown = [s for r in content.routes if carer_id in (None, r.carer_id) for s in r.stops]
    shown += [] if carer_id else content.waiting
    citizens = {stop.citizen_id for stop in shown}
    note_many(work, who.role, citizens, WHAT, PURPOSE)
    work.record(
        RouteListOpened(
            at=work.now,
            unit_id=content.unit_id,
            day=content.day.isoformat(),
            by_role=who.role.value,
            form="pdf" if form == "pdf" else "page",
            citizen_count=len(citizens),
        )
    )
