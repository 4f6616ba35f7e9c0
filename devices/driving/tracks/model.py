"""A point of a track, and what is wrong with a line of a file."""

from dataclasses import dataclass
from datetime import datetime

from devices.driving.model import Position

#: so many problems are named; a file with more is another kind of file
MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """Where a receiver was. ``speed_kmh`` is absent where the file does not say."""

    line: int
    ts_at: datetime
    position: Position
    speed_kmh: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that cannot be read: what was expected, and what stands there (cut)."""

    line: int
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class ReadTrack:
    """What a file says. With a problem in it, nothing of it is used."""

    points: tuple[TrackPoint, ...]
    problems: tuple[Problem, ...]
