"""Raising, taking, acknowledging and clearing alarms.

An alarm is raised once: while one of its kind is open about the same device (or door, or unit), raising it again
counts, keeps the newest facts, and asks for a new acknowledgement only where it became worse.
"""

from dataclasses import dataclass
from typing import cast

from devices.alarms import store
from devices.alarms.errors import AlarmError
from devices.alarms.model import Alarm, NewAlarm, is_worse, open_key
from devices.alarms.tables import AlarmRow
from devices.events import AlarmAcknowledged, AlarmCleared, AlarmRaised, AlarmSeverity
from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.localtime import clock_text
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Actor:
    """Who deals with an alarm: the identity, kept with the alarm alone, and the role, which is what is told."""

    identity_id: str
    role: str


def raise_alarm(work: Work, new: NewAlarm) -> str:
    """Raise an alarm; raising it again while it is open changes nothing but its count, facts and severity.

    Returns
    -------
    str
        The alarm's id; the known one's where it is open already.
    """
    alarm_id = new_id()
    values = {
        "alarm_id": alarm_id,
        "open_key": new.open_key,
        "kind": new.kind,
        "severity": new.severity,
        "unit_id": new.unit_id,
        "device_id": new.device_id,
        "door_id": new.door_id,
        "facts": dict(new.facts),
        "times": 1,
        "raised_at": work.now,
        "last_at": work.now,
    }
    while not store.add_open(work.session, values):
        known = store.open_for_update(work.session, new.open_key)
        if known is not None:
            return _again(work, known, new)
        # It was cleared between the two statements: then this one is a new alarm after all.
    _tell_raised(work, alarm_id, new)
    return alarm_id


def acknowledge(work: Work, alarm_id: str, actor: Actor) -> Alarm:
    """Somebody has seen it; seeing it again changes nothing.

    Raises
    ------
    KernelError
        ``not_found``.
    AlarmError
        ``alarm_cleared``.
    """
    row = _open(work, alarm_id)
    if row.acknowledged_at is None:
        _mark_acknowledged(work, row, actor)
    return _kept(work, row)


def take(work: Work, alarm_id: str, actor: Actor, *, over: bool = False) -> Alarm:
    """Somebody deals with it from now on, which says that it was seen too.

    Parameters
    ----------
    over
        Take it although a colleague has it.

    Raises
    ------
    KernelError
        ``not_found``.
    AlarmError
        ``alarm_cleared``, ``alarm_taken``.
    """
    row = _open(work, alarm_id)
    if row.owner_id == actor.identity_id:
        return _kept(work, row)
    if row.owner_id is not None and not over:
        raise AlarmError("alarm_taken", clock=clock_text(row.owned_at or work.now))
    row.owner_id, row.owner_role, row.owned_at = actor.identity_id, actor.role, work.now
    if row.acknowledged_at is None:
        row.acknowledged_at, row.acknowledged_by_role = work.now, actor.role
    work.record(_acknowledged(work, row, actor.role))
    return _kept(work, row)


def clear(work: Work, alarm_id: str, actor: Actor, note: str) -> Alarm:
    """A person says that it is over and what was done.

    Raises
    ------
    KernelError
        ``not_found``.
    AlarmError
        ``alarm_cleared``, ``alarm_note_missing``.
    """
    row = _open(work, alarm_id)
    if not note.strip():
        raise AlarmError("alarm_note_missing")
    return _clear(work, row, actor.role, note.strip())


def clear_for(
    work: Work, kind: str, device_id: str | None, door_id: str | None = None, unit_id: str | None = None
) -> Alarm | None:
    """What it told of ended by itself: the lock turned, the door was shut, the battery was changed.

    Returns the alarm, or ``None`` where none was open.
    """
    row = store.open_for_update(work.session, open_key(kind, device_id, door_id, unit_id))
    return None if row is None else _clear(work, row, None, None)


def _again(work: Work, row: AlarmRow, new: NewAlarm) -> str:
    row.times, row.last_at, row.facts = row.times + 1, work.now, dict(new.facts)
    if is_worse(new.severity, row.severity):
        row.severity = new.severity
        row.acknowledged_at, row.acknowledged_by_role = None, None
        _tell_raised(work, row.alarm_id, new)
    work.session.add(row)
    work.session.flush()
    return row.alarm_id


def _tell_raised(work: Work, alarm_id: str, new: NewAlarm) -> None:
    work.record(
        AlarmRaised(
            at=work.now,
            unit_id=new.unit_id,
            alarm_id=alarm_id,
            kind=new.kind,
            severity=new.severity,
            device_id=new.device_id,
            door_id=new.door_id,
        )
    )


def _mark_acknowledged(work: Work, row: AlarmRow, actor: Actor) -> None:
    row.acknowledged_at, row.acknowledged_by_role = work.now, actor.role
    work.record(_acknowledged(work, row, actor.role))


def _acknowledged(work: Work, row: AlarmRow, role: str) -> AlarmAcknowledged:
    return AlarmAcknowledged(
        at=work.now,
        unit_id=row.unit_id,
        alarm_id=row.alarm_id,
        kind=row.kind,
        by_role=role,
        owned=row.owner_id is not None,
    )


def _clear(work: Work, row: AlarmRow, role: str | None, note: str | None) -> Alarm:
    row.cleared_at, row.cleared_by_role, row.note, row.open_key = work.now, role, note, None
    work.record(
        AlarmCleared(
            at=work.now,
            unit_id=row.unit_id,
            alarm_id=row.alarm_id,
            kind=row.kind,
            severity=cast(AlarmSeverity, row.severity),
            by_role=role,
            open_s=round((work.now - row.raised_at).total_seconds()),
        )
    )
    return _kept(work, row)


def _open(work: Work, alarm_id: str) -> AlarmRow:
    row = store.for_update(work.session, alarm_id)
    if row is None:
        raise KernelError("not_found", what="Alarmen")
    if row.cleared_at is not None:
        raise AlarmError("alarm_cleared", clock=clock_text(row.cleared_at))
    return row


def _kept(work: Work, row: AlarmRow) -> Alarm:
    work.session.add(row)
    work.session.flush()
    return store.seen(row)
