"""Rule ``routing-1``: what one day shift saved between its visits. No approved case promises anything for it.

baseline
    Legs of the shift times the mean travel time per leg of the unit's time study, rounded once.
actual
    Per leg, the time from the end of one physical visit to the beginning of the next. Taken out: screen visits
    held in between (care) and time lost at doors that did not open (overhead of keys).
overhead
    None of its own.
net
    baseline - actual, whole seconds; it may be negative.

A leg leads from one physical visit to the next. Two kinds of legs are left out on both sides and noted in the
inputs: a leg of more than an hour holds a break, and a leg to a citizen who uses screen visits is counted by
``screen-1``, which weighs the travel to that citizen's remaining visits. What lies before the first and after
the last physical visit belongs to ``keys-1``. So no minute is counted by two rules (design §7.6).

Eligible is a day shift that has ended, with every begun physical visit ended and at least one leg left.
"""

from dataclasses import dataclass

from metrics.judgement import EvidenceClass, Judgement, Reason, counted
from metrics.keys_entries import door_losses, screen_spans
from metrics.ledger import Baseline, ShiftProgress, VisitProgress
from metrics.technologies import Component, Technology
from metrics.time_spans import Span, length_without, merged, whole_s

RULE_VERSION = "routing-1"
TECHNOLOGY: Technology = "routing"
COMPONENT: Component = "between_visits"
SHIFT_KIND = "day"
BASELINE_KIND = "leg"
#: Nobody travels longer between two visits of a municipality; a longer leg holds a break.
LONGEST_LEG_S = 60 * 60


@dataclass(slots=True)
class _Legs:
    """The legs of a shift, summed."""

    counted: int = 0
    travel_ms: int = 0
    breaks: int = 0
    break_ms: int = 0
    to_screen_citizens: int = 0


def judge(shift: ShiftProgress, baseline: Baseline | None) -> Judgement:
    """Apply the rule to a closed shift.

    Parameters
    ----------
    baseline
        The baseline of the shift's unit per leg that holds on its day, if any.

    Raises
    ------
    ValueError
        If the shift is still open.
    """
    if not shift.closed:
        raise ValueError(f"Expected a closed shift, got {shift.shift_id}.")
    physical = sorted(
        (v for v in shift.visits.values() if v.physical and v.begun_ms is not None),
        key=lambda v: (v.begun_ms or 0, v.begun_position or 0),
    )
    evidence = tuple(sorted(p for v in physical for p in (v.begun_position, v.ended_position) if p is not None))
    evidence_class: EvidenceClass = "device" if physical and all(v.by_door for v in physical[1:]) else "tap"
    if len(physical) < 2:
        return _refused("no_visit" if not physical else "no_leg", evidence)
    if any(v.ended_ms is None for v in physical):
        return _refused("visit_not_ended", evidence)
    legs = _legs(shift, physical)
    if legs.counted == 0:
        return _refused("no_leg", evidence)
    inputs = {
        "legs": legs.counted,
        "travel_s": whole_s(legs.travel_ms),
        "breaks": legs.breaks,
        "break_s": whole_s(legs.break_ms),
        "screen_citizen_legs": legs.to_screen_citizens,
    }
    if baseline is None:
        return Judgement("no_baseline", True, "no_baseline", COMPONENT, evidence_class, evidence, inputs)
    return counted(
        component=COMPONENT,
        evidence_class=evidence_class,
        evidence=evidence,
        inputs=inputs,
        baseline_id=baseline.baseline_id,
        baseline_count=legs.counted,
        baseline_s=baseline.seconds_of(legs.counted),
        actual_s=inputs["travel_s"],
        overhead_s=0,
    )


def _refused(reason: Reason, evidence: tuple[int, ...]) -> Judgement:
    return Judgement("ineligible", False, reason, COMPONENT, "tap", evidence)


def _legs(shift: ShiftProgress, physical: list[VisitProgress]) -> _Legs:
    not_travel = merged([*screen_spans(shift), *door_losses(shift)])
    legs = _Legs()
    left_ms = physical[0].ended_ms or 0
    for visit in physical[1:]:
        window: Span = (left_ms, visit.begun_ms or 0)
        # Two visits at one address may overlap: the leg between them took no time.
        length_ms = length_without(window, not_travel) if window[1] > window[0] else 0
        left_ms = max(left_ms, visit.ended_ms or 0)
        if visit.screen_citizen:
            legs.to_screen_citizens += 1
        elif length_ms > LONGEST_LEG_S * 1000:
            legs.breaks += 1
            legs.break_ms += length_ms
        else:
            legs.counted += 1
            legs.travel_ms += length_ms
    return legs
