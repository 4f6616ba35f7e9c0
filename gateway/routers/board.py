"""The planner's board and what is done on it."""

import gzip
import hashlib
import json
from datetime import date, datetime
from typing import Annotated, Any, Literal, cast

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError, problem
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases import moves
from gateway.usecases.citizens import note_look
from gateway.usecases.doors import tell_locks
from gateway.usecases.moves import Checked, Wanted
from gateway.views import board as view
from gateway.views.board_changes import board_changes
from gateway.views.board_columns import board_columns
from gateway.views.board_map import board_map
from gateway.views.breaches import breach_json
from gateway.views.fits import fits_json
from gateway.views.proposals import proposals_json
from gateway.views.visit_panel import visit_panel
from gateway.wire import iso_or_none, world
from kernel.localtime import clock_text, local_day
from kernel.log import log_mark
from scheduling import day_store
from scheduling.board.store import waiting_on
from scheduling.errors import SchedulingError
from scheduling.tables import VisitRow
from scheduling.visits import visit as find_visit

router = Router(prefix="/api/v1", tags=["planner"])
#: the columns of 6,000 visits are packed in 4 ms at this level and hardly smaller at the slower ones
_PACKED_FROM_BYTES, _PACKED_LEVEL = 2_000, 6
Planner = Annotated[Who, Depends(require(Role.PLANNER))]


class MoveVisit(BaseModel):
    """Where a visit should go, and why. ``preview`` only asks what it would do."""

    to_carer_id: str | None = Field(default=None, max_length=64)
    start_at: AwareDatetime | None = None
    reason: str = Field(default="", max_length=160)
    preview: bool = False
    agreement_reference: str | None = Field(default=None, max_length=64)


@router.get("/board")
def board(
    request: Request,
    who: Planner,
    parts: PartsDep,
    read: ReadDep,
    day: date | None = None,
    form: Literal["lanes", "columns"] = "lanes",
) -> Response:
    """Everything the board draws of the planner's units; ``columns`` says the same in a fifth of the bytes."""
    now = parts.clock.now()
    on = day or local_day(now)
    facts = (*log_mark(read), on, sorted(who.unit_ids), who.language, form, int(now.timestamp() // 60))
    tag = '"' + hashlib.sha256(repr(facts).encode()).hexdigest()[:32] + '"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    seen = board_columns if form == "columns" else view.board
    body = seen(read, on, who.unit_ids, now, who.language) | {"world": world(parts).model_dump(mode="json")}
    return packed(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), request, tag)


@router.get("/board/map")
def board_places(request: Request, who: Planner, parts: PartsDep, read: ReadDep, day: date | None = None) -> Response:
    """Where the day's citizens live, by their number on the board, and where the centres are."""
    body = board_map(read, day or local_day(parts.clock.now()), who.unit_ids)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return packed(text, request, '"' + hashlib.sha256(text).hexdigest()[:32] + '"')


@router.get("/board/changes")
def changes(who: Planner, parts: PartsDep, read: ReadDep, day: date | None = None) -> dict[str, Any]:
    """Who changed what on a day, newest first."""
    return {"changes": board_changes(read, day or local_day(parts.clock.now()), who.unit_ids, who.language)}


def packed(body: bytes, request: Request, tag: str) -> Response:
    """An answer of JSON with its tag, compressed where it is worth it and the browser can."""
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding, Cookie"}
    if len(body) > _PACKED_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, _PACKED_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


@router.get("/visits/{visit_id}")
def visit(visit_id: str, who: Planner, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """One visit with its facts, door, history and route. The look is noted for its citizen."""
    row = _own(read, who, visit_id)
    note_look(parts, read, who, row.citizen_id, "visit", "planning")
    return visit_panel(read, row, parts.clock.now(), who.language)


@router.get("/visits/{visit_id}/proposals")
def proposals(visit_id: str, who: Planner, read: ReadDep) -> dict[str, Any]:
    """Who could take a visit, best plan first, and why the others cannot."""
    _own(read, who, visit_id)
    ranked, routes, day = moves.proposals(read, visit_id)
    return proposals_json(ranked, routes, day, who.language)


@router.get("/visits/{visit_id}/fits")
def fits(visit_id: str, who: Planner, read: ReadDep) -> dict[str, Any]:
    """What every carer of the visit's unit could do with it, for all lanes at once: it fits, with a word, or not."""
    row = _own(read, who, visit_id)
    return fits_json(moves.everybody(read, row), row.start_at, who.language)


@router.post("/visits/{visit_id}/move")
def move(
    visit_id: str,
    who: Planner,
    parts: PartsDep,
    body: MoveVisit,
    if_match: Annotated[str | None, Header()] = None,
) -> Any:
    """Move a visit: rules, price and both routes in one act; 412 shows what the other planner did."""
    wanted = Wanted(
        visit_id, body.to_carer_id, body.start_at, body.reason, body.agreement_reference, by_id=who.identity_id
    )
    with parts.database.reading() as session:
        row = _own(session, who, visit_id)
        _own_target(session, who, row, body.to_carer_id)
        if body.preview:
            return preview_json(moves.check(session, wanted), who.language, parts.clock.now())
        # Back to where it fits, and to an hour only if it had a fixed one: the stops around it have moved up.
        before = {"to_carer_id": row.carer_id, "start_at": iso_or_none(row.pinned_start_at)}
    try:
        with parts.units.begin() as work:
            checked, rights = moves.move_visit(work, wanted, route_versions(if_match))
            touched = checked.touched
    except SchedulingError as err:
        return _refused(parts, who, wanted, err)
    tell_locks(parts, rights.locks_to_tell)
    with parts.database.reading() as session:
        return _moved(session, parts, who, visit_id, touched, before)


def preview_json(checked: Checked, language: str, now: datetime) -> dict[str, Any]:
    """What a move would do. Kroner are those of overtime; a move within the shifts has none."""
    verdict = checked.verdict
    start = next((s.starts_at for r in verdict.routes for s in r.stops if s.visit_id == checked.row.id), None)
    return {
        "allowed": verdict.allowed,
        "breaches": [breach_json(b, language) for b in verdict.hard],
        "warnings": [breach_json(b, language) for b in verdict.warnings],
        "extra_min": round(verdict.extra_travel_s / 60),
        "cost_dkk_ore": checked.overtime_ore(now) or None,
        "start_at": iso_or_none(start),
    }


def _moved(
    session: Session, parts: Parts, who: Who, visit_id: str, touched: list[str], before: dict[str, Any]
) -> dict[str, Any]:
    row = find_visit(session, visit_id)
    now = parts.clock.now()
    lanes = view.lanes(session, row.day, who.unit_ids, now, carer_ids=touched)
    waiting = waiting_on(session, row.day, who.unit_ids)
    names = {lane["carer_id"]: lane["name"] for lane in lanes}
    to = names.get(row.carer_id or "", "Ikke fordelt" if who.language == "da" else "Unallocated")
    number = view.shorts(session, [row]).get(row.citizen_id, "?")
    said = f"Borger {number} flyttet til {to}" if who.language == "da" else f"Citizen {number} moved to {to}"
    return {
        "lanes": lanes,
        "unallocated": view.unallocated(waiting, view.shorts(session, waiting), who.language),
        "moved": {"visit_id": visit_id, "text": f"{said} kl. {clock_text(now)}"},
        "undo": before,
    }


def _refused(parts: Parts, who: Who, wanted: Wanted, err: SchedulingError) -> JSONResponse:
    if err.code not in ("route_stale", "move_breaks_rule"):
        raise err
    with parts.database.reading() as session:
        row = find_visit(session, wanted.visit_id)
        if err.code == "move_breaks_rule":
            return _broken(session, who, wanted, err)
        carers = {c for c in (row.carer_id, wanted.to_carer_id) if c is not None}
        lanes = view.lanes(session, row.day, who.unit_ids, parts.clock.now(), carer_ids=carers)
        routes = [r for r in day_store.routes_of(session, row.day, who.unit_ids) if r.carer_id in carers]
        changes = [c for c in (view.last_change(session, r, who.language) for r in routes) if c is not None]
    answer = problem(412, err.code, err.text("da"), err.text("en"), err.facts)
    body = json.loads(bytes(answer.body))
    latest = max(changes, key=lambda c: cast(str, c["at"]), default=None)
    body["current"] = {"lanes": lanes, "last_change": latest}
    return JSONResponse(body, status_code=412, media_type="application/problem+json")


def _broken(session: Session, who: Who, wanted: Wanted, err: SchedulingError) -> JSONResponse:
    breaches = [breach_json(b, who.language) for b in moves.check(session, wanted).verdict.hard]
    answer = problem(422, err.code, err.text("da"), err.text("en"), {})
    body = json.loads(bytes(answer.body)) | {"breaches": breaches}
    return JSONResponse(body, status_code=422, media_type="application/problem+json")


def _own(session: Session, who: Who, visit_id: str) -> VisitRow:
    row = find_visit(session, visit_id)
    if not who.sees(row.unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    return row


def _own_target(session: Session, who: Who, row: VisitRow, carer_id: str | None) -> None:
    unit = day_store.shift_unit(session, row.day, carer_id) if carer_id else row.unit_id
    if unit is not None and not who.sees(unit):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")


def route_versions(if_match: str | None) -> dict[str, int]:
    """Route versions out of ``If-Match: "<route_id>:<version>", …``."""
    found: dict[str, int] = {}
    for tag in (if_match or "").split(","):
        route_id, _, version = tag.strip().strip('"').rpartition(":")
        # No version is longer; a header can be, and Python refuses to read thousands of digits.
        if route_id and version.isascii() and version.isdigit() and len(version) <= 9:
            found[route_id] = int(version)
    return found
