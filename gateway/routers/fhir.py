"""Visits for other systems as FHIR R4: search by day, page by page. Identifiers and no names."""

import re
from datetime import date, timedelta
from datetime import time as clock_time
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, func, select

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases.citizens import note_many
from gateway.views.services import service_name
from kernel.localtime import at_local
from scheduling.exchange import fhir
from scheduling.tables import VisitRow

router = Router(prefix="/api/v1/fhir", tags=["fhir"])
Reader = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
MOST = 1_000
_DAY = re.compile(r"(?:eq)?(\d{4}-\d\d-\d\d)")
DayText = Annotated[str, Query(alias="date", max_length=32, description="2026-11-25, or eq2026-11-25.")]
Count = Annotated[int, Query(alias="_count", ge=1, le=MOST)]
Offset = Annotated[int, Query(alias="_offset", ge=0, le=1_000_000)]


class FhirResponse(JSONResponse):
    """JSON as FHIR calls it."""

    media_type = "application/fhir+json"


@router.get("/Appointment")
def appointments(
    request: Request, who: Reader, parts: PartsDep, read: ReadDep, day: DayText, count: Count = 100, offset: Offset = 0
) -> Response:
    """The planned visits of a day, of one's units."""
    on = _day(day)
    if on is None:
        return _not_understood(day)
    rows, total = _page(read, who, on, count, offset)
    found = [fhir.appointment(row, service_name(row.service)) for row in rows]
    return _answer(request, who, parts, read, rows, found, total, {"date": on.isoformat()}, count, offset)


@router.get("/Encounter")
def encounters(
    request: Request,
    who: Reader,
    parts: PartsDep,
    read: ReadDep,
    day: DayText,
    system: Annotated[fhir.System, Query(alias="system")] = "plain",
    count: Count = 100,
    offset: Offset = 0,
) -> Response:
    """The same visits as they are done; ``system=kl-gateway`` codes them as KL Gateway does."""
    on = _day(day)
    if on is None:
        return _not_understood(day)
    rows, total = _page(read, who, on, count, offset)
    found = [fhir.encounter(row, service_name(row.service), system) for row in rows]
    asked = {"date": on.isoformat(), **({} if system == "plain" else {"system": system})}
    return _answer(request, who, parts, read, rows, found, total, asked, count, offset)


def _page(read: Session, who: Who, on: date, count: int, offset: int) -> tuple[list[VisitRow], int]:
    mine = (*_begins_on(on), col(VisitRow.unit_id).in_(sorted(who.unit_ids)))
    total = read.exec(select(func.count()).select_from(VisitRow).where(*mine)).one()
    rows = read.exec(select(VisitRow).where(*mine).order_by(col(VisitRow.id)).offset(offset).limit(count)).all()
    return list(rows), total


def _begins_on(on: date) -> tuple[ColumnElement[bool], ...]:
    # FHIR asks by the date of the start; what a night shift does after midnight stands on the routes of the day before.
    day, begins = col(VisitRow.day), func.coalesce(col(VisitRow.start_at), col(VisitRow.window_open_at))
    midnight, next_midnight = at_local(on, clock_time()), at_local(on + timedelta(days=1), clock_time())
    before = and_(day == on - timedelta(days=1), begins >= midnight)
    return (or_(before, and_(day == on, begins < next_midnight)),)


def _answer(
    request: Request,
    who: Who,
    parts: Parts,
    read: Session,
    rows: list[VisitRow],
    found: list[dict[str, Any]],
    total: int,
    asked: dict[str, str],
    count: int,
    offset: int,
) -> Response:
    base = f"{request.url.scheme}://{request.url.netloc}{router.prefix}"
    here = f"{base}{request.url.path.removeprefix(router.prefix)}"

    def link(at: int) -> str:
        return f"{here}?{urlencode(asked | {'_count': str(count), '_offset': str(at)})}"

    links = {"self": link(offset)} | ({"next": link(offset + count)} if offset + count < total else {})
    # A request that holds one connection and waits for another can, forty at once, wait for itself.
    read.commit()
    with parts.units.begin() as work:
        note_many(work, who.role, {row.citizen_id for row in rows}, "exchange", "exchange")
    return FhirResponse(fhir.bundle(found, total, base, links), headers={"Cache-Control": "no-store"})


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _not_understood(text: str) -> Response:
    said = f"date: expected a day like 2026-11-25 (prefix eq or none), found {text}"
    return FhirResponse(fhir.outcome("value", said), status_code=400)
