"""Whether the kept sums are what the entries come to, as an auditor asks: worked out anew, week by week."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select, union_all
from sqlmodel import Session, col

from metrics.covered_days import Days
from metrics.sums.keeping import FIGURES, KEYS, sums_of_entries
from metrics.sums.pieces import pieces_between
from metrics.sums.tables import SubjectSumRow, SumsBuiltRow
from metrics.tables import EntryRow


@dataclass(frozen=True, slots=True)
class SumsChecked:
    """One week within a month of one technology: how many sums there are, and the units in which some differ."""

    technology: str
    days: Days
    sum_count: int
    differing: tuple["DifferingUnit", ...]


@dataclass(frozen=True, slots=True)
class DifferingUnit:
    """Where kept sums are not those of the entries. No subject is named: the unit's week is enough to look.

    ``figure`` and ``difference`` are the first figure of the first such sum, kept less worked out.
    """

    unit_id: str
    sum_count: int
    figure: str
    difference: int


def checked_sums(session: Session, from_on: date | None = None, to_on: date | None = None) -> Iterator[SumsChecked]:
    """Compare every kept sum of some days with the entries.

    Kept and worked out are read in one statement: an entry that is written meanwhile is in both or in neither.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; a week is compared whole. Everything where absent.
    """
    built = select(col(SumsBuiltRow.technology)).order_by(col(SumsBuiltRow.technology))
    for technology in session.execute(built).scalars().all():
        ends = _ends(session, technology)
        if ends is None:
            continue
        for piece in pieces_between(max(ends[0], from_on or ends[0]), min(ends[1], to_on or ends[1])):
            yield _checked(session, technology, piece)


def _checked(session: Session, technology: str, piece: Days) -> SumsChecked:
    kept: Any = select(*(getattr(SubjectSumRow, name) for name in (*KEYS, *FIGURES))).where(
        col(SubjectSumRow.technology) == technology, col(SubjectSumRow.first_on) == piece[0]
    )
    told = sums_of_entries(technology, piece).subquery("told").c
    worked_out = select(*list(told)[: len(KEYS)], *(-figure for figure in list(told)[len(KEYS) : -1]))
    # By its position: the sums of entries have no names of their own.
    both = union_all(kept, worked_out).subquery("compared").c
    by_key = [*both[: len(KEYS)]]
    differences = [func.sum(figure) for figure in both[len(KEYS) :]]
    query = select(both.unit_id, *differences).group_by(*by_key).having(or_(*(found != 0 for found in differences)))
    units: dict[str, list[tuple[int, ...]]] = {}
    for unit_id, *found in session.execute(query.order_by(*by_key)):
        units.setdefault(unit_id, []).append(tuple(map(int, found)))
    count = select(func.count()).select_from(SubjectSumRow)
    count = count.where(col(SubjectSumRow.technology) == technology, col(SubjectSumRow.first_on) == piece[0])
    differing = (
        DifferingUnit(unit_id, len(rows), *next((n, d) for n, d in zip(FIGURES, rows[0], strict=True) if d))
        for unit_id, rows in sorted(units.items())
    )
    return SumsChecked(technology, piece, session.execute(count).scalar_one(), tuple(differing))


def _ends(session: Session, technology: str) -> Days | None:
    """The first and the last day anything is kept or entered for."""
    entered = select(func.min(EntryRow.day_on), func.max(EntryRow.day_on)).where(col(EntryRow.technology) == technology)
    kept = select(func.min(SubjectSumRow.first_on), func.max(SubjectSumRow.first_on)).where(
        col(SubjectSumRow.technology) == technology
    )
    found = [row for row in (*session.execute(entered), *session.execute(kept)) if row[0] is not None]
    return (min(row[0] for row in found), max(row[1] for row in found)) if found else None
