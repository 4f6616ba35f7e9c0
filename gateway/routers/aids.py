"""Lifts and turning systems, courses, and the inventory of transfers by two; of one's own units only."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from devices.transfers import store
from devices.transfers.tables import TransferDeviceRow
from devices.transfers.upkeep import NewInspection, aids_of, open_faults, record_inspection
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep
from gateway.routers.technician import require_unit
from gateway.routing import Router
from gateway.usecases.aids import states
from gateway.views.aids import aid_json, aids_json, competences_json, inventory_csv, inventory_json
from kernel.errors import KernelError
from kernel.localtime import local_day
from kernel.work import Work
from scheduling import competences, transfer_plans
from scheduling.competences import NewCompetence
from scheduling.tables import TransferPlanRow
from scheduling.transfer_plans import MOST_PER_DAY, NewTransfer, Situation

router = Router(prefix="/api/v1", tags=["aids"])
Watcher = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.PLANNER, Role.OPERATIONS))]
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Office = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
Unit = Annotated[str | None, Query(max_length=64)]


class Inspection(BaseModel):
    """A main inspection: the day, whether it was passed, what was found; and where given, interval and rated load."""

    on: date
    passed: bool
    note: str = Field(min_length=1, max_length=160)
    every_months: int | None = Field(default=None, ge=1, le=36)
    rated_load_kg: float | None = Field(default=None, ge=20, le=1000, description="As its plate says.")


class Course(BaseModel):
    """A course a carer took or a role she got, and the last day it counts."""

    code: str = Field(max_length=64)
    acquired_on: date
    valid_until_on: date | None = None


class Surveyed(BaseModel):
    """A kind of transfer of a citizen, how often a day, and with how many carers until now."""

    unit_id: str = Field(max_length=64)
    citizen_number: int = Field(ge=1, le=2**31 - 1)
    situation: Situation
    aid: Literal["lift", "turning", "none"]
    times_per_day: int = Field(ge=1, le=MOST_PER_DAY)
    carers_before: Literal[1, 2] = 2


class Carers(BaseModel):
    """With how many it is planned from now on."""

    carers: Literal[1, 2]


@router.get("/aids")
def aids(who: Watcher, parts: PartsDep, read: ReadDep, unit: Unit = None) -> dict[str, Any]:
    """Lifts and turning systems in use: work done, next inspection, and whether one carer may use them alone."""
    today = local_day(parts.clock.now())
    return {"day": today.isoformat(), "items": aids_json(read, units_of(who, unit), today, who.language)}


@router.post("/aids/{device_id}/inspections", status_code=201)
def inspect(device_id: str, body: Inspection, who: Technician, work: WorkDep) -> dict[str, Any]:
    """Enter a main inspection."""
    return {"aid": enter_inspection(work, who, device_id, body)}


@router.get("/competences")
def learned(who: Planner, parts: PartsDep, read: ReadDep, unit: Unit = None) -> dict[str, Any]:
    """Carers by name with their courses and roles."""
    today = local_day(parts.clock.now())
    found = competences.register_of(read, units_of(who, unit))
    return {"day": today.isoformat(), "items": competences_json(found, today)}


@router.post("/carers/{carer_id}/competences", status_code=201)
def learn(carer_id: str, body: Course, who: Planner, work: WorkDep) -> dict[str, Any]:
    """Enter a course or role, or prolong it."""
    new = NewCompetence(carer_id, body.code, body.acquired_on, body.valid_until_on)
    held = competences.record(work, new, who.unit_ids, who.role.value)
    return {"code": held.code, "valid_until_on": held.valid_until_on}


@router.delete("/carers/{carer_id}/competences/{code}")
def unlearn(carer_id: str, code: str, who: Planner, work: WorkDep) -> dict[str, Any]:
    """It counts today for the last time."""
    held = competences.end(work, carer_id, code, who.unit_ids, who.role.value)
    return {"code": held.code, "valid_until_on": held.valid_until_on}


@router.get("/transfer-plans")
def inventory(who: Office, parts: PartsDep, read: ReadDep, unit: Unit = None) -> dict[str, Any]:
    """The inventory of transfers by unit, with the share converted to one carer."""
    rows = transfer_plans.inventory(read, units_of(who, unit))
    return {"units": inventory_json(read, rows, local_day(parts.clock.now()))}


@router.get("/transfer-plans.csv")
def inventory_file(who: Office, parts: PartsDep, read: ReadDep, unit: Unit = None) -> Response:
    """The same as a table."""
    rows = transfer_plans.inventory(read, units_of(who, unit))
    content = inventory_csv(inventory_json(read, rows, local_day(parts.clock.now())))
    headers = {"Content-Disposition": 'attachment; filename="forflytninger.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/transfer-plans", status_code=201)
def survey(body: Surveyed, who: Planner, work: WorkDep) -> dict[str, Any]:
    """Put a kind of transfer into the inventory."""
    require_unit(who, body.unit_id)
    row = transfer_plans.survey(work, NewTransfer(**body.model_dump()))
    return {"plan_id": row.plan_id}


@router.post("/transfer-plans/{plan_id}/carers")
def plan_carers(plan_id: str, body: Carers, who: Planner, work: WorkDep) -> dict[str, Any]:
    """Plan it for one carer, where carer and aid are approved, or give it back to two."""
    row = set_carers(work, who, plan_id, body.carers)
    return {"plan_id": row.plan_id, "carers_planned": row.carers_planned}


def set_carers(work: Work, who: Who, plan_id: str, carers: int) -> TransferPlanRow:
    """One carer or two. Raises what refuses it, with the reason."""
    row = transfer_plans.plan_of(work.session, plan_id)
    require_unit(who, row.unit_id)
    if carers == 2:
        return transfer_plans.give_back(work, plan_id)
    found = aids_of(work.session, [row.citizen_id], local_day(work.now))
    return transfer_plans.convert(work, plan_id, states(found.get(row.citizen_id, ())))


def enter_inspection(work: Work, who: Who, device_id: str, body: Inspection) -> dict[str, Any]:
    """Enter an inspection of one of one's own devices."""
    mounted = store.find_mounted(work.session, device_id)
    if mounted is None:
        raise KernelError("not_found", what="Enheden")
    require_unit(who, mounted.unit_id)
    row = record_inspection(work, NewInspection(device_id, **body.model_dump()), who.role.value)
    return aid_json(work.session, row, open_faults(work.session), local_day(work.now), who.language)


def units_of(who: Who, unit: str | None) -> tuple[str, ...]:
    """One's units, or one of them. Raises ``other_unit``."""
    if unit is None:
        return who.unit_ids
    require_unit(who, unit)
    return (unit,)


def device_facts(session: Session, device_id: str, today: date, language: str) -> dict[str, Any] | None:
    """What a device's own page shows of its work and inspections; ``None`` for what is neither lift nor turning."""
    row = session.get(TransferDeviceRow, device_id)
    return None if row is None else aid_json(session, row, open_faults(session), today, language)
