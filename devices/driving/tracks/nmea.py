"""NMEA 0183: the RMC sentences of a receiver, which carry date, time, place and speed. Pure.

Other sentences are passed over once their checksum holds; an RMC that is marked void (no fix yet) is no problem, as a
receiver says nothing by it.
"""

import re
from datetime import UTC, datetime
from functools import reduce

from devices.driving.model import Position
from devices.driving.tracks.model import MAX_PROBLEMS, Problem, ReadTrack, TrackPoint

KMH_PER_KNOT = 1.852
_SHOWN = 60
_SENTENCE = re.compile(r"\$([A-Z]{2}[A-Z]{3},[^*]*)\*([0-9A-Fa-f]{2})")
_PLACE = re.compile(r"(\d{1,3})(\d{2}\.\d+)")
_TIME = re.compile(r"\d{6}(\.\d+)?")


def read_nmea(content: bytes) -> ReadTrack:
    """Read an NMEA log; what cannot be read is named by its line."""
    points: list[TrackPoint] = []
    problems: list[Problem] = []
    for number, raw in enumerate(content.splitlines(), start=1):
        line = raw.decode("ascii", errors="replace").strip()
        if not line:
            continue
        try:
            point = _point(number, line)
        except ValueError as error:
            problems.append(Problem(number, str(error), line[:_SHOWN]))
            if len(problems) >= MAX_PROBLEMS:
                break
            continue
        if point is not None:
            points.append(point)
    if not points and not problems:
        problems.append(Problem(1, "RMC sentences with a fix", "none"))
    return ReadTrack(tuple(points), tuple(problems))


def checksum(body: str) -> int:
    """Exclusive or of the characters between ``$`` and ``*``."""
    return reduce(lambda found, letter: found ^ ord(letter), body, 0)


def _point(number: int, line: str) -> TrackPoint | None:
    sentence = _SENTENCE.fullmatch(line)
    if sentence is None:
        raise ValueError("a sentence like $GPRMC,…*5C")
    body, given = sentence.groups()
    if checksum(body) != int(given, 16):
        raise ValueError(f"checksum {checksum(body):02X}")
    name, *fields = body.split(",")
    if not name.endswith("RMC"):
        return None
    if len(fields) < 9:
        raise ValueError("an RMC sentence with at least 9 fields")
    if fields[1] != "A":
        return None
    position = Position(_degrees(fields[2], fields[3], "NS", 90), _degrees(fields[4], fields[5], "EW", 180))
    return TrackPoint(number, _instant(fields[8], fields[0]), position, _kmh(fields[6]))


def _degrees(text: str, side: str, sides: str, limit: int) -> float:
    found = _PLACE.fullmatch(text)
    if found is None or side not in tuple(sides):
        raise ValueError(f"a place like 5540.1234,{sides[0]}")
    degrees = int(found[1]) + float(found[2]) / 60
    if degrees > limit:
        raise ValueError(f"at most {limit} degrees")
    return round(-degrees if side == sides[1] else degrees, 7)


def _instant(day: str, clock: str) -> datetime:
    if not _TIME.fullmatch(clock):
        raise ValueError("a time like 070000.00 and a date like 251126")
    try:
        return datetime.strptime(f"{day} {clock[:6]}", "%d%m%y %H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("a time like 070000.00 and a date like 251126") from None


def _kmh(knots: str) -> float | None:
    try:
        return round(float(knots) * KMH_PER_KNOT, 1) if knots else None
    except ValueError:
        raise ValueError("a speed in knots") from None
