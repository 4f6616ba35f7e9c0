"""Closing a month: its figures are stored, and what changes later is shown as a correction beside them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

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
    closed = select(ClosedMonthRow).where(ClosedMonthRow.month == month)
    if work.session.exec(closed).first() is not None:
        raise BenefitError("month_already_closed", month=month)
    rows: list[ClosedMonthRow] = []
    for technology, rule_version in current_rules(work.session).items():
        rows += _close(work, technology, rule_version, month, by_role)
    return rows


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
    for row in session.exec(query.order_by(col(ClosedMonthRow.id))).all():
        entries = _entries_of_month(session, row, first_on, last_on)
        before = [e for e in entries if (e.id or 0) <= row.entry_id and e.outcome == "counted"]
        subjects = {e.subject for e in before}
        lines.append(
            MonthLine(
                kind="closed",
                technology=row.technology,
                unit_id=row.unit_id,
                on=local_day(row.closed_at),
                rule_version=row.rule_version,
                net_s=row.net_s if len(subjects) >= MINIMUM_SUBJECTS else None,
                occasion_count=row.occasion_count,
            )
        )
        lines += _corrections(row, entries)
    return lines


def month_bounds(month: str) -> tuple[date, date]:
    """First and last day of a month written ``2026-10``."""
    try:
        first_on = date.fromisoformat(f"{month}-01")
    except ValueError as err:
        raise ValueError(f"Expected a month like 2026-10, got {month!r}.") from err
    return first_on, months_later(first_on, 1) - timedelta(days=1)


def _entries_of_month(session: Session, row: ClosedMonthRow, first_on: date, last_on: date) -> list[EntryRow]:
    query = select(EntryRow).where(
        EntryRow.technology == row.technology,
        # Another version's entries are no corrections of this one's.
        EntryRow.rule_version == row.rule_version,
        EntryRow.unit_id == row.unit_id,
        EntryRow.day_on >= first_on,
        EntryRow.day_on <= last_on,
    )
    return list(session.exec(query.order_by(col(EntryRow.id))).all())


def _corrections(row: ClosedMonthRow, entries: Iterable[EntryRow]) -> list[MonthLine]:
    known = {e.id: e for e in entries}
    by_day: dict[date, list[EntryRow]] = defaultdict(list)
    for entry in known.values():
        if (entry.id or 0) > row.entry_id:
            by_day[local_day(entry.recorded_at)].append(entry)
    lines: list[MonthLine] = []
    for on, changed in sorted(by_day.items()):
        delta_s = sum((e.net_s or 0) - _former_net_s(known, e) for e in changed)
        enough = len({e.subject for e in changed}) >= MINIMUM_SUBJECTS
        lines.append(
            MonthLine(
                kind="correction",
                technology=row.technology,
                unit_id=row.unit_id,
                on=on,
                rule_version=changed[-1].rule_version,
                net_s=delta_s if enough else None,
                occasion_count=len(changed),
            )
        )
    return lines


def _former_net_s(known: dict[int | None, EntryRow], entry: EntryRow) -> int:
    former = known.get(entry.replaces_id) if entry.replaces_id is not None else None
    return 0 if former is None else former.net_s or 0
