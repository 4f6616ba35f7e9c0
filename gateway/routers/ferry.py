"""A tablet carries a lock's log home, and lists and times to it, when the lock has no network of its own."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from pydantic import BaseModel, Field

from devices.keys.fragments import NearMessage
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, own_carer
from gateway.routing import Router
from gateway.usecases import ferry
from gateway.wire import Base64Url, b64u, from_b64u

router = Router(prefix="/api/v1/me/ferry", tags=["tablet"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
LockId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Carried(BaseModel):
    """One message as the lock gave it over the near link; a log stays sealed."""

    name: Literal["evt", "answer", "birth", "time", "cfg"]
    payload: Base64Url = Field(max_length=87_400)


class Load(BaseModel):
    """What one lock gave, in its order."""

    lock_id: LockId
    messages: list[Carried] = Field(min_length=1, max_length=64)


@router.post("")
def bring(who: Carer, parts: PartsDep, body: Load) -> dict[str, Any]:
    """Bring home what a lock gave. Any lock of the municipality; bringing it twice changes nothing."""
    own_carer(who.carer_id)
    messages = [NearMessage(each.name, from_b64u(each.payload)) for each in body.messages]
    ferried = ferry.carry_home(parts, body.lock_id, messages)
    return {"accepted": ferried.accepted, "set_aside": ferried.set_aside, "down": _down(ferried.down)}


@router.get("/{lock_id}")
def fetch(who: Carer, parts: PartsDep, lock_id: Annotated[LockId, Path()]) -> dict[str, Any]:
    """What to show a lock of one of today's doors before it is opened."""
    return {"lock_id": lock_id, "down": _down(ferry.to_carry(parts, own_carer(who.carer_id), lock_id))}


def _down(messages: tuple[NearMessage, ...]) -> list[dict[str, str]]:
    return [{"name": message.name, "payload": b64u(message.payload)} for message in messages]
