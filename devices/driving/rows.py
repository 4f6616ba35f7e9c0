"""Between rows and the model of driving. No queries here."""

from typing import Any

from sqlalchemy import RowMapping

from devices.driving.model import (
    Doubt,
    Fix,
    Leg,
    LegPurpose,
    Mode,
    Position,
    Purpose,
    RecordedTrip,
    Trip,
    TripState,
)
from devices.driving.tables import DrivingLogLegRow, VehicleTripRow


def recorded_trip(row: VehicleTripRow) -> RecordedTrip:
    """A stored trip as readers see it."""
    return RecordedTrip(
        trip_id=row.id,
        vehicle_id=row.vehicle_id,
        unit_id=row.unit_id,
        carer_id=row.carer_id,
        day=row.day,
        revision=row.revision,
        purpose=Purpose(row.purpose),
        visit_id=row.visit_id,
        corrected=row.corrected,
        trip=trip_of(row),
    )


def trip_of(row: VehicleTripRow) -> Trip:
    """The trip of a row."""
    return Trip(
        started_at=row.started_at,
        ended_at=row.ended_at,
        start_odometer_m=row.start_odometer_m,
        end_odometer_m=row.end_odometer_m,
        distance_m=row.distance_m,
        track_m=row.track_m,
        mode=Mode(row.mode),
        state=TripState(row.state),
        start=_position(row.start_lat_deg, row.start_lon_deg),
        end=_position(row.end_lat_deg, row.end_lon_deg),
        doubts=frozenset(Doubt(word) for word in row.doubts.split(",") if word),
    )


def trip_values(trip: Trip) -> dict[str, Any]:
    """The columns of a trip that come from its fixes."""
    return {
        "started_at": trip.started_at,
        "ended_at": trip.ended_at,
        "start_odometer_m": trip.start_odometer_m,
        "end_odometer_m": trip.end_odometer_m,
        "distance_m": trip.distance_m,
        "track_m": trip.track_m,
        "mode": trip.mode.value,
        "state": trip.state.value,
        "start_lat_deg": None if trip.start is None else trip.start.lat_deg,
        "start_lon_deg": None if trip.start is None else trip.start.lon_deg,
        "end_lat_deg": None if trip.end is None else trip.end.lat_deg,
        "end_lon_deg": None if trip.end is None else trip.end.lon_deg,
        "doubts": ",".join(sorted(doubt.value for doubt in trip.doubts)),
    }


def fix_values(vehicle_id: str, fix: Fix) -> dict[str, Any]:
    """The row of a fix."""
    return {
        "vehicle_id": vehicle_id,
        "boot": fix.boot,
        "seq": fix.seq,
        "ts_at": fix.ts_at,
        "lat_deg": None if fix.position is None else fix.position.lat_deg,
        "lon_deg": None if fix.position is None else fix.position.lon_deg,
        "odometer_m": fix.odometer_m,
        "ignition": fix.ignition,
        "speed_kmh": fix.speed_kmh,
        "private": fix.mode is Mode.PRIVATE,
        "set_aside": None,
    }


def fix_of(row: RowMapping) -> Fix:
    """The fix of a row."""
    return Fix(
        boot=row["boot"],
        seq=row["seq"],
        ts_at=row["ts_at"],
        position=_position(row["lat_deg"], row["lon_deg"]),
        odometer_m=row["odometer_m"],
        ignition=row["ignition"],
        speed_kmh=row["speed_kmh"],
        mode=Mode.PRIVATE if row["private"] else Mode.BUSINESS,
    )


def leg_values(log_id: str, rank: int, leg: Leg) -> dict[str, Any]:
    """The row of a leg."""
    return {
        "log_id": log_id,
        "rank": rank,
        "purpose": leg.purpose.value,
        "from_place": leg.from_place,
        "to_place": leg.to_place,
        "visit_id": leg.visit_id,
        "planned_departure_at": leg.planned_departure_at,
        "planned_arrival_at": leg.planned_arrival_at,
        "departed_at": leg.departed_at,
        "arrived_at": leg.arrived_at,
        "planned_m": leg.planned_m,
        "driven_m": leg.driven_m,
        "trip_id": leg.trip_id,
        "private": leg.private,
    }


def leg_of(row: DrivingLogLegRow) -> Leg:
    """The leg of a row."""
    return Leg(
        purpose=LegPurpose(row.purpose),
        from_place=row.from_place,
        to_place=row.to_place,
        visit_id=row.visit_id,
        planned_departure_at=row.planned_departure_at,
        planned_arrival_at=row.planned_arrival_at,
        departed_at=row.departed_at,
        arrived_at=row.arrived_at,
        planned_m=row.planned_m,
        driven_m=row.driven_m,
        trip_id=row.trip_id,
    )


def _position(lat_deg: float | None, lon_deg: float | None) -> Position | None:
    return None if lat_deg is None or lon_deg is None else Position(lat_deg, lon_deg)
