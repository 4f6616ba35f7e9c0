"""A carer is ill: whole proposals for her route, and one act that gives it away, doors and all (design §3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from devices.keys.rights import revoke_shift
from gateway.usecases.lived_day import day_and_plan
from gateway.usecases.plans import publish_routes
from kernel.ids import CarerId
from kernel.work import Work
from scheduling import absences, day_store, publishing, shifts
from scheduling.covering import CoverProposal, cover_absence, remaining
from scheduling.errors import SchedulingError
from scheduling.events import AbsenceKind, VisitMoved
from scheduling.tables import RouteRow, ShiftRow, VisitRow

REASON = "illness"


@dataclass(frozen=True, slots=True)
class Cover:
    """The absent carer's shift, how many of her visits wait, and the proposals for them, best first."""

    shift: ShiftRow
    waiting: int
    proposals: Sequence[CoverProposal]
    routes: Mapping[str, RouteRow]

    def versions(self, proposal: CoverProposal) -> dict[str, int]:
        """Route id to version of every route a proposal changes; 0 where there is no route yet."""
        found: dict[str, int] = {}
        for changed in proposal.routes:
            row = self.routes.get(changed.carer_id)
            found[row.id if row else f"{self.shift.day.isoformat()}.{changed.carer_id}"] = row.version if row else 0
        return found


def cover(session: Session, carer_id: str, on: date, now: datetime) -> Cover:
    """What could be done if a carer cannot come. Reads only.

    Raises
    ------
    SchedulingError
        ``no_shift_today`` or ``shift_ended``.
    """
    shift = shifts.shift_of(session, carer_id, on)
    if shift is None:
        raise SchedulingError("no_shift_today")
    if shift.state == "ended":
        raise SchedulingError("shift_ended")
    day, plan = day_and_plan(session, on, [shift.unit_id])
    moving = remaining(day, plan, CarerId(carer_id))
    needed = {skill for v in moving for skill in day.visit_by_id[v].required_skills}
    free = absences.substitutes_for(session, shift, needed, now)
    routes = {r.carer_id: r for r in day_store.routes_of(session, on, [shift.unit_id])}
    return Cover(shift, len(moving), cover_absence(day, plan, CarerId(carer_id), now, free), routes)


def report_absence(
    work: Work, carer_id: str, on: date, kind: AbsenceKind, choice: str, seen: Mapping[str, int]
) -> tuple[list[str], frozenset[str]]:
    """Carry a proposal out: absence, substitute's shift, routes, door rights and tablets in one act.

    Parameters
    ----------
    choice
        Id of the proposal the planner chose.
    seen
        Versions by route id as the proposal showed them.

    Returns
    -------
    tuple
        Carers whose routes changed, and the locks whose revocation list must be sent after commit.

    Raises
    ------
    SchedulingError
        ``cover_gone`` if the proposal is no longer there or the routes have changed; nothing is saved. Besides
        what :func:`scheduling.absences.record_absence` raises.
    """
    shift = shifts.shift_of(work.session, carer_id, on)
    if shift is None:
        raise SchedulingError("no_shift_today")
    # Whoever changes a route of the unit waits here, then reads what we left.
    publishing.hold_routes(work.session, on, {shift.unit_id})
    found = cover(work.session, carer_id, on, work.now)
    chosen = next((p for p in found.proposals if p.id == choice), None)
    if chosen is None or found.versions(chosen) != dict(seen):
        raise SchedulingError("cover_gone")
    before = _places(work.session, [g.visit_id for g in chosen.given] + [u.visit_id for u in chosen.left_over])
    absences.record_absence(work, shift, kind, covered_by=chosen.kind, visits_left=len(chosen.left_over))
    locks = revoke_shift(work, shift.id) if shift.state == "ended" else frozenset[str]()
    if chosen.substitute_id is not None:
        absences.call_in(work, shift, chosen.day.carer_by_id[chosen.substitute_id])
    touched = sorted({str(r.carer_id) for r in chosen.routes})
    unit_of: dict[str, str] = {c.id: c.unit_id for c in chosen.day.carers} | {carer_id: shift.unit_id}
    drafts = publishing.drafts_of(chosen.plan, unit_of, touched)
    if carer_id not in {d.carer_id for d in drafts}:
        drafts.append(publishing.RouteDraft(carer_id, shift.unit_id, ()))
    _, rights = publish_routes(
        work,
        on,
        drafts,
        reason=REASON,
        unallocated={u.visit_id: u.reason for u in chosen.left_over},
        why={g.visit_id: REASON for g in chosen.given},
    )
    _tell_moves(work, chosen, before, shift, carer_id)
    return touched, rights.locks_to_tell | locks


def _places(session: Session, visit_ids: Sequence[str]) -> dict[str, tuple[str, datetime | None]]:
    rows = [session.get(VisitRow, visit_id) for visit_id in visit_ids]
    return {r.id: (r.citizen_id, r.start_at) for r in rows if r is not None}


def _tell_moves(
    work: Work,
    chosen: CoverProposal,
    before: Mapping[str, tuple[str, datetime | None]],
    shift: ShiftRow,
    carer_id: str,
) -> None:
    to = {str(g.visit_id): (str(g.to_carer_id), g.starts_at) for g in chosen.given}
    work.record(
        *(
            VisitMoved(
                at=work.now,
                visit_id=visit_id,
                citizen_id=citizen_id,
                unit_id=shift.unit_id,
                day=shift.day.isoformat(),
                from_carer_id=carer_id,
                to_carer_id=to[visit_id][0] if visit_id in to else None,
                from_start_at=old_start,
                to_start_at=to[visit_id][1] if visit_id in to else None,
                reason=REASON,
            )
            for visit_id, (citizen_id, old_start) in sorted(before.items())
        )
    )
