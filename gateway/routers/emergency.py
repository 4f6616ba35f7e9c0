"""Nødkald: a carer goes in without a planned visit, and a planner or manager looks at it afterwards.

Names and addresses are asked for in a body and never in an address.
"""

from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, Field

from devices.events import EmergencyOutcome, EmergencyReason
from devices.keys import emergency as keys
from devices.keys.holders import door_of
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep, own_carer
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases import emergency
from gateway.usecases.citizens import note_found
from gateway.usecases.stairwells import choose_holders
from gateway.views.emergency import emergencies_json, emergency_json
from gateway.views.openings import grant_json, opening_json

router = Router(prefix="/api/v1", tags=["emergency"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
Reviewer = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
Setter = Annotated[Who, Depends(require(Role.PLANNER, Role.TECHNICIAN, Role.OPERATIONS))]


class Search(BaseModel):
    """Part of a name or an address, two letters at least."""

    text: str = Field(max_length=80)


class Enter(BaseModel):
    """Whose door, and why."""

    citizen_id: str = Field(max_length=64)
    reason: EmergencyReason
    #: after an act that came half way: the locks that have certainly not moved; without it all of them
    lock_ids: list[Annotated[str, Field(max_length=64)]] | None = Field(default=None, min_length=1, max_length=3)


class Review(BaseModel):
    """What the reviewer found. What was not in order needs a note."""

    outcome: EmergencyOutcome
    note: str = Field(default="", max_length=500)


class Holders(BaseModel):
    """How many carers the door needs."""

    holders: Literal[1, 2]


@router.post("/me/emergencies/search")
def search(who: Carer, parts: PartsDep, read: ReadDep, body: Search) -> dict[str, Any]:
    """Citizens of one's own unit with an electronic lock, by name or address; ``opens``: whether nødkald opens it.

    Everybody on the list can see afterwards that a carer has found her so.
    """
    found = emergency.find_homes(read, own_carer(who.carer_id), parts.clock.now(), body.text)
    note_found(parts, read, who, [home.citizen_id for home in found])
    return {
        "citizens": [
            {"citizen_id": h.citizen_id, "name": h.name, "address": h.address, "opens": h.opens} for h in found
        ]
    }


@router.post("/me/emergencies", status_code=201)
def enter(who: Carer, parts: PartsDep, body: Enter) -> dict[str, Any]:
    """The second tap: the reason. Answers with the grant and each lock's challenge; the proofs go the usual way.

    Behind a stairwell every lock has an opening of its own: the door's is ``opening``, the others are ``way``.
    """
    entered = emergency.enter(parts, own_carer(who.carer_id), body.citizen_id, body.reason, body.lock_ids)
    first, *way = [opening_json(each, who.language) for each in entered.openings]
    return {
        "emergency": emergency_json(entered.emergency, who.language),
        "grant": grant_json(entered.grant),
        "opening": first,
        "way": way,
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
def set_holders(door_id: str, who: Setter, parts: PartsDep, body: Holders) -> dict[str, Any]:
    """How many carers a door needs: two open it together, within a minute. What was minted before is void."""
    with parts.database.reading() as session:
        require_own(who, door_of(session, door_id).unit_id)
    told = choose_holders(parts, door_id, body.holders, who.role.value)
    return {"door_id": door_id, "holders": body.holders, "locks_told": told}


def require_own(who: Who, unit_id: str) -> None:
    """Raises ``other_unit`` unless the unit is one's own."""
    if not who.sees(unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
