"""Visits offered to several carers: made and withdrawn by the planner, seen and accepted on the tablet."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlmodel import Session, select

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, own_carer
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases import offers
from gateway.usecases.doors import tell_locks
from gateway.views.reasons import reason_words
from gateway.views.services import service_name
from gateway.wire import iso
from scheduling import shifts
from scheduling.reassignment.tables import OfferRow
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import VisitRow

router = Router(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Carer = Annotated[Who, Depends(require(Role.CARER))]


class NewOffer(BaseModel):
    """To whom, why, and for how long; the first to accept has the visit."""

    carer_ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=offers.ASKED_AT_MOST)
    reason: str = Field(max_length=160)
    minutes: int = Field(default=15, ge=1, le=240)


@router.post("/visits/{visit_id}/offers", status_code=201)
def make(visit_id: str, who: Planner, parts: PartsDep, body: NewOffer) -> dict[str, Any]:
    """Offer a visit to several. Those who may not or cannot take it are left out."""
    with parts.units.begin() as work:
        _own(work.session, who, visit_id)
        row = offers.offer(work, visit_id, body.carer_ids, body.reason, body.minutes)
        work.session.flush()
        return _offer_json(work.session, row)


@router.get("/visits/{visit_id}/offers")
def of_visit(visit_id: str, who: Planner, read: ReadDep) -> dict[str, Any]:
    """The open offer of a visit, if there is one."""
    _own(read, who, visit_id)
    row = offers.open_offer_of(read, visit_id)
    return {"offer": _offer_json(read, row) if row is not None else None}


@router.post("/visits/{visit_id}/offers/{offer_id}/withdrawal", status_code=204)
def withdraw(visit_id: str, offer_id: str, who: Planner, parts: PartsDep) -> None:
    """Take an offer back; the tablets are told."""
    with parts.units.begin() as work:
        _own(work.session, who, visit_id)
        row = work.session.get(OfferRow, offer_id)
        if row is not None and row.visit_id == visit_id:
            offers.withdraw(work, offer_id)


@router.get("/me/offers")
def mine(who: Carer, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Visits that are on offer to the carer now."""
    carer_id, now = own_carer(who.carer_id), parts.clock.now()
    on = shifts.day_now(read, carer_id, now)
    query = select(OfferRow).where(OfferRow.day == on, OfferRow.state == "open", OfferRow.ends_at > now)
    rows = [row for row in read.exec(query.order_by(OfferRow.offer_id)).all() if carer_id in row.carer_ids]
    return {"offers": [_my_offer(read, row, who.language) for row in rows]}


@router.post("/me/offers/{offer_id}/acceptance")
def accept(offer_id: str, who: Carer, parts: PartsDep) -> dict[str, Any]:
    """Take the visit, if nobody was faster."""
    carer_id = own_carer(who.carer_id)
    with parts.units.begin() as work:
        rights = offers.accept(work, offer_id, carer_id)
    tell_locks(parts, rights.locks_to_tell)
    said = "Besøget er dit. Det ligger på din rute." if who.language == "da" else "The visit is yours, on your route."
    return {"text": said}


def _offer_json(session: Session, row: OfferRow) -> dict[str, Any]:
    names = sorted(c.name for c in (session.get(CarerRow, i) for i in row.carer_ids) if c is not None)
    return {"offer_id": row.offer_id, "names": names, "carer_ids": row.carer_ids, "ends_at": iso(row.ends_at)}


def _my_offer(session: Session, row: OfferRow, language: str) -> dict[str, Any]:
    visit = session.get_one(VisitRow, row.visit_id)
    citizen = session.get_one(CitizenRow, visit.citizen_id)
    return {
        "offer_id": row.offer_id,
        "visit_id": visit.id,
        # Whoever does not get the visit has no need of the name: the road is enough to say yes or no.
        "street": citizen.address.split(",")[0].rstrip("0123456789 "),
        "service_name": service_name(visit.service, language),
        "window_open_at": iso(visit.window_open_at),
        "window_close_at": iso(visit.window_close_at),
        "duration_min": round(visit.duration_s / 60),
        "reason": reason_words(row.reason, language),
        "ends_at": iso(row.ends_at),
    }


def _own(session: Session, who: Who, visit_id: str) -> None:
    row = session.get(VisitRow, visit_id)
    if row is None or not who.sees(row.unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
