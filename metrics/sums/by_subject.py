"""Sums of a unit's days: by subject and baseline for the figures, by outcome and reason for what did not count."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlmodel import Session

from metrics.sums.parts import parts_of


@dataclass(frozen=True, slots=True)
class SubjectSum:
    """What one subject's counted occasions of a period sum to, against one baseline."""

    unit_id: str
    subject: str
    baseline_id: str
    occasion_count: int
    #: how many times the baseline was applied: legs for routing, otherwise as many as occasions
    baseline_count: int
    #: actual and overhead together
    spent_s: int
    net_s: int
    #: of the net, what came in blocks that hold planned work
    used_s: int
    device_count: int
    evidence_count: int


def subject_sums(session: Session, technology: str, unit_id: str, from_on: date, to_on: date) -> list[SubjectSum]:
    """Counted entries of a unit and period by subject and baseline."""
    part = parts_of(session, technology, {unit_id: (from_on, to_on)}).c
    keys = (part.unit_id, part.subject, part.baseline_id)
    figures = (
        part.occasion_count,
        part.baseline_count,
        part.spent_s,
        part.net_s,
        part.used_s,
        part.device_count,
        part.evidence_count,
    )
    query = select(*keys, *(func.sum(figure) for figure in figures)).where(part.outcome == "counted").group_by(*keys)
    return [SubjectSum(*row[:3], *(int(value) for value in row[3:])) for row in session.execute(query)]


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many occasions of a unit ended up with an outcome and reason."""

    unit_id: str
    outcome: str
    reason: str | None
    occasion_count: int
    subject_count: int


def outcome_counts(session: Session, technology: str, unit_id: str, from_on: date, to_on: date) -> list[OutcomeCount]:
    """Entries of a unit and period by outcome and reason."""
    part = parts_of(session, technology, {unit_id: (from_on, to_on)}).c
    keys = (part.unit_id, part.outcome, part.reason)
    query = select(*keys, func.sum(part.occasion_count), func.count(part.subject.distinct())).group_by(*keys)
    return [
        OutcomeCount(unit, outcome, reason or None, int(occasions), subjects)
        for unit, outcome, reason, occasions, subjects in session.execute(query)
    ]
