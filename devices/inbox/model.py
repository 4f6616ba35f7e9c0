"""What goes through the inbox: a message in, messages out, and the closed set of reasons to refuse one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from sqlmodel import Session

from kernel.work import Work

#: A device's clock may run ahead of ours by this much before its message is set aside (mqtt.md §7).
FUTURE_TOLERANCE = timedelta(minutes=2)

#: Who spoke a moment ago is not written down anew: in a backlog that would be a row for nearly every message.
SEEN_EVERY = timedelta(seconds=5)


class Reason(StrEnum):
    """Why a message was set aside. The set is closed: it labels counters and the rows of the Drift page."""

    UNKNOWN_DEVICE = "unknown_device"
    BROKEN_PAYLOAD = "broken_payload"
    WRONG_VERSION = "wrong_version"
    FUTURE_TIMESTAMP = "future_timestamp"
    DUPLICATE = "duplicate"
    FOREIGN_TENANT = "foreign_tenant"
    UNKNOWN_TOPIC = "unknown_topic"
    BAD_SIGNATURE = "bad_signature"
    CHAIN_GAP = "chain_gap"
    CHAIN_FORK = "chain_fork"
    NOT_ACCEPTED = "not_accepted"


class Refused(Exception):  # noqa: N818 - an outcome a handler chooses, not a fault
    """A handler's way to set a message aside: why, what was expected, what came.

    ``answers`` go to the device after the commit, once for the same bytes: what is missing is asked for.
    """

    def __init__(self, reason: Reason, expected: str, found: object, answers: "Sequence[Outgoing]" = ()) -> None:
        super().__init__(f"{reason}: expected {expected}, got {found}")
        self.reason = reason
        self.expected = expected
        self.found = str(found)
        self.answers = tuple(answers)


class Incoming(NamedTuple):
    """A message as it arrived. ``received_at`` is world time; nothing of it is believed yet.

    ``retained`` marks what the broker had kept and handed over on subscribing: it may be old.
    ``ferried`` marks what a tablet carried home from beside the device: it says nothing of the device's own link.
    There is one for each message, and a frozen dataclass takes five times as long to make.
    """

    tenant: str
    kind: str
    device_id: str
    name: str
    payload: bytes
    received_at: datetime
    retained: bool = False
    ferried: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to a device (``dn/{name}``), to be sent only after the transaction has committed."""

    kind: str
    device_id: str
    name: str
    payload: bytes


Handler: TypeAlias = Callable[[Work, Incoming], Sequence[Outgoing]]
"""Takes in one message inside the batch's transaction and says what to answer. It may be run again for the
same message and must then do nothing twice; it raises :class:`Refused` (or an error of the protocol) to have
the message set aside. It touches nothing but the database: its work may be rolled back."""


class Known(NamedTuple):
    """What the registry knows of a sender."""

    device_id: str
    kind: str
    tenant: str
    retired: bool = False
    #: world time it was last noted to have spoken
    last_seen_at: datetime | None = None


KnownDevices: TypeAlias = Callable[[Session, Collection[str]], Mapping[str, Known]]
"""Looks up the senders of a whole batch in one query; unknown ids are missing from the answer."""

Seen: TypeAlias = Callable[[Work, Mapping[str, datetime]], None]
"""Notes when devices last spoke for themselves, once per batch, and each at most every :data:`SEEN_EVERY`."""


ReportsOf: TypeAlias = "Callable[[Incoming], Sequence[Report]]"
"""Which reports a message brings, read without the database. Where a kind of message has this, the reports of a whole
batch are stored in one statement before its handlers run, and
:func:`devices.inbox.report_store.store_reports` then answers from
that. It may raise: the handler meets the same and says it properly."""


Fence: TypeAlias = Callable[[Session], None]
"""Asked first in a batch's transaction; raises where this process may not commit any more."""


ReportKey: TypeAlias = tuple[str, int, int]
"""``(device_id, boot, seq)``: what a report is known by, however often it is delivered."""


class Report(NamedTuple):
    """One raw report of a device. ``boot`` and ``seq`` are the device's own counters, 0 to 2^63 - 1."""

    device_id: str
    boot: int
    seq: int
    kind: str
    name: str
    received_at: datetime
    payload: bytes

    @property
    def key(self) -> ReportKey:
        """What the report is known by."""
        return (self.device_id, self.boot, self.seq)


@dataclass(frozen=True, slots=True)
class Setback:
    """One message that was set aside, and the row it is kept in."""

    quarantine_id: int
    reason: Reason
    incoming: Incoming


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch once its transaction has committed.

    ``duplicates`` counts messages that held nothing new; they are answered like the first time, so that a
    device that missed its watermark gets it again.
    """

    outgoing: Sequence[Outgoing] = ()
    quarantined: Sequence[Setback] = ()
    duplicates: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a message that was run through again."""

    quarantine_id: int
    accepted: bool
    reason: Reason | None = None
    outgoing: Sequence[Outgoing] = field(default=())


@dataclass(frozen=True, slots=True)
class ReplayedMany:
    """What became of messages of one reason that were run through again; ``left`` are open still."""

    accepted: int
    refused: int
    left: int
    outgoing: Sequence[Outgoing] = field(default=())


def require_not_future(instant_at: datetime, now: datetime) -> None:
    """Refuse a device time that would freeze "the latest" for everybody.

    Raises
    ------
    Refused
        ``future_timestamp`` if the instant is later than now plus two minutes.
    """
    if instant_at > now + FUTURE_TOLERANCE:
        raise Refused(
            Reason.FUTURE_TIMESTAMP,
            f"no later than {(now + FUTURE_TOLERANCE).isoformat(timespec='seconds')}",
            instant_at.isoformat(timespec="seconds"),
        )
