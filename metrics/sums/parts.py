"""What the ledger says of some days, in as few rows as there are: kept sums of whole pieces, entries beside them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, false, func, or_, select, union_all
from sqlmodel import Session, col

from metrics import store
from metrics.covered_days import Days
from metrics.sums.keeping import FIGURES, figures_of_entry, is_built
from metrics.sums.once import once
from metrics.sums.pieces import cut
from metrics.sums.tables import SubjectSumRow
from metrics.tables import EntryRow


def parts_of(
    session: Session,
    technology: str,
    covered: Mapping[str, Days],
    *,
    by_day: bool = False,
    rule_version: str | None = None,
) -> Subquery:
    """The current entries of each unit's days, added up where that loses nothing that is asked.

    Parameters
    ----------
    covered
        Days by unit id, both included.
    by_day
        Single entries only, so that days can be told apart; else ``on`` of a sum is the first day of its week within
        a month.
    rule_version
        Entries of this version; of those that count where absent.

    Returns
    -------
    Subquery
        Columns ``unit_id``, ``subject``, ``on``, ``baseline_id`` and ``reason`` (empty where there is none),
        ``outcome``, :data:`metrics.sums.keeping.FIGURES` and ``newest_position``.
    """
    units: dict[Days, list[str]] = defaultdict(list)
    for unit_id, days in sorted(covered.items()):
        units[days].append(unit_id)
    kept = not by_day and are_kept(session, technology)
    summed: list[ColumnElement[bool]] = []
    single: list[ColumnElement[bool]] = []
    for days, unit_ids in units.items():
        whole, beside = cut(days) if kept else (None, (days,))
        if whole is not None:
            summed.append(_of(SubjectSumRow.unit_id, unit_ids, SubjectSumRow.first_on, whole))
        single += [_of(EntryRow.unit_id, unit_ids, EntryRow.day_on, span) for span in beside]
    found = [_sums(technology, rule_version, summed)] if summed else []
    if single or not found:
        found.append(_entries(technology, rule_version, single))
    return union_all(*found).subquery("parts") if len(found) > 1 else found[0].subquery("parts")


def are_kept(session: Session, technology: str) -> bool:
    """Whether sums of this technology are kept, or every day is read from its entries."""
    return once(session, ("built", technology), lambda: is_built(session, technology))


def _of(unit: Any, unit_ids: Iterable[str], on: Any, days: Days) -> ColumnElement[bool]:
    return and_(col(unit).in_(list(unit_ids)), col(on) >= days[0], col(on) <= days[1])


def _is_of(column: Any, rule_version: str | None) -> ColumnElement[bool]:
    return _is_counting(column) if rule_version is None else col(column) == rule_version


@cache
def _is_counting(column: Any) -> ColumnElement[bool]:
    return store.is_counting(column)


def _sums(technology: str, rule_version: str | None, wanted: list[ColumnElement[bool]]) -> Any:
    row: Any = SubjectSumRow
    figures = [getattr(row, name) for name in (*FIGURES, "newest_position")]
    keys = (row.unit_id, row.subject, row.first_on.label("on"), row.baseline_id, row.outcome, row.reason)
    return select(*keys, *figures).where(
        row.technology == technology,
        _is_of(row.rule_version, rule_version),
        # What was corrected away leaves a sum of nothing behind.
        row.occasion_count > 0,
        or_(*wanted),
    )


def _entries(technology: str, rule_version: str | None, wanted: list[ColumnElement[bool]]) -> Any:
    row: Any = EntryRow
    figures = [figure.label(name) for name, figure in figures_of_entry(technology).items()]
    return select(
        row.unit_id,
        row.subject,
        row.day_on.label("on"),
        func.coalesce(row.baseline_id, "").label("baseline_id"),
        row.outcome,
        func.coalesce(row.reason, "").label("reason"),
        *figures,
        row.cause_position.label("newest_position"),
    ).where(
        _is_of(row.rule_version, rule_version),
        store.is_unreplaced(),
        row.technology == technology,
        or_(*wanted) if wanted else false(),
    )
