"""Driving logs over HTTP: the carer's own, and the unit's for planner, manager and auditor."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from devices.driving import vehicles
from devices.driving.corrections import Statement, trails_of
from devices.driving.errors import DrivingError
from devices.driving.logs import monday_of
from devices.driving.tables import VehicleTripRow
from devices.driving.tracks.service import MAX_BYTES as MAX_TRACK_BYTES
from gateway.auth import Role, Who, require
from gateway.deps import FactKey, PartsDep, ReadDep, WorkDep, once, own_carer
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases import driving
from gateway.usecases.nearest import nearest
from gateway.views.driving import my_log, vehicles_json, week_view
from gateway.views.driving_csv import week_csv
from gateway.views.driving_paper import week_paper
from gateway.views.driving_said import arrivals_json, correction_json, trail_json
from kernel.localtime import local_day
from scheduling import shifts
from scheduling.tables import VisitRow

router = Router(prefix="/api/v1", tags=["driving"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Office = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
Fitter = Annotated[Who, Depends(require(Role.PLANNER, Role.TECHNICIAN))]
Manager = Annotated[Who, Depends(require(Role.MANAGER))]
Reader = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER, Role.AUDITOR))]
Week = Annotated[str | None, Field(description="ISO week, for example 2026-W48; the present one where absent.")]


class ChooseVehicle(BaseModel):
    """The car a carer takes, and what its odometer shows."""

    vehicle_id: str = Field(max_length=64)
    odometer_km: float = Field(ge=0, le=2_000_000, description="As read from the instrument.")
    confirmed: bool = Field(default=False, description="The figure is right although it is far above the last.")


class ApproveWeek(BaseModel):
    """A unit's week."""

    week: str = Field(max_length=16)
    unit: str = Field(max_length=64)


class UnlockWeek(ApproveWeek):
    """An approved week, and why it is opened again."""

    reason: str = Field(max_length=300)


class CorrectTrip(BaseModel):
    """What a trip was, and why that is said now."""

    purpose: Literal["business", "private"]
    from_place: str = Field(default="", max_length=120)
    to_place: str = Field(default="", max_length=120)
    note: str = Field(default="", max_length=200, description="What the driving was for.")
    carer_id: str | None = Field(default=None, max_length=64, description="Who drove, where it is known.")
    reason: str = Field(max_length=300)

    def statement(self) -> Statement:
        """What is said of the trip."""
        return Statement(self.purpose, self.from_place, self.to_place, self.note, self.carer_id)


@router.get("/me/driving-log")
def my_driving_log(who: Carer, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Today's log as it stands, the carer's car, and the cars of her unit."""
    return my_log(read, own_carer(who.carer_id), who.unit_ids, parts.clock.now(), who.language)


@router.post("/me/vehicle")
def choose_vehicle(who: Carer, work: WorkDep, body: ChooseVehicle, key: FactKey = None) -> Any:
    """Take a car. Its trips from now on are in this carer's log until the shift ends."""
    carer_id = own_carer(who.carer_id)

    def act() -> dict[str, Any]:
        odometer_m = round(body.odometer_km * 1000)
        row = vehicles.choose_vehicle(
            work,
            carer_id,
            who.unit_ids,
            body.vehicle_id,
            odometer_m,
            confirmed=body.confirmed,
            day_now=lambda holder_id: shifts.day_now(work.session, holder_id, work.now),
        )
        return {"vehicle": {"id": row.device_id, "reg_no": row.reg_no}}

    return once(work, key, carer_id, f"vehicle {body.model_dump_json()}", act)


@router.get("/vehicles")
def list_vehicles(who: Planner, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Cars of the planner's units: odometer, contact, and whether somebody has them. No positions."""
    return {"vehicles": vehicles_json(read, who.unit_ids, parts.clock.now())}


@router.get("/visits/{visit_id}/nearest")
def nearest_to(who: Planner, parts: PartsDep, read: ReadDep, visit_id: str) -> dict[str, Any]:
    """Who on duty could be at a visit when, in the order of arrival; how that is known, and never where they are."""
    visit = read.get(VisitRow, visit_id)
    if visit is None or visit.unit_id not in who.unit_ids:
        raise EdgeError(
            404, "visit_unknown", "Besøget findes ikke i din enhed.", "There is no such visit in your unit."
        )
    now = parts.clock.now()
    return arrivals_json(read, visit_id, nearest(read, visit, now), now)


@router.post("/vehicles/{vehicle_id}/tracks", status_code=201)
async def import_track(
    request: Request,
    who: Fitter,
    parts: PartsDep,
    vehicle_id: str,
    odometer_km: Annotated[float, Query(ge=0, le=2_000_000, description="As it stood at the track's start.")],
) -> dict[str, Any]:
    """Read a GPX or NMEA file (the body) in for a car that had no tracker then: all of it, or nothing."""
    content = await _body(request, MAX_TRACK_BYTES)
    found = await run_in_threadpool(
        driving.import_track, parts.units, vehicle_id, who.unit_ids, content, odometer_km, who.identity_id, who.role
    )
    return {"vehicle_id": vehicle_id, "import_id": found.import_id, "fixes": found.fix_count}


@router.get("/driving-logs")
def driving_logs(
    who: Reader, parts: PartsDep, read: ReadDep, week: Week = None, unit: str | None = None
) -> dict[str, Any]:
    """A week of driving logs of one's units, or of one of them."""
    now = parts.clock.now()
    return week_view(read, units_seen(who, unit), first_day(week, local_day(now)), now, who.language)


@router.get("/driving-logs.csv")
def driving_logs_csv(
    who: Reader, parts: PartsDep, read: ReadDep, week: Week = None, unit: str | None = None
) -> Response:
    """The same week as the tax authority wants to read it."""
    first_on = first_day(week, local_day(parts.clock.now()))
    # The byte order mark makes Danish spreadsheets read the file as UTF-8.
    content = "\ufeff" + week_csv(read, units_seen(who, unit), first_on)
    name = f"koerebog-{driving.week_text(first_on)}.csv"
    return Response(
        content.encode(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/driving-logs.pdf")
def driving_logs_pdf(
    who: Reader, parts: PartsDep, read: ReadDep, week: Week = None, unit: str | None = None
) -> Response:
    """The same week as a paper."""
    now = parts.clock.now()
    first_on = first_day(week, local_day(now))
    return Response(
        week_paper(read, units_seen(who, unit), first_on, now),
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="koerebog-{driving.week_text(first_on)}.pdf"'},
    )


@router.post("/driving-logs/approval")
def approve(who: Office, work: WorkDep, body: ApproveWeek) -> dict[str, Any]:
    """Approve a unit's week; refused while a log of it is open, with the days that are."""
    units_seen(who, body.unit)
    approved = driving.approve_week(work, body.unit, body.week, who.identity_id, who.role.value)
    return {"week": body.week, "unit": body.unit, "approved": approved}


@router.post("/driving-logs/unlocking")
def unlock(who: Manager, work: WorkDep, body: UnlockWeek) -> dict[str, Any]:
    """Open an approved week again, with a reason that stays in the book."""
    units_seen(who, body.unit)
    driving.unlock_week(work, body.unit, body.week, body.reason, who.identity_id, who.role.value)
    return {"week": body.week, "unit": body.unit, "locked": False}


@router.post("/driving-logs/trips/{trip_id}/correction")
def correct(who: Office, work: WorkDep, trip_id: str, body: CorrectTrip) -> dict[str, Any]:
    """Explain a missing trip, or amend a recorded one. What stood there before is kept beside it."""
    said = driving.correct_trip(
        work, trip_id, who.unit_ids, body.statement(), body.reason, who.identity_id, who.role.value
    )
    return {"trip_id": trip_id, "correction": correction_json(said)}


@router.get("/driving-logs/trips/{trip_id}/corrections")
def corrections_of(who: Reader, read: ReadDep, trip_id: str) -> dict[str, Any]:
    """Everything that was said of a trip, first to last, with what stood there before."""
    row = read.get(VehicleTripRow, trip_id)
    if row is None or row.unit_id not in who.unit_ids:
        raise DrivingError("trip_unknown")
    return {"trip_id": trip_id, "corrections": trail_json(trails_of(read, [trip_id]).get(trip_id, []))}


async def _body(request: Request, limit: int) -> bytes:
    """The body of a request, and not a byte more than may be."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > limit:
            da, en = "Filen er for stor: højst {mb} MB.", "The file is too large: at most {mb} MB."
            mb = limit // 1_000_000
            raise EdgeError(413, "file_too_large", da.format(mb=mb), en.format(mb=mb))
    return bytes(content)


def units_seen(who: Who, unit: str | None) -> list[str]:
    """The units a request is about: all of one's own, or the one that is named."""
    if unit is not None and not who.sees(unit):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    return [unit] if unit else list(who.unit_ids)


def first_day(week: str | None, today: date) -> date:
    """Monday of a week, of the present one where none is named."""
    return monday_of(week) if week else today - timedelta(days=today.weekday())
