"""Lås op: the opening of a door, step by step. Commands are never queued, here or anywhere."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from devices.keys import openings
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, WorkDep, own_carer
from gateway.errors import EdgeError
from gateway.usecases import doors
from gateway.views.openings import opening_json
from gateway.wire import Base64Url, from_b64u

router = APIRouter(prefix="/api/v1", tags=["doors"])
Carer = Annotated[Who, Depends(require(Role.CARER))]


class Tap(BaseModel):
    """The visit the door is opened for."""

    visit_id: str = Field(max_length=64)


class Proof(BaseModel):
    """The grant, the shift key's public point, and its signature over the challenge."""

    token: Base64Url = Field(max_length=700)
    public_key: Base64Url = Field(max_length=100)
    signature: Base64Url = Field(max_length=100)


class Observation(BaseModel):
    """How the carer found the door: kept beside the lock's word, never instead of it."""

    seen: Literal["open", "locked"]


@router.post("/doors/{door_id}/openings", status_code=201)
def open_door(door_id: str, who: Carer, parts: PartsDep, body: Tap) -> dict[str, Any]:
    """Tap *Lås op*. Answers with the lock's challenge, or with the refusal ready to be shown."""
    opening = doors.request_opening(parts, own_carer(who.carer_id), door_id, body.visit_id)
    return {"opening": opening_json(opening, who.language)}


@router.post("/openings/{opening_id}/proof", status_code=202)
def prove(opening_id: str, who: Carer, parts: PartsDep, body: Proof) -> dict[str, Any]:
    """The challenge, signed. The command leaves at once and once."""
    token = from_b64u(body.token)
    opening = doors.give_proof(
        parts,
        own_carer(who.carer_id),
        opening_id,
        token=token,
        holder_key=from_b64u(body.public_key),
        proof=from_b64u(body.signature),
    )
    return {"opening": opening_json(opening, who.language)}


@router.get("/openings/{opening_id}")
def one_opening(opening_id: str, who: Carer, work: WorkDep) -> dict[str, Any]:
    """How an opening stands."""
    opening = doors.own_opening(work, own_carer(who.carer_id), opening_id)
    return {"opening": opening_json(opening, who.language)}


@router.post("/openings/{opening_id}/observation")
def observe(opening_id: str, who: Carer, work: WorkDep, body: Observation) -> dict[str, Any]:
    """The carer tried the handle."""
    opening = doors.own_opening(work, own_carer(who.carer_id), opening_id)
    # The page may give up a moment before the server does: what was seen is kept all the same.
    if str(opening.state) == "unlocked":
        raise EdgeError(
            409,
            "lock_has_answered",
            "Låsen har allerede svaret.",
            "The lock has answered already.",
        )
    return {"opening": opening_json(openings.observe(work, opening_id, body.seen), who.language)}
