"""The settings of a lock: what it is to run with, and what it says it runs with."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from devices.keys.settings import SettingsState, settings_of
from devices.registry.model import DeviceKind
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.routers.technician import own_device
from gateway.routing import Router
from gateway.usecases.lock_settings import set_lock_settings
from kernel.errors import KernelError

router = Router(prefix="/api/v1/devices/{lock_id}/settings", tags=["technician"])
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]


class LockSettings(BaseModel):
    """Settings of a lock; what is left out is the lock's own choice."""

    model_config = ConfigDict(extra="forbid")

    ajar_s: int | None = Field(default=None, ge=10, le=3_600, description="A door open for longer is ajar.")
    relock_s: int | None = Field(default=None, ge=0, le=600, description="The bolt goes back after this; 0: never.")


@router.get("")
def settings(lock_id: str, who: Technician, read: ReadDep) -> dict[str, Any]:
    """What a lock is to run with, in which version, and which version it has."""
    _own_lock(read, who, lock_id)
    return _json(settings_of(read, lock_id))


@router.put("")
def set_settings(lock_id: str, who: Technician, parts: PartsDep, body: LockSettings) -> dict[str, Any]:
    """Say what a lock is to run with. It takes it over when it hears of it, and reports that."""
    with parts.database.reading() as session:
        unit_id = _own_lock(session, who, lock_id)
    wanted = {name: value for name, value in body.model_dump().items() if value is not None}
    by_role = "technician" if who.role is Role.TECHNICIAN else "operations"
    return _json(set_lock_settings(parts, lock_id, unit_id, wanted, by_role))


def _own_lock(session: Any, who: Who, lock_id: str) -> str | None:
    found = own_device(session, who, lock_id)
    if found.kind is not DeviceKind.LOCK:
        raise KernelError("not_found", what="Låsen")
    return found.unit_id


def _json(state: SettingsState) -> dict[str, Any]:
    return {
        "settings": dict(state.wanted),
        "version": state.version,
        "reported": state.reported,
        "confirmed": state.reported >= state.version,
    }
