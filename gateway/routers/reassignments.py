"""What happens on a running day: report it, choose among whole solutions, carry one out, take it back."""

import json
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError, problem
from gateway.parts import Parts
from gateway.routers.board import route_versions
from gateway.routing import Router
from gateway.usecases import reassignments, situations
from gateway.usecases.doors import tell_locks
from gateway.usecases.reassignments import Choice, ChoiceBreaksRuleError, Done
from gateway.usecases.situations import EventKind, WhatHappened
from gateway.views import board as view
from gateway.views.breaches import breach_json
from gateway.views.reassignments import act_json, said
from gateway.views.solutions import solutions_json
from kernel.ids import new_id
from kernel.localtime import local_day
from scheduling import day_store, shifts
from scheduling.events import AbsenceKind, CitizenAbsenceKind
from scheduling.reassignment.store import acts_of
from scheduling.reassignment.tables import ReassignmentRow
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow

router = Router(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Id = Annotated[str, Field(max_length=64)]


#: whom what happened is about, where it is no visit
_ABOUT = {
    **dict.fromkeys(("carer_away", "carer_late"), "carer_id"),
    **dict.fromkeys(("urgent", "citizen_away", "citizen_home"), "citizen_id"),
}


class Happening(BaseModel):
    """What happened, and to whom; which fields count depends on ``kind`` (docs/reassignment.md)."""

    kind: EventKind
    day: date | None = None
    carer_id: Id | None = None
    visit_id: Id | None = None
    citizen_id: Id | None = None
    unit_id: Id | None = None
    minutes: int = Field(default=15, ge=1, le=600)
    within_min: int = Field(default=30, ge=0, le=600)
    service: str = Field(default="nursing", max_length=64)
    skills: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=8)
    absence_kind: AbsenceKind = "sick"
    citizen_absence: CitizenAbsenceKind = "hospital"

    def as_event(self, session: Session, now: datetime) -> WhatHappened:
        """The event for the use cases.

        Raises
        ------
        EdgeError
            ``field_missing`` where whom or what it is about is not said.
        """
        about = _ABOUT.get(self.kind, "visit_id")
        needed = [about, "unit_id"] if self.kind == "lend" else [about]
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise EdgeError(
                422,
                "field_missing",
                f"Feltet {missing[0]} mangler. Vælg, hvem eller hvad det handler om.",
                f"The field {missing[0]} is missing. Choose whom or what it is about.",
            )
        named = {name: getattr(self, name) for name in needed}
        return WhatHappened(
            kind=self.kind,
            on=self.day or self._day(session, now),
            minutes=self.minutes,
            within_min=self.within_min,
            service=self.service,
            skills=tuple(self.skills),
            absence_kind=self.absence_kind,
            citizen_absence=self.citizen_absence,
            new_visit_id=new_id() if self.kind == "urgent" else "urgent",
            **named,
        )

    def _day(self, session: Session, now: datetime) -> date:
        """Whose routes are meant where no day is said: the visit's, or those of the shift the carer is in."""
        if self.visit_id is not None and (row := session.get(VisitRow, self.visit_id)) is not None:
            return row.day
        return local_day(now) if self.carer_id is None else shifts.day_now(session, self.carer_id, now)


class Preview(BaseModel):
    """A question: what could be done. ``deep`` takes about a second longer and looks at the whole unit."""

    happened: Happening
    deep: bool = False


class Act(BaseModel):
    """The chosen solution as the preview gave it."""

    happened: Happening
    routes: dict[Id, Annotated[list[Id], Field(max_length=200)]] = Field(max_length=200)
    reason: str = Field(max_length=160)
    substitute_id: Id | None = None


@router.post("/reassignments/preview")
def preview(who: Planner, parts: PartsDep, read: ReadDep, body: Preview) -> dict[str, Any]:
    """Whole solutions for what happened, best first. Reads only."""
    now = parts.clock.now()
    event = body.happened.as_event(read, now)
    _own(read, who, event)
    found = situations.read(read, event, now)
    return solutions_json(read, found, situations.solutions(found, deep=body.deep), who.language)


@router.post("/reassignments")
def carry_out(who: Planner, parts: PartsDep, body: Act, if_match: Annotated[str | None, Header()] = None) -> Any:
    """Carry a solution out, all or nothing. 412 if a route has changed, 422 with the rules if one forbids it."""
    placed = {v for visits in body.routes.values() for v in visits}
    try:
        with parts.units.begin() as work:
            event = body.happened.as_event(work.session, work.now)
            _own(work.session, who, event)
            event = _with_new_visit(work.session, event, placed)
            choice = Choice(body.routes, body.reason, body.substitute_id)
            done = reassignments.carry_out(work, event, choice, route_versions(if_match))
    except ChoiceBreaksRuleError as err:
        answer = problem(422, err.code, err.text("da"), err.text("en"), {})
        breaches = [breach_json(b, who.language) for b in err.breaches]
        return JSONResponse(
            json.loads(bytes(answer.body)) | {"breaches": breaches},
            status_code=422,
            media_type="application/problem+json",
        )
    tell_locks(parts, done.locks)
    for room in done.rooms:
        parts.video.told(room)
    return _after(parts, who, event.on, done)


@router.get("/reassignments")
def done_today(who: Planner, parts: PartsDep, read: ReadDep, day: date | None = None) -> dict[str, Any]:
    """What was done to a day, the latest first, and what of it can still be taken back."""
    on = day or local_day(parts.clock.now())
    return {"acts": [act_json(read, row, who.language) for row in acts_of(read, on, who.unit_ids)]}


@router.post("/reassignments/{reassignment_id}/undo")
def undo(reassignment_id: str, who: Planner, parts: PartsDep) -> Any:
    """Take an act back: its routes as they were, in new versions. 412 if something has changed since."""
    with parts.units.begin() as work:
        done = reassignments.undo(work, reassignment_id, sorted(who.unit_ids))
        on = work.session.get_one(ReassignmentRow, reassignment_id).day
    tell_locks(parts, done.locks)
    return _after(parts, who, on, done)


@router.get("/visits/{visit_id}/screen-criteria")
def screen_criteria(visit_id: str, who: Planner, read: ReadDep) -> dict[str, Any]:
    """What has to hold before a visit may be made by screen, and what of it does."""
    row = read.get(VisitRow, visit_id)
    if row is None or not who.sees(row.unit_id):
        raise _other_unit()
    return {"criteria": situations.screen_criteria(read, row)}


def _with_new_visit(session: Session, event: WhatHappened, placed: set[str]) -> WhatHappened:
    """The urgent visit gets the id the preview gave it: the one that is placed and not stored yet."""
    if event.kind != "urgent":
        return event
    new = sorted(v for v in placed if session.get(VisitRow, v) is None)
    return situations.named(event, new[0] if len(new) == 1 else event.new_visit_id)


def _after(parts: Parts, who: Who, on: date, done: Done) -> dict[str, Any]:
    with parts.database.reading() as session:
        now: datetime = parts.clock.now()
        visits = day_store.visits_of(session, on, who.unit_ids)
        numbers = view.shorts(session, visits)
        lanes = view.lanes(session, on, who.unit_ids, now, carer_ids=done.carers, visits=visits, short=numbers)
        return {
            "reassignment_id": done.reassignment_id,
            "text": said(session, done, who.language),
            "lanes": lanes,
            "gone": sorted(set(done.carers) - {lane["carer_id"] for lane in lanes}),
            "unallocated": view.unallocated(visits, numbers, who.language),
        }


def _own(session: Session, who: Who, event: WhatHappened) -> None:
    units: list[str | None] = [event.unit_id] if event.unit_id is not None else []
    if event.carer_id is not None:
        units.append(day_store.shift_unit(session, event.on, event.carer_id))
    if event.visit_id is not None:
        row = session.get(VisitRow, event.visit_id)
        units.append(row.unit_id if row is not None else None)
    if event.citizen_id is not None:
        citizen = session.get(CitizenRow, event.citizen_id)
        units.append(citizen.unit_id if citizen is not None else None)
    if any(unit is not None and not who.sees(unit) for unit in units):
        raise _other_unit()


def _other_unit() -> EdgeError:
    return EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
