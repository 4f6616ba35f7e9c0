"""Driving logs: built of route, visits and trips, closed with the shift, approved by the week.

All functions take many carers: a tablet closes one log, a batch of history a whole day's, with the same checks
and the same few statements.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from devices.driving import store
from devices.driving.errors import DrivingError
from devices.driving.legs import DayLog, closed, day_log
from devices.driving.model import CarerDay, Leg
from devices.driving.rows import recorded_trip
from devices.driving.tables import DrivingLogRow, VehicleTripRow
from devices.driving.trips import CarerOnDay, DayFacts, settle
from devices.events import DrivingLogApproved, DrivingLogClosed
from kernel.work import Work


def close_logs(work: Work, day: date, carer_ids: Collection[str], facts_of: DayFacts) -> int:
    """Close the logs of carers whose shift has ended; those on bicycles too. Closing again changes nothing.

    Returns
    -------
    int
        How many logs are new or changed. An approved log never changes; it says that late data came.
    """
    facts = facts_of(work.session, day, carer_ids)
    ended = {carer_id: of for carer_id, of in facts.items() if of.ended_at is not None}
    trips = store.trips_of_carers(work.session, [day], ended)
    settle(work, trips, ended)
    by_carer: dict[str, list[VehicleTripRow]] = {}
    for row in trips:
        by_carer.setdefault(row.carer_id or "", []).append(row)
    # Who had no route and drove nothing, at a residence for instance, has nothing to keep a book of.
    logs = {
        carer_id: closed(day_log(of, [recorded_trip(row) for row in by_carer.get(carer_id, ())]))
        for carer_id, of in sorted(ended.items())
        if of.route_version > 0 or carer_id in by_carer
    }
    return _keep(work, day, ended, logs)


def follow_trips(work: Work, touched: Iterable[CarerOnDay], facts_of: DayFacts) -> None:
    """Bring closed logs up to date after late fixes changed their trips."""
    days: dict[date, set[str]] = {}
    for carer_id, day in touched:
        days.setdefault(day, set()).add(carer_id)
    for day, carers in sorted(days.items()):
        # Most fixes come while the shift goes on: then there is no log yet that would have to follow.
        carers &= set(store.logs_for_update(work.session, day, carers))
        if carers:
            close_logs(work, day, sorted(carers), facts_of)


def logs_now(
    session: Session, day: date, carer_ids: Collection[str], facts_of: DayFacts
) -> dict[str, tuple[CarerDay, DayLog]]:
    """The logs as they stand, of days that are still being lived. Nothing is stored."""
    facts = facts_of(session, day, carer_ids)
    trips: dict[str, list[VehicleTripRow]] = {}
    for row in store.trips_of_carers(session, [day], facts):
        trips.setdefault(row.carer_id or "", []).append(row)
    return {
        carer_id: (of, day_log(of, [recorded_trip(row) for row in trips.get(carer_id, ())]))
        for carer_id, of in sorted(facts.items())
    }


def approve_week(
    work: Work, unit_id: str, first_on: date, open_on: Collection[date], approved_by: str, role: str
) -> int:
    """Approve a unit's logs of one week.

    Parameters
    ----------
    first_on
        The week's Monday.
    open_on
        Days of the week on which somebody's log is still open, by the word of scheduling.
    approved_by, role
        Who approves: an identity's id, and what that person does.

    Returns
    -------
    int
        How many logs were approved now.

    Raises
    ------
    DrivingError
        ``days_open`` naming the days; ``nothing_to_approve``.
    """
    if open_on:
        days = sorted(open_on)
        raise DrivingError("days_open", days=", ".join(f"{day.day}.{day.month}." for day in days))
    week = week_text(first_on)
    rows = store.logs_of_units(work.session, [unit_id], first_on, first_on + timedelta(days=6), lock=True)
    if not rows:
        raise DrivingError("nothing_to_approve", week=week)
    waiting = [row for row in rows if row.state != "approved"]
    for row in waiting:
        row.state, row.approved_at = "approved", work.now
        row.approved_by, row.approved_role = approved_by, role
        work.session.add(row)
    if waiting:
        work.record(
            DrivingLogApproved(at=work.now, unit_id=unit_id, week=week, log_count=len(waiting), approved_by_role=role)
        )
    return len(waiting)


def week_text(day: date) -> str:
    """``2026-W48``, the ISO week of a day."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def monday_of(week: str) -> date:
    """The first day of an ISO week.

    Raises
    ------
    DrivingError
        ``week_malformed``.
    """
    year, _, number = week.partition("-W")
    try:
        if len(year) != 4 or len(number) != 2 or not 1900 <= int(year) < 3000:
            raise ValueError(f"Expected 2026-W48, got {week!r}.")
        return date.fromisocalendar(int(year), int(number), 1)
    except ValueError as err:
        raise DrivingError("week_malformed", found=week[:20]) from err


def _keep(work: Work, day: date, facts: Mapping[str, CarerDay], logs: Mapping[str, DayLog]) -> int:
    rows = store.logs_for_update(work.session, day, logs)
    stored = store.legs_of(work.session, [row.id for row in rows.values()])
    new: list[dict[str, Any]] = []
    legs: dict[str, Sequence[Leg]] = {}
    for carer_id, log in logs.items():
        of, row = facts[carer_id], rows.get(carer_id)
        if row is not None and _same(row, stored.get(row.id, []), log):
            continue
        if row is not None and row.state == "approved":
            row.late_data = True
            continue
        log_id = f"{day.isoformat()}.{carer_id}"
        legs[log_id] = log.legs
        if row is None:
            new.append({"id": log_id, "carer_id": carer_id, "day": day, **_values(work, of, log)})
        else:
            for name, value in _values(work, of, log).items():
                setattr(row, name, value)
            row.revision += 1
        work.record(_told(of, log_id, log))
    work.session.flush()
    if new:
        work.session.execute(insert(DrivingLogRow), [{"revision": 1, "late_data": False, **row} for row in new])
    store.replace_legs(work.session, legs)
    return len(legs)


def _same(row: DrivingLogRow, legs: Sequence[Leg], log: DayLog) -> bool:
    stands = row.state != "open" and (row.planned_m, row.driven_m) == (log.planned_m, log.driven_m)
    return stands and tuple(legs) == log.legs


def _values(work: Work, of: CarerDay, log: DayLog) -> dict[str, Any]:
    return {
        "unit_id": of.unit_id,
        "state": "closed",
        "transport": of.transport,
        "route_version": of.route_version,
        "planned_m": log.planned_m,
        "driven_m": log.driven_m,
        "closed_at": of.ended_at or work.now,
    }


def _told(of: CarerDay, log_id: str, log: DayLog) -> DrivingLogClosed:
    return DrivingLogClosed(
        at=of.ended_at or of.started_at,
        unit_id=of.unit_id,
        carer_id=of.carer_id,
        log_id=log_id,
        day=of.day.isoformat(),
        transport=of.transport,
        leg_count=len(log.legs),
        planned_m=log.planned_m,
        driven_m=log.driven_m,
    )
