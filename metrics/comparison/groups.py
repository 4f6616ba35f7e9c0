"""Who a unit's figure may be compared with: measured subjects who have not begun, at the same time."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from fractions import Fraction

from sqlalchemy import func
from sqlalchemy import select as sums_by
from sqlmodel import Session, col, select

from metrics.comparison.ratio import ComparedSubject, Group
from metrics.comparison.untouched import UNTOUCHED
from metrics.covered_days import Days
from metrics.sums.parts import parts_of
from metrics.tables import BaselineSampleRow
from metrics.technologies import Technology


def group_of(
    session: Session,
    technology: Technology,
    unit_id: str,
    covered: Days,
    *,
    begun: Collection[str] = (),
    waiting_units: Sequence[str] = (),
) -> Group | None:
    """The comparison group of a unit, or ``None`` where there are not five.

    Parameters
    ----------
    begun
        Pseudonyms of those the figure is of: who has begun on some of the days is no comparison.
    waiting_units
        Units that have not begun; looked at where the unit itself has too few.
    """
    if technology not in UNTOUCHED:
        return None
    own = Group("same_unit", _subjects(session, technology, [unit_id], covered, begun))
    if own.large_enough:
        return own
    others = Group("other_units", _subjects(session, technology, waiting_units, covered, begun))
    return others if waiting_units and others.large_enough else None


def _subjects(
    session: Session, technology: Technology, unit_ids: Sequence[str], covered: Days, begun: Collection[str]
) -> tuple[ComparedSubject, ...]:
    if not unit_ids:
        return ()
    days = dict.fromkeys(unit_ids, covered)
    part = parts_of(session, technology, days, rule_version=UNTOUCHED[technology].version).c
    keys = (part.subject, part.baseline_id)
    query = sums_by(*keys, func.sum(part.baseline_count), func.sum(part.spent_s)).where(part.outcome == "counted")
    rows = [found for found in session.execute(query.group_by(*keys)) if found[0] not in begun]
    means = _own_means(session, {found[1] for found in rows})
    expected: dict[str, Fraction] = defaultdict(Fraction)
    spent_s: dict[str, int] = defaultdict(int)
    for subject, baseline_id, count, spent in rows:
        # Against their own measurements, whatever the rule measures against: the unit's mean is of others too.
        mean = means.get((baseline_id, subject))
        if mean is not None:
            expected[subject] += mean * int(count)
            spent_s[subject] += int(spent)
    return tuple(sorted(ComparedSubject(round(expected[s]), spent_s[s], s) for s in expected))


def _own_means(session: Session, baseline_ids: Collection[str]) -> dict[tuple[str, str], Fraction]:
    """Seconds of one occasion of each measured subject, by baseline and subject."""
    row = BaselineSampleRow
    query = (
        select(row.baseline_id, row.subject, func.sum(row.measured_s), func.sum(row.measured_count))
        .where(col(row.baseline_id).in_(sorted(baseline_ids)))
        .group_by(col(row.baseline_id), col(row.subject))
    )
    return {(b, subject): Fraction(int(seconds), int(count)) for b, subject, seconds, count in session.exec(query)}
