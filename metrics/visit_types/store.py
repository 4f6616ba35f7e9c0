"""Queries of baselines by visit type."""

from collections import Counter, defaultdict
from collections.abc import Collection

from sqlmodel import Session, col, select

from metrics import store
from metrics.covered_days import Days
from metrics.tables import BaselineRow, BaselineSampleRow, EntryRow
from metrics.visit_types.means import BASELINE_KIND, Cell, MeasuredVisits, VisitMeans, cells_of

TECHNOLOGY = "screen"


def known_visit_means(session: Session) -> list[VisitMeans]:
    """Every baseline of visits whose event the ledger has read."""
    query = select(BaselineRow).where(
        BaselineRow.technology == TECHNOLOGY,
        BaselineRow.kind == BASELINE_KIND,
        col(BaselineRow.known_position).is_not(None),
    )
    return [
        VisitMeans(
            baseline_id=row.id,
            unit_id=row.unit_id,
            last_on=row.last_on,
            valid_until_on=row.valid_until_on,
            known_position=row.known_position or 0,
            cells=cells_of(measured_visits(session, row.id)),
        )
        for row in session.exec(query.order_by(BaselineRow.unit_id, col(BaselineRow.version)))
    ]


def measured_visits(session: Session, baseline_id: str) -> list[MeasuredVisits]:
    """What a baseline of visits was measured on."""
    row = BaselineSampleRow
    query = select(row.subject, row.shift_kind, row.visit_type, row.measured_count, row.measured_s).where(  # type: ignore[call-overload]
        row.baseline_id == baseline_id
    )
    return [
        MeasuredVisits(who, shift or "", kind or "", count, s) for who, shift, kind, count, s in session.exec(query)
    ]


def baselines_of_visits(session: Session, baseline_ids: Collection[str]) -> set[str]:
    """Those of some baselines that are of visits and not of a subject's own weeks."""
    query = select(BaselineRow.id).where(
        col(BaselineRow.id).in_(sorted(baseline_ids)), BaselineRow.kind == BASELINE_KIND
    )
    return set(session.exec(query))


def replaced_visits(
    session: Session, baseline_ids: Collection[str], unit_ids: Collection[str], covered: Days
) -> dict[str, dict[tuple[str, Cell], int]]:
    """How many visits of each subject were measured against each cell: baseline -> (subject, cell) -> visits."""
    query = select(EntryRow.baseline_id, EntryRow.subject, EntryRow.inputs).where(
        store.is_current(),
        EntryRow.technology == TECHNOLOGY,
        EntryRow.outcome == "counted",
        col(EntryRow.baseline_id).in_(sorted(baseline_ids)),
        col(EntryRow.unit_id).in_(sorted(unit_ids)),
        EntryRow.day_on >= covered[0],
        EntryRow.day_on <= covered[1],
    )
    found: dict[str, dict[tuple[str, Cell], int]] = defaultdict(Counter)
    for baseline_id, subject, inputs in session.exec(query):
        for name, count in inputs.get("replaced", {}).items():
            found[baseline_id or ""][subject, Cell.named(name)] += count
    return found
