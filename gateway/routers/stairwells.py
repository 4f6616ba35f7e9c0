"""Stairwells: the common door before a home, and locks of another administration."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field

from devices.keys.holders import door_of
from devices.registry.model import DeviceKind
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep
from gateway.errors import EdgeError
from gateway.routers.technician import own_device
from gateway.routing import Router
from gateway.usecases import stairwells
from gateway.wire import Base64Url, from_b64u
from kernel.errors import KernelError

router = Router(prefix="/api/v1", tags=["technician"])
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]


class Way(BaseModel):
    """The common door one goes through first; ``null`` for none."""

    stairwell_id: str | None = Field(max_length=64)


class OwnersList(BaseModel):
    """``dn/trust`` as the lock's own administration has signed it."""

    message: Base64Url = Field(max_length=8_000)


class Issuer(BaseModel):
    """The other administration, by the ``iss`` of its grants."""

    issuer: str = Field(min_length=1, max_length=64)


@router.put("/doors/{door_id}/stairwell")
def choose(door_id: str, who: Technician, parts: PartsDep, body: Way) -> dict[str, Any]:
    """Say which stairwell one goes through to a door: from then on one tap opens both."""
    with parts.database.reading() as session:
        unit_id = door_of(session, door_id).unit_id
    if not who.sees(unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    told = stairwells.choose_stairwell(parts, door_id, body.stairwell_id, who.role.value)
    return {"door_id": door_id, "stairwell_id": body.stairwell_id, "locks_told": told}


@router.put("/devices/{device_id}/issuers")
def owners_list(device_id: str, who: Technician, parts: PartsDep, body: OwnersList) -> dict[str, Any]:
    """Hand a lock the list its own administration has signed. The lock judges it."""
    _require_own_lock(parts, who, device_id)
    return {"lock_id": device_id, "owner": stairwells.take_list(parts, device_id, from_b64u(body.message))}


@router.post("/devices/{device_id}/issuer-epoch")
def void_issuer(device_id: str, who: Technician, parts: PartsDep, body: Issuer) -> dict[str, Any]:
    """Void what another administration has minted for a lock so far."""
    _require_own_lock(parts, who, device_id)
    epoch = stairwells.void_issuer(parts, device_id, body.issuer)
    return {"lock_id": device_id, "issuer": body.issuer, "epoch": epoch}


def _require_own_lock(parts: PartsDep, who: Who, lock_id: str) -> None:
    with parts.database.reading() as session:
        if own_device(session, who, lock_id).kind is not DeviceKind.LOCK:
            raise KernelError("not_found", what="Låsen")
