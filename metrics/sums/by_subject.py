"""Sums of a unit's days: by subject and baseline for the figures, by outcome and reason for what did not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session

from metrics.sums.once import once
from metrics.sums.parts import parts_of


class UnitSum(NamedTuple):
    """What the occasions of one subject come to that ended the same way against the same baseline.

    Reason and baseline are empty where there is none; figures as in :class:`metrics.sums.tables.SubjectSumRow`.
    """

    subject: str
    baseline_id: str
    outcome: str
    reason: str
    occasion_count: int
    baseline_count: int
    overhead_s: int
    spent_s: int
    net_s: int
    used_s: int
    negative_count: int
    failure_count: int
    device_count: int
    evidence_count: int


_KEYS = UnitSum._fields[:4]
_FIGURES = UnitSum._fields[4:]


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


def unit_sums(session: Session, technology: str, unit_id: str, from_on: date, to_on: date) -> Sequence[UnitSum]:
    """Everything the ledger says of a unit and period, added up as far as any figure allows."""
    return once(
        session,
        ("unit", technology, unit_id, from_on, to_on),
        lambda: _read(session, technology, unit_id, from_on, to_on),
    )


def subject_sums(session: Session, technology: str, unit_id: str, from_on: date, to_on: date) -> list[SubjectSum]:
    """Counted entries of a unit and period by subject and baseline."""
    return [
        SubjectSum(
            unit_id=unit_id,
            subject=one.subject,
            baseline_id=one.baseline_id,
            occasion_count=one.occasion_count,
            baseline_count=one.baseline_count,
            spent_s=one.spent_s,
            net_s=one.net_s,
            used_s=one.used_s,
            device_count=one.device_count,
            evidence_count=one.evidence_count,
        )
        for one in unit_sums(session, technology, unit_id, from_on, to_on)
        # What counted has no reason: each of them is the only one of its subject and baseline.
        if one.outcome == "counted"
    ]


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
    occasions: dict[tuple[str, str], int] = {}
    subjects: dict[tuple[str, str], set[str]] = {}
    for one in unit_sums(session, technology, unit_id, from_on, to_on):
        key = (one.outcome, one.reason)
        occasions[key] = occasions.get(key, 0) + one.occasion_count
        subjects.setdefault(key, set()).add(one.subject)
    return [
        OutcomeCount(unit_id, outcome, reason or None, occasions[outcome, reason], len(found))
        for (outcome, reason), found in sorted(subjects.items())
    ]


def _read(session: Session, technology: str, unit_id: str, from_on: date, to_on: date) -> Sequence[UnitSum]:
    part = parts_of(session, technology, {unit_id: (from_on, to_on)}).c
    keys = [part[name] for name in _KEYS]
    query = select(*keys, *(func.sum(part[name]) for name in _FIGURES)).group_by(*keys)
    # PostgreSQL adds whole numbers up to decimal ones.
    return [UnitSum(*row[:4], *map(int, row[4:])) for row in session.execute(query)]
