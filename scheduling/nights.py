"""Nights: a shift belongs to the Danish date it begins on, and so do the visits it makes after midnight. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kernel.localtime import local_day

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duty:
    """When somebody of a unit is on duty, and the date that shift belongs to. Instants are aware UTC."""

    day: date
    starts_at: datetime
    ends_at: datetime

    @property
    def passes_midnight(self) -> bool:
        """Whether it goes on after the date it belongs to."""
        return local_day(self.ends_at - timedelta(seconds=1)) > self.day

    def has_room(self, open_at: datetime, close_at: datetime, duration_s: float) -> bool:
        """Whether a visit that starts inside its window lies inside this shift, as ``rules.shift_hours`` asks."""
        starts_at = max(open_at, self.starts_at)
        return starts_at <= close_at and starts_at + timedelta(seconds=duration_s) <= self.ends_at


def visit_day(open_at: datetime, close_at: datetime, duration_s: float, duties: Iterable[Duty]) -> date:
    """The date whose routes a visit belongs to.

    It is the date its window opens on, unless only a night shift that began the evening before can make it.

    Parameters
    ----------
    open_at, close_at
        The window of its start, aware UTC.
    duties
        The shifts of its unit, at least those of its own date and of the day before.
    """
    own = local_day(open_at)
    able = {d.day for d in duties if d.day in (own, own - _DAY) and d.has_room(open_at, close_at, duration_s)}
    return own - _DAY if own not in able and own - _DAY in able else own
