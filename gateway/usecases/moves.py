"""A planner moves a visit: rules and price, both routes in one act, the door rights with them (design §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from devices.keys.schemas import RightsChange
from gateway.usecases.boards import BOARDS
from gateway.usecases.lived_day import day_and_plan
from gateway.usecases.plans import publish_routes
from kernel.ids import CarerId, VisitId
from kernel.work import Work
from scheduling import day_store, publishing
from scheduling.errors import SchedulingError
from scheduling.events import VisitMoved
from scheduling.model import Day, Plan
from scheduling.moves import Move, MoveVerdict, check_move
from scheduling.reassignment.ranking import Proposal
from scheduling.tables import RouteRow, VisitRow
from scheduling.working_time.overtime import overtime_rise_ore


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the planner asks for. ``start_at`` None: where it fits best. ``to_carer_id`` None: take it off."""

    visit_id: str
    to_carer_id: str | None
    start_at: datetime | None
    reason: str
    agreement_ref: str | None = None
    #: identity of the planner
    by_id: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What the move would do, and the routes it touches as they stand now."""

    row: VisitRow
    day: Day
    before: Plan
    verdict: MoveVerdict
    routes: Mapping[str, RouteRow]

    @property
    def touched(self) -> list[str]:
        """Carers whose routes change."""
        return sorted({r.carer_id for r in self.verdict.routes})

    def overtime_ore(self, told_at: datetime) -> int:
        """What the move adds to the pay for work beyond the shifts, told at that instant."""
        return overtime_rise_ore(self.day, self.before, self.verdict.plan, told_at)


def check(session: Session, wanted: Wanted) -> Checked:
    """Rules and price of a move on the day as it stands.

    Raises
    ------
    SchedulingError
        ``not_your_visit`` for an unknown visit, ``visit_begun``, ``no_shift_today`` where the other carer is
        not on duty.
    """
    row = session.get(VisitRow, wanted.visit_id)
    if row is None:
        raise SchedulingError("not_your_visit")
    if row.state != "planned":
        raise SchedulingError("visit_begun")
    day, plan = _day_and_plan(session, row, wanted)
    if wanted.to_carer_id is not None and CarerId(wanted.to_carer_id) not in day.carer_by_id:
        raise SchedulingError("no_shift_today")
    target = CarerId(wanted.to_carer_id) if wanted.to_carer_id else None
    move = Move(VisitId(row.id), target, wanted.start_at, wanted.agreement_ref)
    verdict = check_move(day, plan, move)
    routes = {r.carer_id: r for r in day_store.routes_of(session, row.day)}
    return Checked(row, day, plan, verdict, routes)


def proposals(session: Session, visit_id: str) -> tuple[list[Proposal], Mapping[str, RouteRow], Day]:
    """Who could take a visit, best first, with the routes as they stand."""
    row = session.get(VisitRow, visit_id)
    if row is None:
        raise SchedulingError("not_your_visit")
    if row.state != "planned":
        raise SchedulingError("visit_begun")
    routes = {r.carer_id: r for r in day_store.routes_of(session, row.day, [row.unit_id])}
    board = BOARDS.of(session, row.day, row.unit_id)
    return board.rank(VisitId(row.id)), routes, board.day


def everybody(session: Session, row: VisitRow) -> list[Proposal]:
    """The same for every carer of the unit, each tried exactly: what all lanes of a board say at once."""
    if row.state != "planned":
        raise SchedulingError("visit_begun")
    return BOARDS.of(session, row.day, row.unit_id).rank(VisitId(row.id), all_exactly=True)


def move_visit(work: Work, wanted: Wanted, seen: Mapping[str, int]) -> tuple[Checked, RightsChange]:
    """Move a visit, if the routes the planner saw still hold.

    Parameters
    ----------
    seen
        Versions by route id, as the planner's board showed them.

    Raises
    ------
    SchedulingError
        ``reason_missing``, ``versions_missing``, ``route_stale`` or ``move_breaks_rule``; nothing is saved.
    """
    if not wanted.reason.strip():
        raise SchedulingError("reason_missing")
    row = work.session.get(VisitRow, wanted.visit_id, with_for_update=True)
    if row is None:
        raise SchedulingError("not_your_visit")
    # Everything below is worked out from these routes: another planner waits here, then sees what we left.
    publishing.hold_routes(work.session, row.day, {row.unit_id} | _unit_of(work.session, row, wanted))
    _require_seen(work.session, row, wanted, seen)
    checked = check(work.session, wanted)
    if checked.verdict.hard:
        raise SchedulingError("move_breaks_rule", rule=", ".join(b.code for b in checked.verdict.hard))
    before_carer, before_start = row.carer_id, row.start_at
    # The old hour goes with the old place: check() left it out, so later moves must not find it again.
    row.pinned_start_at = wanted.start_at
    drafts = publishing.drafts_of(checked.verdict.plan, {c.id: c.unit_id for c in checked.day.carers}, checked.touched)
    _, rights = publish_routes(
        work,
        row.day,
        drafts,
        reason=wanted.reason,
        unallocated={row.id: "removed"} if wanted.to_carer_id is None else None,
        why={row.id: wanted.reason},
    )
    work.record(
        VisitMoved(
            at=work.now,
            visit_id=row.id,
            citizen_id=row.citizen_id,
            unit_id=row.unit_id,
            day=row.day.isoformat(),
            from_carer_id=before_carer,
            to_carer_id=wanted.to_carer_id,
            from_start_at=before_start,
            to_start_at=row.start_at,
            reason=wanted.reason,
            by_id=wanted.by_id,
        )
    )
    return checked, rights


def _require_seen(session: Session, row: VisitRow, wanted: Wanted, seen: Mapping[str, int]) -> None:
    ends = {c for c in (row.carer_id, wanted.to_carer_id) if c is not None}
    routes = {r.carer_id: r for r in day_store.routes_of(session, row.day) if r.carer_id in ends}
    ids = {c: routes[c].id if c in routes else f"{row.day.isoformat()}.{c}" for c in ends}
    missing = sorted(c for c, route_id in ids.items() if route_id not in seen)
    if missing == [row.carer_id] and wanted.to_carer_id is not None:
        # The planner saw it with nobody: somebody else has given it to this carer meanwhile.
        raise SchedulingError("route_stale", route_id=ids[missing[0]])
    if missing:
        raise SchedulingError("versions_missing", missing=", ".join(ids[c] for c in missing))
    for carer_id, route_id in sorted(ids.items()):
        found = routes[carer_id].version if carer_id in routes else 0
        if seen[route_id] != found:
            raise SchedulingError("route_stale", route_id=route_id, expected=seen[route_id], found=found)


def _day_and_plan(session: Session, row: VisitRow, wanted: Wanted | None) -> tuple[Day, Plan]:
    units = {row.unit_id} | _unit_of(session, row, wanted)
    return day_and_plan(session, row.day, units, None if wanted is None else wanted.visit_id)


def _unit_of(session: Session, row: VisitRow, wanted: Wanted | None) -> set[str]:
    if wanted is None or wanted.to_carer_id is None:
        return set()
    shift = day_store.shift_unit(session, row.day, wanted.to_carer_id)
    return {shift} if shift else set()
