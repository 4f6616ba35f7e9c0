"""An alarm before it is raised and as its reader sees it. Frozen, no session, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devices.events import AlarmSeverity

#: Every kind of alarm. Its sentence stands in ``gateway/views/alarms.py``: a kind without one cannot be shown.
KINDS = (
    "jam",
    "tamper",
    "door_ajar",
    "not_locked_after_visit",
    "battery_low",
    "chain_fork",
    "counter_fork",
    "ingest_stale",
    "acl_stale",
    "vendor_silent",
    "idle_lock_opened",
    "emergency_opening",
    "inspection_due",
    "device_fault",
)
SEVERITIES: tuple[AlarmSeverity, ...] = ("info", "warn", "critical")


@dataclass(frozen=True, slots=True)
class NewAlarm:
    """Something a person has to deal with.

    ``facts`` are plain values for its sentence and for whoever looks into it: numbers, codes, ids; no names and
    no addresses. An alarm is about its device, else its door, else its unit, else the whole installation.
    """

    kind: str
    unit_id: str | None
    device_id: str | None = None
    door_id: str | None = None
    severity: AlarmSeverity = "warn"
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Expected one of {', '.join(KINDS)}, got {self.kind!r}.")
        if self.severity not in SEVERITIES:
            raise ValueError(f"Expected one of {', '.join(SEVERITIES)}, got {self.severity!r}.")

    @property
    def open_key(self) -> str:
        """What there is at most one open alarm of."""
        return open_key(self.kind, self.device_id, self.door_id, self.unit_id)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as its reader sees it. ``number`` rises with time and is the cursor of a list."""

    number: int
    alarm_id: str
    kind: str
    severity: AlarmSeverity
    unit_id: str | None
    device_id: str | None
    door_id: str | None
    facts: Mapping[str, Any]
    times: int
    raised_at: datetime
    last_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by_role: str | None
    owner_id: str | None
    owner_role: str | None
    cleared_at: datetime | None
    cleared_by_role: str | None
    note: str | None

    @property
    def is_open(self) -> bool:
        """Whether what it tells of still holds, as far as anybody said."""
        return self.cleared_at is None


@dataclass(frozen=True, slots=True)
class AlarmPage:
    """Alarms, the newest first, and the cursor of the next page (``None`` on the last)."""

    alarms: tuple[Alarm, ...]
    next_cursor: int | None


def open_key(kind: str, device_id: str | None, door_id: str | None, unit_id: str | None) -> str:
    """Kind and subject: the device, else the door, else the unit, else nothing but the installation."""
    subject = device_id or door_id or unit_id or "all"
    return f"{kind}/{subject}"


def is_worse(severity: str, known: str) -> bool:
    """Whether a severity is above a known one."""
    order: Mapping[str, int] = {name: place for place, name in enumerate(SEVERITIES)}
    return order[severity] > order[known]
