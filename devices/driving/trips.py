"""Trips as they are kept: worked out anew around every fix that comes, so that late data lands where it belongs.

The driver and the purpose are those of the time of the trip, whenever its fixes arrive.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import insert
from sqlmodel import Session

from devices.driving import store
from devices.driving.model import CarerDay, Fix, Mode, Purpose, Trip, TripState
from devices.driving.purposes import purpose_of
from devices.driving.rows import trip_of, trip_values
from devices.driving.segmentation import GAP, segment, with_missing
from devices.driving.tables import VehicleAssignmentRow, VehicleRow, VehicleTripRow
from devices.events import TripRecorded
from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work

CarerOnDay: TypeAlias = tuple[str, date]

DayFacts: TypeAlias = Callable[[Session, date, Collection[str]], Mapping[str, CarerDay]]
"""Reads the days of carers out of scheduling, in the session it is given; carers without a shift are missing."""

_Wanted: TypeAlias = tuple[Trip, dict[str, Any]]
"""A trip as it should be, and the values of its row."""

_LONGEST_NIGHT = timedelta(hours=12)
"""So long after the midnight it passed a shift may still go on, hours beyond its plan included."""


def recompute(
    work: Work, vehicle: VehicleRow, from_at: datetime, to_at: datetime, facts_of: DayFacts
) -> set[CarerOnDay]:
    """Work the trips of a vehicle out anew around fixes of this stretch of time.

    Returns
    -------
    set
        Carers and days whose trips changed: their driving logs have to follow.
    """
    session = work.session
    around = store.trips_around(session, vehicle.device_id, from_at, to_at, vehicle.positions_from_at)
    fixes = store.fixes_between(session, vehicle.device_id, around.from_at, around.to_at)
    driven = segment(fixes, _heard_until(fixes, around.to_at))
    store.mark_set_aside(session, vehicle.device_id, fixes, driven.set_aside)
    trips = with_missing(driven.trips, None if around.before is None else trip_of(around.before))
    wanted = _with_driver_and_purpose(work, vehicle, trips, facts_of)
    return _write(work, *_unlocked(work, vehicle, around.rows, wanted))


def _heard_until(fixes: Sequence[Fix], later_trips_from: datetime | None) -> datetime:
    """The moment the fixes speak for. A tracker that was away sends its hours in pieces: the end of a piece is no
    silence, so the last trip stays open until the next piece, or until its carer's log is closed."""
    if later_trips_from is not None:
        return later_trips_from + 2 * GAP
    return max((fix.ts_at for fix in fixes), default=datetime.min.replace(tzinfo=UTC))


def settle(work: Work, rows: Iterable[VehicleTripRow], facts: Mapping[str, CarerDay]) -> None:
    """Give trips the purpose that the day, now over, says they had; close those that have fallen silent."""
    for row in rows:
        if row.state not in (TripState.OPEN.value, TripState.CLOSED.value):
            continue
        silent = row.state == TripState.OPEN.value and work.now - row.ended_at > GAP
        purpose, visit_id = Purpose(row.purpose), row.visit_id
        if row.end_lat_deg is not None or row.mode == Mode.PRIVATE.value:
            # Where the place has been deleted, what was said of it while it was known stands.
            purpose, visit_id = purpose_of(trip_of(row), facts.get(row.carer_id or ""))
        same = (row.purpose, row.visit_id) == (purpose.value, visit_id)
        if same and not silent:
            continue
        if row.state == TripState.CLOSED.value:
            row.revision += 1
        row.purpose, row.visit_id = purpose.value, visit_id
        if silent:
            row.state = TripState.CLOSED.value
        work.session.add(row)
        if row.state == TripState.CLOSED.value:
            work.record(_told(row))


def _with_driver_and_purpose(
    work: Work, vehicle: VehicleRow, trips: Sequence[Trip], facts_of: DayFacts
) -> list[tuple[Trip, dict[str, Any]]]:
    if not trips:
        return []
    had = store.assignments(
        work.session, [vehicle.device_id], trips[0].started_at, max(trip.ended_at for trip in trips)
    )
    drivers = [_driver(had, trip) for trip in trips]
    lived = _Lived(work.session, facts_of, [(d, _told_at(t)) for t, d in zip(trips, drivers, strict=True) if d])
    found = []
    for trip, carer_id in zip(trips, drivers, strict=True):
        day, facts = lived.at(carer_id, _told_at(trip))
        purpose, visit_id = purpose_of(trip, facts)
        values = trip_values(trip) | {
            "vehicle_id": vehicle.device_id,
            "unit_id": vehicle.unit_id,
            "carer_id": carer_id,
            "day": day,
            "purpose": purpose.value,
            "visit_id": visit_id,
        }
        found.append((trip, values))
    return found


class _Lived:
    """The days of carers at some instants: a night shift belongs to the day it begins on, its trips with it."""

    def __init__(self, session: Session, facts_of: DayFacts, wanted: Sequence[tuple[str, datetime]]) -> None:
        self._facts: dict[CarerOnDay, CarerDay] = {}
        self._read(session, facts_of, {(carer_id, local_day(at)) for carer_id, at in wanted})
        # Who is not on a shift of the date may be in the one that began the evening before.
        off = [(c, at) for c, at in wanted if local_day(at - _LONGEST_NIGHT) < local_day(at) and not self._on(c, at)]
        self._read(session, facts_of, {(carer_id, local_day(at) - timedelta(days=1)) for carer_id, at in off})

    def at(self, carer_id: str | None, instant_at: datetime) -> tuple[date, CarerDay | None]:
        """The day a trip of a carer at an instant is told of, and her facts of it."""
        own = local_day(instant_at)
        if carer_id is None:
            return own, None
        before = self._facts.get((carer_id, own - timedelta(days=1)))
        if before is not None and before.holds(instant_at) and not self._on(carer_id, instant_at):
            return before.day, before
        return own, self._facts.get((carer_id, own))

    def _on(self, carer_id: str, instant_at: datetime) -> bool:
        facts = self._facts.get((carer_id, local_day(instant_at)))
        return facts is not None and facts.holds(instant_at)

    def _read(self, session: Session, facts_of: DayFacts, wanted: Collection[CarerOnDay]) -> None:
        for day in sorted({day for _, day in wanted}):
            carers = {carer_id for carer_id, on in wanted if on == day}
            self._facts |= {(carer_id, day): of for carer_id, of in facts_of(session, day, carers).items()}


def _told_at(trip: Trip) -> datetime:
    """When a trip counts: it began then, or the missing kilometres were found then."""
    return trip.ended_at if trip.state is TripState.MISSING else trip.started_at


def _driver(had: Sequence[VehicleAssignmentRow], trip: Trip) -> str | None:
    """Who had the vehicle when a trip began: the latest who took it and had not given it back.

    Kilometres nobody recorded are somebody's only if the car was hers all the while.
    """
    until_at = trip.ended_at if trip.state is TripState.MISSING else None
    for row in reversed(had):
        if row.from_at <= trip.started_at and (row.to_at is None or trip.started_at < row.to_at):
            whole = until_at is None or row.to_at is None or until_at <= row.to_at
            alone = until_at is None or not any(row.from_at < other.from_at < until_at for other in had)
            return row.carer_id if whole and alone else None
    return None


def _unlocked(
    work: Work, vehicle: VehicleRow, stored: Sequence[VehicleTripRow], wanted: Sequence[_Wanted]
) -> tuple[Sequence[VehicleTripRow], Sequence[_Wanted]]:
    """What of the stored and the wanted trips may be written: nothing of a week that is approved.

    Where late fixes say otherwise there, the logs of who drove say so; it comes in when the week is unlocked.
    """
    days = {row.day for row in stored} | {values["day"] for _, values in wanted}
    weeks = store.locked_weeks(work.session, vehicle.unit_id, days)
    if not weeks:
        return stored, wanted
    stands = [row for row in stored if _monday(row.day) in weeks]
    late = [values for _, values in wanted if _monday(values["day"]) in weeks]
    if sorted(map(_gist_of_row, stands)) != sorted(map(_gist, late)):
        drivers = {(row.carer_id, row.day) for row in stands} | {(v["carer_id"], v["day"]) for v in late}
        store.mark_late(work.session, {(carer_id, day) for carer_id, day in drivers if carer_id is not None})
    free = [row for row in stored if _monday(row.day) not in weeks]
    return free, [(trip, values) for trip, values in wanted if _monday(values["day"]) not in weeks]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _gist(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(values[name]) for name in ("started_at", "ended_at", "start_odometer_m", "end_odometer_m"))


def _gist_of_row(row: VehicleTripRow) -> tuple[str, ...]:
    return _gist(row.model_dump())


def _write(
    work: Work, stored: Sequence[VehicleTripRow], wanted: Sequence[tuple[Trip, dict[str, Any]]]
) -> set[CarerOnDay]:
    touched: set[CarerOnDay] = set()
    kept, new = _matched(stored, wanted)
    for row, values in kept:
        if _update(work, row, values, touched):
            work.record(_told(row))
    left = {row.id for row, _ in kept}
    for row in stored:
        if row.id not in left:
            _withdraw(work, row, touched)
    rows = [{"id": new_id(), "revision": 1, "corrected": False, **values} for values in new]
    work.session.flush()
    if rows:
        work.session.execute(insert(VehicleTripRow), rows)
    for values in rows:
        _touch(touched, values["carer_id"], values["day"])
        if values["state"] == TripState.CLOSED.value:
            work.record(_told(VehicleTripRow(**values)))
    return touched


def _matched(
    stored: Sequence[VehicleTripRow], wanted: Sequence[tuple[Trip, dict[str, Any]]]
) -> tuple[list[tuple[VehicleTripRow, dict[str, Any]]], list[dict[str, Any]]]:
    """Which stored trip each wanted one is: the one that began with it, else the one it overlaps most."""
    free = {row.id: row for row in stored}
    kept: list[tuple[VehicleTripRow, dict[str, Any]]] = []
    rest = []
    for trip, values in wanted:
        same = next((r for r in free.values() if _alike(r, trip) and r.started_at == trip.started_at), None)
        if same is None:
            rest.append((trip, values))
        else:
            kept.append((free.pop(same.id), values))
    new = []
    for trip, values in rest:
        near = [r for r in free.values() if _alike(r, trip) and _overlap_s(r, trip) > 0]
        if near:
            best = max(near, key=lambda r: (_overlap_s(r, trip), r.id))
            kept.append((free.pop(best.id), values))
        else:
            new.append(values)
    return kept, new


def _alike(row: VehicleTripRow, trip: Trip) -> bool:
    return (row.state == TripState.MISSING.value) == (trip.state is TripState.MISSING)


def _overlap_s(row: VehicleTripRow, trip: Trip) -> float:
    return (min(row.ended_at, trip.ended_at) - max(row.started_at, trip.started_at)).total_seconds()


def _update(work: Work, row: VehicleTripRow, values: Mapping[str, Any], touched: set[CarerOnDay]) -> bool:
    """Bring a row up to date. Returns whether the log has to be told."""
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        return False
    was_closed = row.state == TripState.CLOSED.value
    _touch(touched, row.carer_id, row.day)
    for name in changed:
        setattr(row, name, values[name])
    _touch(touched, row.carer_id, row.day)
    if was_closed:
        row.revision += 1
        row.corrected = row.corrected or bool(changed & {"started_at", "ended_at", "distance_m", "mode"})
    work.session.add(row)
    return was_closed or row.state == TripState.CLOSED.value


def _withdraw(work: Work, row: VehicleTripRow, touched: set[CarerOnDay]) -> None:
    """What late data showed was no trip: kept for the trail, told once more with nothing driven."""
    was_closed = row.state == TripState.CLOSED.value
    _touch(touched, row.carer_id, row.day)
    row.state, row.distance_m, row.visit_id = TripState.WITHDRAWN.value, 0, None
    row.revision, row.corrected = row.revision + 1, True
    if row.mode != Mode.PRIVATE.value:
        row.purpose = Purpose.UNKNOWN.value
    work.session.add(row)
    if was_closed:
        work.record(_told(row))


def _touch(touched: set[CarerOnDay], carer_id: str | None, day: date) -> None:
    if carer_id is not None:
        touched.add((carer_id, day))


def _told(row: VehicleTripRow) -> TripRecorded:
    return TripRecorded(
        at=row.ended_at,
        unit_id=row.unit_id,
        carer_id=row.carer_id,
        trip_id=row.id,
        vehicle_id=row.vehicle_id,
        revision=row.revision,
        started_at=row.started_at,
        ended_at=row.ended_at,
        start_odometer_m=row.start_odometer_m,
        end_odometer_m=row.end_odometer_m,
        distance_m=row.distance_m,
        purpose=Purpose(row.purpose).value,
        visit_id=row.visit_id,
    )
