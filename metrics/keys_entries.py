"""Rule ``keys-1``: what one day shift saved by starting and ending at the citizen instead of at the base.

baseline
    Mean of the time study of the shift's unit and kind: minutes at the base plus travel to and from it.
actual
    Head plus tail. Head: from the start of the shift to the beginning of the first physical visit. Tail: from
    the end of the last physical visit to the end of the shift. Screen visits held within the head or the tail
    are care, not key time, and are taken out. Neither is ever below zero.
overhead
    Time lost at doors between head and tail. For each physical visit with an opening that was refused,
    jammed, expired or left unknown: from the tap of the first such opening until the visit began, or, if it
    never began, until the visit's last opening settled. Overlaps count once. What lies in the head or the
    tail is in ``actual`` already and is not counted again.
net
    baseline - actual - overhead, whole seconds; it may be negative.

Eligible is a shift whose route had reached the tablet when the first physical visit began, with at least one
physical stop that formerly needed a fetched key (design §7.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from metrics.judgement import EvidenceClass, Judgement, Reason, counted
from metrics.ledger import Baseline, Delivery, RouteProgress, ShiftProgress, VisitProgress
from metrics.technologies import Component, Technology
from metrics.time_spans import Span, length_without, merged, overlap, whole_s

RULE_VERSION = "keys-1"
TECHNOLOGY: Technology = "keys"
COMPONENT: Component = "base_trip"
SHIFT_KIND = "day"


@dataclass(frozen=True, slots=True)
class _Ends:
    """The visits that bound the working part of a shift."""

    first: VisitProgress
    last: VisitProgress
    first_begun_ms: int
    last_ended_ms: int


def judge(shift: ShiftProgress, route: RouteProgress, baseline: Baseline | None) -> Judgement:
    """Apply the rule to a closed shift.

    Parameters
    ----------
    shift
        A shift whose start and end are known.
    route
        What is known of the carer's route of that day.
    baseline
        The baseline of the shift's unit and kind that holds on its day, if any.

    Raises
    ------
    ValueError
        If the shift is still open.
    """
    if shift.started_ms is None or shift.ended_ms is None:
        raise ValueError(f"Expected a closed shift, got {shift.shift_id}.")
    ends = _ends(shift.visits.values())
    if isinstance(ends, str):
        return _refused(shift, route, None, None, ends)
    delivery = route.delivered_by(ends.first_begun_ms)
    if delivery is None:
        late = bool(route.deliveries)
        return _refused(shift, route, ends, None, "route_delivered_late" if late else "route_not_delivered")
    if route.key_stop_count(delivery) < 1:
        return _refused(shift, route, ends, delivery, "no_key_stop")
    inputs = _inputs(shift, route, ends, delivery)
    evidence = _evidence(shift, ends, delivery)
    evidence_class = _evidence_class(shift, route)
    if baseline is None:
        return Judgement("no_baseline", True, "no_baseline", COMPONENT, evidence_class, evidence, inputs)
    return counted(
        component=COMPONENT,
        evidence_class=evidence_class,
        evidence=evidence,
        inputs=inputs,
        baseline_id=baseline.baseline_id,
        baseline_s=baseline.mean_s,
        actual_s=inputs["head_s"] + inputs["tail_s"],
        overhead_s=inputs["door_loss_s"],
    )


def _ends(visits: Iterable[VisitProgress]) -> _Ends | Reason:
    physical = [v for v in visits if v.physical and v.begun_ms is not None]
    if not physical:
        return "no_visit"
    first = min(physical, key=lambda v: (v.begun_ms or 0, v.begun_position or 0))
    last_begun = max(physical, key=lambda v: (v.begun_ms or 0, v.begun_position or 0))
    if last_begun.ended_ms is None or first.begun_ms is None:
        return "visit_not_ended"
    last = max(physical, key=lambda v: (v.ended_ms or 0, v.ended_position or 0))
    return _Ends(first, last, first.begun_ms, last.ended_ms or last_begun.ended_ms)


def _refused(
    shift: ShiftProgress, route: RouteProgress, ends: _Ends | None, delivery: Delivery | None, reason: Reason
) -> Judgement:
    return Judgement(
        outcome="ineligible",
        eligible=False,
        reason=reason,
        component=COMPONENT,
        evidence_class=_evidence_class(shift, route),
        evidence=_evidence(shift, ends, delivery),
    )


def _inputs(shift: ShiftProgress, route: RouteProgress, ends: _Ends, delivery: Delivery) -> dict[str, Any]:
    head_s, tail_s = _head_and_tail_s(shift, ends)
    losses = door_losses(shift)
    between = (ends.first_begun_ms, ends.last_ended_ms)
    return {
        "head_s": head_s,
        "tail_s": tail_s,
        "door_loss_s": whole_s(overlap(between, losses)),
        "failed_doors": sum(v.failed_tap_ms is not None for v in shift.visits.values()),
        "key_stops": route.key_stop_count(delivery),
        "route_version": delivery.version,
        "start_place": shift.start_place,
        "end_place": shift.end_place,
    }


def head_and_tail_s(shift: ShiftProgress) -> tuple[int, int] | Reason:
    """Seconds of a closed shift before its first and after its last physical visit, screen visits taken out.

    Whatever route it was worked by: a shift of before is measured like one of since. A reason where it cannot be told.
    """
    ends = _ends(shift.visits.values())
    return ends if isinstance(ends, str) else _head_and_tail_s(shift, ends)


def _head_and_tail_s(shift: ShiftProgress, ends: _Ends) -> tuple[int, int]:
    screen = screen_spans(shift)
    head_ms = length_without((shift.started_ms or 0, ends.first_begun_ms), screen)
    tail_ms = length_without((ends.last_ended_ms, shift.ended_ms or 0), screen)
    return whole_s(head_ms), whole_s(tail_ms)


def screen_spans(shift: ShiftProgress) -> list[Span]:
    """When the carer held screen visits, without overlaps: care, and neither key time nor travel."""
    return merged(
        (v.begun_ms, v.ended_ms)
        for v in shift.visits.values()
        if not v.physical and v.begun_ms is not None and v.ended_ms is not None
    )


def door_losses(shift: ShiftProgress) -> list[Span]:
    """When the carer stood before a door that did not open, without overlaps."""
    spans: list[Span] = []
    for visit in shift.visits.values():
        if visit.failed_tap_ms is None or not visit.physical:
            continue
        until_ms = visit.begun_ms if visit.begun_ms is not None else visit.settled_ms
        if until_ms is not None and until_ms > visit.failed_tap_ms:
            spans.append((visit.failed_tap_ms, until_ms))
    return merged(spans)


def _evidence(shift: ShiftProgress, ends: _Ends | None, delivery: Delivery | None) -> tuple[int, ...]:
    found = {shift.started_position, shift.ended_position}
    if ends is not None:
        found |= {ends.first.begun_position, ends.last.ended_position}
    if delivery is not None:
        found.add(delivery.position)
    for visit in shift.visits.values():
        found.update(visit.door_positions)
    return tuple(sorted(position for position in found if position is not None))


def _evidence_class(shift: ShiftProgress, route: RouteProgress) -> EvidenceClass:
    """``device`` when the first and the last visit behind a lock were begun by the lock itself."""
    locked = sorted(
        (v.begun_ms, v.begun_position or 0, v.by_door)
        for visit_id, v in shift.visits.items()
        if v.physical and v.begun_ms is not None and (visit_id in route.door_visits or v.by_door or v.door_positions)
    )
    return "device" if locked and locked[0][2] and locked[-1][2] else "tap"
