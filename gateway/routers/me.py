"""The tablet's day: shift, route, grants. Only one's own."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Header
from pydantic import AfterValidator, BaseModel, Field
from sqlmodel import Session

from devices.keys.prepared import is_designated
from devices.keys.proof import holder_thumbprint
from devices.keys.rights import revoke_shift
from gateway.auth import Role, Who, require
from gateway.deps import FactKey, PartsDep, WorkDep, once, own_carer
from gateway.parts import Parts, ShiftGrants
from gateway.routing import Router
from gateway.sealing import seal_chain
from gateway.usecases.doors import tell_locks
from gateway.usecases.driving import end_driving
from gateway.views.my_day import my_day
from gateway.views.openings import grant_json
from gateway.wire import Base64Url, b64u, from_b64u, iso, world
from scheduling import publishing, shifts
from scheduling.events import Place

router = Router(prefix="/api/v1/me", tags=["tablet"])
Carer = Annotated[Who, Depends(require(Role.CARER))]


def _is_point(text: str) -> str:
    holder_thumbprint(from_b64u(text))
    return text


HolderPoint = Annotated[Base64Url, AfterValidator(_is_point), Field(max_length=100)]


class StartShift(BaseModel):
    """Where the shift starts, and the public point of the key the tablet made for it."""

    place: Place
    holder_key: HolderPoint = Field(description="Uncompressed P-256 point, 65 bytes.")


class EndShift(BaseModel):
    """Where the shift ends."""

    place: Place


class Acknowledge(BaseModel):
    """The route version the carer has seen."""

    version: int = Field(ge=1)


@router.get("/day")
def day(who: Carer, parts: PartsDep, x_tablet: Annotated[str | None, Header()] = None) -> dict[str, Any]:
    """The carer's day. Read from the tablet it counts as delivery of the route's version."""
    carer_id = own_carer(who.carer_id)
    with parts.database.reading() as session:
        on = shifts.day_now(session, carer_id, parts.clock.now())
        answer = _day(session, parts, who, carer_id, on)
        route = publishing.route_of(session, carer_id, on)
        undelivered = route is not None and route.delivered_version < route.version
    shown = answer["route"]["version"] if answer["route"] else 0
    if x_tablet == "1" and undelivered:
        with parts.units.begin() as work:
            route = publishing.route_of(work.session, carer_id, on)
            # A planner may have changed it since it was read: what is not in the answer is not delivered.
            if route is not None and route.version == shown:
                publishing.deliver(work, route, publishing.stops_of(work.session, carer_id, on))
    return answer


@router.post("/shift/start")
def start_shift(who: Carer, parts: PartsDep, work: WorkDep, body: StartShift, key: FactKey = None) -> Any:
    """Start vagt. The key's thumbprint is what every grant of this shift will be bound to."""
    carer_id = own_carer(who.carer_id)
    thumbprint = holder_thumbprint(from_b64u(body.holder_key)).hex()

    def act() -> dict[str, Any]:
        on = shifts.day_now(work.session, carer_id, work.now)
        shifts.start_shifts(work, [shifts.ShiftStart(carer_id, on, body.place, work.now, thumbprint)])
        work.session.flush()
        return _day(work.session, parts, who, carer_id, on)

    return once(work, key, carer_id, f"start {body.model_dump_json()}", act)


@router.post("/shift/end")
def end_shift(who: Carer, parts: PartsDep, body: EndShift, key: FactKey = None) -> Any:
    """Slut vagt. From now on the shift's key opens nothing."""
    carer_id = own_carer(who.carer_id)
    locks_to_tell: set[str] = set()

    def act() -> dict[str, Any]:
        on = shifts.day_now(work.session, carer_id, work.now)
        ended = shifts.end_shifts(work, [shifts.ShiftEnd(carer_id, on, body.place, work.now)])
        for shift in ended:
            locks_to_tell.update(revoke_shift(work, shift.id))
        end_driving(work, on, carer_id, work.now)
        work.session.flush()
        return _day(work.session, parts, who, carer_id, on)

    # A unit of its own: the locks are told after the commit, and not in the transaction.
    with parts.units.begin() as work:
        answer = once(work, key, carer_id, f"end {body.model_dump_json()}", act)
    tell_locks(parts, frozenset(locks_to_tell))
    return answer


@router.post("/route/acknowledgement", status_code=204)
def acknowledge(who: Carer, work: WorkDep, body: Acknowledge) -> None:
    """The carer has seen the changed route."""
    carer_id = own_carer(who.carer_id)
    publishing.acknowledge(work, carer_id, shifts.day_now(work.session, carer_id, work.now), body.version)


@router.get("/grants")
def grants(who: Carer, parts: PartsDep) -> dict[str, Any]:
    """Grants for the doors of the shift, bound to its key: of the current and the next three visits, the rest sealed.

    ``next_key`` opens the first of ``sealed``, which holds the key of the second, and so on (ADR 0007).
    """
    carer_id = own_carer(who.carer_id)
    with parts.database.reading() as session:
        shift = shifts.shift_now(session, carer_id, parts.clock.now())
    begun = shift is not None and shift.state == "begun"
    held = parts.grants.shift_grants(shift.id, carer_id) if shift is not None and begun else ShiftGrants()
    next_key, sealed = seal_chain([(visit_id, grant_json(g) if g else None) for visit_id, g in held.later])
    return {
        "shift_id": shift.id if shift is not None and begun else None,
        "unsealed": [visit_id for visit_id, _ in held.now_and_next],
        "grants": [grant_json(g) for g in held.unsealed],
        "next_key": next_key,
        "sealed": [
            {
                "visit_id": one.visit_id,
                "envelope": b64u(one.envelope),
                "opens_to_at": iso(grant.closes_at) if grant else None,
            }
            for one, (_, grant) in zip(sealed, held.later, strict=True)
        ],
    }


def _day(session: Session, parts: Parts, who: Who, carer_id: str, on: date) -> dict[str, Any]:
    body = my_day(session, carer_id, on, parts.clock.now(), who.language)
    return body | {
        "world": world(parts),
        "phone": parts.settings.duty_phone,
        "near": {"url": parts.near_url} if parts.near_url else None,
        # may be let in by a spoken code where every server is down (ADR 0007)
        "offline_tablet": is_designated(session, carer_id),
    }
