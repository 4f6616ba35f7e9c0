"""What is known of a transfer: the device, the cycle, the people at it. Frozen, no session, no clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Literal

from devices.events import PresenceEvidence, TransferDevice

KINDS: tuple[TransferDevice, ...] = ("lift", "turning")
Carers = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class MountedDevice:
    """A lift or turning system and whose it is. ``citizen_id`` is absent for one that several share."""

    device_id: str
    kind: TransferDevice
    unit_id: str
    citizen_id: str | None
    in_residence: bool
    model: str
    mounted_on: date


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody was at a device from one instant to another.

    ``carer_id`` is absent where a badge belongs to nobody we know: somebody was there, but not who.
    """

    carer_id: str | None
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """A cycle and the set-up before it: the time in which a second carer is needed or not."""

    begun_at: datetime
    ended_at: datetime

    @property
    def duration_s(self) -> int:
        """Seconds from the beginning of the set-up to the end of the cycle."""
        return round((self.ended_at - self.begun_at).total_seconds())

    def setup_s(self, started_at: datetime) -> int:
        """Seconds of set-up before its cycle started."""
        return round((started_at - self.begun_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Presence:
    """How many were there, how long the second one was, and how that is known."""

    carers: Carers
    second_carer_s: int
    evidence: PresenceEvidence


@dataclass(frozen=True, slots=True)
class OpenTransfer:
    """A transfer nobody could tell about: whom to ask is for others to say."""

    transfer_id: str
    device_id: str
    unit_id: str
    citizen_id: str | None
    in_residence: bool
    situation: Situation


def situation_of(started_at: datetime, ended_at: datetime, setup_s: int) -> Situation:
    """The situation of a cycle: its set-up comes right before it."""
    return Situation(started_at - timedelta(seconds=setup_s), ended_at)


def transfer_id_of(device_id: str, boot: int, seq: int) -> str:
    """The id of a cycle: always the same for the same cycle, and saying nothing of it."""
    return sha256(f"{device_id}/{boot}/{seq}".encode()).hexdigest()[:32]
