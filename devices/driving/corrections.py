"""What people add to the book: a trip explained or amended, a week opened again. Nothing is written over.

A correction stands beside what the tracker recorded, with who (as a role), when, why, and what it said before. The
latest one speaks; the ones before it stay. Private driving has no place here either.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlmodel import Session, col, select

from devices.driving import store
from devices.driving.errors import DrivingError
from devices.driving.logs import week_text
from devices.driving.model import RecordedTrip, TripState
from devices.driving.rows import recorded_trip
from devices.driving.segmentation import MISSING_FROM_M
from devices.driving.tables import DrivingCorrectionRow, VehicleTripRow
from devices.driving.trips import DayFacts, recompute
from devices.events import DrivingLogCorrected, DrivingLogUnlocked
from kernel.localtime import number_text
from kernel.work import Work

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person says a trip was."""

    purpose: Literal["business", "private"]
    from_place: str = ""
    to_place: str = ""
    note: str = ""
    carer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction as its reader sees it."""

    correction_id: int
    kind: str
    trip_id: str | None
    day: date
    at: datetime
    role: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def statement(self) -> Statement:
        """What it says the trip was."""
        return Statement(**{name: self.after[name] for name in Statement.__dataclass_fields__ if name in self.after})


def correct_trip(
    work: Work, trip_id: str, unit_ids: Collection[str], statement: Statement, reason: str, by: str, role: str
) -> Correction:
    """Say what a trip was: where nobody recorded it, or where the record is wrong.

    Raises
    ------
    DrivingError
        ``trip_unknown``, ``week_locked``, ``correction_reason_missing``, ``destination_missing`` or
        ``private_has_no_route``.
    """
    row = work.session.get(VehicleTripRow, trip_id, with_for_update=True)
    if row is None or row.unit_id not in unit_ids or row.state == TripState.WITHDRAWN.value:
        raise DrivingError("trip_unknown")
    if store.locked_weeks(work.session, row.unit_id, [row.day]):
        raise DrivingError("week_locked", week=week_text(row.day))
    _require_complete(statement, reason)
    recorded = recorded_trip(row)
    kind = "explain" if recorded.trip.state is TripState.MISSING else "amend"
    latest = latest_of(work.session, [trip_id]).get(trip_id)
    before = dict(latest.after) if latest is not None else _as_recorded(recorded)
    after = asdict(statement) | {"distance_m": row.distance_m}
    added = DrivingCorrectionRow(
        kind=kind,
        trip_id=trip_id,
        unit_id=row.unit_id,
        day=row.day,
        at=work.now,
        by=by,
        role=role,
        reason=reason.strip(),
        before=before,
        after=after,
    )
    work.session.add(added)
    work.session.flush()
    work.record(DrivingLogCorrected(at=work.now, trip_id=trip_id, unit_id=row.unit_id, kind=kind, by_role=role))
    return _seen(added)


def unlock_week(
    work: Work, unit_id: str, first_on: date, reason: str, by: str, role: str, facts_of: DayFacts
) -> set[tuple[str, date]]:
    """Open an approved week again; what came late since it was approved comes in now.

    Returns
    -------
    set
        Carers and days whose trips changed: their logs have to follow.

    Raises
    ------
    DrivingError
        ``correction_reason_missing`` or ``week_not_locked``.
    """
    if not reason.strip():
        raise DrivingError("correction_reason_missing")
    last_on = first_on + timedelta(days=6)
    approved = [
        row
        for row in store.logs_of_units(work.session, [unit_id], first_on, last_on, lock=True)
        if row.state == "approved"
    ]
    if not approved:
        raise DrivingError("week_not_locked", week=week_text(first_on))
    before = [
        {"log_id": row.id, "approved_at": row.approved_at.isoformat(), "role": row.approved_role}
        for row in approved
        if row.approved_at is not None
    ]
    for row in approved:
        row.state, row.approved_at, row.approved_by, row.approved_role = "closed", None, None, None
        row.late_data = False
        work.session.add(row)
    work.session.add(
        DrivingCorrectionRow(
            kind="unlock",
            unit_id=unit_id,
            day=first_on,
            at=work.now,
            by=by,
            role=role,
            reason=reason.strip(),
            before={"approved": before},
            after={},
        )
    )
    work.session.flush()
    week = week_text(first_on)
    work.record(
        DrivingLogUnlocked(at=work.now, unit_id=unit_id, week=week, log_count=len(approved), unlocked_by_role=role)
    )
    touched: set[tuple[str, date]] = set()
    for car in store.vehicles(work.session, [unit_id]):
        touched |= _recompute_week(work, car.device_id, first_on, facts_of)
    return touched


def latest_of(session: Session, trip_ids: Collection[str]) -> dict[str, Correction]:
    """The correction that speaks for each of these trips; trips without one are left out."""
    return {trip_id: trail[-1] for trip_id, trail in trails_of(session, trip_ids).items()}


def trails_of(session: Session, trip_ids: Collection[str]) -> dict[str, list[Correction]]:
    """Everything that was said of these trips, in the order it was said."""
    found: dict[str, list[Correction]] = {}
    wanted = sorted(trip_ids)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(DrivingCorrectionRow)
            .where(col(DrivingCorrectionRow.trip_id).in_(wanted[start : start + _CHUNK]))
            .order_by(col(DrivingCorrectionRow.id))
        )
        for row in session.exec(query):
            found.setdefault(row.trip_id or "", []).append(_seen(row))
    return found


def unlocks_of(session: Session, unit_ids: Collection[str], first_on: date) -> list[Correction]:
    """How often a week of these units was opened again, and why."""
    query = select(DrivingCorrectionRow).where(
        col(DrivingCorrectionRow.unit_id).in_(sorted(unit_ids)),
        DrivingCorrectionRow.day == first_on,
        DrivingCorrectionRow.kind == "unlock",
    )
    return [_seen(row) for row in session.exec(query.order_by(col(DrivingCorrectionRow.id)))]


def is_explained(recorded: RecordedTrip, correction: Correction | None) -> bool:
    """Whether a missing trip is explained. One that has grown since by more than a kilometre is not."""
    if correction is None:
        return False
    return abs(int(correction.after.get("distance_m", 0)) - recorded.trip.distance_m) <= MISSING_FROM_M


def unexplained(session: Session, unit_id: str, first_on: date) -> list[VehicleTripRow]:
    """Missing trips of a unit's cars in a week that nobody has explained."""
    rows = store.trips_of_units(session, [unit_id], first_on, first_on + timedelta(days=6))
    missing = [row for row in rows if row.state == TripState.MISSING.value]
    said = latest_of(session, [row.id for row in missing])
    return [row for row in missing if not is_explained(recorded_trip(row), said.get(row.id))]


def require_explained(session: Session, unit_id: str, first_on: date) -> None:
    """Refuse to approve a week with kilometres nobody has explained.

    Raises
    ------
    DrivingError
        ``missing_unexplained`` naming car, day and kilometres.
    """
    rows = unexplained(session, unit_id, first_on)
    if rows:
        reg_nos = {car.device_id: car.reg_no for car in store.vehicles(session, [unit_id])}
        words = []
        for row in rows:
            reg_no, km = reg_nos.get(row.vehicle_id, "?"), number_text(row.distance_m / 1000)
            words.append(f"{reg_no} {row.day.day}.{row.day.month}. ({km} km)")
        raise DrivingError("missing_unexplained", trips=", ".join(words))


def _recompute_week(work: Work, vehicle_id: str, first_on: date, facts_of: DayFacts) -> set[tuple[str, date]]:
    span = store.fix_span(work.session, vehicle_id, first_on, first_on + timedelta(days=6))
    vehicle = store.vehicle_for_update(work.session, vehicle_id) if span is not None else None
    return set() if span is None or vehicle is None else recompute(work, vehicle, *span, facts_of)


def _require_complete(statement: Statement, reason: str) -> None:
    if not reason.strip():
        raise DrivingError("correction_reason_missing")
    places = (statement.from_place.strip(), statement.to_place.strip(), statement.note.strip())
    if statement.purpose == "private":
        if any(places):
            raise DrivingError("private_has_no_route")
    elif not statement.to_place.strip() or not statement.note.strip():
        raise DrivingError("destination_missing")


def _as_recorded(recorded: RecordedTrip) -> dict[str, Any]:
    return {
        "purpose": recorded.purpose.value,
        "visit_id": recorded.visit_id,
        "carer_id": recorded.carer_id,
        "distance_m": recorded.trip.distance_m,
        "state": recorded.trip.state.value,
    }


def _seen(row: DrivingCorrectionRow) -> Correction:
    return Correction(row.id or 0, row.kind, row.trip_id, row.day, row.at, row.role, row.reason, row.before, row.after)
