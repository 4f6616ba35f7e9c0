"""A planner or manager says that a carer stops, that a citizen is not at home, that she is back."""

from datetime import date
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import Session, SQLModel

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.routers.emergency import require_own
from gateway.routing import Router
from gateway.usecases.citizen_absences import Away, come_home, go_away
from gateway.usecases.leavers import stop_working
from gateway.wire import iso, iso_or_none
from kernel.errors import KernelError
from scheduling import citizen_absences as absences
from scheduling.events import CitizenAbsenceKind
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import CitizenAbsenceRow

Row = TypeVar("Row", bound=SQLModel)

router = Router(prefix="/api/v1", tags=["planner"])
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Employer = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]


class Leaving(BaseModel):
    """Why, and the last day; without one it is over at once."""

    reason: str = Field(min_length=1, max_length=160)
    last_on: date | None = None


class Absence(BaseModel):
    """A kind and no diagnosis; from now on unless said otherwise, and open while nobody knows the end."""

    kind: CitizenAbsenceKind
    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = None


@router.post("/carers/{carer_id}/leaving")
def leaving(carer_id: str, who: Employer, parts: PartsDep, body: Leaving) -> dict[str, Any]:
    """The carer stops: no sign-in, no door, no visit of hers from then on."""
    with parts.database.reading() as session:
        require_own(who, _found(session, CarerRow, carer_id, "Medarbejderen").unit_id)
    left = stop_working(parts, carer_id, body.reason.strip(), body.last_on)
    return {
        "from_at": iso(left.from_at),
        "sessions_ended": left.sessions_ended,
        "visits_without_carer": left.visits,
        "rights_withdrawn": left.rights_withdrawn,
        "locks_told": left.lock_count,
    }


@router.post("/citizens/{citizen_id}/absence", status_code=201)
def go(citizen_id: str, who: Planner, parts: PartsDep, body: Absence) -> dict[str, Any]:
    """The citizen is admitted to hospital, or away: visits and door rights of that time end."""
    with parts.database.reading() as session:
        require_own(who, _found(session, CitizenRow, citizen_id, "Borgeren").unit_id)
    away = go_away(parts, citizen_id, body.kind, body.from_at, body.until_at)
    return _away_json(away) | {"visits_cancelled": away.visit_count, "locks_told": away.lock_count}


@router.post("/citizens/{citizen_id}/return")
def back(citizen_id: str, who: Planner, parts: PartsDep) -> dict[str, Any]:
    """The citizen is home again: what was cancelled and can still be done is a task."""
    with parts.database.reading() as session:
        require_own(who, _found(session, CitizenRow, citizen_id, "Borgeren").unit_id)
    home = come_home(parts, citizen_id)
    return _away_json(home) | {"visits_restored": home.visit_count}


@router.get("/citizen-absences")
def away(who: Planner, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Who of one's units is not at home, or will not be."""
    rows = absences.absences_now(read, who.unit_ids, parts.clock.now())
    citizens = [read.get(CitizenRow, row.citizen_id) for row in rows]
    shorts = {citizen.id: citizen.short for citizen in citizens if citizen is not None}
    return {"absences": [_absence_json(row) | {"citizen_short": shorts.get(row.citizen_id)} for row in rows]}


def _found(session: Session, table: type[Row], row_id: str, what: str) -> Row:
    row = session.get(table, row_id)
    if row is None:
        raise KernelError("not_found", what=what)
    return row


def _away_json(away: Away) -> dict[str, Any]:
    return _absence_json(away.absence)


def _absence_json(row: CitizenAbsenceRow) -> dict[str, Any]:
    return {
        "absence_id": row.absence_id,
        "citizen_id": row.citizen_id,
        "unit_id": row.unit_id,
        "kind": row.kind,
        "from_at": iso(row.from_at),
        "until_at": iso_or_none(row.until_at),
        "ended_at": iso_or_none(row.ended_at),
        "visit_count": len(row.visit_ids),
    }
