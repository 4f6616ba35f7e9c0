"""Opaque identifiers. A lock id is never a visit id: each kind is a type of its own."""

from typing import NewType
from uuid import uuid4

UnitId = NewType("UnitId", str)
CarerId = NewType("CarerId", str)
CitizenId = NewType("CitizenId", str)
VisitId = NewType("VisitId", str)
ShiftId = NewType("ShiftId", str)
RouteId = NewType("RouteId", str)
DoorId = NewType("DoorId", str)
DeviceId = NewType("DeviceId", str)
OpeningId = NewType("OpeningId", str)
JobId = NewType("JobId", str)


def new_id() -> str:
    """A random identifier of 32 hexadecimal digits. It says nothing and is never sorted on."""
    return uuid4().hex
