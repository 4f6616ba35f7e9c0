"""What the log is told of lifts and turning systems in use."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from kernel.events import Event

TransferDevice = Literal["lift", "turning"]

#: how it is known whether one or two carers were there: badges at the device, the tablet beside it, or asked
PresenceEvidence = Literal["badge", "tablet", "asked"]


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
