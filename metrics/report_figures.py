"""What the ledger holds on one technology, unit and period, before anything is withheld or written down."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session

from kernel.localtime import local_day
from metrics import store
from metrics.business_case import BusinessCase
from metrics.comparison.groups import group_of
from metrics.comparison.ratio import Adjusted, adjusted
from metrics.covered_days import Days
from metrics.estimate import (
    MINIMUM_DRAWN,
    MeasuredSubject,
    PairedSample,
    PairedSubject,
    SubjectOccasions,
    UnitDraws,
    UnitSample,
    draw_paired,
    draw_unit,
)
from metrics.handed_over import days_of_unit, handed_over_target_s
from metrics.keys_entries import SHIFT_KIND
from metrics.report_words import ReportReason
from metrics.rule_versions import CURRENT_RULES
from metrics.rules_beside import by_visit_type as screen_2
from metrics.sums.by_subject import SubjectSum, outcome_counts, subject_sums
from metrics.sums.once import once
from metrics.targets import AdoptedUnit, Adoption, Reading, target_over
from metrics.technologies import OCCASION_KINDS, OccasionKind, Technology
from metrics.threats import baselines_have_trend
from metrics.visit_types.figures import by_visit_type

#: Measured against the subject itself; the others against the mean of the unit.
PAIRED: frozenset[Technology] = frozenset({"screen", "transfers"})
#: Occasions that happened and cannot be judged because something of them was never told.
_UNTOLD = frozenset({"visit_not_ended", "unanswered"})
#: A figure says so when it lacks more than this part of them.
LARGEST_UNTOLD_RATIO = 0.02
_NOT_OVER: Mapping[OccasionKind, ReportReason] = {
    "citizen_week": "week_not_over",
    "resident_day": "day_not_over",
    "carer_shift": "no_occasions",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about: a technology as it was adopted. ``case`` is absent where nothing was promised."""

    technology: Technology
    adoption: Adoption
    case: BusinessCase | None
    #: the version that was chosen to count; the first one where empty
    counted_by: str = ""

    @property
    def promises_minutes(self) -> bool:
        """Whether a case promises time, not money alone."""
        return self.case is not None and self.case.has_minutes

    @property
    def rule_version(self) -> str:
        """The rule the technology is counted by; empty where none is."""
        return self.counted_by or CURRENT_RULES.get(self.technology, "")


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """One unit in a period. ``covered`` are the days its figures and its target are about."""

    unit: AdoptedUnit
    covered: Days | None
    target_s: int
    sums: Sequence[SubjectSum]
    ineligible_count: int
    without_baseline_count: int
    drawn: UnitDraws | None
    empty_reason: ReportReason
    untold_count: int = 0
    #: the measured time already moved while it was measured
    baseline_trend: bool = False
    #: part of it is measured against visit types, and of that part against the mean of a shift
    visit_types: bool = False
    shift_mean: bool = False
    #: the figure with the change of those who have not begun taken out, where there are enough of them
    adjusted: Adjusted | None = None

    @property
    def in_use(self) -> bool:
        """Whether the unit had the technology on any day of the period."""
        return self.empty_reason != "not_in_use_yet"

    @property
    def subjects(self) -> frozenset[str]:
        """Pseudonyms behind the figures."""
        return frozenset(row.subject for row in self.sums)

    @property
    def realised_s(self) -> int:
        """The ledger's own sum of net seconds."""
        return sum(row.net_s for row in self.sums)

    @property
    def spent_s(self) -> int:
        """What the counted occasions took, by the ledger."""
        return sum(row.spent_s for row in self.sums)

    @property
    def lacking(self) -> ReportReason | None:
        """What the figures leave out that happened."""
        if self.without_baseline_count:
            return "baseline_missing_in_part"
        counted = sum(row.occasion_count for row in self.sums)
        untold = self.untold_count > LARGEST_UNTOLD_RATIO * (counted + self.untold_count)
        return "events_missing_in_part" if untold else None

    @property
    def reason(self) -> ReportReason | None:
        """Why there are no figures, or what they lack."""
        if self.sums:
            return self.lacking
        if self.without_baseline_count:
            return "baseline_missing"
        return "none_eligible" if self.ineligible_count else self.empty_reason


def unit_figures(
    session: Session, subject: Subject, unit: AdoptedUnit, period: Days, reading: Reading, now: datetime
) -> UnitFigures:
    """Read one unit's figures.

    Parameters
    ----------
    period
        As asked for, local days, both included.
    """
    covered = days_of_unit(subject.technology, subject.adoption, unit, period, now)
    if covered is None:
        used = unit.used_between(*period)
        # Nothing is settled: the target is what the period promises, for there is nothing to compare it with.
        lacking = _NOT_OVER[OCCASION_KINDS[subject.technology]] if used is not None else "not_in_use_yet"
        target_s = _target_s(subject, unit, used, reading)
        return UnitFigures(unit, None, target_s, (), 0, 0, None, lacking)
    technology = subject.technology
    sums = subject_sums(session, technology, unit.unit_id, *covered)
    counts = outcome_counts(session, technology, unit.unit_id, *covered)
    drawn = _drawn(session, subject, unit.unit_id, sums, covered) if sums else _Drawn(None)
    figures = UnitFigures(
        unit=unit,
        covered=covered,
        target_s=_target_s(subject, unit, covered, reading),
        sums=sums,
        ineligible_count=sum(c.occasion_count for c in counts if c.outcome == "ineligible"),
        without_baseline_count=sum(c.occasion_count for c in counts if c.outcome == "no_baseline"),
        drawn=drawn.draws,
        empty_reason="no_occasions",
        untold_count=sum(c.occasion_count for c in counts if c.reason in _UNTOLD)
        + _open_shifts(session, technology, unit.unit_id, covered, now),
        baseline_trend=_has_trend(session, technology, sums),
        visit_types=drawn.visit_types,
        shift_mean=drawn.shift_mean,
    )
    return replace(figures, adjusted=_adjusted(session, subject, figures, covered))


def _has_trend(session: Session, technology: Technology, sums: Sequence[SubjectSum]) -> bool:
    # Where each is measured against herself, it is their own measurements alone that matter.
    of_whom = {row.subject for row in sums} if technology in PAIRED else None
    return baselines_have_trend(session, {row.baseline_id for row in sums}, of_whom)


def _adjusted(session: Session, subject: Subject, figures: UnitFigures, covered: Days) -> Adjusted | None:
    if figures.drawn is None:
        return None
    waiting = [unit.unit_id for unit in subject.adoption.units if unit.go_live_on > covered[1]]
    unit_id = figures.unit.unit_id
    group = group_of(session, subject.technology, unit_id, covered, begun=figures.subjects, waiting_units=waiting)
    if group is None:
        return None
    drawn, spent_s = figures.drawn, figures.spent_s
    return adjusted(drawn, spent_s, figures.realised_s, group, rule_version=subject.rule_version, period=covered)


def drawn_together(
    session: Session, subject: Subject, units: Sequence[UnitFigures], covered: Days | None
) -> UnitDraws | None:
    """Units drawn as one where somebody is a subject of several, as after a merger: they share a baseline's error.

    Returns
    -------
    UnitDraws | None
        ``None`` where the units have nobody in common: then their draws are independent.
    """
    apart = sum(len(f.subjects) for f in units)
    if covered is None or apart == len(frozenset[str]().union(*(f.subjects for f in units))):
        return None
    return _drawn(session, subject, "", [row for f in units for row in f.sums], covered).draws


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Draws of a unit, and whether any of it was measured against visit types or a shift's mean."""

    draws: UnitDraws | None
    visit_types: bool = False
    shift_mean: bool = False


def _drawn(session: Session, subject: Subject, unit_id: str, sums: Sequence[SubjectSum], covered: Days) -> _Drawn:
    version = subject.rule_version
    if subject.technology not in PAIRED:
        return _Drawn(draw_unit(unit_sample(session, unit_id, sums), rule_version=version, period=covered))
    typed, own = by_visit_type(session, unit_id, sums, covered) if version == screen_2.RULE_VERSION else (None, sums)
    drawn = draw_paired(paired_sample(session, unit_id, own), rule_version=version, period=covered) if own else None
    if typed is None:
        return _Drawn(drawn)
    # Their errors have nothing in common: a citizen's own weeks there, the unit's visits here.
    beside = draw_unit(typed.sample, rule_version=f"{version}|visits", period=covered)
    parts = [beside] if not own else [drawn, beside]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return _Drawn(None, True, typed.fell_back)
    method: Literal["redraw", "t"] = "t" if any(part.method == "t" for part in found) else "redraw"
    ends_s = found[0].ends_s if len(found) == 1 else None
    together: UnitDraws = UnitDraws(sum((part.draws_s for part in found[1:]), found[0].draws_s), method, ends_s)
    return _Drawn(together, True, typed.fell_back)


def _open_shifts(session: Session, technology: Technology, unit_id: str, covered: Days, now: datetime) -> int:
    """Shifts that should have ended; today's may still run."""
    if OCCASION_KINDS[technology] != "carer_shift":
        return 0
    days = (covered[0], min(covered[1], local_day(now) - timedelta(days=1)))
    # Two technologies are counted by the same shifts.
    return once(session, ("open", unit_id, days), lambda: store.open_shift_count(session, unit_id, SHIFT_KIND, *days))


def settled_sums(session: Session, subject: Subject, period: Days, now: datetime) -> dict[str, list[SubjectSum]]:
    """What is settled of a period, by unit: those the sum of all units is made of.

    A unit of one subject cannot be estimated and stays out of that sum; units without anything are left out too.
    """
    found: dict[str, list[SubjectSum]] = {}
    for unit in subject.adoption.units:
        covered = days_of_unit(subject.technology, subject.adoption, unit, period, now)
        if covered is None:
            continue
        sums = subject_sums(session, subject.technology, unit.unit_id, *covered)
        if len({row.subject for row in sums}) >= MINIMUM_DRAWN:
            found[unit.unit_id] = sums
    return found


def unit_sample(session: Session, unit_id: str, sums: Sequence[SubjectSum]) -> UnitSample:
    """The figures of a unit that is measured against the means of its baselines."""
    # Baseline ids are random: baselines are put in the order of their samples instead.
    samples = {baseline_id: _measured(session, baseline_id) for baseline_id in {row.baseline_id for row in sums}}
    order = sorted(samples, key=lambda baseline_id: [(m.count, m.total_s, m.days) for m in samples[baseline_id]])
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(order))
    spent_s: dict[str, int] = defaultdict(int)
    for row in sums:
        counts[row.subject][order.index(row.baseline_id)] += row.baseline_count
        spent_s[row.subject] += row.spent_s
    return UnitSample(
        unit_id=unit_id,
        realised_s=sum(row.net_s for row in sums),
        subjects=tuple(SubjectOccasions(tuple(counts[s]), spent_s[s], s) for s in counts),
        baselines=tuple(samples[baseline_id] for baseline_id in order),
    )


def paired_sample(session: Session, unit_id: str, sums: Sequence[SubjectSum]) -> PairedSample:
    """The figures of a unit whose subjects are measured against themselves."""
    measured: dict[tuple[str, str], list[int]] = defaultdict(list)
    for baseline_id in sorted({row.baseline_id for row in sums}):
        for subject, _count, seconds in store.baseline_samples(session, baseline_id):
            measured[baseline_id, subject].append(seconds)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    spent_s: dict[str, int] = defaultdict(int)
    for row in sums:
        # One baseline of a subject is one, in however many units it was used.
        counts[row.baseline_id, row.subject] += row.occasion_count
        spent_s[row.subject] += row.spent_s
    before: dict[str, list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for (baseline_id, one), count in counts.items():
        before[one].append((count, tuple(sorted(measured[baseline_id, one]))))
    return PairedSample(
        unit_id=unit_id,
        realised_s=sum(row.net_s for row in sums),
        subjects=tuple(PairedSubject(tuple(sorted(before[s])), spent_s[s]) for s in before),
    )


def _target_s(subject: Subject, unit: AdoptedUnit, days: Days | None, reading: Reading) -> int:
    if subject.case is None or days is None:
        return 0
    own_s = target_over(subject.case, subject.adoption, unit.unit_id, *days, reading)
    return own_s + handed_over_target_s(subject.technology, subject.case, subject.adoption, unit, days, reading)


def _measured(session: Session, baseline_id: str) -> tuple[MeasuredSubject, ...]:
    measured: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for subject, count, seconds in store.baseline_samples(session, baseline_id):
        measured[subject].append((count, seconds))
    found = (
        MeasuredSubject(sum(n for n, _s in days), sum(s for _n, s in days), subject, tuple(sorted(days)))
        for subject, days in measured.items()
    )
    return tuple(sorted(found, key=lambda m: (m.count, m.total_s, m.days)))
