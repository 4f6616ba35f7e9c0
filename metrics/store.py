"""Queries of the benefit side."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, insert, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from metrics.ledger import RouteProgress, ShiftProgress
from metrics.rule_versions import DAY_BASELINE_KINDS, RULES
from metrics.rules_beside.tables import RuleBesideRow
from metrics.tables import (
    BaselineRow,
    BaselineSampleRow,
    EntryRow,
    RouteProgressRow,
    ShiftProgressRow,
)

#: Freed time counts as used from this much of one shift, week or day on: planned work fits in (design §7.7).
USED_BLOCK_S = 15 * 60
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


def latest_entries(session: Session, occasion_ids: Iterable[str]) -> dict[tuple[str, str], EntryRow]:
    """The entries of these occasions that none replaces, by rule version and occasion."""
    found: dict[tuple[str, str], EntryRow] = {}
    for chunk in _chunks(occasion_ids):
        query = select(EntryRow).where(is_unreplaced(), col(EntryRow.occasion_id).in_(chunk))
        found.update({(row.rule_version, row.occasion_id): row for row in session.exec(query)})
    return found


def occasions_without_baseline(
    session: Session, technology: str, first_on: date, last_on: date, unit_id: str | None = None
) -> list[EntryRow]:
    """Current entries of a period that wait for a baseline, oldest first.

    So do shifts that were worked as before: they count for nobody, and others are compared with them.
    """
    waits = or_(col(EntryRow.outcome) == "no_baseline", col(EntryRow.reason) == "route_not_delivered")
    query = select(EntryRow).where(*_in_period(technology, first_on, last_on), waits)
    if unit_id is not None:
        query = query.where(EntryRow.unit_id == unit_id)
    return list(session.exec(query.order_by(col(EntryRow.id))).all())


def periods_without_baseline(
    session: Session, technology: str, first_on: date, last_on: date
) -> list[tuple[str, date]]:
    """Subject and last day of the periods for which any version of the rule waits for a baseline, in order."""
    query = select(col(EntryRow.subject), col(EntryRow.day_on)).where(
        is_unreplaced(),
        EntryRow.technology == technology,
        EntryRow.day_on >= first_on,
        EntryRow.day_on <= last_on,
        EntryRow.outcome == "no_baseline",
        col(EntryRow.rule_version).in_(RULES[technology]),
    )
    return sorted({(subject, day_on) for subject, day_on in session.exec(query)}, key=lambda p: (p[1], p[0]))


@cache
def is_current() -> ColumnElement[bool]:
    """Entries of the rules that count, that no later entry replaces."""
    return and_(is_counting(EntryRow.rule_version), is_unreplaced())


def is_counting(rule_version: Any) -> ColumnElement[bool]:
    """Versions of rules that count, in a column of such versions."""
    known = [version for versions in RULES.values() for version in versions]
    beside = select(RuleBesideRow.rule_version)
    return and_(col(rule_version).in_(known), col(rule_version).not_in(beside))


@cache
def is_unreplaced() -> ColumnElement[bool]:
    """Entries that no later entry replaces, whatever their rule."""
    newer = aliased(EntryRow)
    return ~exists().where(col(newer.replaces_id) == col(EntryRow.id))


def open_shift_count(session: Session, unit_id: str, kind: str, from_on: date, to_on: date) -> int:
    """Shifts of a unit, kind and period whose end was never told: no rule can judge them."""
    query = select(ShiftProgressRow.state).where(
        col(ShiftProgressRow.closed).is_(False),
        ShiftProgressRow.unit_id == unit_id,
        ShiftProgressRow.day >= from_on.isoformat(),
        ShiftProgressRow.day <= to_on.isoformat(),
    )
    return sum(state["kind"] == kind for state in session.exec(query))


def closed_shifts(session: Session, kind: str, from_on: date, to_on: date) -> list[str]:
    """The ended shifts of a kind and period that the ledger remembers, in order."""
    query = select(ShiftProgressRow.shift_id, ShiftProgressRow.state).where(
        col(ShiftProgressRow.closed).is_(True),
        ShiftProgressRow.day >= from_on.isoformat(),
        ShiftProgressRow.day <= to_on.isoformat(),
    )
    return [
        shift_id for shift_id, state in session.exec(query.order_by(ShiftProgressRow.shift_id)) if state["kind"] == kind
    ]


def entries_of(session: Session, technology: str, unit_id: str | None, from_on: date, to_on: date) -> list[EntryRow]:
    """Current entries of a period in the order they were written; never in an order of carers."""
    query = select(EntryRow).where(*_in_period(technology, from_on, to_on))
    if unit_id is not None:
        query = query.where(EntryRow.unit_id == unit_id)
    return list(session.exec(query.order_by(col(EntryRow.day_on), col(EntryRow.id))).all())


def used_seconds() -> ColumnElement[int]:
    """Of an entry's net, what can be used: blocks of at least :data:`USED_BLOCK_S`; losses count in full."""
    net_s = col(EntryRow.net_s)
    return case((or_(net_s >= USED_BLOCK_S, net_s < 0), net_s), else_=0)


def newest_entry(session: Session, technology: str, until_on: date) -> int:
    """The highest entry id among the days up to one, 0 if there is none."""
    query = select(func.max(EntryRow.id)).where(EntryRow.technology == technology, EntryRow.day_on <= until_on)
    return session.exec(query).one() or 0


def baselines_in_use(session: Session, technology: str) -> dict[str, BaselineRow]:
    """The newest baseline of every unit that has one; of keys the one for day shifts."""
    query = select(BaselineRow).where(
        BaselineRow.technology == technology, BaselineRow.kind == DAY_BASELINE_KINDS.get(technology, "day")
    )
    rows = session.exec(query.order_by(col(BaselineRow.version))).all()
    return {row.unit_id: row for row in rows}


def newest_baseline(session: Session, technology: str) -> int:
    """The highest place in the log of a technology's baselines the ledger has read, 0 without one."""
    query = select(func.max(BaselineRow.known_position)).where(BaselineRow.technology == technology)
    return session.exec(query).one() or 0


def measured_subjects(session: Session, technology: str) -> frozenset[str]:
    """Whose own weeks or days a baseline that was read was measured on."""
    query = select(col(BaselineSampleRow.subject)).where(
        BaselineSampleRow.baseline_id == BaselineRow.id,
        BaselineRow.technology == technology,
        col(BaselineSampleRow.visit_type).is_(None),
        col(BaselineRow.known_position).is_not(None),
    )
    return frozenset(session.exec(query.distinct()))


def subjects_of_baseline(session: Session, baseline_id: str) -> set[str]:
    """Whose own weeks or days a baseline was measured on; nobody's where it is of a unit's visits."""
    query = select(col(BaselineSampleRow.subject)).where(
        BaselineSampleRow.baseline_id == baseline_id, col(BaselineSampleRow.visit_type).is_(None)
    )
    return set(session.exec(query.distinct()))


def baseline_samples(session: Session, baseline_id: str) -> list[tuple[str, int, int]]:
    """The measured occasions of a baseline: pseudonymous subject, measured units and seconds."""
    query = select(BaselineSampleRow.subject, BaselineSampleRow.measured_count, BaselineSampleRow.measured_s).where(
        BaselineSampleRow.baseline_id == baseline_id
    )
    return [(subject, count, seconds) for subject, count, seconds in session.exec(query)]


def measured_days(session: Session, baseline_id: str) -> set[tuple[str, date]]:
    """Who was measured when in a baseline: pseudonymous subject and day, for a week its last."""
    query = select(col(BaselineSampleRow.subject), col(BaselineSampleRow.day_on)).where(
        BaselineSampleRow.baseline_id == baseline_id
    )
    return {(subject, day_on) for subject, day_on in session.exec(query)}


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
