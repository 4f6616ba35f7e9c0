"""Long-running work: asked for, watched, stopped."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, Field

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases.district_planning import DISTRICT_KIND
from gateway.wire import iso, iso_or_none
from kernel import jobs
from kernel.tables import JobRow

router = Router(prefix="/api/v1/jobs", tags=["jobs"])
Reader = Annotated[Who, Depends(require(Role.PLANNER, Role.OPERATIONS))]
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


class PlanDay(BaseModel):
    """Plan a day of a unit. Same seed and moves: same plan."""

    kind: Literal["plan-day"]
    day: date
    unit_id: str = Field(max_length=64)
    seed: int = Field(default=1, ge=0)
    moves: int | None = Field(default=None, ge=0, le=5_000_000)


class PlanAll(BaseModel):
    """Plan a day of all units the planner sees, published as one act."""

    kind: Literal["plan-all"]
    day: date
    seed: int = Field(default=1, ge=0)
    moves: int | None = Field(default=None, ge=0, le=200_000_000)


@router.post("", status_code=202)
def request_job(
    body: Annotated[PlanDay | PlanAll, Field(discriminator="kind")], who: Planner, parts: PartsDep
) -> dict[str, Any]:
    """Ask for a plan; the answer comes at once, the work follows. Large units are planned by district."""
    arguments: dict[str, Any] = {"day": body.day.isoformat(), "seed": body.seed, "moves": body.moves}
    unit_id = body.unit_id if isinstance(body, PlanDay) else None
    if isinstance(body, PlanDay):
        _own_unit(who, body.unit_id)
        arguments["unit_id"] = body.unit_id
    else:
        arguments["unit_ids"] = sorted(who.unit_ids)
    with parts.units.begin() as work:
        row = jobs.request(work, body.kind, arguments, unit_id)
    parts.jobs.trigger(row.id)
    return {"job": job_json(row)}


@router.get("")
def list_jobs(who: Reader, read: ReadDep) -> dict[str, Any]:
    """The jobs asked for last, newest first, without the districts they are made of."""
    return {"jobs": [job_json(r) for r in jobs.latest(read, without=(DISTRICT_KIND,)) if _may(who, r)]}


@router.get("/{job_id}")
def one_job(job_id: str, who: Reader, read: ReadDep) -> dict[str, Any]:
    """One job."""
    row = jobs.get(read, job_id)
    _own_job(who, row)
    return {"job": job_json(row)}


@router.post("/{job_id}/cancel")
def cancel_job(job_id: str, who: Reader, parts: PartsDep) -> dict[str, Any]:
    """Ask a job to stop. Its plan so far is not applied."""
    with parts.units.begin() as work:
        _own_job(who, jobs.get(work.session, job_id))
        row = jobs.cancel(work, job_id)
    return {"job": job_json(row)}


def job_json(row: JobRow) -> dict[str, Any]:
    """A job as pages show it."""
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "progress_ratio": round(row.progress_ratio, 3),
        "cancel_requested": row.cancel_requested,
        "error_code": row.error_code,
        "requested_at": iso(row.requested_at),
        "ended_at": iso_or_none(row.ended_at),
        "unit_id": row.unit_id,
        "day": row.arguments.get("day"),
        "result": row.result,
    }


def _may(who: Who, row: JobRow) -> bool:
    if who.role is Role.OPERATIONS:
        return True
    # A plan of several units is its planner's, and of whoever sees all of them.
    return all(who.sees(unit_id) for unit_id in row.arguments.get("unit_ids", [row.unit_id]))


def _own_job(who: Who, row: JobRow) -> None:
    if not _may(who, row):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din at planlægge.", "That unit is not yours to plan.")


def _own_unit(who: Who, unit_id: str | None) -> None:
    if who.role is not Role.OPERATIONS and not who.sees(unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din at planlægge.", "That unit is not yours to plan.")
