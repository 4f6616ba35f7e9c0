"""What is known of weeks that were measured against visit types: how sure the saving is, and what has to be named."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from metrics.covered_days import Days
from metrics.estimate import UnitSample
from metrics.sums.by_subject import SubjectSum
from metrics.visit_types.means import ALL_TYPES
from metrics.visit_types.sample import visits_sample
from metrics.visit_types.store import baselines_of_visits, measured_visits, replaced_visits


@dataclass(frozen=True, slots=True)
class ByVisitType:
    """What of a unit was measured against visits; ``fell_back`` where a type had no mean of its own."""

    fell_back: bool
    sample: UnitSample


def by_visit_type(
    session: Session, unit_id: str, sums: Sequence[SubjectSum], covered: Days
) -> tuple[ByVisitType | None, list[SubjectSum]]:
    """Part sums into what was measured against visits, if anything was, and what against the subjects' own weeks."""
    baseline_ids = baselines_of_visits(session, {row.baseline_id for row in sums})
    mine = [row for row in sums if row.baseline_id in baseline_ids]
    own = [row for row in sums if row.baseline_id not in baseline_ids]
    if not mine:
        return None, own
    replaced = replaced_visits(session, baseline_ids, {row.unit_id for row in mine}, covered)
    parts = [(replaced[baseline_id], measured_visits(session, baseline_id)) for baseline_id in sorted(replaced)]
    spent_s = dict.fromkeys((row.subject for row in sums), 0)
    for row in mine:
        spent_s[row.subject] += row.spent_s
    sample = visits_sample(unit_id, spent_s, sum(row.net_s for row in mine), parts)
    fell_back = any(cell.visit_type == ALL_TYPES for of_it, _measured in parts for _subject, cell in of_it)
    return ByVisitType(fell_back, sample), own
