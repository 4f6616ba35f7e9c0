"""Designated tablets: what lets a carer in without a plan when every server is down (ADR 0007)."""

import json
import os
from typing import Annotated, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends
from pydantic import BaseModel

from devices.keys.codes import CODE_DIGITS, ITERATIONS, code_key
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, own_carer
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases import prepared
from gateway.usecases.prepared import PreparedDoor
from gateway.views.openings import grant_json
from gateway.wire import b64u, iso
from kernel.errors import KernelError
from scheduling.register.tables import CarerRow

router = Router(prefix="/api/v1", tags=["doors"])
NONCE_BYTES = 12


class Designation(BaseModel):
    """Whether the carer's tablet is a designated one."""

    designated: bool


@router.post("/me/prepared")
def prepare(who: Annotated[Who, Depends(require(Role.CARER))], parts: PartsDep) -> dict[str, Any]:
    """The unit's doors for a designated tablet, each in an envelope that only its spoken code opens."""
    windows = prepared.prepare(parts, own_carer(who.carer_id))
    return {
        "code_digits": CODE_DIGITS,
        "iterations": ITERATIONS,
        "windows": [
            {
                "preparation_id": window.preparation.preparation_id,
                "opens_at": iso(window.preparation.opens_at),
                "closes_at": iso(window.preparation.closes_at),
                "doors": [_door_json(door) for door in window.doors],
            }
            for window in windows
        ],
    }


@router.post("/carers/{carer_id}/offline-tablet")
def designate(
    carer_id: str,
    who: Annotated[Who, Depends(require(Role.PLANNER, Role.TECHNICIAN))],
    parts: PartsDep,
    body: Designation,
) -> dict[str, Any]:
    """Make a carer's tablet a designated one, or an ordinary one again."""
    with parts.database.reading() as session:
        carer = session.get(CarerRow, carer_id)
    if carer is None:
        raise KernelError("not_found", what="Medarbejderen")
    if not who.sees(carer.unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    changed = prepared.designate(parts, carer, who.role.value, on=body.designated)
    return {"carer_id": carer_id, "designated": body.designated, "changed": changed}


def _door_json(door: PreparedDoor) -> dict[str, Any]:
    grant = door.grant
    inside = grant_json(grant) | {"visit_id": ""}
    nonce = os.urandom(NONCE_BYTES)
    key = code_key(door.code, grant.cti)
    sealed = nonce + AESGCM(key).encrypt(nonce, json.dumps(inside).encode(), grant.door_id.encode())
    return {"door_id": grant.door_id, "address": door.address, "salt": b64u(grant.cti), "envelope": b64u(sealed)}
