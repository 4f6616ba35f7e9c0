"""Closing a month: its figures are stored, and what changes later is shown as a correction beside them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, text
from sqlmodel import Session, col, select

from kernel.localtime import local_day
from kernel.work import Work
from metrics import store
from metrics.baselines import months_later
from metrics.errors import BenefitError
from metrics.events import MonthClosed
from metrics.rules_beside.choice import current_rules
from metrics.suppression import MINIMUM_SUBJECTS
from metrics.tables import ClosedMonthRow, EntryRow

#: Stays below the number of bound values either database takes in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class MonthLine:
    """One line of a closed month: the figure as closed, or what later entries changed on one day.

    ``net_s`` is absent where fewer than five subjects stand behind the line.
    """

    kind: Literal["closed", "correction"]
    technology: str
    unit_id: str
    on: date
    rule_version: str
    net_s: int | None
    occasion_count: int


def close_month(work: Work, month: str, by_role: str) -> list[ClosedMonthRow]:
    """Store the figures of a month, one row per technology and unit that has entries in it.

    A week belongs to the month its last day is in; one that is entered after the closing is a correction.

    Parameters
    ----------
    month
        ``2026-10``.
    by_role
        The role that closes, not a person.

    Raises
    ------
    BenefitError
        ``month_not_over`` or ``month_already_closed``.
    ValueError
        If the month is not written as year and month.
    """
    _first_on, last_on = month_bounds(month)
    if local_day(work.now) <= last_on:
        raise BenefitError("month_not_over", month=month)
    _wait_for_turn(work.session, month)
    closed = select(ClosedMonthRow).where(ClosedMonthRow.month == month)
    if work.session.exec(closed).first() is not None:
        raise BenefitError("month_already_closed", month=month)
    rows: list[ClosedMonthRow] = []
    for technology, rule_version in current_rules(work.session).items():
        rows += _close(work, technology, rule_version, month, by_role)
    return rows


def _wait_for_turn(session: Session, month: str) -> None:
    # SQLite admits one writer anyway; PostgreSQL would let two close the month, and one would fail on the key.
    if session.get_bind().dialect.name == "postgresql":
        key = {"key": f"benefit_closed_month {month}"}
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), key)


def _close(work: Work, technology: str, rule_version: str, month: str, by_role: str) -> list[ClosedMonthRow]:
    first_on, last_on = month_bounds(month)
    units: dict[str, list[EntryRow]] = defaultdict(list)
    for entry in store.entries_of(work.session, technology, None, first_on, last_on):
        units[entry.unit_id].append(entry)
    if not units:
        return []
    entry_id = store.newest_entry(work.session, technology, last_on)
    rows = [
        ClosedMonthRow(
            technology=technology,
            unit_id=unit_id,
            month=month,
            rule_version=rule_version,
            net_s=sum(e.net_s or 0 for e in entries),
            occasion_count=sum(e.outcome == "counted" for e in entries),
            entry_id=entry_id,
            closed_at=work.now,
            closed_by_role=by_role,
        )
        for unit_id, entries in sorted(units.items())
    ]
    work.session.add_all(rows)
    work.record(
        MonthClosed(
            at=work.now,
            technology=technology,
            month=month,
            closed_by_role=by_role,
            rule_version=rule_version,
        )
    )
    return rows


def month_lines(session: Session, month: str, technology: str | None = None) -> list[MonthLine]:
    """The closed figures of a month and every correction since, by technology, unit and day of correction.

    Parameters
    ----------
    technology
        One technology only; all where absent.
    """
    first_on, last_on = month_bounds(month)
    query = select(ClosedMonthRow).where(ClosedMonthRow.month == month)
    if technology is not None:
        query = query.where(ClosedMonthRow.technology == technology)
    lines: list[MonthLine] = []
    closed = session.exec(query.order_by(col(ClosedMonthRow.id))).all()
    since = _since_closing(session, closed, first_on, last_on)
    for row in closed:
        of_month = _of_month(row, first_on, last_on)
        lines.append(
            MonthLine(
                kind="closed",
                technology=row.technology,
                unit_id=row.unit_id,
                on=local_day(row.closed_at),
                rule_version=row.rule_version,
                net_s=row.net_s if _has_enough_subjects(session, row, of_month) else None,
                occasion_count=row.occasion_count,
            )
        )
        changed = since.get((row.technology, row.rule_version, row.unit_id), ())
        lines += _corrections(session, row, of_month, [one for one in changed if one.id > row.entry_id])
    return lines


def closed_months(session: Session) -> set[tuple[str, str]]:
    """Technology and month of everything that was closed."""
    query = select(ClosedMonthRow.technology, ClosedMonthRow.month).distinct()
    return {(technology, month) for technology, month in session.exec(query)}


def month_bounds(month: str) -> tuple[date, date]:
    """First and last day of a month written ``2026-10``."""
    try:
        first_on = date.fromisoformat(f"{month}-01")
    except ValueError as err:
        raise ValueError(f"Expected a month like 2026-10, got {month!r}.") from err
    return first_on, months_later(first_on, 1) - timedelta(days=1)


def _of_month(row: ClosedMonthRow, first_on: date, last_on: date) -> tuple[ColumnElement[bool], ...]:
    return (
        col(EntryRow.technology) == row.technology,
        # Another version's entries are no corrections of this one's.
        col(EntryRow.rule_version) == row.rule_version,
        col(EntryRow.unit_id) == row.unit_id,
        col(EntryRow.day_on) >= first_on,
        col(EntryRow.day_on) <= last_on,
    )


def _has_enough_subjects(session: Session, row: ClosedMonthRow, of_month: Sequence[ColumnElement[bool]]) -> bool:
    """Whether enough stood behind the figure when it was closed; looks no further than that."""
    counted = (col(EntryRow.id) <= row.entry_id, col(EntryRow.outcome) == "counted")
    query = select(EntryRow.subject).where(*of_month, *counted).distinct().limit(MINIMUM_SUBJECTS)
    return len(session.exec(query).all()) == MINIMUM_SUBJECTS


class _Change(NamedTuple):
    """An entry that was written after a closing."""

    id: int
    replaces_id: int | None
    net_s: int | None
    subject: str
    recorded_at: datetime


def _since_closing(
    session: Session, closed: Sequence[ClosedMonthRow], first_on: date, last_on: date
) -> Mapping[tuple[str, str, str], Sequence[_Change]]:
    """Entries since the first closing of a month, by technology, rule and unit: one look at the month for all units."""
    found: dict[tuple[str, str, str], list[_Change]] = defaultdict(list)
    if closed:
        whose = (EntryRow.technology, EntryRow.rule_version, EntryRow.unit_id)
        columns = (EntryRow.id, EntryRow.replaces_id, EntryRow.net_s, EntryRow.subject, EntryRow.recorded_at)
        # Columns only: a month has thousands.
        query = select(*whose, *columns).where(  # type: ignore[call-overload]
            col(EntryRow.technology).in_(sorted({row.technology for row in closed})),
            EntryRow.day_on >= first_on,
            EntryRow.day_on <= last_on,
            col(EntryRow.id) > min(row.entry_id for row in closed),
        )
        for technology, rule_version, unit_id, *change in session.exec(query.order_by(col(EntryRow.id))):
            found[technology, rule_version, unit_id].append(_Change(*change))
    return found


def _corrections(
    session: Session, row: ClosedMonthRow, of_month: Sequence[ColumnElement[bool]], changed: Sequence[_Change]
) -> Iterator[MonthLine]:
    """What entries since the closing changed, day by day of world time."""
    replaced = [one.replaces_id for one in changed if one.replaces_id is not None]
    former_s: dict[int | None, int] = {}
    for start in range(0, len(replaced), _AT_ONCE):
        some = col(EntryRow.id).in_(replaced[start : start + _AT_ONCE])
        found = session.exec(select(EntryRow.id, EntryRow.net_s).where(*of_month, some))
        former_s.update({entry_id: net_s or 0 for entry_id, net_s in found})
    by_day: dict[date, list[tuple[int, str]]] = defaultdict(list)
    for one in changed:
        delta_s = (one.net_s or 0) - former_s.get(one.replaces_id, 0)
        by_day[local_day(one.recorded_at)].append((delta_s, one.subject))
    for on, moved in sorted(by_day.items()):
        enough = len({subject for _delta_s, subject in moved}) >= MINIMUM_SUBJECTS
        yield MonthLine(
            kind="correction",
            technology=row.technology,
            unit_id=row.unit_id,
            on=on,
            rule_version=row.rule_version,
            net_s=sum(delta_s for delta_s, _subject in moved) if enough else None,
            occasion_count=len(moved),
        )
