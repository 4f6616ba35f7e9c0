"""What the log is told of driving: trips, logs, corrections, mileage."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from kernel.events import Event

TripPurpose = Literal["business", "private", "unknown"]


class TripRecorded(Event):
    """A vehicle drove from stop to stop. A later revision of the same trip replaces the one before.

    ``carer_id`` is who drove at the time of the trip, by the assignment of the vehicle; private driving tells
    its kilometres and neither place nor visit.
    """

    event_type: ClassVar[str] = "vehicle.trip"

    trip_id: str
    vehicle_id: str
    revision: int
    started_at: AwareDatetime
    ended_at: AwareDatetime
    start_odometer_m: int
    end_odometer_m: int
    distance_m: int
    purpose: TripPurpose
    visit_id: str | None = None


class DrivingLogClosed(Event):
    """A carer's driving log of a day was closed at the end of the shift."""

    event_type: ClassVar[str] = "driving_log.closed"

    log_id: str
    carer_id: str
    unit_id: str
    day: str
    transport: str
    leg_count: int
    planned_m: int
    #: metres driven by the trackers' word; absent for bicycles, which have planned distance only
    driven_m: int | None = None


class DrivingLogApproved(Event):
    """A week of driving logs of a unit was approved by a person."""

    event_type: ClassVar[str] = "driving_log.approved"

    unit_id: str
    #: ISO week, for example 2026-W48
    week: str
    log_count: int
    approved_by_role: str


class DrivingLogCorrected(Event):
    """A person said what a trip was, or explained kilometres nobody recorded. What was said stays with the book."""

    event_type: ClassVar[str] = "driving_log.corrected"

    trip_id: str
    unit_id: str
    #: explain | amend
    kind: str
    by_role: str


class DrivingLogUnlocked(Event):
    """An approved week was opened again, with a reason that stands in the book."""

    event_type: ClassVar[str] = "driving_log.unlocked"

    unit_id: str
    week: str
    log_count: int
    unlocked_by_role: str


class MileageClaimed(Event):
    """A carer claims kilometres in her own car or on her own cycle."""

    event_type: ClassVar[str] = "mileage.claimed"

    claim_id: str
    carer_id: str
    unit_id: str
    day: str
    vehicle: str
    distance_m: int


class MileageSettled(Event):
    """An employer approved or rejected such a claim."""

    event_type: ClassVar[str] = "mileage.settled"

    claim_id: str
    carer_id: str
    unit_id: str
    state: str
    amount_dkk_ore: int | None = None
    settled_by_role: str
