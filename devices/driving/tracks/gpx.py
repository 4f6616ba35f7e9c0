"""GPX 1.0 and 1.1 (topografix.com/GPX): the points of all tracks, in the order of the file. Pure.

Read with the parser of the standard library, as a stream. A document type is refused before anything of it is
looked at: without one there are no entities, so nothing can be made to grow or to fetch something.
"""

import math
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat

from devices.driving.model import Position
from devices.driving.tracks.model import MAX_PROBLEMS, Problem, ReadTrack, TrackPoint

_SHOWN = 60


class _RefusedError(Exception):
    """Ends the reading of a file that must not be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.expected)
        self.problem = problem


def read_gpx(content: bytes) -> ReadTrack:
    """Read a GPX file; what cannot be read is named by its line."""
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except _RefusedError as refused:
        return ReadTrack((), (refused.problem,))
    except expat.ExpatError as error:
        reader.note(error.lineno, "XML", expat.ErrorString(error.code) or "not XML")
    if not reader.points and not reader.problems:
        reader.note(1, "track points (trkpt)", "none")
    return ReadTrack(tuple(reader.points), tuple(reader.problems[:MAX_PROBLEMS]))


class _Reader:
    def __init__(self) -> None:
        self.points: list[TrackPoint] = []
        self.problems: list[Problem] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._line = 0
        self._point: dict[str, str] | None = None
        self._within: str | None = None

    def note(self, line: int, expected: str, found: object) -> None:
        self.problems.append(Problem(line, expected, str(found)[:_SHOWN]))

    def _doctype(self, *_: Any) -> None:
        raise _RefusedError(Problem(self.parser.CurrentLineNumber, "GPX without a document type", "<!DOCTYPE"))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local == "trkpt":
            self._line = self.parser.CurrentLineNumber
            self._point = {key: attributes[key] for key in ("lat", "lon") if key in attributes}
        elif self._point is not None and local in ("time", "speed"):
            self._within = local
            self._point[local] = ""

    def _text(self, text: str) -> None:
        if self._point is not None and self._within is not None:
            self._point[self._within] += text

    def _end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if local == self._within:
            self._within = None
        if local == "trkpt" and self._point is not None:
            point, self._point = self._point, None
            self._take(point)

    def _take(self, point: dict[str, str]) -> None:
        lat, lon = _number(point.get("lat"), 90), _number(point.get("lon"), 180)
        ts_at = _instant(point.get("time", ""))
        if lat is None or lon is None:
            found = f"lat={point.get('lat')} lon={point.get('lon')}"
            self.note(self._line, "lat from -90 to 90 and lon from -180 to 180", found)
        elif ts_at is None:
            self.note(self._line, "a time with its zone, 2026-11-25T07:00:00Z", point.get("time", "none"))
        else:
            # metres per second (GPX 1.0)
            speed = _number(point.get("speed"), 111) if "speed" in point else None
            kmh = None if speed is None or speed < 0 else round(speed * 3.6, 1)
            self.points.append(TrackPoint(self._line, ts_at, Position(lat, lon), kmh))


def _number(text: str | None, limit: float) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= limit else None


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return None if at.tzinfo is None else at.astimezone(UTC)
