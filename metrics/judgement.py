"""What a rule says about one occasion: a carer's shift, a citizen's week or a resident's day."""

from dataclasses import dataclass, field
from typing import Any, Literal

from metrics.technologies import Component, Technology

Outcome = Literal["counted", "ineligible", "no_baseline"]
EvidenceClass = Literal["device", "tap"]
Reason = Literal[
    "no_baseline",
    # shifts
    "no_visit",
    "visit_not_ended",
    "route_not_delivered",
    "route_delivered_late",
    "no_key_stop",
    "begun_by_tap",
    "no_leg",
    # citizen-weeks
    "not_enrolled",
    "enrolled_in_part",
    "no_screen_visit",
    # resident-days
    "no_use",
    "unanswered",
]


@dataclass(frozen=True, slots=True)
class RuleIdentity:
    """Which rule an entry was written by."""

    technology: Technology
    version: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says about one closed occasion. Seconds are absent unless ``outcome`` is ``counted``."""

    outcome: Outcome
    eligible: bool
    reason: Reason | None
    component: Component
    evidence_class: EvidenceClass
    evidence: tuple[int, ...]
    inputs: dict[str, Any] = field(default_factory=dict)
    baseline_id: str | None = None
    #: how many times the baseline was applied: legs for routing, otherwise 1
    baseline_count: int | None = None
    baseline_s: int | None = None
    actual_s: int | None = None
    overhead_s: int | None = None
    net_s: int | None = None


#: What of a judgement is a column of an entry by the same name. Inputs and evidence are compared by their figures.
FIGURES = (
    "outcome",
    "eligible",
    "reason",
    "component",
    "evidence_class",
    "baseline_id",
    "baseline_count",
    "baseline_s",
    "actual_s",
    "overhead_s",
    "net_s",
)


def counted(
    *,
    component: Component,
    evidence_class: EvidenceClass,
    evidence: tuple[int, ...],
    inputs: dict[str, Any],
    baseline_id: str,
    baseline_s: int,
    actual_s: int,
    overhead_s: int,
    baseline_count: int = 1,
) -> Judgement:
    """An eligible occasion with a baseline: baseline less actual less overhead, whole seconds, maybe negative."""
    return Judgement(
        outcome="counted",
        eligible=True,
        reason=None,
        component=component,
        evidence_class=evidence_class,
        evidence=evidence,
        inputs=inputs,
        baseline_id=baseline_id,
        baseline_count=baseline_count,
        baseline_s=baseline_s,
        actual_s=actual_s,
        overhead_s=overhead_s,
        net_s=baseline_s - actual_s - overhead_s,
    )
