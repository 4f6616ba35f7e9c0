"""Reads the log for what needs a person: what locks say of themselves, and messages that prove a forged log.

A lock's own word raises an alarm and its own word of the opposite ends it. Logs may come home days late by way of
a tablet, so a jam counts only where the bolt is still not known to be somewhere.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlmodel import Session

from devices.alarms import service, store
from devices.alarms.model import NewAlarm, open_key
from devices.alarms.store import note_locked
from devices.events import AlarmSeverity, DoorOpened, LockReported, MessageQuarantined, OpeningSettled
from devices.inbox.model import Reason
from devices.inbox.quarantine_store import quarantined_row
from devices.keys.model import Bolt
from devices.keys.tables import LockRow, OpeningRow
from devices.registry.model import DeviceState
from devices.registry.store import find_device
from kernel.events import Event, StoredEvent
from kernel.work import Work

#: what a lock says, the alarm it raises, and how bad that is: with a jam nobody gets in, and nobody out by motor
RAISES: Mapping[str, tuple[str, AlarmSeverity]] = {
    "jammed": ("jam", "critical"),
    "tamper": ("tamper", "critical"),
    "door_ajar": ("door_ajar", "warn"),
}
#: what a lock says, and the alarms that are over by it. A bolt cannot be thrown in a door that stands open.
CLEARS: Mapping[str, tuple[str, ...]] = {
    "opened": ("jam",),
    "locked": ("jam", "door_ajar", "not_locked_after_visit"),
    "door_closed": ("door_ajar",),
    "tamper_ended": ("tamper",),
}
_FORGED = {Reason.CHAIN_FORK.value, Reason.BAD_SIGNATURE.value}
_BY_ANSWER = "answer"


class AlarmWatch:
    """A consumer of the log. Given a batch again it raises nothing anew: open alarms are known by their subject."""

    name = "alarms"
    event_types: Collection[str] | None = frozenset(
        {LockReported.event_type, DoorOpened.event_type, OpeningSettled.event_type, MessageQuarantined.event_type}
    )

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:
        """Raise and clear, in the order of the log."""
        open_keys = store.open_keys(work.session)
        read: Mapping[type[Event], Callable[[Work, Any, set[str]], None]] = {
            LockReported: _lock_reported,
            DoorOpened: _door_opened,
            OpeningSettled: _opening_settled,
            MessageQuarantined: _quarantined,
        }
        for stored in events:
            event = stored.event()
            read[type(event)](work, event, open_keys)


def _lock_reported(work: Work, event: LockReported, open_keys: set[str]) -> None:
    if event.kind == "locked":
        note_locked(work.session, event.lock_id, event.at)
    _clear(work, event.lock_id, event.kind, open_keys)
    raised = RAISES.get(event.kind)
    if raised is None or (raised[0] == "jam" and not _is_jammed(work.session, event.lock_id)):
        return
    facts = {"boot": event.boot, "seq": event.seq}
    key = open_key(raised[0], event.lock_id, None, None)
    known = store.open_for_update(work.session, key) if key in open_keys else None
    if known is not None and known.facts.get("told_by") == _BY_ANSWER:
        known.facts = facts  # the same jam, now as the lock's chain tells it
        work.session.add(known)
        return
    _raise(work, raised, event.lock_id, event.door_id, event.unit_id, facts, open_keys)


def _door_opened(work: Work, event: DoorOpened, open_keys: set[str]) -> None:
    _clear(work, event.lock_id, "opened", open_keys)


def _opening_settled(work: Work, event: OpeningSettled, open_keys: set[str]) -> None:
    if event.state != "jammed":
        return
    row = work.session.get(OpeningRow, event.opening_id)
    if row is None or not _is_jammed(work.session, row.lock_id):
        return
    if open_key("jam", row.lock_id, None, None) not in open_keys:
        facts = {"told_by": _BY_ANSWER}
        _raise(work, RAISES["jammed"], row.lock_id, event.door_id, event.unit_id, facts, open_keys)


def _quarantined(work: Work, event: MessageQuarantined, open_keys: set[str]) -> None:
    if event.reason not in _FORGED:
        return
    row = quarantined_row(work.session, event.quarantine_id)
    device = None if row is None else find_device(work.session, row.device_id)
    if device is None or device.state is DeviceState.RETIRED:
        return
    facts = {"reason": event.reason, "quarantine_id": event.quarantine_id}
    _raise(work, ("chain_fork", "critical"), device.device_id, None, device.unit_id, facts, open_keys)


def _raise(
    work: Work,
    what: tuple[str, AlarmSeverity],
    device_id: str,
    door_id: str | None,
    unit_id: str | None,
    facts: Mapping[str, Any],
    open_keys: set[str],
) -> None:
    kind, severity = what
    new = NewAlarm(kind, unit_id, device_id, door_id, severity, facts)
    service.raise_alarm(work, new)
    open_keys.add(new.open_key)


def _clear(work: Work, lock_id: str, said: str, open_keys: set[str]) -> None:
    for kind in CLEARS.get(said, ()):
        key = open_key(kind, lock_id, None, None)
        if key in open_keys:
            service.clear_for(work, kind, lock_id)
            open_keys.discard(key)


def _is_jammed(session: Session, lock_id: str) -> bool:
    row = session.get(LockRow, lock_id)
    return row is not None and row.bolt_state == Bolt.UNKNOWN.value
