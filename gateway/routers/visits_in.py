"""Where visits come from, over HTTP: weekly patterns, days made of them, files of planning systems."""

from datetime import date, time
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep
from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases.doors import tell_locks
from gateway.usecases.visits_in import bring_in, generate_day
from gateway.views.visits_in import arrival_json, arrival_row_json, patterns_json
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.exchange.arrivals import arrival, arrivals
from scheduling.exchange.reader import MAX_BYTES
from scheduling.model import VisitMode
from scheduling.patterns import store
from scheduling.patterns.errors import PatternError
from scheduling.patterns.model import MAX_WEEKS, Pattern
from scheduling.register.tables import CitizenRow

router = Router(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
UnitId = Annotated[str, Query(max_length=64)]


class SavePattern(BaseModel):
    """A weekly pattern and the first day it holds: from tomorrow on. Times are Danish wall-clock times."""

    unit_id: str = Field(max_length=64)
    citizen_number: int = Field(ge=1, le=999_999_999)
    service: str = Field(min_length=1, max_length=64)
    weekdays: str = Field(max_length=7, description="ISO weekdays, 1 is Monday: 135.")
    window_open: time
    window_close: time
    duration_min: int
    valid_from_on: date
    valid_to_on: date | None = None
    every_weeks: int = Field(default=1, ge=1, le=MAX_WEEKS)
    carers: int = 1
    mode: VisitMode = VisitMode.PHYSICAL
    required_skills: list[Annotated[str, Field(max_length=64)]] | None = Field(default=None, max_length=20)
    priority: int = 3


class EndPattern(BaseModel):
    """The last day a pattern holds."""

    last_on: date


class GenerateDay(BaseModel):
    """Whose day."""

    unit_id: str = Field(max_length=64)


@router.get("/visit-patterns")
def patterns(who: Planner, parts: PartsDep, read: ReadDep, unit: UnitId) -> dict[str, Any]:
    """The weekly plan of a unit: what holds today or will. Citizens are numbers."""
    own_unit(who, unit)
    today = local_day(parts.clock.now())
    return {"patterns": patterns_json(read, store.patterns_of_unit(read, unit, today), who.language)}


@router.post("/visit-patterns", status_code=201)
def add_pattern(who: Planner, work: WorkDep, body: SavePattern) -> dict[str, Any]:
    """A new pattern."""
    return {"series_id": save(work, who, body, "")}


@router.put("/visit-patterns/{series_id}")
def change_pattern(who: Planner, work: WorkDep, series_id: str, body: SavePattern) -> dict[str, Any]:
    """What a pattern says from a day on; days before, and today, stay as they were made."""
    return {"series_id": save(work, who, body, series_id)}


@router.post("/visit-patterns/{series_id}/end")
def end_pattern(who: Planner, work: WorkDep, series_id: str, body: EndPattern) -> dict[str, Any]:
    """The last day of a pattern."""
    store.end_pattern(work, series_id, who.unit_ids, body.last_on, who.role.value)
    return {"series_id": series_id, "last_on": body.last_on.isoformat()}


@router.post("/days/{day}/generation")
def generation(day: date, who: Planner, parts: PartsDep, body: GenerateDay) -> dict[str, Any]:
    """Make a unit's visits of a day out of its weekly plan. Doing it again changes nothing."""
    own_unit(who, body.unit_id)
    with parts.units.begin() as work:
        done, locks = generate_day(work, body.unit_id, day)
    tell_locks(parts, locks)
    return {"day": day.isoformat(), "unit_id": body.unit_id, **arrival_json(done)}


@router.post("/visit-imports", status_code=201)
async def import_visits(request: Request, who: Planner, parts: PartsDep) -> Response:
    """A CSV file as the body: applied whole, or refused whole with every problem, and kept."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_BYTES:
            break
    answer: Response = await run_in_threadpool(_import, parts, who, bytes(raw))
    return answer


@router.get("/visit-imports")
def imports(who: Planner, read: ReadDep) -> dict[str, Any]:
    """Files that came in, the newest first, with what is wrong with those that were refused."""
    return {"imports": [arrival_row_json(row) for row in arrivals(read, who.unit_ids)]}


@router.get("/visit-imports/{import_id}/file")
def refused_file(who: Planner, read: ReadDep, import_id: str) -> Response:
    """A refused file as it came, to be corrected."""
    row = arrival(read, import_id, who.unit_ids)
    if not row.content:
        raise EdgeError(404, "file_not_kept", "Filen er ikke gemt.", "The file was not kept.")
    headers = {"Content-Disposition": f'attachment; filename="indlaesning-{import_id}.csv"'}
    return Response(row.content, media_type="text/csv", headers=headers)


def save(work: Work, who: Who, body: SavePattern, series_id: str) -> str:
    """Save a pattern for a citizen of one's own unit.

    Raises
    ------
    EdgeError
        ``other_unit``.
    PatternError
        As :func:`scheduling.patterns.store.save_pattern`, and ``pattern_citizen_unknown``.
    """
    own_unit(who, body.unit_id)
    for row in store.series_rows(work.session, [series_id]).get(series_id, ()):
        own_unit(who, row.unit_id)
    citizen = _citizen(work.session, body.unit_id, body.citizen_number)
    pattern = Pattern(
        series_id=series_id,
        citizen_id=citizen.id,
        unit_id=body.unit_id,
        service=body.service,
        weekdays=body.weekdays,
        window_open=body.window_open.replace(tzinfo=None),
        window_close=body.window_close.replace(tzinfo=None),
        duration_min=body.duration_min,
        valid_from_on=body.valid_from_on,
        anchor_on=body.valid_from_on,
        valid_to_on=body.valid_to_on,
        every_weeks=body.every_weeks,
        carers=body.carers,
        mode=body.mode,
        required_skills=(body.service,) if body.required_skills is None else tuple(body.required_skills),
        priority=body.priority,
    )
    return store.save_pattern(work, pattern, who.role.value)


def own_unit(who: Who, unit_id: str) -> None:
    """Refuse another's unit.

    Raises
    ------
    EdgeError
        ``other_unit``.
    """
    if not who.sees(unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")


def _citizen(session: Session, unit_id: str, number: int) -> CitizenRow:
    query = select(CitizenRow).where(CitizenRow.short == number, CitizenRow.unit_id == unit_id)
    found = session.exec(query.order_by(col(CitizenRow.id))).first()
    if found is None:
        raise PatternError("pattern_citizen_unknown", found=number)
    return found


def _import(parts: Parts, who: Who, raw: bytes) -> Response:
    with parts.units.begin() as work:
        done, locks = bring_in(work, raw, who.unit_ids, who.role.value)
        body = arrival_row_json(arrival(work.session, done.import_id, who.unit_ids))
    tell_locks(parts, locks)
    # What was refused is kept, so that it can be corrected: the commit is part of the refusal.
    return JSONResponse(body, status_code=201 if done.applied else 422)
