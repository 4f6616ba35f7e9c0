"""Nødkald: a carer goes in without a planned visit, and a planner or manager looks at it afterwards.

Names and addresses are asked for in a body and never in an address.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from devices.events import EmergencyOutcome, EmergencyReason
from devices.keys import emergency as keys
from devices.keys import holders
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep, own_carer
from gateway.errors import EdgeError
from gateway.usecases import emergency
from gateway.usecases.doors import tell_locks
from gateway.views.emergency import emergencies_json, emergency_json
from gateway.views.openings import opening_json
from gateway.wire import b64u, iso

router = APIRouter(prefix="/api/v1", tags=["emergency"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
Reviewer = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


class Search(BaseModel):
    """Part of a name or an address, two letters at least."""

    text: str = Field(max_length=80)


class Enter(BaseModel):
    """Whose door, and why."""

    citizen_id: str = Field(max_length=64)
    reason: EmergencyReason


class Review(BaseModel):
    """What the reviewer found. What was not in order needs a note."""

    outcome: EmergencyOutcome
    note: str = Field(default="", max_length=500)


class Holders(BaseModel):
    """How many carers the door needs."""

    holders: Literal[1, 2]


@router.post("/me/emergencies/search")
def search(who: Carer, parts: PartsDep, read: ReadDep, body: Search) -> dict[str, Any]:
    """Citizens of one's own unit with an electronic lock, by name or address."""
    found = emergency.find_homes(read, own_carer(who.carer_id), parts.clock.now(), body.text)
    return {"citizens": [{"citizen_id": h.citizen_id, "name": h.name, "address": h.address} for h in found]}


@router.post("/me/emergencies", status_code=201)
def enter(who: Carer, parts: PartsDep, body: Enter) -> dict[str, Any]:
    """The second tap: the reason. Answers with the grant and the lock's challenge; the proof goes the usual way."""
    entered = emergency.enter(parts, own_carer(who.carer_id), body.citizen_id, body.reason)
    grant = entered.grant
    return {
        "emergency": emergency_json(entered.emergency, who.language),
        "grant": {
            "visit_id": grant.visit_id,
            "door_id": grant.door_id,
            "lock_id": entered.opening.ids.lock_id,
            "cti": b64u(grant.cti),
            "token": b64u(grant.token),
            "opens_from_at": iso(entered.emergency.requested_at),
            "opens_to_at": iso(grant.expires_at),
        },
        "opening": opening_json(entered.opening, who.language),
    }


@router.get("/emergencies")
def emergencies(who: Reviewer, read: ReadDep) -> dict[str, Any]:
    """Emergency openings of one's units: those that wait for a review, oldest first, and the latest reviewed."""
    waiting = keys.emergencies(read, who.unit_ids, reviewed=False)
    reviewed = keys.emergencies(read, who.unit_ids, reviewed=True, limit=20)
    return {
        "waiting": emergencies_json(read, waiting, who.language),
        "reviewed": emergencies_json(read, reviewed, who.language),
    }


@router.post("/emergencies/{emergency_id}/review")
def review(emergency_id: str, who: Reviewer, work: WorkDep, body: Review) -> dict[str, Any]:
    """Say whether it was in order."""
    require_own(who, keys.find_emergency(work.session, emergency_id).unit_id)
    done = keys.review(work, emergency_id, body.outcome, body.note, who.role.value)
    return {"emergency": emergencies_json(work.session, [done], who.language)[0]}


@router.post("/doors/{door_id}/holders")
def set_holders(door_id: str, who: Planner, parts: PartsDep, body: Holders) -> dict[str, Any]:
    """How many carers a door needs: two open it together, within a minute. What was minted before is void."""
    with parts.units.begin() as work:
        require_own(who, holders.door_of(work.session, door_id).unit_id)
        locks = holders.set_holders(work, door_id, body.holders, who.role.value)
    tell_locks(parts, locks)
    return {"door_id": door_id, "holders": body.holders, "locks_told": len(locks)}


def require_own(who: Who, unit_id: str) -> None:
    """Raises ``other_unit`` unless the unit is one's own."""
    if not who.sees(unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
