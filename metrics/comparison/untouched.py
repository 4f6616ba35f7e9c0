"""Rules ``screen-0`` and ``keys-0``: periods of those who have not begun yet, counted like the others.

They write lines of their own into the ledger, with baseline, actual and evidence as any other, which count for nobody:
what such a line saves is how far an untouched period lies from its baseline anyway. Pure.

``screen-0``
    A week of a citizen who was measured and not enrolled yet: the own baseline less what was delivered. Left out are
    weeks with a screen visit, with a visit left open, or of more than one unit.
``keys-0``
    A day shift whose route never reached the tablet and had a key to fetch: the head and tail of ``keys-1``. A door
    that did not open is no loss here: the key was fetched.

Lifts and turning systems have none: without a device nothing tells when two were there. Nor has routing: every day
shift that is driven counts, so nobody waits.
"""

from metrics import keys_entries, screen_weeks
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement, Reason, RuleIdentity, counted
from metrics.ledger import Baseline, RouteProgress, ShiftProgress
from metrics.screen_weeks import WeekProgress, week_bounds_ms
from metrics.subject_baselines import SubjectBaseline

SCREEN = RuleIdentity(screen_weeks.TECHNOLOGY, "screen-0")
KEYS = RuleIdentity(keys_entries.TECHNOLOGY, "keys-0")
UNTOUCHED: dict[str, RuleIdentity] = {rule.technology: rule for rule in (SCREEN, KEYS)}


def judge_week(progress: WeekProgress, enrolment: Enrolment | None, own: SubjectBaseline | None) -> Judgement:
    """Apply ``screen-0`` to a week that is over."""
    visits = progress.visits.values()
    evidence = tuple(sorted(position for visit in visits for position in visit.positions))
    reason = _not_untouched(progress, enrolment)
    if reason is not None or own is None:
        return Judgement("ineligible", False, reason or "no_baseline", screen_weeks.COMPONENT, "tap", evidence)
    inputs = {
        "visit_s": sum(visit.visit_s for visit in visits),
        "travel_s": sum(visit.travel_s or 0 for visit in visits),
        "visits": len(visits),
    }
    return counted(
        component=screen_weeks.COMPONENT,
        evidence_class="tap",
        evidence=evidence,
        inputs=inputs,
        baseline_id=own.baseline_id,
        baseline_s=own.mean_s,
        actual_s=inputs["visit_s"] + inputs["travel_s"],
        overhead_s=0,
    )


def unit_of_week(progress: WeekProgress) -> str:
    """The unit of a week's visits, empty where there is none or more than one."""
    units = {visit.unit_id for visit in progress.visits.values()}
    return units.pop() if len(units) == 1 else ""


def judge_ends(shift: ShiftProgress, route: RouteProgress, baseline: Baseline | None) -> Judgement:
    """Apply ``keys-0`` to a closed shift."""
    first = keys_entries.judge(shift, route, None)
    ends = keys_entries.head_and_tail_s(shift)
    if not is_untouched(shift, route) or isinstance(ends, str) or baseline is None:
        reason: Reason = "no_baseline" if first.reason == "route_not_delivered" else first.reason or "no_key_stop"
        return Judgement("ineligible", False, reason, keys_entries.COMPONENT, "tap", first.evidence)
    return counted(
        component=keys_entries.COMPONENT,
        evidence_class="tap",
        evidence=first.evidence,
        inputs={"head_s": ends[0], "tail_s": ends[1]},
        baseline_id=baseline.baseline_id,
        baseline_s=baseline.mean_s,
        actual_s=sum(ends),
        overhead_s=0,
    )


def is_untouched(shift: ShiftProgress, route: RouteProgress) -> bool:
    """Whether a closed shift was worked as before: a key to fetch, and no route on the tablet at any time."""
    first = keys_entries.judge(shift, route, None)
    newest = max(route.key_stops, default=None)
    return first.reason == "route_not_delivered" and newest is not None and route.key_stops[newest] > 0


def _not_untouched(progress: WeekProgress, enrolment: Enrolment | None) -> Reason | None:
    _from_ms, until_ms = week_bounds_ms(progress.last_on)
    if enrolment is not None and any(span.from_ms < until_ms for span in enrolment.spans):
        return "enrolled_in_part"
    visits = progress.visits.values()
    if not visits or not all(visit.physical for visit in visits) or not unit_of_week(progress):
        return "no_visit"
    return "visit_not_ended" if any(visit.ended_ms is None for visit in visits) else None
