"""Doors and the makers of their locks: what hangs on a door, and moving it from one maker to another."""

from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlmodel import Session

from devices.keys.tables import DoorRow
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.routers.technician import require_unit
from gateway.routing import Router
from gateway.usecases import vendor_doors
from gateway.usecases.citizens import note_look
from gateway.usecases.vendor_doors import NewLock
from gateway.views.vendor_doors import door_json, home_of_door
from kernel.errors import KernelError

router = Router(prefix="/api/v1", tags=["technician"])
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]


class NewVendorLock(BaseModel):
    """A vendor's lock on a citizen's door, by the number that stands on it."""

    vendor: Literal["cloud"] = "cloud"
    unit_id: str = Field(max_length=64)
    citizen_number: int = Field(ge=1, le=2**31 - 1)
    lock_ref: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")


class Move(BaseModel):
    """Whose lock acts on the door from now on."""

    vendor: Literal["native", "cloud"]


@router.get("/doors/{door_id}")
def door(door_id: str, who: Technician, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """A door with all its locks. Looking is noted for the citizen behind it."""
    return {"door": seen_door(parts, read, who, door_id)}


@router.post("/vendor-locks", status_code=201)
def put_lock(body: NewVendorLock, who: Technician, parts: PartsDep) -> dict[str, Any]:
    """List a vendor's lock on a citizen's door. It acts at once where no other lock does."""
    require_unit(who, body.unit_id)
    listed = vendor_doors.put_vendor_lock(parts, NewLock(body.vendor, body.unit_id, body.citizen_number, body.lock_ref))
    with parts.database.reading() as session:
        return {"lock_id": listed.lock_id, "door": _door(session, who, listed.door_id)}


@router.post("/vendor-locks/{lock_id}/retirement")
def take_lock_down(lock_id: str, who: Technician, parts: PartsDep) -> dict[str, Any]:
    """Take a vendor's lock down. The rights to the door go with its last lock."""
    with parts.database.reading() as session:
        row = vendor_doors.vendor_lock(session, lock_id)
        own_door(session, who, row.door_id)
        door_id = row.door_id
    withdrawn = vendor_doors.take_vendor_lock_down(parts, lock_id)
    with parts.database.reading() as session:
        return {"rights_withdrawn": withdrawn, "door": _door(session, who, door_id)}


@router.post("/doors/{door_id}/vendor")
def move(door_id: str, body: Move, who: Technician, parts: PartsDep) -> dict[str, Any]:
    """Move a door to another vendor's lock that hangs on it, with every right to it, in one act."""
    with parts.database.reading() as session:
        own_door(session, who, door_id)
    moved = vendor_doors.move_door(parts, door_id, body.vendor, who.role.value)
    with parts.database.reading() as session:
        return {
            "door": _door(session, who, door_id),
            "rights_issued": moved.rights_issued,
            "rights_withdrawn": moved.rights_withdrawn,
        }


def own_door(session: Session, who: Who, door_id: str) -> DoorRow:
    """A door of one's units. Raises ``not_found`` for any other."""
    row = vendor_doors.door_row(session, door_id)
    if row.unit_id not in who.unit_ids:
        raise KernelError("not_found", what="Døren")
    return row


def seen_door(parts: PartsDep, session: Session, who: Who, door_id: str) -> dict[str, Any]:
    """A door for somebody who looks at it; that is noted for its citizen."""
    shown = _door(session, who, door_id)
    home = home_of_door(session, door_id)
    if home is not None:
        note_look(parts, session, who, home.id, "device", "maintenance")
    place = None if home is None else {"address": home.address, "citizen_number": home.short}
    return {**shown, "place": place}


def _door(session: Session, who: Who, door_id: str) -> dict[str, Any]:
    return door_json(session, own_door(session, who, door_id), who.language)
