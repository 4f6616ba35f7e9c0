"""What the log is told of devices themselves: enrolled, seen, set aside, alarming, inspected."""

from typing import ClassVar, Literal

from kernel.events import Event

TransferDevice = Literal["lift", "turning"]

AlarmSeverity = Literal["info", "warn", "critical"]


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


class MessageQuarantined(Event):
    """A device message that could not be accepted was kept, with the reason."""

    event_type: ClassVar[str] = "message.quarantined"

    quarantine_id: int
    reason: str
    kind: str


class MessageLookedAt(Event):
    """Somebody read what a message said that had been set aside; it may tell of people's places and times."""

    event_type: ClassVar[str] = "message.looked_at"

    quarantine_id: int
    kind: str
    by_role: str


class MessageCorrected(Event):
    """Somebody wrote a correction beside a message that had been set aside; what arrived is kept."""

    event_type: ClassVar[str] = "message.corrected"

    quarantine_id: int
    reason: str
    kind: str
    by_role: str


class AlarmRaised(Event):
    """Something needs a person; told again for the same alarm where it became worse."""

    event_type: ClassVar[str] = "alarm.raised"

    alarm_id: str
    #: one of ``devices.alarms.model.KINDS``
    kind: str
    severity: AlarmSeverity
    device_id: str | None = None
    door_id: str | None = None


class AlarmAcknowledged(Event):
    """Somebody has seen an alarm; ``owned``: and deals with it."""

    event_type: ClassVar[str] = "alarm.acknowledged"

    alarm_id: str
    kind: str
    by_role: str
    owned: bool = False


class AlarmCleared(Event):
    """An alarm is over: a person said so, or what it told of ended (``by_role`` absent)."""

    event_type: ClassVar[str] = "alarm.cleared"

    alarm_id: str
    kind: str
    severity: AlarmSeverity
    by_role: str | None = None
    #: from being raised to being cleared, in seconds of world time
    open_s: int


class WorkOrderIssued(Event):
    """Work on a device was ordered, by a person or, without a role, by the system itself."""

    event_type: ClassVar[str] = "order.issued"

    order_id: str
    #: mount | replace | battery | inspect
    task: str
    device_kind: str
    device_id: str | None = None
    by_role: str | None = None


class WorkOrderSettled(Event):
    """The work was done, or not to be done any more. ``device_id`` is the new device where one was enrolled."""

    event_type: ClassVar[str] = "order.settled"

    order_id: str
    task: str
    device_id: str | None = None
    done: bool = True
    by_role: str | None = None


class DeviceInspected(Event):
    """A main inspection of a lift or turning system was entered."""

    event_type: ClassVar[str] = "device.inspected"

    device_id: str
    kind: TransferDevice
    on: str
    passed: bool
    due_on: str
