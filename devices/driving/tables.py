"""Tables of vehicles, their trips and the driving logs.

Ids are opaque. Positions stand in ``vehicle_fix`` and ``vehicle_trip`` only, and never those of private driving.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.database import UtcDateTime
from kernel.tables import BigId


class VehicleRow(SQLModel, table=True):
    """A car with a tracker. The tracker's id is the vehicle's."""

    __tablename__ = "vehicle"

    device_id: str = Field(primary_key=True, max_length=64)
    reg_no: str = Field(max_length=16, unique=True)
    unit_id: str = Field(max_length=64, index=True)
    #: up to where the tracker's present start is committed without a hole: its watermark
    ack_boot: int = Field(default=-1, sa_type=BigInteger)
    ack_seq: int = Field(default=0, sa_type=BigInteger)
    #: where it was before this instant has been deleted: trips of that time stay as they are
    positions_from_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class VehicleAssignmentRow(SQLModel, table=True):
    """Who had a car from when to when. A trip's driver is looked up here by the time of the trip."""

    __tablename__ = "vehicle_assignment"
    __table_args__ = (
        Index("ix_vehicle_assignment_vehicle", "vehicle_id", "from_at"),
        Index("ix_vehicle_assignment_carer", "carer_id", "from_at"),
        Index(
            "ix_vehicle_assignment_open",
            "vehicle_id",
            sqlite_where=Column("to_at").is_(None),
            postgresql_where=Column("to_at").is_(None),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    vehicle_id: str = Field(max_length=64)
    carer_id: str = Field(max_length=64)
    from_at: datetime = Field(sa_type=UtcDateTime)
    to_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: chosen (on the tablet) | planned
    how: str = Field(max_length=16)
    #: what the carer read from the instrument, metres
    odometer_m: int | None = Field(default=None, sa_type=BigInteger)


class VehicleFixRow(SQLModel, table=True):
    """A fix as the tracker told it. A private one has no position; one that is not believed has its reason."""

    __tablename__ = "vehicle_fix"
    __table_args__ = (
        UniqueConstraint("vehicle_id", "boot", "seq", name="uq_vehicle_fix"),
        Index("ix_vehicle_fix_at", "vehicle_id", "ts_at"),
        Index("ix_vehicle_fix_age", "ts_at"),
        Index(
            "ix_vehicle_fix_set_aside",
            "vehicle_id",
            sqlite_where=Column("set_aside").is_not(None),
            postgresql_where=Column("set_aside").is_not(None),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    vehicle_id: str = Field(max_length=64)
    boot: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    ts_at: datetime = Field(sa_type=UtcDateTime)
    lat_deg: float | None = None
    lon_deg: float | None = None
    odometer_m: int = Field(sa_type=BigInteger)
    ignition: bool
    speed_kmh: float | None = None
    private: bool = False
    #: jump | odometer_backwards
    set_aside: str | None = Field(default=None, max_length=32)


class DeletionReceiptRow(SQLModel, table=True):
    """What was deleted because its time was over: what it was, up to when, and how much. Nothing of its content."""

    __tablename__ = "deletion_receipt"

    #: vehicle_positions
    what: str = Field(primary_key=True, max_length=32)
    #: everything older than this is gone once it is finished
    before_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    deleted_count: int = Field(default=0, sa_type=BigInteger)
    began_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class VehicleTripRow(SQLModel, table=True):
    """A trip from stop to stop, or a stretch of the odometer that nobody recorded."""

    __tablename__ = "vehicle_trip"
    __table_args__ = (
        Index("ix_vehicle_trip_vehicle", "vehicle_id", "started_at"),
        Index("ix_vehicle_trip_unit_day", "unit_id", "day"),
        Index("ix_vehicle_trip_carer_day", "carer_id", "day"),
        Index(
            "ix_vehicle_trip_place",
            "ended_at",
            sqlite_where=Column("start_lat_deg").is_not(None),
            postgresql_where=Column("start_lat_deg").is_not(None),
        ),
    )

    id: str = Field(primary_key=True, max_length=64)
    vehicle_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    carer_id: str | None = Field(default=None, max_length=64)
    day: date
    revision: int = 1
    #: late data changed its times or kilometres after it was first recorded
    corrected: bool = False
    #: open | closed | missing | withdrawn
    state: str = Field(max_length=16)
    mode: str = Field(max_length=16)
    #: business | private | unknown
    purpose: str = Field(max_length=16)
    visit_id: str | None = Field(default=None, max_length=64)
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime = Field(sa_type=UtcDateTime)
    start_odometer_m: int = Field(sa_type=BigInteger)
    end_odometer_m: int = Field(sa_type=BigInteger)
    distance_m: int
    track_m: int
    start_lat_deg: float | None = None
    start_lon_deg: float | None = None
    end_lat_deg: float | None = None
    end_lon_deg: float | None = None
    #: doubts, sorted, separated by commas
    doubts: str = Field(default="", max_length=64)


class DrivingLogRow(SQLModel, table=True):
    """The driving log of one carer on one day, in a car or on a bicycle."""

    __tablename__ = "driving_log"
    __table_args__ = (
        UniqueConstraint("carer_id", "day", name="uq_driving_log_carer_day"),
        Index("ix_driving_log_unit_day", "unit_id", "day"),
    )

    id: str = Field(primary_key=True, max_length=64)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    #: open | closed | approved
    state: str = Field(max_length=16)
    transport: str = Field(max_length=16)
    route_version: int
    revision: int = 1
    planned_m: int
    #: business metres by the trackers' word; absent without one
    driven_m: int | None = None
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    approved_by: str | None = Field(default=None, max_length=64)
    approved_role: str | None = Field(default=None, max_length=16)
    #: late data came after approval: the log stands as approved, and says so
    late_data: bool = False


class DrivingLogLegRow(SQLModel, table=True):
    """One leg of a driving log. Places are words or visit ids, never addresses or positions."""

    __tablename__ = "driving_log_leg"

    log_id: str = Field(primary_key=True, max_length=64)
    rank: int = Field(primary_key=True)
    #: visit | base | home | other | private | missing
    purpose: str = Field(max_length=16)
    from_place: str | None = Field(default=None, max_length=64)
    to_place: str | None = Field(default=None, max_length=64)
    visit_id: str | None = Field(default=None, max_length=64)
    planned_departure_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    planned_arrival_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    departed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    arrived_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    planned_m: int | None = None
    driven_m: int | None = None
    trip_id: str | None = Field(default=None, max_length=64)
    private: bool = False


class DrivingCorrectionRow(SQLModel, table=True):
    """What a person said of a trip, or that a week was unlocked. Rows are added and never changed."""

    __tablename__ = "driving_correction"
    __table_args__ = (
        Index("ix_driving_correction_trip", "trip_id", "id"),
        Index("ix_driving_correction_unit", "unit_id", "day"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    #: explain (a missing trip) | amend (a recorded one) | unlock (a week)
    kind: str = Field(max_length=16)
    trip_id: str | None = Field(default=None, max_length=64)
    unit_id: str = Field(max_length=64)
    #: of the trip; the Monday of an unlocked week
    day: date
    at: datetime = Field(sa_type=UtcDateTime)
    #: an identity's id, and what that person does: pages and papers show the role
    by: str = Field(max_length=64)
    role: str = Field(max_length=16)
    reason: str = Field(max_length=300)
    before: dict[str, Any] = Field(sa_type=JSON)
    after: dict[str, Any] = Field(sa_type=JSON)


class MileageClaimRow(SQLModel, table=True):
    """A trip in one's own car or on one's own cycle, claimed from the employer. No CPR number is kept."""

    __tablename__ = "mileage_claim"
    __table_args__ = (
        Index("ix_mileage_claim_carer", "carer_id", "day"),
        Index("ix_mileage_claim_unit", "unit_id", "day"),
    )

    id: str = Field(primary_key=True, max_length=64)
    carer_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    day: date
    #: car | cycle
    vehicle: str = Field(max_length=16)
    #: of the own car; none for a cycle
    reg_no: str | None = Field(default=None, max_length=16)
    purpose: str = Field(max_length=200)
    start_address: str = Field(max_length=120)
    end_address: str = Field(max_length=120)
    stops: list[str] = Field(sa_type=JSON)
    distance_m: int
    #: claimed | approved | rejected
    state: str = Field(max_length=16)
    claimed_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled_by: str | None = Field(default=None, max_length=64)
    settled_role: str | None = Field(default=None, max_length=16)
    #: why it was rejected
    reason: str | None = Field(default=None, max_length=300)
    #: at approval: metres at each rate, [{"distance_m", "ore_per_km", "source"}], and the sum
    lines: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON)
    amount_dkk_ore: int | None = Field(default=None, sa_type=BigInteger)


class TrackImportRow(SQLModel, table=True):
    """A track file somebody read in for a car, with what became of it. The file goes when its positions go."""

    __tablename__ = "track_import"
    __table_args__ = (Index("ix_track_import_vehicle", "vehicle_id", "at"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True, autoincrement=True))
    vehicle_id: str = Field(max_length=64)
    unit_id: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=64)
    role: str = Field(max_length=16)
    #: gpx | nmea
    form: str = Field(max_length=8)
    #: imported | refused
    state: str = Field(max_length=16)
    fix_count: int = 0
    first_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: what could not be read: [{"line", "expected", "found"}], the first twenty
    problems: list[dict[str, Any]] = Field(sa_type=JSON)
    #: the file as it came, compressed; gone with the positions
    content: bytes | None = Field(default=None, sa_type=LargeBinary)
