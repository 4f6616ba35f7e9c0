"""What a before-and-after figure cannot rule out by itself, and what its own measurements tell against it.

``selection``
    Those who use it may differ from those who do not. Only drawing lots rules that out.
``regression``
    Who is enrolled or measured when need is unusually high comes down again without any technology. A group that
    was not drawn by lot may not have been at such a peak, so only lots rule it out.
``drift``
    Need, granted time or seasons may have changed in the meantime. A group that was not treated at the same time
    lives through the same.
``baseline_trend``
    Seen, not only possible: the measured time already moved, subject by subject, while it was being measured. Of those
    who are measured against themselves only who is in the figure counts, so it is also what a peak before the enrolment
    looks like.
``visit_types``, ``shift_mean``
    Part of the figure is measured against visits of the same type before, or of the same shift where too few were
    measured with the type, and not against the citizen herself (``screen-2``).

Sources: D. T. Campbell, J. C. Stanley, "Experimental and Quasi-Experimental Designs for Research" (1963), the
threats by their names; the slope is within subjects and its error clustered by subject, K.-Y. Liang, S. L. Zeger,
"Longitudinal data analysis using generalized linear models", Biometrika 73 (1986).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from math import sqrt
from typing import Literal

from sqlmodel import Session, col, select

from metrics.estimate import selection_not_ruled_out
from metrics.tables import BaselineSampleRow
from metrics.targets import Comparison

Threat = Literal["selection", "regression", "drift", "baseline_trend", "visit_types", "shift_mean"]
#: What is seen in the figure's own measurements; the others are possible and not ruled out.
SEEN: tuple[Threat, ...] = ("baseline_trend", "visit_types", "shift_mean")

#: Fewer subjects, or less than this from the first to the last measured day of one, tell nothing of a slope.
MINIMUM_SUBJECTS = 5
MINIMUM_SPAN_DAYS = 14
#: A slope is called one when chance would show such a one this seldom.
CHANCE_RATIO = 0.05


def threats_of(
    comparison: Comparison | None,
    *,
    baseline_trend: bool,
    visit_types: bool = False,
    shift_mean: bool = False,
    unchanged: bool = False,
) -> tuple[Threat, ...]:
    """What has to be named on a figure, in a fixed order.

    Parameters
    ----------
    comparison
        The group the benefit owner states.
    visit_types, shift_mean
        Whether any of it was measured against a visit type's mean, or a shift's.
    unchanged
        Whether a measured comparison group lived through the same and its figure holds this one.
    """
    found: list[Threat] = []
    if selection_not_ruled_out(comparison):
        found += ["selection", "regression"]
    if comparison is None and not unchanged:
        found.append("drift")
    seen = (baseline_trend, visit_types, shift_mean)
    found += [threat for threat, is_so in zip(SEEN, seen, strict=True) if is_so]
    return tuple(found)


def has_trend(measured: Iterable[tuple[str, date, float]]) -> bool:
    """Whether measured time rose or fell while it was measured.

    Parameters
    ----------
    measured
        Subject, day and seconds of one measured unit of work (a leg, a shift, a day or a week).

    Returns
    -------
    bool
        Whether the slope within subjects, with its error clustered by subject, is one that chance alone would show
        in less than :data:`CHANCE_RATIO` of such measurements. ``False`` where too little was measured to tell.
    """
    by_subject: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for subject, on, seconds in measured:
        by_subject[subject].append((on.toordinal(), seconds))
    # In the order of figures, not of pseudonyms: the same figures sum to the same slope.
    centred = sorted(_centred(days) for days in by_subject.values() if _span(days) >= MINIMUM_SPAN_DAYS)
    spread = sum(x * x for days in centred for x, _y in days)
    if len(centred) < MINIMUM_SUBJECTS or not spread:
        return False
    slope = sum(x * y for days in centred for x, y in days) / spread
    scores = [sum(x * (y - slope * x) for x, y in days) for days in centred]
    error = sqrt(sum(score * score for score in scores) * len(scores) / (len(scores) - 1)) / spread
    if not error:
        return bool(slope)
    from scipy.special import stdtr  # noqa: PLC0415 - heavy: imported where it is used

    return bool(2 * stdtr(len(centred) - 1, -abs(slope) / error) < CHANCE_RATIO)


def baselines_have_trend(
    session: Session, baseline_ids: Collection[str], subjects: Collection[str] | None = None
) -> bool:
    """Whether the samples behind these baselines together have a slope; of some subjects only, where they are given.

    Visits of one type and shift are a subject of their own: another mix of visits is no trend.
    """
    row = BaselineSampleRow
    columns = (row.subject, row.day_on, row.measured_s, row.measured_count, row.baseline_id, row.shift_kind)
    query = select(*columns, row.visit_type).where(col(row.baseline_id).in_(sorted(baseline_ids)))  # type: ignore[call-overload]
    return has_trend(
        (f"{baseline}|{who}|{shift}|{visit}", on, seconds / (count or 1))
        for who, on, seconds, count, baseline, shift, visit in session.exec(query)
        if subjects is None or who in subjects
    )


def _centred(days: list[tuple[int, float]]) -> list[tuple[float, float]]:
    middle = sum(x for x, _y in days) / len(days)
    mean = sum(y for _x, y in days) / len(days)
    return sorted((x - middle, y - mean) for x, y in days)


def _span(days: list[tuple[int, float]]) -> int:
    return max(x for x, _y in days) - min(x for x, _y in days)
