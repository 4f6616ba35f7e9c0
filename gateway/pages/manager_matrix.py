"""Freed time by unit and week or day, with small cells withheld along both directions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlmodel import Session

from gateway.pages.manager_choice import Period
from metrics.covered_days import Days
from metrics.report import BenefitRow
from metrics.sums.parts import parts_of
from metrics.suppression import MINIMUM_SUBJECTS, Cell, withhold
from metrics.technologies import OCCASION_KINDS, Technology

DAYS_BY_DAY = 14
SPARK_WEEKS = 12
#: the key of the sum of all units
ALL = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A week or a day of the drill-down."""

    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell: seconds and occasions, or the status that says why there is none."""

    status: str  # shown, withheld or empty
    net_s: int = 0
    occasion_count: int = 0


@dataclass(frozen=True, slots=True)
class Matrix:
    """Spans times units with the sum of each span. Keys: ``(span index, unit id)``; unit ``""`` is all."""

    spans: tuple[Span, ...]
    cells: dict[tuple[int, str], Figure]


@dataclass(slots=True)
class _Content:
    net_s: int = 0
    occasion_count: int = 0
    subjects: frozenset[str] = frozenset()


def covered_of(rows: Iterable[BenefitRow]) -> dict[str, Days]:
    """The days the figures of each unit's row are about, of one technology; units without are left out."""
    return {
        row.unit_id: (row.covered_from_on, row.covered_to_on)
        for row in rows
        if row.unit_id is not None and row.covered_from_on is not None and row.covered_to_on is not None
    }


def withheld_of(rows: Iterable[BenefitRow]) -> frozenset[str]:
    """The units whose row is withheld, and :data:`ALL` where their sum is."""
    return frozenset(row.unit_id or ALL for row in rows if row.status == "withheld")


def spans_of(technology: Technology, covered: Mapping[str, Days]) -> tuple[Span, ...]:
    """Days for a short time, ISO weeks for a long one, and always weeks for what is counted by the week."""
    if not covered:
        return ()
    from_on, to_on = min(first for first, _ in covered.values()), max(last for _, last in covered.values())
    length = (to_on - from_on).days + 1
    if length <= DAYS_BY_DAY and OCCASION_KINDS[technology] != "citizen_week":
        return tuple(Span(day, day) for day in (from_on + timedelta(days=i) for i in range(length)))
    return weeks_of(from_on, to_on)


def spark_spans(covered: Mapping[str, Days]) -> tuple[Span, ...]:
    """The last weeks of what is covered."""
    if not covered:
        return ()
    to_on = max(last for _, last in covered.values())
    first_on = to_on - timedelta(weeks=SPARK_WEEKS) + timedelta(days=1)
    return weeks_of(max(first_on, min(first for first, _ in covered.values())), to_on)


def weeks_of(from_on: date, to_on: date) -> tuple[Span, ...]:
    """ISO weeks, cut at the ends of the period."""
    spans = []
    start = from_on
    while start <= to_on:
        end = min(to_on, start + timedelta(days=6 - start.weekday()))
        spans.append(Span(start, end))
        start = end + timedelta(days=1)
    return tuple(spans)


def months_of(period: Period) -> tuple[str, ...]:
    """The calendar months a period touches, ``2026-10``."""
    spans = weeks_of(period.from_on, period.to_on)
    return tuple(dict.fromkeys(f"{on:%Y-%m}" for span in spans for on in (span.from_on, span.to_on)))


def matrix_of(
    session: Session,
    technology: Technology,
    covered: Mapping[str, Days],
    spans: Sequence[Span],
    withheld: frozenset[str] = frozenset(),
) -> Matrix:
    """Freed seconds by span and unit.

    Parameters
    ----------
    covered
        The days of each unit that count, from :func:`covered_of`: so the cells add up to the rows. All units a
        person may see, not only the chosen one, or the chosen one's cells would tell of the others.
    withheld
        What the report does not show of the whole period is not shown of its parts either.
    """
    content = _content(session, technology, covered, spans)
    unit_ids = sorted(covered)
    people = {key: found.subjects for key, found in content.items()}
    hidden = _hidden(people, unit_ids, len(spans), withheld)
    cells = {}
    for key, found in content.items():
        if not found.subjects:
            cells[key] = Figure("empty")
        else:
            shown = Figure("shown", found.net_s, found.occasion_count)
            cells[key] = Figure("withheld") if key in hidden else shown
    return Matrix(tuple(spans), cells)


def _content(
    session: Session, technology: Technology, covered: Mapping[str, Days], spans: Sequence[Span]
) -> dict[tuple[int, str], _Content]:
    content = {(index, unit): _Content() for index in range(len(spans)) for unit in (*covered, ALL)}
    subjects: dict[tuple[int, str], set[str]] = defaultdict(set)
    index_of = {
        span.from_on + timedelta(days=i): index
        for index, span in enumerate(spans)
        for i in range((span.to_on - span.from_on).days + 1)
    }
    by_day = all(span.from_on == span.to_on for span in spans)
    part = parts_of(session, technology, _spanned(covered, spans), by_day=by_day).c
    keys = (part.unit_id, part.subject, part.on)
    query = select(*keys, func.sum(part.net_s), func.sum(part.occasion_count)).where(part.outcome == "counted")
    for unit_id, subject, on, net_s, occasions in session.execute(query.group_by(*keys)):
        key = (index_of[on], unit_id)
        cell = content[key]
        cell.net_s += int(net_s)
        cell.occasion_count += int(occasions)
        subjects[key].add(subject)
    for (index, unit_id), found in list(subjects.items()):
        cell, total = content[index, unit_id], content[index, ALL]
        total.net_s += cell.net_s
        total.occasion_count += cell.occasion_count
        subjects[index, ALL] |= found
    for key, found in subjects.items():
        content[key].subjects = frozenset(found)
    return content


def _spanned(covered: Mapping[str, Days], spans: Sequence[Span]) -> dict[str, Days]:
    """The days of each unit that are both covered and asked for."""
    if not spans:
        return {}
    cut = {unit: (max(days[0], spans[0].from_on), min(days[1], spans[-1].to_on)) for unit, days in covered.items()}
    return {unit: days for unit, days in cut.items() if days[0] <= days[1]}


def _hidden(
    people: Mapping[tuple[int, str], frozenset[str]],
    unit_ids: Sequence[str],
    span_count: int,
    withheld: frozenset[str],
) -> set[tuple[int, str]]:
    # A cell hidden along one direction must not be found along the other: it is counted as too small there,
    # and both directions are repeated until nothing new has to be hidden.
    hidden = {key for key in people if key[1] in withheld}

    def size(key: tuple[int, str]) -> int:
        return min(len(people[key]), MINIMUM_SUBJECTS - 1) if key in hidden else len(people[key])

    while True:
        before = len(hidden)
        for index in range(span_count):
            found = withhold([Cell(u, size((index, u))) for u in unit_ids], size((index, ALL)))
            hidden |= {(index, u) for u in found.keys}
            if found.total:
                hidden.add((index, ALL))
        for unit_id in (*unit_ids, ALL):
            keys = [(index, unit_id) for index in range(span_count)]
            everyone = frozenset[str]().union(*(people[key] for key in keys))
            along = withhold([Cell(str(index), size((index, unit_id))) for index in range(span_count)], len(everyone))
            hidden |= {(int(index), unit_id) for index in along.keys}
        if len(hidden) == before:
            return hidden
