"""What devices tell the rest. Facts only; a device id is random and says nothing."""

from typing import ClassVar, Literal

from kernel.events import Event

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
