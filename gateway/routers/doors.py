"""Lås op: the opening of a door, step by step. Commands are never queued, here or anywhere."""

from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from devices.keys import openings
from devices.keys.schemas import DoorOpening
from devices.keys.vendors.model import NATIVE
from gateway.auth import Role, Who, at_door, require
from gateway.challenge_seals import seal_of
from gateway.deps import PartsDep, ReadDep, WorkDep, own_carer
from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases import doors, vendor_doors
from gateway.usecases.bounds import withdrawn_of_shifts
from gateway.usecases.challenges import await_challenges, hand_out_challenges
from gateway.views.openings import opening_json
from gateway.wire import Base64Url, b64u, from_b64u, iso_or_none
from kernel.errors import KernelError
from scheduling import shifts
from scheduling.register.tables import CarerRow

# The two steps somebody waits for at a door answer with what they made themselves: checking a plain dictionary against
# its own description would be another thread's turn.
router = Router(prefix="/api/v1", tags=["doors"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
AtDoor = Annotated[Who, Depends(at_door(Role.CARER))]
Overseer = Annotated[Who, Depends(require(Role.PLANNER, Role.OPERATIONS))]


class Tap(BaseModel):
    """The visit the door is opened for."""

    visit_id: str = Field(max_length=64)
    #: after an act that came half way: the locks that have certainly not moved; without it all of them
    lock_ids: list[Annotated[str, Field(max_length=64)]] | None = Field(default=None, min_length=1, max_length=3)
    #: the tablet hands each challenge back with its proof, sealed as it got it: then nobody stores it meanwhile
    hands_back: bool = False


class Proof(BaseModel):
    """The grant, the shift key's public point, and its signature over the challenge."""

    token: Base64Url = Field(max_length=700)
    public_key: Base64Url = Field(max_length=100)
    signature: Base64Url = Field(max_length=100)
    #: the challenge and its seal, where the tap said that they would be handed back
    nonce: Base64Url | None = Field(default=None, max_length=40)
    seal: Base64Url | None = Field(default=None, max_length=40)


class Observation(BaseModel):
    """How the carer found the door: kept beside the lock's word, never instead of it."""

    seen: Literal["open", "locked"]


@router.post("/doors/{door_id}/openings", status_code=201, response_model=dict[str, Any])
async def open_door(door_id: str, who: AtDoor, parts: PartsDep, body: Tap) -> JSONResponse:
    """Tap *Lås op*. Answers with the lock's challenge, or with the refusal ready to be shown.

    Behind a stairwell every lock has an opening of its own: the door's is ``opening``, the others are ``way``.
    """
    tapped = await run_sync(_tapped, parts, who, door_id, body)
    if body.hands_back:
        tapped = await hand_out_challenges(parts, tapped)
    else:
        tapped = await run_sync(await_challenges, parts, tapped)
    first, *way = [_shown(parts, opening, who.language, handed_out=body.hands_back) for opening in tapped]
    return JSONResponse({"opening": first, "way": way}, status_code=201)


def _tapped(parts: Parts, who: Who, door_id: str, body: Tap) -> list[DoorOpening]:
    carer_id = own_carer(who.carer_id)
    tapped = doors.request_opening(parts, who, carer_id, door_id, body.visit_id, body.lock_ids)
    if tapped:
        return tapped
    by_vendor = vendor_doors.request_opening(parts, carer_id, door_id, body.visit_id)
    if by_vendor is not None:
        return [by_vendor]
    return doors.request_opening(parts, who, carer_id, door_id, body.visit_id, body.lock_ids, at_own_locks=True)


@router.post("/openings/{opening_id}/proof", status_code=202, response_model=dict[str, Any])
def prove(opening_id: str, who: AtDoor, parts: PartsDep, body: Proof) -> JSONResponse:
    """The challenge, signed. The command leaves at once and once."""
    carer_id, token = own_carer(who.carer_id), from_b64u(body.token)
    holder_key, proof = from_b64u(body.public_key), from_b64u(body.signature)
    challenge = (from_b64u(body.nonce), from_b64u(body.seal)) if body.nonce and body.seal else None
    opening = doors.give_proof(
        parts,
        who,
        carer_id,
        opening_id,
        token=token,
        holder_key=holder_key,
        proof=proof,
        challenge=challenge,
    )
    if opening is None:
        opening = vendor_doors.give_proof(parts, carer_id, opening_id, holder_key=holder_key, proof=proof)
    return JSONResponse({"opening": opening_json(opening, who.language)}, status_code=202)


def _shown(parts: Parts, opening: DoorOpening, language: str, *, handed_out: bool) -> dict[str, Any]:
    shown = opening_json(opening, language)
    if handed_out and opening.state == "challenged" and opening.nonce and opening.vendor == NATIVE:
        seal = seal_of(parts.service_key, opening.opening_id, opening.ids.lock_id, opening.nonce)
        shown["seal"] = b64u(seal)
    return shown


@router.get("/openings/{opening_id}")
def one_opening(opening_id: str, who: Carer, read: ReadDep) -> dict[str, Any]:
    """How an opening stands."""
    opening = doors.own_opening(read, own_carer(who.carer_id), opening_id)
    return {"opening": opening_json(opening, who.language)}


@router.post("/openings/{opening_id}/observation")
def observe(opening_id: str, who: Carer, work: WorkDep, body: Observation) -> dict[str, Any]:
    """The carer tried the handle."""
    opening = doors.own_opening(work.session, own_carer(who.carer_id), opening_id)
    # The page may give up a moment before the server does: what was seen is kept all the same.
    if str(opening.state) == "unlocked":
        raise EdgeError(
            409,
            "lock_has_answered",
            "Låsen har allerede svaret.",
            "The lock has answered already.",
        )
    return {"opening": opening_json(openings.observe(work, opening_id, body.seen), who.language)}


@router.get("/carers/{carer_id}/withdrawn-doors")
def withdrawn_doors(carer_id: str, who: Overseer, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """By when what was taken from a carer on her shift opens nothing any more, door by door.

    ``until_at`` is ``null`` where the lock has confirmed; the latest of the others is ``latest_at``.
    """
    carer = read.get(CarerRow, carer_id)
    if carer is None:
        raise KernelError("not_found", what="Medarbejderen")
    if who.role is Role.PLANNER and not who.sees(carer.unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    now = parts.clock.now()
    shift = shifts.shift_now(read, carer_id, now)
    doors = withdrawn_of_shifts(read, [shift.id], now) if shift is not None else []
    ends = [door.until_at for door in doors if door.until_at is not None]
    return {
        "doors": [
            {"door_id": door.door_id, "address": door.address, "until_at": iso_or_none(door.until_at)} for door in doors
        ],
        "latest_at": iso_or_none(max(ends, default=None)),
    }
