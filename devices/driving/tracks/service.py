"""Read a track file in for a car: all of it or nothing, and the file is kept with what became of it."""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import or_
from sqlmodel import col, select

from devices.driving import store
from devices.driving.distance import great_circle_m
from devices.driving.errors import DrivingError
from devices.driving.intake import OLDEST_FIX
from devices.driving.logs import follow_trips
from devices.driving.model import Fix
from devices.driving.segmentation import MISSING_FROM_M
from devices.driving.tables import TrackImportRow, VehicleFixRow, VehicleTripRow
from devices.driving.tracks.gpx import read_gpx
from devices.driving.tracks.model import Problem, ReadTrack, TrackPoint
from devices.driving.tracks.nmea import read_nmea
from devices.driving.trips import DayFacts, recompute
from devices.inbox.model import FUTURE_TOLERANCE
from kernel.localtime import clock_text, local_day, number_text
from kernel.work import Work

MAX_BYTES = 20_000_000
MAX_POINTS = 100_000
#: starts of trackers are counted from nought; files that were read in are numbered from here
FIRST_BOOT = 2**62
#: a standing receiver is told to be so far from where it is
WANDERS_M = 30.0
#: so much of a track is worked out at once
_STEP = 2_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. ``problem`` is the first thing wrong with it; nothing was taken in then."""

    import_id: int
    fix_count: int
    problem: Problem | None


def import_track(
    work: Work,
    vehicle_id: str,
    unit_ids: Sequence[str],
    content: bytes,
    odometer_m: int,
    by: str,
    role: str,
    facts_of: DayFacts,
) -> Imported:
    """Read a GPX or NMEA file in as the fixes of a car that had no tracker at the time.

    Parameters
    ----------
    odometer_m
        What the odometer showed at the track's first point; from there on the track's length is counted.

    Returns
    -------
    Imported
        A file that cannot be read is kept as refused; the caller says so after the transaction.

    Raises
    ------
    DrivingError
        ``vehicle_unknown``, ``track_overlaps``, ``track_odometer`` or ``week_locked``; nothing is kept then.
    """
    vehicle = store.vehicle_for_update(work.session, vehicle_id)
    if vehicle is None or vehicle.unit_id not in unit_ids:
        raise DrivingError("vehicle_unknown")
    form = "nmea" if content.lstrip()[:1] == b"$" else "gpx"
    read = _checked(read_nmea(content) if form == "nmea" else read_gpx(content), work.now, vehicle.positions_from_at)
    row = TrackImportRow(
        vehicle_id=vehicle_id,
        unit_id=vehicle.unit_id,
        at=work.now,
        by=by,
        role=role,
        form=form,
        state="refused" if read.problems else "imported",
        problems=[asdict(problem) for problem in read.problems],
        content=zlib.compress(content),
    )
    work.session.add(row)
    work.session.flush()
    number = row.id or 0
    if read.problems:
        return Imported(number, 0, read.problems[0])
    fixes = fixes_of_track(read.points, odometer_m, FIRST_BOOT + number)
    _require_free(work, vehicle_id, fixes)
    row.fix_count, row.first_at, row.last_at = len(fixes), fixes[0].ts_at, fixes[-1].ts_at
    work.session.add(row)
    store.add_fixes(work.session, vehicle_id, fixes)
    for start in range(0, len(fixes), _STEP):
        part = fixes[start : start + _STEP]
        follow_trips(work, recompute(work, vehicle, part[0].ts_at, part[-1].ts_at, facts_of), facts_of)
    return Imported(number, len(fixes), None)


def fixes_of_track(points: Sequence[TrackPoint], odometer_m: int, boot: int) -> list[Fix]:
    """The fixes a tracker would have told.

    The odometer counts the track from a point to the next that is away from it by more than a receiver wanders: a
    parked car's wheels do not turn. Where the file has no speed there is none: then a stop is told by its place.
    """
    counted_m, counted_at = float(odometer_m), points[0].position
    found = []
    for number, point in enumerate(points, start=1):
        way_m = great_circle_m(counted_at, point.position)
        if way_m >= WANDERS_M:
            counted_m, counted_at = counted_m + way_m, point.position
        found.append(Fix(boot, number, point.ts_at, point.position, round(counted_m), True, point.speed_kmh))
    return found


def _checked(read: ReadTrack, now: datetime, kept_from_at: datetime | None) -> ReadTrack:
    """The track with what a reader of lines cannot see: order, age, future, size."""
    if read.problems:
        return read
    points = sorted(read.points, key=lambda point: point.ts_at)
    problems: list[Problem] = []
    oldest_at = max(now - OLDEST_FIX, kept_from_at or now - OLDEST_FIX)
    for point in (points[0], points[-1]):
        if not oldest_at <= point.ts_at <= now + FUTURE_TOLERANCE:
            expected = f"from {oldest_at.isoformat(timespec='minutes')} to {now.isoformat(timespec='minutes')}"
            problems.append(Problem(point.line, expected, point.ts_at.isoformat(timespec="seconds")))
    for before, point in pairwise(points):
        if point.ts_at == before.ts_at:
            problems.append(Problem(point.line, "one point for each time", point.ts_at.isoformat()))
            break
    if len(points) < 2 or len(points) > MAX_POINTS:
        problems.append(Problem(points[-1].line, f"2 to {MAX_POINTS} points", str(len(points))))
    return ReadTrack(tuple(points), tuple(problems))


def _require_free(work: Work, vehicle_id: str, fixes: Sequence[Fix]) -> None:
    """No other word about this time, and an odometer that fits the trips before and after."""
    first, last = fixes[0], fixes[-1]
    told = select(VehicleFixRow.id).where(
        VehicleFixRow.vehicle_id == vehicle_id,
        col(VehicleFixRow.ts_at).between(first.ts_at - timedelta(minutes=1), last.ts_at + timedelta(minutes=1)),
    )
    if work.session.exec(told.limit(1)).first() is not None:
        raise DrivingError("track_overlaps", from_at=clock_text(first.ts_at), to_at=clock_text(last.ts_at))
    days = {local_day(first.ts_at), local_day(last.ts_at)}
    weeks = store.locked_weeks(work.session, _unit_of(work, vehicle_id), days)
    if weeks:
        raise DrivingError("week_locked", week=min(weeks).isoformat())
    trip = select(VehicleTripRow).where(
        VehicleTripRow.vehicle_id == vehicle_id, col(VehicleTripRow.state).in_(("open", "closed"))
    )
    began = col(VehicleTripRow.started_at)
    before = work.session.exec(trip.where(began < first.ts_at).order_by(began.desc()).limit(1)).first()
    after = work.session.exec(trip.where(or_(began > last.ts_at, began == last.ts_at)).order_by(began).limit(1)).first()
    if before is not None and first.odometer_m < before.end_odometer_m - MISSING_FROM_M:
        raise _odometer(before.end_odometer_m, before.ended_at, first.odometer_m)
    if after is not None and last.odometer_m > after.start_odometer_m + MISSING_FROM_M:
        raise _odometer(after.start_odometer_m, after.started_at, last.odometer_m)


def _unit_of(work: Work, vehicle_id: str) -> str:
    vehicle = store.vehicle_for_update(work.session, vehicle_id)
    return "" if vehicle is None else vehicle.unit_id


def _odometer(known_m: int, at: datetime, found_m: int) -> DrivingError:
    when = f"{at:%d.%m.} kl. {clock_text(at)}"
    known_km, found_km = number_text(known_m / 1000), number_text(found_m / 1000)
    return DrivingError("track_odometer", known_km=known_km, when=when, found_km=found_km)
