"""Rule ``screen-2``: ``screen-1``, and weeks of citizens who were never measured themselves.

Who has a baseline of her own is counted exactly as :mod:`metrics.screen_weeks` counts. Who has none is measured against
the unit's baseline of visits, by shift and visit type:

baseline
    For each screen visit that was held, the mean of a visit of its unit, shift and type before (visit and travel); and
    what was delivered at the door and no failed screen visit caused, as it was.
actual, overhead, net
    As ``screen-1``.

So a screen visit is taken to have replaced one visit of its type at the door: that was not measured of this citizen,
and the figure says so (``visit_types``). A type too few were measured with is measured against all visits of the shift,
and the figure says that too (``shift_mean``). A week with a screen visit of a shift nobody was measured in waits for a
baseline. What a week was measured against is in ``replaced``: visits by shift and type.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from metrics import screen_weeks
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement, counted
from metrics.screen_weeks import WeekProgress
from metrics.subject_baselines import SubjectBaseline
from metrics.visit_types.means import Cell, VisitMeans
from metrics.visit_types.shifts import shift_of

RULE_VERSION = "screen-2"
TECHNOLOGY = screen_weeks.TECHNOLOGY


def judge_week(
    progress: WeekProgress, enrolment: Enrolment | None, own: SubjectBaseline | None, means: VisitMeans | None
) -> Judgement:
    """Apply the rule to a week that is over.

    Parameters
    ----------
    own
        The citizen's own baseline that holds in the week, if there is one.
    means
        The baseline of the unit's visits that holds in the week, if there is one; looked at without an own one only.
    """
    found = screen_weeks.judge_week(progress, enrolment, own)
    if found.outcome != "no_baseline" or means is None:
        return found
    cells = _replaced(progress, means)
    if cells is None:
        return found
    inputs = found.inputs
    overhead_s = inputs["follow_up_s"] + inputs["failed_screen_s"]
    at_the_door_s = inputs["visit_s"] + inputs["travel_s"] - inputs["follow_up_s"]
    measured = counted(
        component=found.component,
        evidence_class=found.evidence_class,
        evidence=found.evidence,
        inputs=inputs | {"replaced": {cell.name: count for cell, count in sorted(cells.items())}},
        baseline_id=means.baseline_id,
        baseline_s=means.seconds_of(cells) + at_the_door_s,
        actual_s=at_the_door_s + inputs["screen_s"] - inputs["failed_screen_s"],
        overhead_s=overhead_s,
    )
    return replace(measured, baseline_count=sum(cells.values()))


def _replaced(progress: WeekProgress, means: VisitMeans) -> Counter[Cell] | None:
    """The screen visits that were held by what they are measured against; ``None`` where one has nothing."""
    cells: Counter[Cell] = Counter()
    for visit in progress.visits.values():
        if not visit.held:
            continue
        cell = None
        if visit.begun_ms is not None:
            begun_at = datetime.fromtimestamp(visit.begun_ms / 1000, UTC)
            cell = means.cell_of(shift_of(begun_at), visit.service)
        if cell is None:
            return None
        cells[cell] += 1
    return cells
