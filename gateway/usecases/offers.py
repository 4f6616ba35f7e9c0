"""A visit is offered to several carers: the first to accept has it, the others are told at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from sqlmodel import Session, col, select

from devices.keys.schemas import RightsChange
from gateway.usecases import moves
from gateway.usecases.moves import Wanted
from kernel.ids import new_id
from kernel.work import Work
from scheduling import day_store, publishing
from scheduling.errors import SchedulingError
from scheduling.events import OfferSettled, VisitOffered
from scheduling.reassignment.tables import OfferRow
from scheduling.tables import VisitRow

ASKED_AT_MOST = 12


def offer(work: Work, visit_id: str, carer_ids: Sequence[str], reason: str, minutes: int) -> OfferRow:
    """Offer a visit to carers who could take it; those who could not are left out.

    Raises
    ------
    SchedulingError
        ``not_your_visit``, ``visit_begun``, ``reason_missing``, ``offer_open`` where it is on offer already,
        ``offer_to_nobody`` where none of them may or can.
    """
    if not reason.strip():
        raise SchedulingError("reason_missing")
    row = work.session.get(VisitRow, visit_id, with_for_update=True)
    if row is None:
        raise SchedulingError("not_your_visit")
    if open_offer_of(work.session, visit_id) is not None:
        raise SchedulingError("offer_open")
    ranked, _, _ = moves.proposals(work.session, visit_id)
    possible = {p.carer_id for p in ranked if p.possible}
    asked = [c for c in dict.fromkeys(carer_ids) if c in possible][:ASKED_AT_MOST]
    if not asked:
        raise SchedulingError("offer_to_nobody")
    made = OfferRow(
        offer_id=new_id(),
        visit_id=visit_id,
        unit_id=row.unit_id,
        day=row.day,
        carer_ids=asked,
        reason=reason,
        made_at=work.now,
        ends_at=work.now + timedelta(minutes=minutes),
    )
    work.session.add(made)
    work.record(
        *(
            VisitOffered(at=work.now, offer_id=made.offer_id, visit_id=visit_id, carer_id=c, unit_id=row.unit_id)
            for c in asked
        )
    )
    return made


def accept(work: Work, offer_id: str, carer_id: str) -> RightsChange:
    """Take an offered visit, if nobody was faster: the move, the doors and the end of the offer in one act.

    Raises
    ------
    SchedulingError
        ``offer_over`` if somebody else took it, it was withdrawn, its time is up or the visit has begun;
        ``move_breaks_rule`` if it does not fit the carer's route any more.
    """
    row = work.session.get(OfferRow, offer_id)
    if row is None or carer_id not in row.carer_ids:
        raise SchedulingError("offer_over")
    visit = work.session.get(VisitRow, row.visit_id)
    if visit is None:
        raise SchedulingError("offer_over")
    # Everybody who accepts waits here; then the offer is read as the one before left it.
    publishing.hold_routes(work.session, row.day, {visit.unit_id})
    work.session.refresh(row, with_for_update=True)
    if row.state != "open" or row.ends_at < work.now or visit.state != "planned":
        raise SchedulingError("offer_over")
    if visit.carer_id == carer_id:
        raise SchedulingError("offer_over")
    routes = {r.carer_id: r for r in day_store.routes_of(work.session, row.day)}
    ends = {c for c in (visit.carer_id, carer_id) if c is not None}
    seen = {
        routes[c].id if c in routes else f"{row.day.isoformat()}.{c}": routes[c].version if c in routes else 0
        for c in ends
    }
    wanted = Wanted(row.visit_id, carer_id, visit.pinned_start_at, "accepted")
    _, rights = moves.move_visit(work, wanted, seen)
    row.state, row.taken_by, row.settled_at = "taken", carer_id, work.now
    work.session.add(row)
    _tell(work, row, {c: "won" if c == carer_id else "lost" for c in row.carer_ids})
    return rights


def withdraw(work: Work, offer_id: str) -> None:
    """The planner takes an offer back; withdrawing what is over changes nothing."""
    row = work.session.get(OfferRow, offer_id, with_for_update=True)
    if row is None or row.state != "open":
        return
    row.state, row.settled_at = "withdrawn", work.now
    work.session.add(row)
    _tell(work, row, dict.fromkeys(row.carer_ids, "withdrawn"))


def open_offer_of(session: Session, visit_id: str) -> OfferRow | None:
    """The open offer of a visit."""
    query = select(OfferRow).where(OfferRow.visit_id == visit_id, OfferRow.state == "open")
    return session.exec(query.order_by(col(OfferRow.made_at).desc())).first()


def _tell(work: Work, row: OfferRow, outcomes: dict[str, Literal["won", "lost", "withdrawn"]]) -> None:
    work.record(
        *(
            OfferSettled(
                at=work.now,
                offer_id=row.offer_id,
                visit_id=row.visit_id,
                carer_id=carer_id,
                unit_id=row.unit_id,
                outcome=outcome,
            )
            for carer_id, outcome in outcomes.items()
        )
    )
