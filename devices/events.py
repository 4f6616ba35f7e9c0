"""What devices tell the rest. Facts only; a device id is random and says nothing."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from kernel.events import Event

TripPurpose = Literal["business", "private", "unknown"]
TransferDevice = Literal["lift", "turning"]
#: how it is known whether one or two carers were there: badges at the device, the tablet beside it, or asked
PresenceEvidence = Literal["badge", "tablet", "asked"]
OpeningState = Literal["requested", "challenged", "sent", "unlocked", "refused", "jammed", "expired", "unknown"]


class OpeningRequested(Event):
    """A carer asked to open a door: the intent, committed before the lock hears of it."""

    event_type: ClassVar[str] = "opening.requested"

    opening_id: str
    door_id: str
    lock_id: str
    visit_id: str
    shift_id: str
    carer_id: str
    unit_id: str


class OpeningSettled(Event):
    """How an opening stands. ``unlocked``, ``jammed`` and a lock's refusal are its own signed word."""

    event_type: ClassVar[str] = "opening.settled"

    opening_id: str
    door_id: str
    visit_id: str
    shift_id: str
    carer_id: str
    unit_id: str
    state: OpeningState
    #: why it was refused; one of the codes of the interface
    code: str | None = None
    #: the answer came after the page had given up waiting
    late: bool = False
    #: from the tap to this state, in milliseconds of world time
    elapsed_ms: int = 0


class DoorOpened(Event):
    """A lock says, signed and in its chain, that it opened for a grant."""

    event_type: ClassVar[str] = "door.opened"

    lock_id: str
    door_id: str | None
    boot: int
    seq: int
    opening_id: str | None = None
    visit_id: str | None = None
    shift_id: str | None = None


class LockReported(Event):
    """Any other chained event of a lock: locked, refused, jammed, battery low, gap."""

    event_type: ClassVar[str] = "lock.reported"

    lock_id: str
    door_id: str | None
    boot: int
    seq: int
    kind: str
    battery_mv: int | None = None


class DeviceSeen(Event):
    """A device came online or went away."""

    event_type: ClassVar[str] = "device.seen"

    device_id: str
    kind: str
    online: bool
    boot: int


class DeviceEnrolled(Event):
    """A device was mounted and its keys exchanged."""

    event_type: ClassVar[str] = "device.enrolled"

    device_id: str
    kind: str
    door_id: str | None = None


class DeviceRetired(Event):
    """A device was taken out of use for good. Nothing it says counts from this event on."""

    event_type: ClassVar[str] = "device.retired"

    device_id: str
    kind: str
    #: replaced | broken | taken_down | stolen | other
    reason: str


class DoorRightChanged(Event):
    """The right to a door followed the route: issued to a carer for a visit, or withdrawn."""

    event_type: ClassVar[str] = "door.right"

    door_id: str
    visit_id: str
    carer_id: str
    unit_id: str
    issued: bool
    route_version: int


class MessageQuarantined(Event):
    """A device message that could not be accepted was kept, with the reason."""

    event_type: ClassVar[str] = "message.quarantined"

    quarantine_id: int
    reason: str
    kind: str


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


class TransferRecorded(Event):
    """A lift or a turning system reports a cycle: somebody was moved.

    ``citizen_id`` is the resident or citizen the device belongs to. ``carers`` is absent while nobody knows
    whether one or two were there. ``second_carer_s`` is how long a second carer was present, 0 with one.
    """

    event_type: ClassVar[str] = "transfer.recorded"

    transfer_id: str
    device_id: str
    device_kind: TransferDevice
    unit_id: str
    citizen_id: str | None
    #: a residence counts against a business case; home-care lifts are shown as use, without a target
    in_residence: bool
    day: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    duration_s: int
    setup_s: int
    carers: Literal[1, 2] | None
    second_carer_s: int | None
    evidence: PresenceEvidence | None


class TransferAsked(Event):
    """A carer who was on duty is asked whether they were one or two, or need no longer be asked.

    It tells her tablet and nobody else; what a transfer counts for is in the two events around it.
    """

    event_type: ClassVar[str] = "transfer.asked"

    transfer_id: str
    device_id: str
    #: ``False`` takes the question back: somebody has answered, or a tablet has told
    open: bool = True


class TransferAnswered(Event):
    """Somebody who was there said whether they were one or two; asked once where no evidence told."""

    event_type: ClassVar[str] = "transfer.answered"

    transfer_id: str
    device_id: str
    device_kind: TransferDevice
    unit_id: str
    citizen_id: str | None
    day: str
    carers: Literal[1, 2]
    second_carer_s: int
    evidence: PresenceEvidence = "asked"
