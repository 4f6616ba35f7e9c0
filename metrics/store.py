"""Queries of the benefit side."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, insert, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from metrics.keys_entries import RULE_VERSION
from metrics.ledger import RouteProgress, ShiftProgress
from metrics.tables import (
    BaselineRow,
    BaselineSampleRow,
    DeletionReceiptRow,
    EntryRow,
    RouteProgressRow,
    ShiftProgressRow,
)

#: Stays below the number of bound values either database takes in one statement.
_CHUNK = 500


def load_shifts(session: Session, shift_ids: Iterable[str]) -> dict[str, ShiftProgress]:
    """Stored progress of these shifts; shifts never read before are left out."""
    found: dict[str, ShiftProgress] = {}
    for chunk in _chunks(shift_ids):
        columns = (
            ShiftProgressRow.shift_id,
            ShiftProgressRow.subject,
            ShiftProgressRow.unit_id,
            ShiftProgressRow.day,
        )
        query = select(*columns, ShiftProgressRow.last_position, ShiftProgressRow.state)  # type: ignore[call-overload]
        for row in session.exec(query.where(col(ShiftProgressRow.shift_id).in_(chunk))):
            found[row[0]] = ShiftProgress.from_json(*row)
    return found


def load_routes(session: Session, keys: Iterable[str]) -> dict[str, RouteProgress]:
    """Stored progress of these routes."""
    found: dict[str, RouteProgress] = {}
    for chunk in _chunks(keys):
        query = select(RouteProgressRow.route_key, RouteProgressRow.last_position, RouteProgressRow.state)
        for row in session.exec(query.where(col(RouteProgressRow.route_key).in_(chunk))):
            found[row[0]] = RouteProgress.from_json(row[0], row[1], dict(row[2]))
    return found


def save_shifts(session: Session, shifts: Iterable[ShiftProgress], stored: Collection[str]) -> None:
    """Insert or update progress; ``stored`` names the shifts that have a row already."""
    fresh: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    for shift in shifts:
        values = {
            "shift_id": shift.shift_id,
            "subject": shift.subject,
            "unit_id": shift.unit_id,
            "day": shift.day,
            "route_key": shift.route_key,
            "closed": shift.closed,
            "last_position": shift.last_position,
            "state": shift.as_json(),
        }
        (known if shift.shift_id in stored else fresh).append(values)
    if fresh:
        session.execute(insert(ShiftProgressRow), fresh)
    if known:
        session.execute(update(ShiftProgressRow), known)


def save_routes(session: Session, routes: Iterable[RouteProgress], stored: Collection[str]) -> None:
    """Insert or update progress; ``stored`` names the routes that have a row already."""
    fresh: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    for route in routes:
        values = {
            "route_key": route.route_key,
            "last_position": route.last_position,
            "state": route.as_json(),
        }
        (known if route.route_key in stored else fresh).append(values)
    if fresh:
        session.execute(insert(RouteProgressRow), fresh)
    if known:
        session.execute(update(RouteProgressRow), known)


def latest_entries(session: Session, shift_ids: Iterable[str]) -> dict[str, EntryRow]:
    """The current entry of each of these shifts."""
    found: dict[str, EntryRow] = {}
    for chunk in _chunks(shift_ids):
        query = select(EntryRow).where(is_current(), col(EntryRow.shift_id).in_(chunk))
        found.update({row.shift_id: row for row in session.exec(query)})
    return found


def shifts_without_baseline(session: Session, unit_id: str, first_on: date, last_on: date) -> list[str]:
    """Shifts of a unit and period whose current entry waits for a baseline, oldest first."""
    query = select(EntryRow.shift_id).where(
        is_current(),
        EntryRow.outcome == "no_baseline",
        EntryRow.unit_id == unit_id,
        EntryRow.day_on >= first_on,
        EntryRow.day_on <= last_on,
    )
    return list(session.exec(query.order_by(col(EntryRow.id))).all())


@cache
def is_current() -> ColumnElement[bool]:
    """Entries of today's rule that no later entry replaces."""
    newer = aliased(EntryRow)
    replaced = exists().where(col(newer.replaces_id) == col(EntryRow.id))
    return and_(col(EntryRow.rule_version) == RULE_VERSION, ~replaced)


@dataclass(frozen=True, slots=True)
class SubjectSum:
    """What one carer's counted shifts of a period sum to, against one baseline."""

    unit_id: str
    subject: str
    baseline_id: str
    shift_count: int
    #: actual and overhead together
    spent_s: int
    net_s: int
    device_count: int
    evidence_count: int


def subject_sums(session: Session, technology: str, unit_id: str, from_on: date, to_on: date) -> list[SubjectSum]:
    """Counted entries of a unit and period by carer and baseline."""
    keys = (EntryRow.unit_id, EntryRow.subject, EntryRow.baseline_id)
    device = case((col(EntryRow.evidence_class) == "device", 1), else_=0)
    query = (
        select(  # type: ignore[call-overload]
            *keys,
            func.count(),
            func.sum(col(EntryRow.actual_s) + col(EntryRow.overhead_s)),
            func.sum(EntryRow.net_s),
            func.sum(device),
            func.sum(EntryRow.evidence_count),
        )
        .where(
            *_in_period(technology, from_on, to_on),
            EntryRow.unit_id == unit_id,
            EntryRow.outcome == "counted",
        )
        .group_by(*keys)
    )
    return [SubjectSum(*row[:3], *(int(value) for value in row[3:])) for row in session.exec(query)]


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many shifts of a unit ended up with an outcome and reason; the adoption funnel."""

    unit_id: str
    outcome: str
    reason: str | None
    shift_count: int
    subject_count: int


def outcome_counts(session: Session, technology: str, unit_id: str, from_on: date, to_on: date) -> list[OutcomeCount]:
    """Entries of a unit and period by outcome and reason."""
    keys = (EntryRow.unit_id, EntryRow.outcome, EntryRow.reason)
    query = (
        select(*keys, func.count(), func.count(func.distinct(EntryRow.subject)))  # type: ignore[call-overload]
        .where(*_in_period(technology, from_on, to_on), EntryRow.unit_id == unit_id)
        .group_by(*keys)
    )
    return [OutcomeCount(*row) for row in session.exec(query)]


def entries_of(session: Session, technology: str, unit_id: str | None, from_on: date, to_on: date) -> list[EntryRow]:
    """Current entries of a period in the order they were written; never in an order of carers."""
    query = select(EntryRow).where(*_in_period(technology, from_on, to_on))
    if unit_id is not None:
        query = query.where(EntryRow.unit_id == unit_id)
    return list(session.exec(query.order_by(col(EntryRow.day_on), col(EntryRow.id))).all())


def newest_entry(session: Session, technology: str, until_on: date) -> int:
    """The highest entry id among the days up to one, 0 if there is none."""
    query = select(func.max(EntryRow.id)).where(EntryRow.technology == technology, EntryRow.day_on <= until_on)
    return session.exec(query).one() or 0


def baselines_in_use(session: Session, technology: str) -> dict[str, BaselineRow]:
    """The newest day baseline of every unit that has one."""
    query = select(BaselineRow).where(BaselineRow.technology == technology, BaselineRow.shift_kind == "day")
    rows = session.exec(query.order_by(col(BaselineRow.version))).all()
    return {row.unit_id: row for row in rows}


def baseline_samples(session: Session, baseline_id: str) -> list[tuple[str, int]]:
    """The measured shifts of a baseline: pseudonymous carer and seconds at and to the base."""
    query = select(BaselineSampleRow.subject, BaselineSampleRow.base_s, BaselineSampleRow.leg_s).where(
        BaselineSampleRow.baseline_id == baseline_id
    )
    return [(subject, base_s + leg_s) for subject, base_s, leg_s in session.exec(query)]


def receipts_for(session: Session, positions: Sequence[int]) -> dict[int, DeletionReceiptRow]:
    """The receipt that covers each of these positions, where there is one."""
    rows = session.exec(select(DeletionReceiptRow).order_by(col(DeletionReceiptRow.id))).all()
    return {p: row for p in positions for row in rows if row.first_position <= p <= row.last_position}


def _in_period(technology: str, from_on: date, to_on: date) -> tuple[Any, ...]:
    return (
        is_current(),
        EntryRow.technology == technology,
        EntryRow.day_on >= from_on,
        EntryRow.day_on <= to_on,
    )


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(sorted(set(values)))
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
