"""What stands beside the minutes: what did not count and why, time lost, doors and calls that failed, no answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from metrics.covered_days import Days
from metrics.report import BenefitRow
from metrics.sums.by_subject import outcome_counts, unit_sums
from metrics.sums.keeping import FAILURES
from metrics.suppression import MINIMUM_SUBJECTS, Cell, withhold
from metrics.technologies import WATERFALL, Technology


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
        for count in outcome_counts(session, technology, unit_id, *days):
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
    sums = [one for unit_id, span in days.items() for one in unit_sums(session, technology, unit_id, *span)]
    if len({one.subject for one in sums}) < MINIMUM_SUBJECTS:
        return []
    failure_count = sum(one.failure_count for one in sums) if technology in FAILURES else None
    return [
        Quality(
            technology,
            loss_s=sum(one.overhead_s for one in sums),
            negative_count=sum(one.negative_count for one in sums),
            counted_count=sum(one.occasion_count for one in sums if one.outcome == "counted"),
            failure_count=failure_count,
        )
    ]
