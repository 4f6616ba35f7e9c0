"""What a weekly pattern says, and the visits it wants on a day. Pure: no session, no clock."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from kernel.localtime import at_local
from scheduling.model import VisitMode

EVERY_DAY = "1234567"
"""ISO weekdays of a pattern for every day: 1 is Monday."""
MAX_WEEKS = 12


@dataclass(frozen=True, slots=True)
class Pattern:
    """A visit that comes back every week, or every few weeks.

    ``series_id`` stays the same when a pattern changes from a date on; the window is Danish wall-clock time and bounds
    the start, a close before the open lies on the next day. ``anchor_on`` says which weeks are meant where
    ``every_weeks`` is more than 1. ``valid_to_on`` is its last day.
    """

    series_id: str
    citizen_id: str
    unit_id: str
    service: str
    weekdays: str
    window_open: time
    window_close: time
    duration_min: int
    valid_from_on: date
    anchor_on: date
    valid_to_on: date | None = None
    every_weeks: int = 1
    carers: int = 1
    mode: VisitMode = VisitMode.PHYSICAL
    required_skills: tuple[str, ...] = ()
    priority: int = 3

    def occurs_on(self, day: date) -> bool:
        """Whether the pattern wants visits on a day."""
        if day < self.valid_from_on or (self.valid_to_on is not None and day > self.valid_to_on):
            return False
        weeks = (_monday(day) - _monday(self.anchor_on)).days // 7
        return str(day.isoweekday()) in self.weekdays and weeks % self.every_weeks == 0


@dataclass(frozen=True, slots=True)
class WantedVisit:
    """One carer's visit that should be on a day, whoever wants it."""

    visit_id: str
    source_ref: str
    citizen_id: str
    unit_id: str
    service: str
    window_open_at: datetime
    window_close_at: datetime
    duration_s: float
    mode: VisitMode = VisitMode.PHYSICAL
    required_skills: tuple[str, ...] = ()
    required_competences: tuple[str, ...] = ()
    priority: int = 3
    pair_id: str | None = None
    pair_rank: int | None = None
    pinned_carer_id: str | None = None

    @property
    def mark(self) -> str:
        """SHA-256 of what is wanted: another mark is another wish."""
        return hashlib.sha256(json.dumps(asdict(self), default=str, sort_keys=True).encode()).hexdigest()

    def columns(self) -> dict[str, Any]:
        """Its columns of a visit's row, all but id, day, door and state."""
        return {
            "citizen_id": self.citizen_id,
            "unit_id": self.unit_id,
            "service": self.service,
            "window_open_at": self.window_open_at,
            "window_close_at": self.window_close_at,
            "duration_s": self.duration_s,
            "mode": self.mode.value,
            "required_skills": sorted(self.required_skills),
            "required_competences": sorted(self.required_competences),
            "priority": self.priority,
            "pair_id": self.pair_id,
            "pair_rank": self.pair_rank,
            "pair_min_gap_s": None if self.pair_id is None else 0.0,
            "pair_max_gap_s": None if self.pair_id is None else 0.0,
            "pinned_carer_id": self.pinned_carer_id,
        }


def wanted_on(pattern: Pattern, day: date) -> list[WantedVisit]:
    """The visits of a pattern on a day: none, one, or two that begin together where it takes two carers."""
    if not pattern.occurs_on(day):
        return []
    opens_at = at_local(day, pattern.window_open)
    close_on = day if pattern.window_close >= pattern.window_open else day + timedelta(days=1)
    ids = [visit_id(pattern.series_id, day, rank) for rank in range(pattern.carers)]
    together = pattern.carers > 1
    return [
        WantedVisit(
            visit_id=one,
            source_ref=pattern.series_id,
            citizen_id=pattern.citizen_id,
            unit_id=pattern.unit_id,
            service=pattern.service,
            window_open_at=opens_at,
            # In the hour that is missing in spring the clock of a close can be before that of its open.
            window_close_at=max(opens_at, at_local(close_on, pattern.window_close)),
            duration_s=pattern.duration_min * 60.0,
            mode=pattern.mode,
            required_skills=pattern.required_skills,
            priority=pattern.priority,
            pair_id=ids[0] if together else None,
            pair_rank=rank if together else None,
        )
        for rank, one in enumerate(ids)
    ]


def visit_id(source_ref: str, day: date, rank: int = 0) -> str:
    """The id of a wanted visit, the same whenever it is asked for: that is what makes generating idempotent."""
    return hashlib.sha256(f"{source_ref}\n{day.isoformat()}\n{rank}".encode()).hexdigest()[:32]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
