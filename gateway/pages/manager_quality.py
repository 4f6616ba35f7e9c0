"""What stands beside the minutes: what did not count and why, time lost, doors and calls that failed, no answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_
from sqlmodel import Session, col, select

from metrics import store
from metrics.covered_days import Days
from metrics.report import BenefitRow
from metrics.suppression import MINIMUM_SUBJECTS, Cell, withhold
from metrics.tables import EntryRow
from metrics.technologies import WATERFALL, Technology

#: The derived input of an entry that counts what went wrong on its occasion.
FAILURES: Mapping[Technology, str] = {
    "keys": "failed_doors",
    "screen": "failed_screen_visits",
    "transfers": "unanswered",
}


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Occasions that did not count for one reason; the count is absent where few stand behind it."""

    reason: str
    occasion_count: int | None


@dataclass(frozen=True, slots=True)
class Quality:
    """What of a technology went the wrong way.

    ``loss_s`` is the overhead the realised figure bears (doors that stayed shut, failed calls and their follow-up,
    setting lifts up); ``negative_count`` the occasions that cost more than before; ``failure_count`` doors, calls
    or transfers without an answer, ``None`` where the technology has nothing that fails.
    """

    technology: Technology
    loss_s: int
    negative_count: int
    counted_count: int
    failure_count: int | None


def uncounted_of(session: Session, technology: Technology, covered: Mapping[str, Days]) -> list[Uncounted]:
    """Why occasions did not count, the most frequent reason first; those of few subjects without their number."""
    occasions: dict[str, int] = {}
    subjects: dict[str, int] = {}
    for unit_id, days in covered.items():
        for count in store.outcome_counts(session, technology, unit_id, *days):
            key = count.reason or count.outcome
            occasions[key] = occasions.get(key, 0) + count.occasion_count
            subjects[key] = subjects.get(key, 0) + count.subject_count
    hidden = withhold([Cell(key, subjects[key]) for key in sorted(subjects)], sum(subjects.values()))
    lost = sorted((key for key in occasions if key != "counted"), key=lambda key: (-occasions[key], key))
    return [Uncounted(key, None if key in hidden.keys or hidden.total else occasions[key]) for key in lost]


def qualities_of(
    session: Session, rows: Iterable[BenefitRow], covered: Mapping[Technology, Mapping[str, Days]]
) -> list[Quality]:
    """Losses and failures of each technology whose figures are shown.

    Parameters
    ----------
    rows
        The rows of the page's table: where one is not shown, neither is what stands beside it.
    covered
        By technology the days that count of each unit on the page.
    """
    found: list[Quality] = []
    of_rows = list(rows)
    for technology in WATERFALL:
        shown = [row for row in of_rows if row.technology == technology and row.status == "ok"]
        ids = {row.unit_id for row in shown}
        days = {unit: span for unit, span in covered.get(technology, {}).items() if None in ids or unit in ids}
        if days:
            found += _quality(session, technology, days)
    return found


def _quality(session: Session, technology: Technology, days: Mapping[str, Days]) -> list[Quality]:
    counted = col(EntryRow.outcome) == "counted"
    failures = _failures(technology)
    query = select(  # type: ignore[call-overload]
        func.coalesce(func.sum(case((counted, EntryRow.overhead_s), else_=0)), 0),
        func.count().filter(counted, col(EntryRow.net_s) < 0),
        func.count().filter(counted),
        func.coalesce(func.sum(failures), 0),
        func.count(func.distinct(EntryRow.subject)),
    ).where(
        store.is_current(),
        EntryRow.technology == technology,
        or_(*(_of_unit(unit_id, *span) for unit_id, span in sorted(days.items()))),
    )
    loss_s, negative, counted_count, failed, people = session.exec(query).one()
    if people < MINIMUM_SUBJECTS:
        return []
    return [Quality(technology, int(loss_s), negative, counted_count, int(failed) if technology in FAILURES else None)]


def _of_unit(unit_id: str, first_on: date, last_on: date) -> ColumnElement[bool]:
    return and_(col(EntryRow.unit_id) == unit_id, col(EntryRow.day_on).between(first_on, last_on))


def _failures(technology: Technology) -> Any:
    name = FAILURES.get(technology)
    return 0 if name is None else col(EntryRow.inputs)[name].as_integer()
