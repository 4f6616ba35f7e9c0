"""Alarms: listed, taken, acknowledged, cleared; those of one's own units."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field

from devices.alarms import service, store
from devices.alarms.model import Alarm
from devices.alarms.service import Actor
from gateway.auth import Role, Who, require
from gateway.deps import ReadDep, WorkDep
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.views.alarms import alarms_json, sees_all
from kernel.errors import KernelError
from kernel.work import Work

router = Router(prefix="/api/v1/alarms", tags=["alarms"])
Watcher = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.PLANNER, Role.OPERATIONS))]
RowNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]
PAGE = 50


class Taking(BaseModel):
    """``over``: although a colleague has it."""

    over: bool = False


class Clearing(BaseModel):
    """What was done, in a few words."""

    note: str = Field(min_length=1, max_length=160)


@router.get("")
def alarms(who: Watcher, read: ReadDep, cursor: RowNumber | None = None, cleared: bool = False) -> dict[str, Any]:
    """Open alarms of one's units, the newest first; with ``cleared`` those that are over as well."""
    page = store.alarms(read, who.unit_ids, PAGE, cursor, only_open=not cleared, also_without_unit=sees_all(who))
    counts = store.open_counts(read, who.unit_ids, also_without_unit=sees_all(who))
    return {"items": alarms_json(read, who, page.alarms), "next": page.next_cursor, "open": counts}


@router.post("/{alarm_id}/acknowledgement")
def acknowledge(alarm_id: str, who: Watcher, work: WorkDep) -> dict[str, Any]:
    """Somebody has seen it."""
    require_own_alarm(work, who, alarm_id)
    return _answer(work, who, service.acknowledge(work, alarm_id, _actor(who)))


@router.post("/{alarm_id}/owner")
def take(alarm_id: str, who: Watcher, work: WorkDep, body: Taking) -> dict[str, Any]:
    """One deals with it from now on."""
    require_own_alarm(work, who, alarm_id)
    return _answer(work, who, service.take(work, alarm_id, _actor(who), over=body.over))


@router.post("/{alarm_id}/clearance")
def clear(alarm_id: str, who: Watcher, work: WorkDep, body: Clearing) -> dict[str, Any]:
    """It is over, and this was done."""
    require_own_alarm(work, who, alarm_id)
    return _answer(work, who, service.clear(work, alarm_id, _actor(who), body.note))


def require_own_alarm(work: Work, who: Who, alarm_id: str) -> None:
    """Raises ``not_found`` or ``other_unit``."""
    found = store.find(work.session, alarm_id)
    if found is None:
        raise KernelError("not_found", what="Alarmen")
    if not (found.unit_id in who.unit_ids or (found.unit_id is None and sees_all(who))):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")


def _actor(who: Who) -> Actor:
    return Actor(who.identity_id, who.role.value)


def _answer(work: Work, who: Who, alarm: Alarm) -> dict[str, Any]:
    return {"alarm": alarms_json(work.session, who, [alarm])[0]}
